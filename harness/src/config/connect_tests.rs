use std::time::Duration;

use super::super::{Field, Inputs, Layer, RunConfig, load};
use super::*;
use crate::fixture::outline;

fn configured(given: &[(&str, &[&str])]) -> Result<RunConfig, String> {
    let mut flags = Layer::default();
    for (key, texts) in given {
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        flags.set_flag(Field::of_key(key).expect(key), texts);
    }
    let inputs = Inputs {
        flags,
        variables: Vec::new(),
    };
    load(&outline(), inputs).map_err(|problems| {
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        said.join("\n")
    })
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn without_a_word_about_connections_there_is_nothing_special_about_them() {
    let config = configured(&[]).expect("a good configuration");
    assert_eq!(config.connect, ConnectOptions::default());
}

#[test]
fn everything_about_connections_is_read() {
    let config = configured(&[
        ("host", &["https://shop.example"]),
        ("ca_file", &["ca.pem"]),
        ("insecure", &[]),
        ("client_cert", &["me.pem"]),
        ("client_key", &["me.key"]),
        (
            "resolve",
            &[
                "Shop.example:443:127.0.0.1",
                "shop.example:443:[::1],127.0.0.2",
                "other:80:10.0.0.1",
            ],
        ),
        ("local_address", &["127.0.0.3", "[::1]", "::2"]),
        ("connection_age", &["10s"]),
        ("http2", &[]),
    ]);
    let connect = config.expect("a good configuration").connect;
    assert_eq!(connect.ca_file, Some("ca.pem".into()));
    assert!(connect.insecure && connect.http2);
    assert_eq!(
        connect.identity,
        Some(Identity {
            certificate: "me.pem".into(),
            key: "me.key".into()
        })
    );
    assert_eq!(
        connect.local_addresses,
        [ip("127.0.0.3"), ip("::1"), ip("::2")]
    );
    assert_eq!(connect.connection_age, Some(Duration::from_secs(10)));
    assert_eq!(
        connect.addresses_of("SHOP.example", 443),
        [ip("127.0.0.1"), ip("::1"), ip("127.0.0.2")]
    );
    assert_eq!(connect.addresses_of("shop.example", 80), [] as [IpAddr; 0]);
    assert_eq!(connect.addresses_of("other", 80), [ip("10.0.0.1")]);
}

#[test]
fn half_a_pair_is_a_problem() {
    let cert = configured(&[("client_cert", &["me.pem"])]).expect_err("no key");
    assert_eq!(cert, "--client-cert: needs --client-key FILE as well");
    let key = configured(&[("client_key", &["me.key"])]).expect_err("no certificate");
    assert_eq!(key, "--client-key: needs --client-cert FILE as well");
}

#[test]
fn what_is_no_address_is_refused_with_a_mend() {
    for text in [
        "",
        "shop",
        "shop:80",
        "shop:80:",
        ":80:127.0.0.1",
        "shop:0:127.0.0.1",
        "shop:99999:127.0.0.1",
        "shop:80:elsewhere",
        "shop:80:127.0.0.1,",
        "shop:80:[127.0.0.1]",
        "[::1]:80:127.0.0.1",
    ] {
        let said = configured(&[("resolve", &[text])]).expect_err(text);
        let expected =
            format!("--resolve: '{text}' is not a name's address; write HOST:PORT:ADDRESS");
        assert!(said.starts_with(&expected), "{said}");
    }
    let login = configured(&[("resolve", &["me:hunter2@shop:80:127.0.0.1"])]);
    let login = login.expect_err("a login");
    assert!(login.contains("'***@shop:80:127.0.0.1'"), "{login}");
    for text in ["", "here", "0.0.0.0", "::", "127.0.0.1:80", "[127.0.0.1]"] {
        let said = configured(&[("local_address", &[text])]).expect_err(text);
        let expected = format!("--local-address: '{text}' is not an address of this machine");
        assert!(said.starts_with(&expected), "{said}");
    }
    let said = configured(&[("connection_age", &["0s"])]).expect_err("no time");
    assert!(said.contains("'0s' is zero"), "{said}");
    let said = configured(&[("ca_file", &[""])]).expect_err("no file");
    assert_eq!(said, "--ca-file: names no file");
}

#[test]
fn thresholds_know_what_is_spoken() {
    let said = |host: &str, http2: bool, proto: &str| {
        let threshold = format!("http_reqs{{proto:{proto}}}: count>0");
        let (host, threshold) = ([host], [threshold.as_str()]);
        let mut given = vec![("host", &host[..]), ("thresholds", &threshold)];
        if http2 {
            given.push(("http2", &[]));
        }
        configured(&given).err()
    };
    for (host, http2, proto, known) in [
        ("http://shop", false, "HTTP/1.1", None),
        ("http://shop", false, "!HTTP/2.0", Some("HTTP/1.1")),
        ("http://shop", true, "HTTP/2.0", None),
        ("http://shop", true, "HTTP/1.1", Some("HTTP/2.0")),
        ("https://shop", true, "HTTP/1.1", None),
        ("https://shop", true, "!HTTP/2.0", None),
        ("https://shop", true, "HTTP/2", Some("HTTP/1.1, HTTP/2.0")),
        ("https://shop", false, "HTTP/2.0", Some("HTTP/1.1")),
    ] {
        let expected = known.map(|known| {
            let proto = proto.trim_start_matches('!');
            let nothing = format!("there is no version of HTTP '{proto}'; ");
            (nothing, format!("known are {known} (--http2)"))
        });
        let said = said(host, http2, proto);
        assert_eq!(said.is_some(), expected.is_some(), "{host} {http2} {proto}");
        if let Some((said, (nothing, known))) = said.zip(expected) {
            assert!(said.contains(&nothing) && said.contains(&known), "{said}");
        }
    }
}

#[test]
fn sizes_are_in_bytes_or_powers_of_1024() {
    let read = ["64MiB", "1 KiB", "7", "2GiB", "0"].map(|text| size(text).ok());
    let expected = [64 << 20, 1_024, 7, 2 << 30, 0].map(Some);
    assert_eq!(read, expected);
    for wrong in [
        "",
        "MiB",
        "64MB",
        "-1",
        "1.5MiB",
        "99999999999999999999",
        "99999999999999GiB",
    ] {
        let error = size(wrong).expect_err(wrong);
        assert!(
            error.ends_with("write 64MiB, 512KiB or a number of bytes"),
            "{error}"
        );
    }
}
