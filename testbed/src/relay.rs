//! Something between a program and its server that lets connections die, with or without a word, or
//! is slow.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use crate::Error;

/// What a relay passes bytes on to.
#[derive(Debug, Clone)]
pub enum Upstream {
    /// A Unix socket.
    Socket(PathBuf),
    /// An address, such as `127.0.0.1:8080`.
    Address(String),
}

/// What becomes of the connections of an age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Cut,
    Silence,
}

/// Passes bytes on, to and fro, at an address of its own. It ends with the runtime.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    ends: watch::Sender<Option<End>>,
    delay: watch::Sender<Duration>,
}

impl Relay {
    /// Starts one.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(upstream: Upstream) -> Result<Self, Error> {
        let failed = Error::io("listen for a relay");
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listening = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = listening.map_err(failed)?;
        let (ends, _) = watch::channel(None);
        let (delay, delayed) = watch::channel(Duration::ZERO);
        let told = ends.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let orders = Orders {
                    ends: told.subscribe(),
                    delay: delayed.clone(),
                };
                tokio::spawn(carry(client, upstream.clone(), orders));
            }
        });
        Ok(Self {
            address,
            ends,
            delay,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, what a client sends is passed on so much later.
    pub fn delay(&self, time: Duration) {
        self.delay.send_replace(time);
    }

    /// Closes the connections that there are. New ones are as before.
    pub fn cut(&self) {
        self.ends.send_replace(Some(End::Cut));
    }

    /// Lets nothing pass any more on the connections that there are, and tells nobody. New ones
    /// are as before.
    pub fn silence(&self) {
        self.ends.send_replace(Some(End::Silence));
    }
}

/// What a relay was told to do.
struct Orders {
    ends: watch::Receiver<Option<End>>,
    delay: watch::Receiver<Duration>,
}

async fn carry(client: TcpStream, upstream: Upstream, orders: Orders) {
    // Small messages go out at once, as they would without it.
    let _ = client.set_nodelay(true);
    // Without its server a connection is closed.
    match upstream {
        Upstream::Socket(path) => {
            let Ok(server) = UnixStream::connect(path).await else {
                return;
            };
            pass(client, server, orders).await;
        }
        Upstream::Address(address) => {
            let Ok(server) = TcpStream::connect(address).await else {
                return;
            };
            let _ = server.set_nodelay(true);
            pass(client, server, orders).await;
        }
    }
}

async fn pass(
    client: impl AsyncRead + AsyncWrite,
    server: impl AsyncRead + AsyncWrite,
    Orders { mut ends, delay }: Orders,
) {
    let (mut from_client, mut to_client) = split(client);
    let (mut from_server, mut to_server) = split(server);
    let requests = delayed(&mut from_client, &mut to_server, &delay);
    let answers = async {
        copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    let passed = tokio::select! {
        _ = async { tokio::try_join!(requests, answers) } => return,
        end = ends.changed() => end.is_ok(),
    };
    if passed && *ends.borrow() == Some(End::Silence) {
        // What comes is taken and goes nowhere, so that nobody notices by a full buffer; neither
        // side hears that the other has gone.
        tokio::join!(swallow(&mut from_client), swallow(&mut from_server));
    }
}

/// Passes on what comes, each piece so much later.
async fn delayed(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    delay: &watch::Receiver<Duration>,
) -> io::Result<()> {
    let mut bytes = [0; 16 * 1024];
    loop {
        let count = from.read(&mut bytes).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        let delay = *delay.borrow();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        to.write_all(&bytes[..count]).await?;
    }
}

async fn swallow(from: &mut (impl AsyncRead + Unpin)) {
    let mut bytes = [0; 16 * 1024];
    while matches!(from.read(&mut bytes).await, Ok(1..)) {}
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A server that answers what it is sent.
    async fn echo() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        address.to_string()
    }

    async fn answer(stream: &mut TcpStream) -> Option<std::io::Result<usize>> {
        stream.write_all(b"hello").await.expect("sent");
        let mut bytes = [0; 5];
        let read = stream.read(&mut bytes);
        tokio::time::timeout(Duration::from_millis(200), read)
            .await
            .ok()
    }

    #[tokio::test]
    async fn connections_die_with_or_without_a_word_and_new_ones_work() {
        let relay = Relay::start(Upstream::Address(echo().await))
            .await
            .expect("it starts");
        let connect = || TcpStream::connect(relay.address());
        let mut first = connect().await.expect("connected");
        assert!(matches!(answer(&mut first).await, Some(Ok(5))));
        relay.silence();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(answer(&mut first).await.is_none(), "no answer, and no end");
        let mut second = connect().await.expect("connected");
        assert!(matches!(answer(&mut second).await, Some(Ok(5))));
        relay.cut();
        let mut bytes = [0; 5];
        let end = tokio::time::timeout(Duration::from_secs(2), second.read(&mut bytes)).await;
        assert!(matches!(end, Ok(Ok(0) | Err(_))), "closed: {end:?}");
        let mut third = connect().await.expect("connected");
        assert!(matches!(answer(&mut third).await, Some(Ok(5))));
    }

    #[tokio::test]
    async fn what_is_delayed_arrives_later() {
        let relay = Relay::start(Upstream::Address(echo().await))
            .await
            .expect("it starts");
        let mut stream = TcpStream::connect(relay.address()).await.expect("it runs");
        relay.delay(Duration::from_millis(100));
        let sent = Instant::now();
        assert!(matches!(answer(&mut stream).await, Some(Ok(5))));
        assert!(sent.elapsed() >= Duration::from_millis(100));
    }
}
