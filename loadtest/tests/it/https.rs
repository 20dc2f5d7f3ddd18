//! TLS: the same run through an encrypted tunnel, trusted by the system's means.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::program::{Ran, Run, stack};

/// A TLS end in front of `address`; gives its own address and its certificate as PEM.
async fn tunnel(address: String) -> (String, String) {
    tunnel_for(address, None).await
}

/// The same; one that asks for the certificate of a client, if there is one.
async fn tunnel_for(address: String, client: Option<&rcgen::Certificate>) -> (String, String) {
    let certified =
        rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).expect("a key");
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has them");
    let config = match client {
        None => config.with_no_client_auth(),
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.der().clone()).expect("a certificate");
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            config.with_client_cert_verifier(verifier.build().expect("roots"))
        }
    }
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

const ARGS: &str = "--vus 2 --iterations-per-vu 1 --coupon-wait 50ms --sla none";

const WARNING: &str = "--insecure: certificates were not verified";

/// There may be more of them, on a busy machine.
fn warnings(ran: &Ran) -> Vec<&str> {
    let all = ran.summary["warnings"].as_array();
    all.into_iter()
        .flatten()
        .filter_map(|one| one.as_str())
        .collect()
}

fn file(contents: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), contents).expect("it can be written");
    file
}

/// Set-up and audit as well as the load: without them no run passes.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_tls_of_ones_own() {
    let stack = stack().await;
    let address = stack.base_url().trim_start_matches("http://");
    let me = rcgen::generate_simple_self_signed(vec!["me".to_owned()]).expect("a certificate");
    let (host, certificate) = tunnel_for(address.to_owned(), Some(&me.cert)).await;
    let port = host.rsplit(':').next().expect("a port");
    let (authority, cert) = (file(&certificate), file(&me.cert.pem()));
    let key = file(&me.signing_key.serialize_pem());
    let path = |file: &tempfile::NamedTempFile| file.path().display().to_string();
    let identity = format!("--client-cert {} --client-key {}", path(&cert), path(&key));
    let trusted = format!("{ARGS} --ca-file {}", path(&authority));

    // The system trusts nobody: the file is enough.
    let mut run = Run::against(&host, &format!("{trusted} {identity}"));
    run.command.env("SSL_CERT_FILE", "/nowhere");
    let ran = run.finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(!warnings(&ran).contains(&WARNING), "{:?}", warnings(&ran));

    let anonymous = Run::against(&host, &trusted).finish().await;
    assert_ne!(anonymous.code, 0, "{}", anonymous.stdout);

    // A name that the certificate isn't for, and that nobody knows.
    let elsewhere = format!("https://shop.invalid:{port}");
    let resolve = format!("{identity} --resolve shop.invalid:{port}:127.0.0.1");
    let wrong = Run::against(&elsewhere, &format!("{trusted} {resolve}"))
        .finish()
        .await;
    assert_eq!(wrong.code, 104, "{}", wrong.stderr);
    let careless = format!("{ARGS} {resolve} --insecure --allow-reset");
    let ran = Run::against(&elsewhere, &careless).finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(warnings(&ran).contains(&WARNING), "{:?}", warnings(&ran));
    assert!(ran.stdout.contains(WARNING), "{}", ran.stdout);
}

#[tokio::test]
async fn files_that_are_no_good_are_named_before_the_load() {
    let empty = file("");
    let path = empty.path().display();
    for (args, expected) in [
        (
            format!("--ca-file {path}"),
            format!("error: --ca-file: {path} holds no certificate as PEM"),
        ),
        (
            "--ca-file /nowhere/ca.pem".to_owned(),
            "error: --ca-file: /nowhere/ca.pem can't be read: ".to_owned(),
        ),
        (
            format!("--client-cert {path}"),
            "--client-cert: needs --client-key FILE as well".to_owned(),
        ),
        (
            "--local-address 192.0.2.1".to_owned(),
            "error: --local-address: 192.0.2.1 is not an address of this machine: ".to_owned(),
        ),
    ] {
        let ran = Run::against("http://127.0.0.1:1", &args).finish().await;
        assert_eq!(ran.code, 104, "{}", ran.stderr);
        assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_over_plain_http_needs_no_authorities() {
    let stack = stack().await;
    let mut run = Run::against(stack.base_url(), ARGS);
    run.command.env("SSL_CERT_FILE", "/nowhere");
    let ran = run.finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
}
