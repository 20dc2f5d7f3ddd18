//! What goes wrong with a connection of HTTP/2, and what is done about it.

use std::sync::atomic::Ordering;

use bytes::BytesMut;
use http::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::sleep;

use super::super::error::Http2Error;
use super::super::exchange::Exchange;
use super::super::http::Client;
use super::super::options::ConnectOptions;
use super::super::peer::{
    GET, MS, POST, TIMEOUT, assert_about, client, client_with, error, get, http2, listening, next,
    ok, ok_to_all, send, server, status,
};
use super::super::target::{Opening, Target};
use super::*;

#[tokio::test]
async fn a_connection_is_kept_and_closed_when_it_is_said() {
    let (address, accepted) = server(|_, streams| ok_to_all(streams)).await;
    let client = client(&address).await;
    assert!(get(&client).await.times.connecting > Duration::ZERO);
    for _ in 0..3 {
        let next = get(&client).await;
        assert_eq!(
            (status(&next), next.times.connecting),
            (200, Duration::ZERO)
        );
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    client.disconnect();
    assert_eq!(status(&get(&client).await), 200);
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_that_is_too_old_is_replaced_between_requests() {
    const AGE: Duration = Duration::from_millis(200);
    let (address, accepted) = server(|_, streams| ok_to_all(streams)).await;
    let options = ConnectOptions {
        connection_age: Some(AGE),
        ..http2()
    };
    let client = client_with(&address, TIMEOUT, &options).await;
    for connections in 1..=3 {
        for reused in [false, true] {
            let exchange = get(&client).await;
            assert_eq!(status(&exchange), 200);
            assert_eq!(exchange.times.connecting.is_zero(), reused);
        }
        assert_eq!(accepted.load(Ordering::SeqCst), connections);
        sleep(AGE + 20 * MS).await;
    }
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced_without_a_failure() {
    let (address, accepted) = server(|number, mut streams| async move {
        ok(next(&mut streams).await.expect("a request"));
        // By the book, with GOAWAY, or by simply hanging up.
        if number % 2 == 0 {
            streams.graceful_shutdown();
            assert!(next(&mut streams).await.is_none());
        } else {
            let flushed = tokio::time::timeout(10 * MS, next(&mut streams)).await;
            assert!(flushed.is_err());
        }
    })
    .await;
    let client = client(&address).await;
    for connections in 1..=4 {
        assert_eq!(status(&get(&client).await), 200);
        assert_eq!(accepted.load(Ordering::SeqCst), connections);
        sleep(50 * MS).await;
    }
}

#[tokio::test]
async fn a_reset_ends_a_request_and_not_the_connection() {
    let (address, accepted) = server(|_, mut streams| async move {
        let (_, mut respond) = next(&mut streams).await.expect("a request");
        respond.send_reset(Reason::ENHANCE_YOUR_CALM);
        let (_, mut respond) = next(&mut streams).await.expect("a request");
        let head = respond.send_response(Response::new(()), false);
        let mut body = head.expect("the stream is open");
        body.send_data("half".into(), false).expect("there is room");
        body.send_reset(Reason::INTERNAL_ERROR);
        ok_to_all(streams).await;
    })
    .await;
    let client = client(&address).await;
    for reason in [Reason::ENHANCE_YOUR_CALM, Reason::INTERNAL_ERROR] {
        let error = error(get(&client).await);
        assert!(
            matches!(error, TransportError::Http2(Http2Error::Reset(why)) if why == reason),
            "{error:?}"
        );
        let text = format!("the server reset the stream: {}", reason.description());
        assert_eq!(error.to_string(), text);
    }
    assert_eq!(status(&get(&client).await), 200);
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn when_the_server_goes_away_what_it_has_begun_is_finished() {
    let (address, accepted) = server(|number, mut streams| async move {
        if number > 0 {
            return ok_to_all(streams).await;
        }
        let begun = next(&mut streams).await.expect("a request");
        streams.graceful_shutdown();
        tokio::spawn(async move {
            sleep(100 * MS).await;
            ok(begun);
        });
        assert!(next(&mut streams).await.is_none());
    })
    .await;
    let client = client(&address).await;
    let later = async {
        sleep(50 * MS).await;
        get(&client).await
    };
    let (first, later) = tokio::join!(get(&client), later);
    assert_eq!((status(&first), status(&later)), (200, 200));
    assert!(later.times.connecting > Duration::ZERO);
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn when_the_server_goes_away_in_anger_its_requests_fail() {
    let (address, accepted) = server(|number, mut streams| async move {
        if number > 0 {
            return ok_to_all(streams).await;
        }
        let _begun = next(&mut streams).await.expect("a request");
        streams.abrupt_shutdown(Reason::INTERNAL_ERROR);
        assert!(next(&mut streams).await.is_none());
    })
    .await;
    let client = client(&address).await;
    let error = error(get(&client).await);
    assert!(
        matches!(
            error,
            TransportError::Http2(Http2Error::GoAway(Reason::INTERNAL_ERROR))
        ),
        "{error:?}"
    );
    assert_eq!(status(&get(&client).await), 200);
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_connection_that_closes_half_way_is_an_error() {
    let (address, accepted) = server(|number, mut streams| async move {
        if number > 0 {
            return ok_to_all(streams).await;
        }
        let _begun = next(&mut streams).await.expect("a request");
    })
    .await;
    let client = client(&address).await;
    let error = error(get(&client).await);
    assert!(
        matches!(error, TransportError::Closed | TransportError::Broken(_)),
        "{error:?}"
    );
    assert_eq!(status(&get(&client).await), 200);
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

/// The server is told, and other requests go on: it is alive.
#[tokio::test]
async fn a_request_that_times_out_is_cancelled() {
    let (address, accepted) = server(|_, mut streams| async move {
        let (_, mut slow) = next(&mut streams).await.expect("a request");
        let cancelled = tokio::spawn(async move { poll_fn(|cx| slow.poll_reset(cx)).await });
        while let Some((request, respond)) = next(&mut streams).await {
            if cancelled.is_finished() {
                break;
            }
            ok((request, respond));
        }
        assert_eq!(
            cancelled.await.expect("no panic").expect("a reset"),
            Reason::CANCEL
        );
    })
    .await;
    let client = client_with(&address, 300 * MS, &http2()).await;
    let others = async {
        for _ in 0..8 {
            sleep(30 * MS).await;
            assert_eq!(status(&get(&client).await), 200);
        }
    };
    let (slow, ()) = tokio::join!(get(&client), others);
    assert!(matches!(slow.response, Err(TransportError::Timeout)));
    let times = slow.times;
    // The time-out counts from before the request has its connection.
    let blocked = times.blocked + times.sending;
    assert_about(blocked + times.waiting + times.receiving, 300 * MS);
    // Ends the server's loop, if the reset came first.
    let _ = get(&client).await;
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_any_more_is_not_used_again() {
    let (address, accepted) = server(|number, mut streams| async move {
        if number > 0 {
            return ok_to_all(streams).await;
        }
        ok(next(&mut streams).await.expect("a request"));
        let _begun = next(&mut streams).await.expect("another");
        sleep(60_000 * MS).await;
    })
    .await;
    let client = client_with(&address, 300 * MS, &http2()).await;
    assert_eq!(status(&get(&client).await), 200);
    sleep(20 * MS).await;
    let slow = get(&client).await;
    assert!(matches!(slow.response, Err(TransportError::Timeout)));
    assert_eq!(status(&get(&client).await), 200);
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_request_that_is_cut_leaves_nothing_behind() {
    let (address, accepted) = server(|_, mut streams| async move {
        let _begun = next(&mut streams).await.expect("a request");
        ok_to_all(streams).await;
    })
    .await;
    let target = Target::resolve(&address, &http2()).await.expect("a target");
    let deadline = tokio::time::Instant::now() + TIMEOUT;
    let opened = target.open(&mut Opening::default(), deadline).await;
    let stream = opened.expect("it listens");
    let session = Session::over(stream).await.expect("a greeting");
    let send = async || {
        let sender = session.ready().await.expect("it is open");
        let deadline = tokio::time::Instant::now() + TIMEOUT;
        let fields = [("host", "shop")].into_iter();
        let sent = sender.exchange("http", "GET", "/", fields, None, deadline);
        sent.await.0.expect("an answer").status
    };
    let cut = tokio::time::timeout(50 * MS, send()).await;
    assert!(cut.is_err());
    assert!(session.is_idle() && session.is_usable());
    assert_eq!(session.traffic.lock().end(1), Passage::default());
    assert_eq!(send().await, 200);
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

/// Each is a task: the one that drove last, and that the socket would wake, is gone when the other
/// has its answer.
#[tokio::test]
async fn whoever_leaves_hands_the_connection_over() {
    let (address, _) = server(|_, mut streams| async move {
        let slow = next(&mut streams).await.expect("a request");
        let quick = next(&mut streams).await.expect("another");
        ok(quick);
        tokio::spawn(async move {
            sleep(100 * MS).await;
            ok(slow);
        });
        assert!(next(&mut streams).await.is_none());
    })
    .await;
    let client = Arc::new(client(&address).await);
    let send = |client: Arc<Client>| tokio::spawn(async move { get(&client).await });
    let began = Instant::now();
    let slow = send(Arc::clone(&client));
    sleep(20 * MS).await;
    let quick = send(Arc::clone(&client)).await.expect("no panic");
    assert_eq!(status(&quick), 200);
    let slow = slow.await.expect("no panic");
    assert_eq!(status(&slow), 200);
    // The time-out would have it look as well, much later.
    assert!(began.elapsed() < TIMEOUT / 2, "{:?}", began.elapsed());
}

/// A refused stream is no failure: it is sent once more, whatever its method, and counted.
#[tokio::test]
async fn what_the_server_refuses_to_look_at_is_sent_once_more() {
    let (address, accepted) = server(|_, mut streams| async move {
        for times in [1, 2] {
            for _ in 0..times {
                let (_, mut respond) = next(&mut streams).await.expect("a request");
                respond.send_reset(Reason::REFUSED_STREAM);
            }
            if times == 1 {
                ok(next(&mut streams).await.expect("the same request"));
            }
        }
        ok_to_all(streams).await;
    })
    .await;
    let client = client(&address).await;
    let once = post(&client).await;
    assert_eq!((status(&once), once.reconnected), (200, true));
    let twice = post(&client).await;
    assert!(twice.reconnected);
    assert!(matches!(
        error(twice),
        TransportError::Http2(Http2Error::Reset(Reason::REFUSED_STREAM))
    ));
    let well = post(&client).await;
    assert_eq!((status(&well), well.reconnected), (200, false));
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

async fn post(client: &Client) -> Exchange {
    send(client, &POST.at("/").json(&[1])).await
}

/// GOAWAY with the last stream that the server looks at: what comes behind it may be sent
/// elsewhere, and what doesn't may have been carried out.
#[tokio::test]
async fn what_a_server_that_went_away_ignored_is_sent_once_more() {
    for (last, is_again) in [(0_u8, true), (1, false)] {
        let (listener, address, accepted) = listening().await;
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
            socket.write_all(&settings).await.expect("sent");
            // Preface, SETTINGS and WINDOW_UPDATE, and the head of the request.
            let mut bytes = BytesMut::new();
            while bytes.len() < 100 {
                socket.read_buf(&mut bytes).await.expect("read");
            }
            let goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, last, 0, 0, 0, 0];
            socket.write_all(&goaway).await.expect("sent");
            let (next_one, _) = listener.accept().await.expect("a connection");
            count.fetch_add(1, Ordering::SeqCst);
            drop(socket);
            ok_to_all(h2::server::handshake(next_one).await.expect("a greeting")).await;
        });
        let sent = post(&client(&address).await).await;
        let outcome = (sent.response.is_ok(), sent.reconnected);
        assert_eq!(outcome, (is_again, is_again), "the last one is {last}");
        assert_eq!(accepted.load(Ordering::SeqCst), usize::from(is_again));
    }
}

/// As the server of `http_tests`: it closes an idle connection when the next request comes.
#[tokio::test]
async fn a_connection_that_closes_on_its_next_request_is_replaced_if_that_is_safe() {
    let (address, accepted) = server(|_, mut streams| async move {
        ok(next(&mut streams).await.expect("a request"));
        let unanswered = next(&mut streams).await;
        drop((unanswered, streams));
    })
    .await;
    let client = client(&address).await;
    for reconnected in [false, true, true] {
        let exchange = get(&client).await;
        assert_eq!(
            (status(&exchange), exchange.reconnected),
            (200, reconnected)
        );
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 3);
    let posted = post(&client).await;
    assert!(posted.response.is_err(), "it may have been carried out");
    assert!(!posted.reconnected);
}

/// The answer of a new connection that closes is none: it is not tried for ever.
#[tokio::test]
async fn a_new_connection_that_closes_is_a_failure() {
    let (address, accepted) = server(|_, mut streams| async move {
        let unanswered = next(&mut streams).await;
        drop((unanswered, streams));
    })
    .await;
    let exchange = get(&client(&address).await).await;
    assert!(exchange.response.is_err() && !exchange.reconnected);
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_read_to_its_end() {
    let (address, accepted) = server(|_, mut streams| async move {
        while let Some((request, mut respond)) = next(&mut streams).await {
            let length = request.headers()["x-length"].to_str().expect("text");
            let body = vec![7; length.parse().expect("a number")];
            let head = respond.send_response(Response::new(()), false);
            let mut stream = head.expect("the stream is open");
            // In parts, of which none is too long.
            for part in body.chunks(40) {
                let part = Bytes::copy_from_slice(part);
                stream.send_data(part, false).expect("there is room");
            }
            let _ = stream.send_data(Bytes::new(), true);
        }
    })
    .await;
    let short = ConnectOptions {
        most_body: Some(100),
        ..http2()
    };
    let client = client_with(&address, TIMEOUT, &short).await;
    for (length, fits) in [
        ("100", true),
        ("101", false),
        ("1000000", false),
        ("0", true),
    ] {
        let exchange = send(&client, &GET.at("/").header("x-length", length)).await;
        let read = exchange.response.as_ref().map(|answer| answer.body.len());
        match read {
            Ok(read) => assert_eq!((read.to_string().as_str(), fits), (length, true)),
            Err(error) => {
                assert!(matches!(error, TransportError::TooLong(100)), "{error:?}");
                assert!(!fits, "{length}");
            }
        }
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1, "the others go on");
}
