//! The addresses of the server's name, looked up again when they are old, and those of this
//! machine; new connections take them in turns.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::dial::{Route, in_turn};
use super::options::ConnectOptions;

/// How long a name's addresses are taken for granted.
const AGE: Duration = Duration::from_secs(30);
/// How long a connection waits for them to be looked up again, before it takes the old ones.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(1);

/// Where connections lead, and where they come from.
#[derive(Debug)]
pub(super) struct Addresses {
    host: String,
    port: u16,
    /// Given once and for all: by the options, or as an address.
    fixed: bool,
    known: Mutex<Known>,
    /// Somebody is looking the name up.
    looking: AtomicBool,
    local: Vec<IpAddr>,
    /// How many connections there were.
    turn: AtomicUsize,
}

#[derive(Debug, Clone)]
struct Known {
    addresses: Arc<[SocketAddr]>,
    since: Instant,
}

impl Addresses {
    /// The addresses that the options give, or else those that are looked up.
    pub(super) async fn of(host: &str, port: u16, options: &ConnectOptions) -> io::Result<Self> {
        let given = options.addresses_of(host, port);
        let with_port = |address: &IpAddr| SocketAddr::new(*address, port);
        let (fixed, addresses) = if given.is_empty() {
            (host.parse::<IpAddr>().is_ok(), look_up(host, port).await?)
        } else {
            (true, given.iter().map(with_port).collect())
        };
        let local = &options.local_addresses;
        Ok(Self {
            host: host.to_owned(),
            port,
            fixed,
            known: Mutex::new(Known {
                addresses: addresses.into(),
                since: Instant::now(),
            }),
            looking: AtomicBool::new(false),
            local: local.clone(),
            turn: AtomicUsize::new(0),
        })
    }

    /// Where the next connection may lead: no address twice, the best one first.
    pub(super) async fn routes(&self) -> Vec<Route> {
        let look_up = async || {
            let looking = tokio::time::timeout(LOOK_UP_WITHIN, look_up(&self.host, self.port));
            looking.await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
        };
        let addresses = self.current(Instant::now(), look_up).await;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        // So every pair of both has its turn.
        let round = turn / addresses.len().max(1);
        let route = |to| from(&self.local, to, round).map(|from| Route { from, to });
        let ordered = in_turn(&addresses, turn).into_iter();
        ordered.filter_map(route).collect()
    }

    /// Every address that is known now.
    pub(super) fn all(&self) -> Arc<[SocketAddr]> {
        Arc::clone(&self.known.lock().addresses)
    }

    /// The addresses, looked up again if they are old and nobody else is doing that. The old ones
    /// are kept if that comes to nothing.
    async fn current(
        &self,
        now: Instant,
        look_up: impl AsyncFnOnce() -> io::Result<Vec<SocketAddr>>,
    ) -> Arc<[SocketAddr]> {
        let old = now.saturating_duration_since(self.known.lock().since) >= AGE;
        if self.fixed || !old || self.looking.swap(true, Ordering::AcqRel) {
            return self.all();
        }
        // However this ends, and be it that the connection is given up meanwhile.
        let _done = Looking(&self.looking);
        let found = look_up().await;
        let mut known = self.known.lock();
        known.since = now;
        match found {
            Ok(addresses) if !addresses.is_empty() => known.addresses = addresses.into(),
            Ok(_) => {}
            Err(error) => tracing::warn!(host = self.host, %error, "the old addresses are kept"),
        }
        Arc::clone(&known.addresses)
    }
}

/// While it lives, somebody is looking.
struct Looking<'a>(&'a AtomicBool);

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// The local address for a connection there: the system's choice if none is given, nothing if
/// there are only addresses of the other family.
fn from(local: &[IpAddr], to: SocketAddr, round: usize) -> Option<Option<IpAddr>> {
    if local.is_empty() {
        return Some(None);
    }
    let fitting = || local.iter().filter(|local| local.is_ipv6() == to.is_ipv6());
    let count = fitting().count().max(1);
    fitting().nth(round % count).map(|local| Some(*local))
}

async fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let mut found: Vec<SocketAddr> = Vec::new();
    for address in tokio::net::lookup_host((host, port)).await? {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    Ok(found)
}

/// Whether connections can come from this address: it is one of this machine's.
pub(super) fn check_local(address: IpAddr) -> io::Result<()> {
    TcpListener::bind(SocketAddr::new(address, 0)).map(|_| ())
}

#[cfg(test)]
#[path = "addresses_tests.rs"]
mod tests;
