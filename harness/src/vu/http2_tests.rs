//! Requests and answers over HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::time::sleep;

use super::super::exchange::{Exchange as Measured, Times};
use super::super::peer::{
    GET, JSON, MS, POST, TIMEOUT, assert_about, client, error, full, get, hyper, next, ok, send,
    server, status,
};
use super::*;
use crate::metrics::Proto;

#[tokio::test]
async fn the_parts_of_a_request_are_told_apart() {
    let (address, _) = hyper(|_| async {
        sleep(300 * MS).await;
        let parts = futures::stream::unfold(0, |number| async move {
            sleep(if number == 1 { 600 * MS } else { MS }).await;
            let part = *["ab", "cd"].get(number)?;
            Some((Ok(Frame::data(Bytes::from(part))), number + 1))
        });
        Response::builder()
            .status(201)
            .header("server-timing", "queue;dur=1")
            .header("server-timing", "db;dur=1.5")
            .body(BodyExt::boxed(StreamBody::new(parts)))
            .expect("an answer")
    })
    .await;
    let client = client(&address).await;
    let exchange = get(&client).await;
    let response = exchange.response.expect("an answer");
    assert_eq!((response.status, &*response.body), (201, &b"abcd"[..]));
    assert_about(exchange.times.waiting, 300 * MS);
    assert_about(exchange.times.receiving, 600 * MS);
    assert_about(exchange.times.sending, Duration::ZERO);
    assert!(exchange.times.connecting > Duration::ZERO);
    assert!(exchange.times.blocked >= exchange.times.connecting);
    assert_eq!(exchange.times.tls_handshaking, Duration::ZERO);
    assert_eq!(exchange.proto, Proto::Http2);
    assert_eq!(
        exchange.server_timing.iter().collect::<Vec<_>>(),
        [(0, MS), (1, Duration::from_micros(1_500))]
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_answer_has_come_when_it_is_here_and_not_when_there_is_time_to_read_it() {
    const BUSY: Duration = Duration::from_millis(150);
    let (address, _) = server(|_, mut streams| async move {
        while let Some(incoming) = next(&mut streams).await {
            ok(incoming);
            // Writes, and then has the one thread that the client has as well.
            poll_fn(|cx| {
                let _ = streams.poll_closed(cx);
                Poll::Ready(())
            })
            .await;
            std::thread::sleep(BUSY);
        }
    })
    .await;
    let client = client(&address).await;
    let mut last = Times::default();
    // The kernel begins to note arrivals a moment after it is first asked to.
    for _ in 0..4 {
        let began = Instant::now();
        let exchange = get(&client).await;
        assert_eq!(status(&exchange), 200);
        assert!(began.elapsed() >= BUSY);
        last = exchange.times;
    }
    assert!(last.waiting + last.receiving < BUSY / 2, "{last:?}");
}

#[tokio::test]
async fn requests_arrive_as_they_were_meant() {
    let (address, accepted) = hyper(|request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let field = |name| head.headers.get(name).map(|value| value.to_str().ok());
        let seen = format!(
            "{} {} {:?} {:?} {:?} {:?}\n",
            head.method,
            head.uri,
            field("accept"),
            field("content-type"),
            field("content-length"),
            field("host"),
        );
        let body = body.collect().await.expect("the body comes").to_bytes();
        full([seen.as_bytes(), &body].concat())
    })
    .await;
    let client = client(&format!("{address}/api/")).await;
    let posted = send(&client, &POST.at("/orders").body(JSON, "{}")).await;
    let expected = format!(
        "POST {address}/api/orders Some(Some(\"application/json\")) \
         Some(Some(\"application/json\")) Some(Some(\"2\")) None\n{{}}"
    );
    let body = posted.response.expect("an answer").body;
    assert_eq!(String::from_utf8_lossy(&body), expected);
    let empty = send(&client, &POST.at("/orders").body(JSON, "")).await;
    assert!(empty.response.expect("an answer").body.ends_with(b"None\n"));
    let got = get(&client).await.response.expect("an answer").body;
    let expected =
        format!("GET {address}/api/path?q=1 Some(Some(\"application/json\")) None None None\n");
    assert_eq!(String::from_utf8_lossy(&got), expected);
    let refused = send(&client, &GET.at("/a b")).await;
    assert!(matches!(error(refused), TransportError::Call(_)));
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn bytes_are_those_on_the_wire() {
    let (address, _) = hyper(|_| async { full("a".repeat(10_000)) }).await;
    let client = client(&address).await;
    get(&client).await;
    sleep(20 * MS).await;
    let mut totals = (0, 0);
    for _ in 0..10 {
        let exchange = get(&client).await;
        assert_eq!(status(&exchange), 200);
        totals = (
            totals.0 + exchange.bytes_sent,
            totals.1 + exchange.bytes_received,
        );
    }
    // A request's fields are in the tables of both ends: some bytes, a frame's head, and now and
    // then a word about the window.
    assert!((100..1_000).contains(&totals.0), "{totals:?}");
    assert!((100_000..102_000).contains(&totals.1), "{totals:?}");
}

/// Together they are 40: `join_all` then polls each by a waker of its own, so that whoever drives
/// the connection last may be gone when the socket has news.
#[tokio::test]
async fn concurrent_requests_are_streams_of_one_connection() {
    let arrived = Arc::new(AtomicUsize::new(0));
    let (address, accepted) = hyper(move |_| {
        let arrived = Arc::clone(&arrived);
        async move {
            let number = arrived.fetch_add(1, Ordering::SeqCst);
            while !arrived.load(Ordering::SeqCst).is_multiple_of(40) {
                sleep(MS).await;
            }
            sleep(10 * MS * u32::try_from(number % 40).expect("a small one")).await;
            full(number.to_string())
        }
    })
    .await;
    let client = client(&address).await;
    for round in 0..2 {
        let began = Instant::now();
        let answers = join_all((0..40).map(|_| get(&client))).await;
        let mut bodies: Vec<usize> = answers
            .iter()
            .map(|exchange| {
                let body = &exchange.response.as_ref().expect("an answer").body;
                let text = std::str::from_utf8(body).expect("text");
                text.parse().expect("a number")
            })
            .collect();
        bodies.sort_unstable();
        assert_eq!(bodies, (round * 40..(round + 1) * 40).collect::<Vec<_>>());
        let waiting = |exchange: &Measured| exchange.times.waiting;
        let longest = answers.iter().map(waiting).max().expect("40 of them");
        assert_about(longest, 390 * MS);
        assert!(began.elapsed() < TIMEOUT / 2, "{:?}", began.elapsed());
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn each_of_several_requests_has_its_own_times() {
    let (address, _) = server(|_, mut streams| async move {
        let slow = next(&mut streams).await.expect("a request");
        let quick = next(&mut streams).await.expect("another");
        ok(quick);
        tokio::spawn(async move {
            sleep(300 * MS).await;
            ok(slow);
        });
        assert!(next(&mut streams).await.is_none());
    })
    .await;
    let client = client(&address).await;
    let (slow, quick) = tokio::join!(get(&client), get(&client));
    assert_about(slow.times.waiting, 300 * MS);
    assert_about(quick.times.waiting, Duration::ZERO);
    assert_eq!((status(&slow), status(&quick)), (200, 200));
}

#[tokio::test]
async fn bodies_of_any_size_pass_both_ways() {
    const SIZE: usize = 12 << 20;
    let (address, _) = hyper(|request: Request<Incoming>| async move {
        let body = request.into_body().collect().await;
        full(body.expect("the body comes").to_bytes())
    })
    .await;
    let client = client(&address).await;
    let body: Vec<u8> = (0..SIZE).map(|at| (at / 7) as u8).collect();
    for _ in 0..2 {
        let exchange = send(&client, &POST.at("/echo").body(JSON, body.clone())).await;
        assert!(exchange.times.sending > Duration::ZERO);
        assert!(exchange.bytes_sent > SIZE as u64);
        assert!(exchange.bytes_received > SIZE as u64);
        let answer = exchange.response.expect("an answer").body;
        assert!(answer == body, "{} bytes", answer.len());
    }
}

/// The server answers while it reads: both go on at the same time.
#[tokio::test]
async fn an_answer_may_begin_before_the_request_has_ended() {
    const SIZE: usize = 1 << 20;
    let (address, _) = hyper(|request: Request<Incoming>| async move {
        Response::new(request.into_body().map_err(|_| unreachable!()).boxed())
    })
    .await;
    let body = vec![7; SIZE];
    let client = client(&address).await;
    let exchange = send(&client, &POST.at("/echo").body(JSON, body.clone())).await;
    assert!(exchange.response.expect("an answer").body == body);
}

#[tokio::test]
async fn sending_lasts_until_the_server_has_room_for_the_last_byte() {
    let (address, _) = server(|_, mut streams| async move {
        let (request, mut respond) = next(&mut streams).await.expect("a request");
        tokio::spawn(async move {
            sleep(300 * MS).await;
            let mut body = request.into_body();
            while let Some(Ok(part)) = body.data().await {
                let room = body.flow_control();
                room.release_capacity(part.len()).expect("it was taken");
            }
            sleep(300 * MS).await;
            let answer = respond.send_response(Response::new(()), true);
            answer.expect("the stream is open");
        });
        assert!(next(&mut streams).await.is_none());
    })
    .await;
    let body = vec![0; 100_000];
    let client = client(&address).await;
    let exchange = send(&client, &POST.at("/").body(JSON, body.clone())).await;
    assert_eq!(status(&exchange), 200);
    assert_about(exchange.times.sending, 300 * MS);
    assert_about(exchange.times.waiting, 300 * MS);
}
