//! The client against servers that do exactly what a test wants, over real sockets.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::super::exchange::Times;
use super::super::io::Metered;
use super::super::options::ConnectOptions;
use super::super::peer;
use super::*;
use crate::vu::Request;

const MS: Duration = Duration::from_millis(1);
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server whose connections are numbered from 0 and handled by `serve`.
async fn server<F>(
    serve: impl Fn(usize, TcpStream) -> F + Send + 'static,
) -> (String, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(count.fetch_add(1, Ordering::SeqCst), socket));
        }
    });
    (address, accepted)
}

/// Reads one request without a body; its bytes, empty at the end of the connection.
async fn request(socket: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => return Vec::new(),
        }
    }
    bytes
}

async fn reply(socket: &mut TcpStream, bytes: &[u8]) {
    socket.write_all(bytes).await.expect("the client listens");
}

static GET: Request = Request::get("get");

async fn client(address: &str, timeout: Duration) -> Client {
    let target = Target::resolve(address, &ConnectOptions::default()).await;
    let target = target.expect("an address");
    let target = Arc::new(target.with_parts(&Arc::new(crate::fixture::catalogue())));
    let fields = Arc::new(Fields::new(&target, &[]));
    Client::new(target, timeout, fields, false)
}

async fn get(client: &Client) -> Exchange {
    super::super::peer::send(client, &GET.at("/path?q=1")).await
}

fn status(exchange: &Exchange) -> u16 {
    exchange.response.as_ref().expect("an answer").status
}

#[track_caller]
fn assert_about(actual: Duration, expected: Duration) {
    let range = expected..expected + 250 * MS;
    assert!(
        range.contains(&actual),
        "{actual:?} is not within {range:?}"
    );
}

