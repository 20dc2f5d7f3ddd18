//! TLS: the same run through an encrypted tunnel, trusted by the system's means.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::program::{Run, stack};

/// A TLS end in front of `address`; gives its own address and its certificate as PEM.
async fn tunnel(address: String) -> (String, String) {
    let certified =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .expect("the provider has them")
    .with_no_client_auth()
    .with_single_cert(vec![certified.cert.der().clone()], key)
    .expect("key and certificate fit");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, address) = (acceptor.clone(), address.clone());
            tokio::spawn(async move {
                let mut inside = acceptor.accept(socket).await.ok()?;
                let mut outside = TcpStream::connect(address).await.ok()?;
                copy_bidirectional(&mut inside, &mut outside).await.ok()
            });
        }
    });
    (format!("https://localhost:{port}"), certified.cert.pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_tls() {
    let stack = stack().await;
    let (host, certificate) =
        tunnel(stack.base_url().trim_start_matches("http://").to_owned()).await;
    let trusted = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(trusted.path(), certificate).expect("it can be written");
    let args = "--vus 3 --iterations-per-vu 2 --coupon-wait 50ms --sla none";
    let mut run = Run::against(&host, args);
    run.command.env("SSL_CERT_FILE", trusted.path());
    let ran = run.finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let handshakes = ran.metric("http_req_tls_handshaking");
    assert!(handshakes["max"].as_f64() > Some(0.1), "{handshakes}");
    assert_eq!(
        handshakes["med"], 0.0,
        "connections are kept: most requests need no handshake"
    );
    let untrusted = Run::against(&host, args).finish().await;
    assert_eq!(untrusted.code, 104);
    assert!(
        untrusted.stderr.contains("TLS handshake failed"),
        "{}",
        untrusted.stderr
    );
}
