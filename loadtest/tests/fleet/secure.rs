//! The store by TLS, as the user of the manual, and what can be read there.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use redis::{Client, ClientTlsConfig, TlsCertificates};
use tokio::process::Child;

use crate::store::user_of_the_manual;
use crate::team::Site;

const TOKEN: &str = "token-that-nobody-may-see";

/// A Redis that speaks TLS and nothing else: its port, while it runs.
async fn tls_store(folder: &Path) -> (u16, Child) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(vec![]).expect("no names");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_cert = ca.self_signed(&ca_key).expect("a certificate");
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().expect("a key");
    let names = vec!["localhost".to_owned()];
    let cert = CertificateParams::new(names).expect("a name");
    let cert = cert.signed_by(&key, &issuer).expect("a certificate");
    for (name, text) in [
        ("ca.pem", ca_cert.pem()),
        ("cert.pem", cert.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        std::fs::write(folder.join(name), text).expect("written");
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let store = tokio::process::Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--appendonly", "no"])
        .args(["--tls-port", &port.to_string(), "--tls-auth-clients", "no"])
        .args(["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"])
        .args(["--tls-ca-cert-file", "ca.pem"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    (port, store.expect("redis-server is there"))
}

async fn connected(port: u16, folder: &Path) -> redis::aio::MultiplexedConnection {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = TlsCertificates {
        client_tls: None::<ClientTlsConfig>,
        root_cert: Some(std::fs::read(folder.join("ca.pem")).expect("it was written")),
    };
    let client = Client::build_with_tls(format!("rediss://localhost:{port}"), tls);
    let client = client.expect("a client");
    for _ in 0..50 {
        if let Ok(connection) = client.get_multiplexed_async_connection().await {
            return connection;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing answers at port {port}");
}

async fn ask<T: redis::FromRedisValue>(
    connection: &mut redis::aio::MultiplexedConnection,
    words: &[&str],
) -> T {
    let mut call = redis::cmd(words[0]);
    call.arg(&words[1..]);
    call.query_async(connection).await.expect("an answer")
}

#[tokio::test]
async fn a_run_by_tls_leaves_no_secret_at_the_store() {
    let site = Site::start().await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (port, _store) = tls_store(folder.path()).await;
    let mut connection = connected(port, folder.path()).await;
    let words = user_of_the_manual();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let _: String = ask(&mut connection, &words).await;
    let authorities = folder.path().join("ca.pem");
    let authorities = authorities.to_str().expect("plain");
    let env = |password: &'static str| {
        vec![
            ("SSL_CERT_FILE", authorities.to_owned()),
            ("FLEET_PASSWORD", password.to_owned()),
            ("API_TOKEN", TOKEN.to_owned()),
        ]
    };
    let fleet = format!("--fleet rediss://loadtest@localhost:{port}");
    let load = "--vus 2 --iterations-per-vu 1 --coupon-wait 0s --sla none";
    let host = format!("--host {} --shared-machine {load}", site.stack.base_url());
    let header = ["--header", "authorization: Bearer $API_TOKEN"];
    let start = |args: &str, words: &[&str], password| {
        site.process(&format!("{fleet} {args}"), words, &env(password))
    };
    let refused = start("--index 1", &[], "WRONG").end().await;
    refused.assert(104, "the store at --fleet: ");
    let worker = start("--index 1", &[], "SECRET");
    let lead = start(&format!("--index 0 --workers 1 {host}"), &header, "SECRET");
    lead.end().await.assert(0, "PASS");
    worker.end().await.assert(0, "exit code 0");
    let keys: Vec<String> = ask(&mut connection, &["KEYS", "*"]).await;
    assert!(
        keys.iter().any(|key| key.ends_with(":totals:1")),
        "{keys:?}"
    );
    let mut briefed = false;
    for key in keys {
        let kind: String = ask(&mut connection, &["TYPE", &key]).await;
        let words: &[&str] = match &*kind {
            "hash" => &["HGETALL", &key],
            "stream" => &["XRANGE", &key, "-", "+"],
            _ => &["GET", &key],
        };
        let held: redis::Value = ask(&mut connection, words).await;
        let held = format!("{held:?}");
        assert!(
            !held.contains(TOKEN) && !held.contains("SECRET"),
            "{key}: {held}"
        );
        briefed |= held.contains("$API_TOKEN");
    }
    assert!(briefed, "the header went there as it was written");
}
