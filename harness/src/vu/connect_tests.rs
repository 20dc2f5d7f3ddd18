//! Connections as the options ask for them, seen from the server's end.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::error::TransportError;
use super::exchange::Exchange;
use super::http::Client;
use super::options::{ConnectOptions, Identity, Resolved};
use super::target::{Target, TargetError};
use crate::vu::{Fields, Request};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Who connected to a server, in order.
type Peers = Arc<Mutex<Vec<SocketAddr>>>;

/// Answers every request without a body with `ok`.
async fn answer(mut socket: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        bytes.push(socket.read_u8().await?);
        if bytes.ends_with(b"\r\n\r\n") {
            bytes.clear();
            let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            socket.write_all(ok).await?;
        }
    }
}

/// A server at an address, encrypted or not; gives its port and who came.
async fn server(at: &str, tls: Option<ServerConfig>) -> (u16, Peers) {
    let listener = TcpListener::bind(at).await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let peers = Peers::default();
    let noted = Arc::clone(&peers);
    let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move {
        while let Ok((socket, peer)) = listener.accept().await {
            noted.lock().push(peer);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                match acceptor {
                    None => answer(socket).await,
                    Some(acceptor) => answer(acceptor.accept(socket).await?).await,
                }
            });
        }
    });
    (port, peers)
}

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    /// Its certificate as a file.
    pub(super) fn file(&self) -> NamedTempFile {
        file(&self.0.pem())
    }

    /// A certificate for a name, and its key.
    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("an authority");
        (certificate, key)
    }

    /// What a server of this name needs; `clients` are the ones it lets in.
    pub(super) fn server(&self, name: &str, clients: Option<&Self>) -> ServerConfig {
        let (certificate, key) = self.issue(name);
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has them");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                let root = authority.0.der().clone();
                roots.add(root).expect("a certificate");
                let roots = Arc::new(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                builder.with_client_cert_verifier(verifier.build().expect("roots"))
            }
        };
        builder
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("key and certificate fit")
    }
}

