//! Connections that go silent: of clients, and to the stores.

use std::time::{Duration, Instant};

use serde_json::json;
use testbed::{Relay, Stack, Sut, Upstream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::client::{Client, eventually, server, stack};

/// Sends this and nothing more: what comes until the server closes.
async fn say_and_be_silent(address: &str, words: &str) -> (String, Duration) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(words.as_bytes()).await.unwrap();
    let started = Instant::now();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    (answer, started.elapsed())
}

#[tokio::test]
async fn a_client_that_says_no_more_is_left_after_thirty_seconds() {
    let stack = stack(json!({ "users": 1 })).await;
    let address = stack.base_url().strip_prefix("http://").unwrap();
    let whole = "GET /health/live HTTP/1.1\r\nHost: shop\r\n\r\n";
    let body = "POST /users/1/balance HTTP/1.1\r\nHost: shop\r\nContent-Length: 14\r\n\r\n{\"amo";
    let (nothing, half_a_head, after_one, half_a_body) = tokio::join!(
        say_and_be_silent(address, ""),
        say_and_be_silent(address, "GET /health/live HT"),
        say_and_be_silent(address, whole),
        say_and_be_silent(address, body),
    );
    assert_eq!((nothing.0.as_str(), half_a_head.0.as_str()), ("", ""));
    assert!(
        after_one.0.starts_with("HTTP/1.1 200 OK"),
        "{}",
        after_one.0
    );
    assert!(
        half_a_body.0.starts_with("HTTP/1.1 408"),
        "{}",
        half_a_body.0
    );
    for (_, time) in [nothing, half_a_head, after_one, half_a_body] {
        assert!((29.0..35.0).contains(&time.as_secs_f64()), "{time:?}");
    }
}

#[tokio::test]
async fn a_request_without_a_host_is_refused() {
    let stack = stack(json!({ "users": 1 })).await;
    let address = stack.base_url().strip_prefix("http://").unwrap();
    for (head, status) in [
        ("GET /health/live HTTP/1.1\r\n", "400"),
        ("GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n", "400"),
        ("GET /health/live HTTP/1.1\r\nHost: a\r\n", "200"),
        ("GET /health/live HTTP/1.0\r\n", "200"),
    ] {
        let words = format!("{head}Connection: close\r\n\r\n");
        let (answer, _) = say_and_be_silent(address, &words).await;
        assert_eq!(&answer[9..12], status, "{head}: {answer}");
    }
}

/// A server whose stores are behind relays.
struct Behind {
    sut: Sut,
    postgres: Relay,
    redis: Relay,
    _stores: Stack,
}

async fn relay(socket: String) -> Relay {
    Relay::start(Upstream::Socket(socket.into())).await.unwrap()
}

async fn behind() -> Behind {
    let stores = stack(json!({ "users": 1 })).await;
    let socket = stores.postgres().url().split_once("host=").unwrap().1;
    let postgres = relay(format!("{socket}/.s.PGSQL.5432")).await;
    let socket = stores.redis().url().strip_prefix("redis+unix://").unwrap();
    let redis = relay(socket.to_owned()).await;
    let sut = Sut::start(
        server(),
        &format!("postgres://postgres@{}/postgres", postgres.address()),
        &format!("redis://{}/", redis.address()),
    )
    .await
    .unwrap();
    Behind {
        sut,
        postgres,
        redis,
        _stores: stores,
    }
}

/// Connections that are dead without a word: bytes go nowhere, and nothing
/// comes. New ones work.
#[tokio::test]
async fn connections_to_the_stores_that_die_in_silence_are_replaced() {
    let shop = behind().await;
    let mut client = Client::connect(shop.sut.base_url()).await;
    let user = client.rich_user("u1").await;
    let (_, ledger) = client.get("/ledger").await.unwrap();
    let policy = ledger["coupons"]["policies"][0]["policyId"]
        .as_i64()
        .unwrap();
    assert_eq!(client.claim(user, policy).await.unwrap().0, 201);
    assert_eq!(client.order(user).await.unwrap().0, 201);
    for relay in [&shop.postgres, &shop.redis] {
        relay.silence();
        let silent = Instant::now();
        eventually(async || {
            let claim = client.claim(user, policy).await.unwrap().0;
            let order = client.order(user).await.unwrap().0;
            let ready = client.get("/health/ready").await.unwrap().0;
            let top = client.get("/products/top/realtime").await.unwrap().0;
            (claim, order, ready, top) == (201, 201, 200, 200)
        })
        .await;
        let books = client.get("/ledger").await.unwrap();
        assert_eq!(books.0, 200, "{}", books.1);
        assert!(
            silent.elapsed() < Duration::from_secs(20),
            "{:?}",
            silent.elapsed()
        );
    }
}
