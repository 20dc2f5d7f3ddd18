//! TLS on the way to the stores.

use std::{fs, sync::Arc};

use serde_json::json;
use testbed::Sut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, UnixStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer},
};

use crate::client::{Client, server, stack};

/// A certificate for `localhost`, as an acceptor and as PEM.
fn certificate() -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.cert.pem())
}

/// Ends TLS in front of a Unix socket; PostgreSQL's clients ask for it first.
/// Who doesn't speak TLS is not let in.
async fn tunnel(tls: TlsAcceptor, socket: String, asked_for: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (tls, socket) = (tls.clone(), socket.clone());
            tokio::spawn(async move {
                if asked_for {
                    let mut request = [0; 8];
                    client.read_exact(&mut request).await?;
                    assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47]);
                    client.write_all(b"S").await?;
                }
                let mut inside = tls.accept(client).await?;
                let mut store = UnixStream::connect(socket).await?;
                copy_bidirectional(&mut inside, &mut store).await
            });
        }
    });
    port
}

#[tokio::test]
async fn both_stores_are_reached_by_tls() {
    let stores = stack(json!({ "users": 1 })).await;
    let (tls, pem) = certificate();
    let socket = stores.postgres().url().split_once("host=").unwrap().1;
    let postgres = tunnel(tls.clone(), format!("{socket}/.s.PGSQL.5432"), true).await;
    let socket = stores.redis().url().strip_prefix("redis+unix://").unwrap();
    let redis = tunnel(tls, socket.to_owned(), false).await;
    let trusted = format!("{socket}.pem");
    fs::write(&trusted, pem).unwrap();
    let mut command = server();
    command.env("SSL_CERT_FILE", trusted);
    let sut = Sut::start(
        command,
        &format!("postgres://postgres@localhost:{postgres}/postgres?sslmode=require"),
        &format!("rediss://localhost:{redis}/"),
    )
    .await
    .unwrap();
    let mut client = Client::connect(sut.base_url()).await;
    let user = client.rich_user("u1").await;
    assert_eq!(client.order(user).await.unwrap().0, 201);
    let (status, top) = client.get("/products/top/realtime").await.unwrap();
    assert_eq!((status, top.as_array().unwrap().len()), (200, 5));
    assert_eq!(client.get("/health/ready").await.unwrap().0, 200);
}