#[tokio::test]
async fn the_parts_of_a_request_are_told_apart() {
    const HEAD: &[u8] =
        b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\nserver-timing: db;dur=1.5\r\n\r\nab";
    let (address, _) = server(|_, mut socket| async move {
        request(&mut socket).await;
        sleep(300 * MS).await;
        reply(&mut socket, HEAD).await;
        sleep(600 * MS).await;
        reply(&mut socket, b"cd").await;
    })
    .await;
    let exchange = get(&client(&address, 5_000 * MS).await).await;
    let Response { status, body, .. } = exchange.response.expect("an answer");
    assert_eq!((status, &*body), (201, &b"abcd"[..]));
    assert_about(exchange.times.waiting, 300 * MS);
    assert_about(exchange.times.receiving, 600 * MS);
    assert_about(exchange.times.sending, Duration::ZERO);
    assert!(exchange.times.connecting > Duration::ZERO);
    assert!(exchange.times.blocked >= exchange.times.connecting);
    assert_eq!(exchange.times.tls_handshaking, Duration::ZERO);
    assert_eq!(
        exchange.server_timing.iter().collect::<Vec<_>>(),
        [(1, Duration::from_micros(1_500))]
    );
    assert_eq!(exchange.bytes_received, HEAD.len() as u64 + 2);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_answer_has_come_when_it_is_here_and_not_when_there_is_time_to_read_it() {
    const BUSY: Duration = Duration::from_millis(150);
    let (address, _) = server(|_, mut socket| async move {
        while !request(&mut socket).await.is_empty() {
            reply(&mut socket, OK).await;
            // On the one thread that the client has as well.
            std::thread::sleep(BUSY);
        }
    })
    .await;
    let client = client(&address, 5_000 * MS).await;
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
async fn bytes_are_those_on_the_wire_and_the_request_is_well_formed() {
    let (address, _) = server(|_, mut socket| async move {
        let seen = request(&mut socket).await;
        let length = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", seen.len());
        reply(&mut socket, length.as_bytes()).await;
        reply(&mut socket, &seen).await;
    })
    .await;
    let client = client(&format!("{address}/api/"), 5_000 * MS).await;
    let exchange = get(&client).await;
    let seen = exchange.response.expect("an answer").body;
    assert_eq!(exchange.bytes_sent, seen.len() as u64);
    let seen = String::from_utf8(seen.to_vec()).expect("text");
    assert!(seen.starts_with("GET /api/path?q=1 HTTP/1.1\r\n"), "{seen}");
    let host = address.trim_start_matches("http://");
    assert!(seen.contains(&format!("host: {host}\r\n")), "{seen}");
}

#[tokio::test]
async fn a_connection_is_kept_and_a_second_opened_only_at_need() {
    let (address, accepted) = server(|_, mut socket| async move {
        while !request(&mut socket).await.is_empty() {
            sleep(20 * MS).await;
            reply(&mut socket, OK).await;
        }
    })
    .await;
    let client = client(&address, 5_000 * MS).await;
    let first = get(&client).await;
    assert!(first.times.connecting > Duration::ZERO);
    for _ in 0..3 {
        let next = get(&client).await;
        assert_eq!(
            (status(&next), next.times.connecting),
            (200, Duration::ZERO)
        );
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    let both = tokio::join!(get(&client), get(&client));
    assert_eq!((status(&both.0), status(&both.1)), (200, 200));
    assert_eq!(accepted.load(Ordering::SeqCst), 2);
    client.disconnect();
    assert_eq!(status(&get(&client).await), 200);
    assert_eq!(accepted.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced_without_a_failure() {
    let (address, accepted) = server(|_, mut socket| async move {
        request(&mut socket).await;
        reply(&mut socket, OK).await;
    })
    .await;
    let client = client(&address, 5_000 * MS).await;
    for connections in 1..=3 {
        assert_eq!(status(&get(&client).await), 200);
        assert_eq!(accepted.load(Ordering::SeqCst), connections);
        sleep(20 * MS).await;
    }
}

/// The timer is armed once in a time-out, not once in a request; it must neither fire early for
/// a request that began after it was armed, nor late for one that is never answered.
#[tokio::test]
async fn every_request_has_the_whole_time_out_and_no_more() {
    let (address, accepted) = server(|_, mut socket| async move {
        for _ in 0..3 {
            request(&mut socket).await;
            sleep(350 * MS).await;
            reply(&mut socket, OK).await;
        }
        request(&mut socket).await;
        sleep(60_000 * MS).await;
    })
    .await;
    let client = client(&address, 600 * MS).await;
    for _ in 0..3 {
        assert_eq!(status(&get(&client).await), 200);
    }
    let exchange = get(&client).await;
    assert!(
        matches!(exchange.response, Err(TransportError::Timeout)),
        "{:?}",
        exchange.response
    );
    assert_about(
        exchange.times.sending + exchange.times.waiting + exchange.times.receiving,
        600 * MS,
    );
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn bodies_in_chunks_arrive_whole() {
    let (address, _) = server(|_, mut socket| async move {
        request(&mut socket).await;
        reply(
            &mut socket,
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .await;
        for chunk in ["one ", "two ", "three"] {
            reply(
                &mut socket,
                format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes(),
            )
            .await;
            sleep(5 * MS).await;
        }
        reply(&mut socket, b"0\r\n\r\n").await;
    })
    .await;
    let exchange = get(&client(&address, 5_000 * MS).await).await;
    assert_eq!(
        &*exchange.response.expect("an answer").body,
        b"one two three"
    );
}

#[tokio::test]
async fn broken_answers_are_errors_and_their_connection_is_not_used_again() {
    let (address, accepted) = server(|number, mut socket| async move {
        request(&mut socket).await;
        match number {
            0 => {
                reply(
                    &mut socket,
                    b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf",
                )
                .await;
            }
            1 => reply(&mut socket, b"not HTTP at all\r\n\r\n").await,
            2 => {}
            _ => reply(&mut socket, OK).await,
        }
    })
    .await;
    let client = client(&address, 5_000 * MS).await;
    for _ in 0..3 {
        let exchange = get(&client).await;
        assert!(exchange.response.is_err(), "{:?}", exchange.response);
    }
    assert_eq!(status(&get(&client).await), 200);
    assert_eq!(accepted.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn nobody_listening_is_told_from_nobody_answering() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    let exchange = get(&client(&address, 5_000 * MS).await).await;
    assert!(
        matches!(exchange.response, Err(TransportError::Connect(_))),
        "{:?}",
        exchange.response
    );
}

/// Bytes that are always there already never let a read wait, so no timer ends it: each read looks
/// itself whether its bytes came in time. Here all of them are there before the first read.
#[tokio::test]
async fn no_answer_outlasts_its_time_however_fast_its_bytes_come() {
    const LENGTH: usize = 100_000;
    let heads = [
        format!("content-length: {LENGTH}\r\n\r\n"),
        format!("transfer-encoding: chunked\r\n\r\n{LENGTH:x}\r\n"),
        "connection: close\r\n\r\n".to_owned(),
    ];
    for head in heads {
        for (in_time, expected) in [(true, Ok(LENGTH)), (false, Err("timed out"))] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("bound");
            let socket = TcpStream::connect(address).await.expect("connected");
            super::super::arrival::note(&socket);
            let (mut peer, _) = listener.accept().await.expect("a connection");
            reply(&mut peer, format!("HTTP/1.1 200 OK\r\n{head}").as_bytes()).await;
            sleep(20 * MS).await;
            let deadline =
                tokio::time::Instant::now() + if in_time { 5_000 * MS } else { Duration::ZERO };
            sleep(20 * MS).await;
            let rest = [&[7; LENGTH][..], b"\r\n0\r\n\r\n"].concat();
            let rest = if head.contains("chunked") {
                &rest
            } else {
                &rest[..LENGTH]
            };
            reply(&mut peer, rest).await;
            peer.shutdown().await.expect("closed");
            sleep(20 * MS).await;
            let stream = Stream::Plain(Metered::new(socket));
            let mut connection = Connection::over(stream, deadline, usize::MAX);
            let received = connection.exchange(Method::Get, &[], deadline).await;
            let received = received.map(|received| received.body.len());
            let received = received.map_err(|error| error.to_string());
            assert_eq!(received, expected.map_err(str::to_owned), "{head}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_read_to_its_end() {
    const OF: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 101\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nc8\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ];
    let (address, _) = server(|number, mut socket| async move {
        request(&mut socket).await;
        reply(&mut socket, OF[number]).await;
        let _ = socket.write_all(&[7; 150]).await;
        sleep(5_000 * MS).await;
    })
    .await;
    let short = ConnectOptions {
        most_body: Some(100),
        ..ConnectOptions::default()
    };
    let target = Target::resolve(&address, &short).await.expect("an address");
    let target = Arc::new(target);
    let fields = Arc::new(Fields::new(&target, &[]));
    let client = Client::new(target, 5_000 * MS, fields, false);
    for _ in OF {
        let error = get(&client).await.response.expect_err("it is too long");
        assert_eq!(
            error.to_string(),
            "the answer's body is longer than 100 bytes (--max-body)"
        );
    }
}

/// The server closes an idle connection when the next request comes, without an answer.
#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_replaced_if_that_is_safe() {
    let (address, accepted) = server(|_, mut socket| async move {
        request(&mut socket).await;
        reply(&mut socket, OK).await;
        request(&mut socket).await;
    })
    .await;
    let client = client(&address, 5_000 * MS).await;
    for reconnected in [false, true, true] {
        let exchange = get(&client).await;
        assert_eq!(
            (status(&exchange), exchange.reconnected),
            (200, reconnected)
        );
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 3);
    static POST: Request = Request::post("post");
    let posted = super::super::peer::send(&client, &POST.at("/")).await;
    assert!(posted.response.is_err(), "it may have been carried out");
    assert!(!posted.reconnected);
    // A new connection that is closed is the server's failure: it is not tried for ever.
    let (address, accepted) = server(|_, mut socket| async move {
        request(&mut socket).await;
    })
    .await;
    let refused = get(&self::client(&address, 5_000 * MS).await).await;
    assert!(matches!(
        refused.response,
        Err(TransportError::Closed | TransportError::Broken(_))
    ));
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

/// A port that takes no connection: its queue is full.
#[tokio::test]
async fn a_connection_that_never_comes_is_a_failure_of_its_own_with_its_time() {
    use std::net::{Ipv4Addr, SocketAddr};
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(any).expect("a free port");
    let listener = socket.listen(1).expect("it listens");
    let address = listener.local_addr().expect("it is bound");
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(200 * MS, TcpStream::connect(address)).await {
        queued.push(stream);
    }
    let client = client(&format!("http://{address}"), 300 * MS).await;
    let exchange = get(&client).await;
    let error = exchange.response.as_ref().expect_err("no connection");
    assert_eq!(error.to_string(), "could not connect: timed out");
    assert!(
        matches!(error, TransportError::Connect(_)),
        "nothing was sent"
    );
    assert!(!exchange.connected);
    assert_about(exchange.times.blocked, 300 * MS);
    assert_about(exchange.times.connecting, 300 * MS);
    assert_eq!(exchange.times.duration(), Duration::ZERO);
}

/// Every user has one all the time: what it keeps counts 10,000 times.
#[tokio::test]
async fn a_request_under_way_keeps_little_memory() {
    static GET: crate::vu::Request = crate::vu::Request::get("x");
    let (_listener, address, _came) = peer::listening().await;
    let client = peer::client(&address).await;
    let call = GET.at("/");
    let mut exchange = Exchange::new();
    let kept = std::mem::size_of_val(&client.send(&call, &mut exchange));
    assert!(kept <= 1_200, "{kept} bytes");
}
