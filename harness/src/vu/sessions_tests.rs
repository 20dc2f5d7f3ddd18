//! Which protocol is spoken, and how that is found out.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::connect_tests::{Authority, with_ca};
use super::super::error::Http2Error;
use super::super::options::ConnectOptions;
use super::super::peer::{
    TIMEOUT, client, client_with, encrypted, error, get, http2, listening, ok_to_all, server,
};
use super::super::target::TargetError;
use super::*;

#[tokio::test]
async fn with_tls_the_server_has_the_choice() {
    let authority = Authority::new();
    let file = authority.file();
    let trusting = |http2| ConnectOptions {
        http2,
        ..with_ca(&file)
    };
    for (offers, wanted, spoken, connections) in [
        (&["h2", "http/1.1"][..], true, Proto::Http2, 1),
        (&["h2", "http/1.1"], false, Proto::Http1, 3),
        (&["http/1.1"], true, Proto::Http1, 3),
        (&[], true, Proto::Http1, 3),
    ] {
        let (address, accepted) = encrypted(&authority, offers).await;
        let client = client_with(&address, TIMEOUT, &trusting(wanted)).await;
        let together = join_all((0..3).map(|_| get(&client))).await;
        let alone = get(&client).await;
        assert_eq!(alone.times.connecting, Duration::ZERO);
        for exchange in together.iter().chain([&alone]) {
            assert_eq!(exchange.proto, spoken, "{offers:?} {wanted}");
            let body = &exchange.response.as_ref().expect("an answer").body;
            assert_eq!(String::from_utf8_lossy(body), spoken.as_str());
        }
        assert!(together[0].times.tls_handshaking > Duration::ZERO);
        assert_eq!(accepted.load(Ordering::SeqCst), connections, "{offers:?}");
        let target = Target::resolve(&address, &trusting(wanted)).await;
        let target = target.expect("a target");
        target.probe(TIMEOUT).await.expect("it answers");
        let other = target
            .companion(TIMEOUT, reqwest::header::HeaderMap::new())
            .expect("a client");
        let answer = other.get(&address).send().await.expect("an answer");
        assert_eq!(format!("{:?}", answer.version()), spoken.as_str());
    }
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_found_out_before_the_load() {
    let (listener, address, _) = listening().await;
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 64];
                let _ = socket.read(&mut bytes).await;
                let refusal = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
                let _ = socket.write_all(refusal).await;
            });
        }
    });
    let target = Target::resolve(&address, &http2()).await.expect("a target");
    let refusal = target.probe(TIMEOUT).await.expect_err("it is HTTP/1.1");
    assert!(
        matches!(refusal, TargetError::NotHttp2 { .. }),
        "{refusal:?}"
    );
    let text = refusal.to_string();
    assert!(text.starts_with(&format!("{address}/ doesn't speak HTTP/2 (")));
    assert!(text.ends_with("); leave --http2 out"), "{text}");
    let error = error(get(&client(&address).await).await);
    assert!(
        matches!(error, TransportError::Http2(Http2Error::Protocol(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_probe_is_content_with_http2() {
    let (address, _) = server(|_, streams| ok_to_all(streams)).await;
    let target = Target::resolve(&address, &http2()).await.expect("a target");
    target.probe(TIMEOUT).await.expect("it greets");
    let companion = target
        .companion(TIMEOUT, reqwest::header::HeaderMap::new())
        .expect("a client");
    let answer = companion.get(&address).send().await.expect("an answer");
    assert_eq!(answer.version(), http::Version::HTTP_2);
}

#[tokio::test]
async fn nobody_listening_is_told_from_nobody_answering() {
    let (listener, address, _) = listening().await;
    drop(listener);
    let exchange = get(&client(&address).await).await;
    assert!(exchange.times.blocked > Duration::ZERO);
    let error = error(exchange);
    assert!(matches!(error, TransportError::Connect(_)), "{error:?}");
}
