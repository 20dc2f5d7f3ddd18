//! A TCP connection to whichever of several addresses answers first (Happy Eyeballs, RFC 8305).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

/// How long an address has to itself before the next one is tried as well (RFC 8305, 5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    /// The address of this machine; the system's choice if there is none.
    pub(super) from: Option<IpAddr>,
    pub(super) to: SocketAddr,
}

/// The order in which addresses are tried: begins with number `turn` of them, counted round and
/// round, and takes the families in turns (RFC 8305, 4).
pub(super) fn in_turn(addresses: &[SocketAddr], turn: usize) -> Vec<SocketAddr> {
    if addresses.is_empty() {
        return Vec::new();
    }
    let (before, from) = addresses.split_at(turn % addresses.len());
    let first_family = from[0].is_ipv6();
    let turned = || from.iter().chain(before).copied();
    let mut first = turned().filter(|address| address.is_ipv6() == first_family);
    let mut second = turned().filter(|address| address.is_ipv6() != first_family);
    let mut ordered = Vec::with_capacity(addresses.len());
    while ordered.len() < addresses.len() {
        ordered.extend(first.next());
        ordered.extend(second.next());
    }
    ordered
}

/// Tries one route after the other, without waiting longer than a moment for one of them. What
/// went wrong first is what there is to say if none leads anywhere.
pub(super) async fn dial(routes: &[Route]) -> io::Result<TcpStream> {
    let Some((only, [])) = routes.split_first() else {
        return race(routes).await;
    };
    connect(*only).await
}

async fn race(routes: &[Route]) -> io::Result<TcpStream> {
    let mut waiting = routes.iter().copied();
    let mut attempts = FuturesUnordered::new();
    let mut first_error = None;
    loop {
        attempts.extend(waiting.next().map(connect));
        let next = sleep_until(Instant::now() + ATTEMPT_DELAY);
        tokio::select! {
            biased;
            ended = attempts.next() => match ended {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => {
                    first_error.get_or_insert(error);
                }
                None => return Err(first_error.unwrap_or_else(nowhere)),
            },
            () = next, if waiting.len() > 0 => {}
        }
    }
}

fn nowhere() -> io::Error {
    io::Error::new(
        io::ErrorKind::AddrNotAvailable,
        "there is no address to connect to",
    )
}

async fn connect(route: Route) -> io::Result<TcpStream> {
    let socket = match route.to {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(from) = route.from {
        choose_port_late(&socket);
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let stream = socket.connect(route.to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Has the port chosen when it is known where to, so that connections to different addresses may
/// have the same one.
fn choose_port_late(socket: &TcpSocket) {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
        if let Err(error) = setsockopt(socket, IpBindAddressNoPort, &true) {
            tracing::debug!(%error, "a port of a local address serves one connection only");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
