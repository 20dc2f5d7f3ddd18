//! Something between a program and its server that lets connections die, with or without a word.

use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
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
        let told = ends.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, upstream.clone(), told.subscribe()));
            }
        });
        Ok(Self { address, ends })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
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

async fn carry(client: TcpStream, upstream: Upstream, mut ends: watch::Receiver<Option<End>>) {
    // Small messages go out at once, as they would without it.
    let _ = client.set_nodelay(true);
    // Without its server a connection is closed.
    match upstream {
        Upstream::Socket(path) => {
            let Ok(server) = UnixStream::connect(path).await else {
                return;
            };
            pass(client, server, &mut ends).await;
        }
        Upstream::Address(address) => {
            let Ok(server) = TcpStream::connect(address).await else {
                return;
            };
            let _ = server.set_nodelay(true);
            pass(client, server, &mut ends).await;
        }
    }
}

async fn pass(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: impl AsyncRead + AsyncWrite + Unpin,
    ends: &mut watch::Receiver<Option<End>>,
) {
    let passed = tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => return,
        end = ends.changed() => end.is_ok(),
    };
    if passed && *ends.borrow() == Some(End::Silence) {
        // What comes is taken and goes nowhere, so that nobody notices by a full buffer; neither
        // side hears that the other has gone.
        tokio::join!(swallow(&mut client), swallow(&mut server));
    }
}

async fn swallow(from: &mut (impl AsyncRead + Unpin)) {
    let mut bytes = [0; 16 * 1024];
    while matches!(from.read(&mut bytes).await, Ok(1..)) {}
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;

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
}