fn file(contents: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file");
    file.write_all(contents.as_bytes()).expect("it is open");
    file
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn at(port: u16, addresses: &[&str]) -> Vec<Resolved> {
    vec![Resolved {
        host: "shop.invalid".to_owned(),
        port,
        addresses: addresses.iter().map(|text| ip(text)).collect(),
    }]
}

async fn client(address: &str, options: &ConnectOptions) -> Client {
    let target = Target::resolve(address, options).await.expect("a target");
    let fields = Arc::new(Fields::new(&target, &[]));
    Client::new(Arc::new(target), TIMEOUT, fields, false)
}

static GET: Request = Request::get("get");

async fn get(client: &Client) -> Exchange {
    super::peer::send(client, &GET.at("/")).await
}

#[track_caller]
fn assert_answered(exchange: &Exchange) {
    let answer = exchange.response.as_ref().expect("an answer");
    assert_eq!((answer.status, &*answer.body), (200, &b"ok"[..]));
}

/// Whether client and companion agree about a server: both get an answer, or neither.
async fn is_trusted(address: &str, options: &ConnectOptions) -> bool {
    let measured = get(&client(address, options).await).await;
    let target = Target::resolve(address, options).await.expect("a target");
    let companion = target
        .companion(TIMEOUT, reqwest::header::HeaderMap::new())
        .expect("a client");
    let other = companion.get(address).send().await;
    match measured.response {
        Ok(_) => assert!(other.is_ok(), "{other:?}"),
        Err(TransportError::Tls(_) | TransportError::Broken(_) | TransportError::Closed) => {
            assert!(other.is_err(), "{other:?}");
        }
        Err(error) => panic!("{error}"),
    }
    other.is_ok()
}

#[tokio::test]
async fn an_authority_of_ones_own_is_trusted_when_it_is_named() {
    let (ours, other) = (Authority::new(), Authority::new());
    let (port, _) = server("127.0.0.1:0", Some(ours.server("localhost", None))).await;
    let address = format!("https://localhost:{port}");
    assert!(!is_trusted(&address, &with_ca(&other.file())).await);
    assert!(is_trusted(&address, &with_ca(&ours.file())).await);
    // It is the name that is vouched for.
    let by_address = format!("https://127.0.0.1:{port}");
    assert!(!is_trusted(&by_address, &with_ca(&ours.file())).await);
    let insecure = ConnectOptions {
        insecure: true,
        ..ConnectOptions::default()
    };
    assert!(is_trusted(&by_address, &insecure).await);
}

pub(super) fn with_ca(file: &NamedTempFile) -> ConnectOptions {
    ConnectOptions {
        ca_file: Some(file.path().to_owned()),
        ..ConnectOptions::default()
    }
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_it() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let tls = servers.server("localhost", Some(&clients));
    let (port, _) = server("127.0.0.1:0", Some(tls)).await;
    let address = format!("https://localhost:{port}");
    let authority = servers.file();
    let without = with_ca(&authority);
    assert!(!is_trusted(&address, &without).await);
    for (issuer, let_in) in [(&clients, true), (&servers, false)] {
        let (certificate, key) = issuer.issue("a client");
        let (certificate, key) = (file(&certificate.pem()), file(&key.serialize_pem()));
        let options = ConnectOptions {
            identity: Some(Identity {
                certificate: certificate.path().to_owned(),
                key: key.path().to_owned(),
            }),
            ..without.clone()
        };
        assert_eq!(is_trusted(&address, &options).await, let_in);
    }
}

#[tokio::test]
async fn insecure_is_said_of_a_server_with_certificates_only() {
    let (port, _) = server("127.0.0.1:0", None).await;
    for (scheme, insecure, said) in [
        ("https", true, true),
        ("https", false, false),
        ("http", true, false),
    ] {
        let authority = Authority::new().file();
        let options = ConnectOptions {
            insecure,
            ..with_ca(&authority)
        };
        let address = format!("{scheme}://127.0.0.1:{port}");
        let target = Target::resolve(&address, &options).await.expect("a target");
        assert_eq!(target.is_insecure(), said, "{scheme} {insecure}");
    }
}

#[tokio::test]
async fn a_name_that_is_given_an_address_is_not_looked_up() {
    let (port, peers) = server("127.0.0.1:0", None).await;
    let address = format!("http://shop.invalid:{port}");
    let nowhere = Target::resolve(&address, &ConnectOptions::default()).await;
    assert!(
        matches!(nowhere, Err(TargetError::Unknown { .. })),
        "{nowhere:?}"
    );
    let options = ConnectOptions {
        resolve: at(port, &["127.0.0.1"]),
        ..ConnectOptions::default()
    };
    assert!(is_trusted(&address, &options).await);
    assert_eq!(peers.lock().len(), 2, "client and companion");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn connections_are_spread_over_addresses_of_both_ends() {
    let (port, first) = server("127.0.0.1:0", None).await;
    let (_, second) = server(&format!("127.0.0.2:{port}"), None).await;
    let options = ConnectOptions {
        resolve: at(port, &["127.0.0.1", "127.0.0.2"]),
        local_addresses: vec![ip("127.0.0.7"), ip("127.0.0.8")],
        ..ConnectOptions::default()
    };
    let client = client(&format!("http://shop.invalid:{port}"), &options).await;
    for _ in 0..8 {
        assert_answered(&get(&client).await);
        client.disconnect();
    }
    for peers in [first, second] {
        let mut seen: BTreeMap<IpAddr, u32> = BTreeMap::new();
        for peer in peers.lock().iter() {
            *seen.entry(peer.ip()).or_default() += 1;
        }
        let expected = [(ip("127.0.0.7"), 2), (ip("127.0.0.8"), 2)];
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_companion_comes_from_a_local_address_too() {
    let (port, peers) = server("127.0.0.1:0", None).await;
    let options = ConnectOptions {
        local_addresses: vec![ip("::1"), ip("127.0.0.7")],
        ..ConnectOptions::default()
    };
    assert!(is_trusted(&format!("http://127.0.0.1:{port}"), &options).await);
    let seen: Vec<IpAddr> = peers.lock().iter().map(SocketAddr::ip).collect();
    assert_eq!(seen, [ip("127.0.0.7"); 2]);
}

#[tokio::test]
async fn local_addresses_that_lead_nowhere_are_refused() {
    let resolve = async |local: &str| {
        let options = ConnectOptions {
            local_addresses: vec![ip(local)],
            ..ConnectOptions::default()
        };
        let target = Target::resolve("http://127.0.0.1:1", &options).await;
        target.expect_err("it can't be").to_string()
    };
    let error = resolve("192.0.2.1").await;
    let expected = "192.0.2.1 is not an address of this machine: ";
    assert!(error.starts_with(expected), "{error}");
    assert_eq!(
        resolve("::1").await,
        "none of the addresses is of the same family, IPv4 or IPv6, as one of 127.0.0.1:1"
    );
}

#[tokio::test]
async fn a_connection_that_is_too_old_is_replaced() {
    const AGE: Duration = Duration::from_millis(200);
    let (port, peers) = server("127.0.0.1:0", None).await;
    let options = ConnectOptions {
        connection_age: Some(AGE),
        ..ConnectOptions::default()
    };
    let client = client(&format!("http://127.0.0.1:{port}"), &options).await;
    for connections in 1..=3 {
        for reused in [false, true] {
            let exchange = get(&client).await;
            assert_answered(&exchange);
            assert_eq!(exchange.times.connecting.is_zero(), reused);
        }
        assert_eq!(peers.lock().len(), connections);
        tokio::time::sleep(AGE + Duration::from_millis(20)).await;
    }
}
