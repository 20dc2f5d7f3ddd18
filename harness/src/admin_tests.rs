//! Calls against a server that answers as the test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::metrics::{RateOf, RawSamples, Recorder, Snapshot, TagFilter};
use crate::vu::ConnectOptions;

/// Answers connections one after the other; an empty answer closes without a word. The counter
/// says how many requests came.
async fn server(answers: &'static [&'static str]) -> (Admin, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let came = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&came);
    tokio::spawn(async move {
        for answer in answers {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            counter.fetch_add(1, Ordering::SeqCst);
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (admin(&format!("http://{address}/api/")).await, came)
}

async fn admin(address: &str) -> Admin {
    let target = Target::resolve(address, &ConnectOptions::default()).await;
    let target = target.expect("an address");
    Admin::new(&target, Duration::from_secs(5), &[]).expect("a client")
}

const OK: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\n7";

#[tokio::test]
async fn a_get_without_an_answer_is_tried_again() {
    let (admin, came) = server(&["", "", OK]).await;
    assert_eq!(admin.get::<u32>("/id").await.expect("the third"), 7);
    assert_eq!(came.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_get_that_comes_too_early_for_the_server_is_tried_again_and_a_post_is_not() {
    let early = "HTTP/1.1 503 Early\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let answers: &'static [&'static str] = Box::leak(Box::new([early, early, OK, early, OK]));
    let (admin, came) = server(answers).await;
    assert_eq!(admin.get::<u32>("/id").await.expect("the third"), 7);
    let error = admin.post::<u32>("/init", &1).await.expect_err("503");
    assert!(
        matches!(error, AdminError::Status { status: 503, .. }),
        "{error:?}"
    );
    assert_eq!(came.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_post_that_may_have_arrived_is_not() {
    let (admin, came) = server(&["", OK]).await;
    let error = admin
        .post::<u32>("/init", &1)
        .await
        .expect_err("no answer came");
    assert!(
        matches!(error, AdminError::NoAnswer { unsent: false, .. }),
        "{error:?}"
    );
    assert_eq!(came.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_post_to_a_server_that_is_not_there_yet_is() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let admin = admin(&format!("http://{address}")).await;
    let started = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(250)).await;
        let listener = TcpListener::bind(address).await.expect("it is free again");
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut request = [0; 4096];
        let _ = socket.read(&mut request).await;
        let _ = socket.write_all(OK.as_bytes()).await;
    });
    assert_eq!(admin.post::<u32>("/init", &1).await.expect("later"), 7);
    started.await.expect("it served");
}

#[tokio::test]
async fn a_redirect_is_said_and_not_followed() {
    let moved = "HTTP/1.1 301 Moved\r\nlocation: https://shop/init\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let answers: &'static [&'static str] = Box::leak(Box::new([moved, moved]));
    let (admin, came) = server(answers).await;
    let error = admin
        .post::<u32>("/init", &1)
        .await
        .expect_err("a redirect");
    assert_eq!(
        error.to_string(),
        "POST /init was answered with 301, which redirects to https://shop/init; \
         give the server's own address with --host"
    );
    assert_eq!(
        admin.redirect("/").await.as_deref(),
        Some("https://shop/init")
    );
    assert_eq!(came.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn another_status_and_another_body_are_quoted() {
    let broken = "HTTP/1.1 500 No\r\nconnection: close\r\ncontent-length: 4\r\n\r\noops";
    let answers: &'static [&'static str] = Box::leak(Box::new([broken, OK]));
    let (admin, _) = server(answers).await;
    let error = admin.get::<u32>("/id").await.expect_err("500");
    assert_eq!(error.to_string(), "GET /id was answered with 500: oops");
    let error = admin.get::<String>("/id").await.expect_err("a number");
    assert!(
        error
            .to_string()
            .starts_with("GET /id was answered with something other than the API promises"),
        "{error}"
    );
}

static INIT: Request = Request::post("init").expects(&[200]);

/// Three calls of a set-up: one is answered, one refused, and one answered with another status than
/// the request expects.
#[tokio::test]
async fn a_measured_call_is_a_request_and_a_check() {
    const REFUSED: &str = "HTTP/1.1 403 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    const LATER: &str = "HTTP/1.1 202 Ok\r\nconnection: close\r\ncontent-length: 1\r\n\r\n7";
    let (admin, _) = server(&[OK, REFUSED, LATER]).await;
    let mut told = Vec::new();
    for _ in 0..3 {
        let answer = admin.measured::<u32>(&INIT, "init 200", "/init", &1).await;
        told.push(answer.map_err(|error| error.to_string()));
    }
    let refused = |text: &str| Err(text.to_owned());
    assert_eq!(
        told,
        [
            Ok(7),
            refused("POST /init was answered with 403: "),
            refused("POST /init was answered with 202: 7")
        ]
    );
    let (recorder, raw) = (Recorder::default(), RawSamples::default());
    for noted in admin.take_noted() {
        noted.record(&recorder, Some(&raw));
    }
    let mut snapshot = Snapshot::default();
    recorder.drain(&mut snapshot);
    let counts: Vec<_> = snapshot
        .checks
        .values()
        .map(|c| (c.passes, c.fails))
        .collect();
    assert_eq!(counts, [(1, 2)]);
    let mut statuses: Vec<_> = snapshot.requests.keys().map(|tags| tags.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 202, 403]);
    let only = TagFilter::of("name", "init");
    assert_eq!(
        snapshot.rate(RateOf::Failed, &only).share(),
        Some(2.0 / 3.0)
    );
    assert_eq!(raw.take().len(), 6, "each a request and a check");
    assert!(admin.take_noted().is_empty(), "once");
}
