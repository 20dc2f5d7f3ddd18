//! Something between a server and its store that can let connections die
//! without a word.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixStream},
};

/// Passes bytes on to a Unix socket, until it is told to be silent.
pub(crate) struct Proxy {
    address: SocketAddr,
    /// Connections of an earlier age pass nothing on.
    age: Arc<AtomicU64>,
}

impl Proxy {
    pub(crate) async fn to(socket: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let age = Arc::new(AtomicU64::new(0));
        let ages = Arc::clone(&age);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (read, write) = client.into_split();
                let (from_store, to_store) =
                    UnixStream::connect(&socket).await.unwrap().into_split();
                tokio::spawn(pass(read, to_store, Arc::clone(&ages)));
                tokio::spawn(pass(from_store, write, Arc::clone(&ages)));
            }
        });
        Self { address, age }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets nothing pass any more on the connections that there are.
    pub(crate) fn silence(&self) {
        self.age.fetch_add(1, Ordering::SeqCst);
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    age: Arc<AtomicU64>,
) {
    let born = age.load(Ordering::SeqCst);
    let mut bytes = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        // A dead connection is read and not closed: nobody is told.
        if age.load(Ordering::SeqCst) == born && to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}
