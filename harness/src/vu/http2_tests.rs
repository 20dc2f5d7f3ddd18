//! HTTP/2 against hyper's server, and against one that does exactly what a test wants.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use super::super::connect_tests::{Authority, with_ca};
use super::super::http::{Client, Exchange as Measured, Times};
use super::super::options::ConnectOptions;
use super::super::target::Target;
use super::*;
use crate::metrics::{Phase, Proto};
use crate::vu::{Fields, Request as Declared};

const MS: Duration = Duration::from_millis(1);
const TIMEOUT: Duration = Duration::from_secs(5);

type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

fn full(bytes: impl Into<Bytes>) -> Response<Body> {
    Response::new(Full::new(bytes.into()).boxed())
}

/// A listener, its address, and how many connections it had.
async fn listening() -> (TcpListener, String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    (listener, address, Arc::default())
}

/// hyper's server, without TLS.
async fn hyper<F>(
    serve: impl Fn(Request<Incoming>) -> F + Send + Clone + 'static,
) -> (String, Arc<AtomicUsize>)
where
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let (listener, address, accepted) = listening().await;
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let serve = serve.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let answer = serve(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(socket), service)
                    .await
            });
        }
    });
    (address, accepted)
}

type Streams = h2::server::Connection<TcpStream, Bytes>;

/// A server whose connections are numbered from 0 and handled by `serve`.
async fn server<F>(
    serve: impl Fn(usize, Streams) -> F + Send + 'static,
) -> (String, Arc<AtomicUsize>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let (listener, address, accepted) = listening().await;
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let streams = h2::server::handshake(socket).await.expect("a greeting");
            tokio::spawn(serve(number, streams));
        }
    });
    (address, accepted)
}

type Incomings = (Request<RecvStream>, h2::server::SendResponse<Bytes>);

async fn next(streams: &mut Streams) -> Option<Incomings> {
    streams.accept().await?.ok()
}

fn ok((_, mut respond): Incomings) {
    let sent = respond.send_response(Response::new(()), false);
    let mut body = sent.expect("the stream is open");
    body.send_data("ok".into(), true).expect("there is room");
}

/// Answers everything until the client leaves.
async fn ok_to_all(mut streams: Streams) {
    while let Some(incoming) = next(&mut streams).await {
        ok(incoming);
    }
}

fn http2() -> ConnectOptions {
    ConnectOptions {
        http2: true,
        ..ConnectOptions::default()
    }
}

async fn client_with(address: &str, timeout: Duration, options: &ConnectOptions) -> Client {
    let target = Target::resolve(address, options).await.expect("a target");
    let fields = Arc::new(Fields::new(&target, &[]));
    Client::new(Arc::new(target), timeout, fields, false)
}

async fn client(address: &str) -> Client {
    client_with(address, TIMEOUT, &http2()).await
}

static GET: Declared = Declared::get("get");
static POST: Declared = Declared::post("post");
const JSON: &str = "application/json";

async fn get(client: &Client) -> Measured {
    client.send(&GET.at("/path?q=1")).await
}

fn status(exchange: &Measured) -> u16 {
    exchange.response.as_ref().expect("an answer").status
}

fn error(exchange: Measured) -> TransportError {
    exchange.response.expect_err("no answer")
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
        [
            (Phase::ServerQueue, MS),
            (Phase::ServerDb, Duration::from_micros(1_500))
        ]
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
    let posted = client.send(&POST.at("/orders").body(JSON, "{}")).await;
    let expected = format!(
        "POST {address}/api/orders Some(Some(\"application/json\")) \
         Some(Some(\"application/json\")) Some(Some(\"2\")) None\n{{}}"
    );
    let body = posted.response.expect("an answer").body;
    assert_eq!(String::from_utf8_lossy(&body), expected);
    let empty = client.send(&POST.at("/orders").body(JSON, "")).await;
    assert!(empty.response.expect("an answer").body.ends_with(b"None\n"));
    let got = get(&client).await.response.expect("an answer").body;
    let expected =
        format!("GET {address}/api/path?q=1 Some(Some(\"application/json\")) None None None\n");
    assert_eq!(String::from_utf8_lossy(&got), expected);
    let refused = client.send(&GET.at("/a b")).await;
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
            while arrived.load(Ordering::SeqCst) % 40 != 0 {
                sleep(MS).await;
            }
            sleep(10 * MS * u32::try_from(number % 40).expect("a small one")).await;
            full(number.to_string())
        }
    })
    .await;
    let client = client(&address).await;
    for round in 0..2 {
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
        let exchange = client.send(&POST.at("/echo").body(JSON, body.clone())).await;
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
    let exchange = client(&address)
        .await
        .send(&POST.at("/echo").body(JSON, body.clone()))
        .await;
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
    let exchange = client(&address)
        .await
        .send(&POST.at("/").body(JSON, body.clone()))
        .await;
    assert_eq!(status(&exchange), 200);
    assert_about(exchange.times.sending, 300 * MS);
    assert_about(exchange.times.waiting, 300 * MS);
}

/// A server that offers these protocols.
async fn encrypted(authority: &Authority, offers: &[&str]) -> (String, Arc<AtomicUsize>) {
    let mut config = authority.server("localhost", None);
    config.alpn_protocols = offers.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (listener, _, accepted) = listening().await;
    let port = listener.local_addr().expect("it is bound").port();
    let count = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve_encrypted(acceptor.clone(), socket));
        }
    });
    (format!("https://localhost:{port}"), accepted)
}

async fn serve_encrypted(acceptor: TlsAcceptor, socket: TcpStream) -> Option<()> {
    let socket = acceptor.accept(socket).await.ok()?;
    let agreed = socket.get_ref().1.alpn_protocol() == Some(b"h2");
    let service = service_fn(|request: Request<Incoming>| async move {
        sleep(10 * MS).await;
        Ok::<_, Infallible>(full(format!("{:?}", request.version())))
    });
    let socket = TokioIo::new(socket);
    if agreed {
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        server.serve_connection(socket, service).await.ok()
    } else {
        let server = hyper::server::conn::http1::Builder::new();
        server.serve_connection(socket, service).await.ok()
    }
}

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
        let other = target.companion(TIMEOUT, reqwest::header::HeaderMap::new()).expect("a client");
        let answer = other.get(&address).send().await.expect("an answer");
        assert_eq!(format!("{:?}", answer.version()), spoken.as_str());
    }
}

#[path = "http2_failures_tests.rs"]
mod failures;
