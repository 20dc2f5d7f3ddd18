//! The other end of HTTP/2, for tests: hyper's server, one that does exactly what a test wants,
//! and the client that is tested with them.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use super::call::Call;
use super::connect_tests::Authority;
use super::error::TransportError;
use super::exchange::Exchange;
use super::http::Client;
use super::options::ConnectOptions;
use super::target::Target;
use crate::catalogue::{Catalogue, PartEntry};
use crate::vu::{Fields, Request as Declared};

pub(super) const MS: Duration = Duration::from_millis(1);
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) type Body = http_body_util::combinators::BoxBody<Bytes, Infallible>;

pub(super) fn full(bytes: impl Into<Bytes>) -> Response<Body> {
    Response::new(Full::new(bytes.into()).boxed())
}

/// A listener, its address, and how many connections it had.
pub(super) async fn listening() -> (TcpListener, String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    (listener, address, Arc::default())
}

/// hyper's server, without TLS.
pub(super) async fn hyper<F>(
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

pub(super) type Streams = h2::server::Connection<TcpStream, Bytes>;

/// A server whose connections are numbered from 0 and handled by `serve`.
pub(super) async fn server<F>(
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

pub(super) type Incomings = (Request<RecvStream>, h2::server::SendResponse<Bytes>);

pub(super) async fn next(streams: &mut Streams) -> Option<Incomings> {
    streams.accept().await?.ok()
}

pub(super) fn ok((_, mut respond): Incomings) {
    let sent = respond.send_response(Response::new(()), false);
    let mut body = sent.expect("the stream is open");
    body.send_data("ok".into(), true).expect("there is room");
}

/// Answers everything until the client leaves.
pub(super) async fn ok_to_all(mut streams: Streams) {
    while let Some(incoming) = next(&mut streams).await {
        ok(incoming);
    }
}

pub(super) fn http2() -> ConnectOptions {
    ConnectOptions {
        http2: true,
        ..ConnectOptions::default()
    }
}

pub(super) async fn client_with(
    address: &str,
    timeout: Duration,
    options: &ConnectOptions,
) -> Client {
    let target = Target::resolve(address, options).await.expect("a target");
    let part = |name: &str| PartEntry {
        name: name.to_owned(),
        ..PartEntry::default()
    };
    let catalogue = Catalogue {
        server_parts: ["queue", "db"].map(part).into(),
        ..Catalogue::default()
    };
    let target = target.with_parts(&Arc::new(catalogue));
    let fields = Arc::new(Fields::new(&target, &[]));
    Client::new(Arc::new(target), timeout, fields, false)
}

pub(super) async fn client(address: &str) -> Client {
    client_with(address, TIMEOUT, &http2()).await
}

pub(super) static GET: Declared = Declared::get("get");
pub(super) static POST: Declared = Declared::post("post");
pub(super) const JSON: &str = "application/json";

pub(super) async fn get(client: &Client) -> Exchange {
    send(client, &GET.at("/path?q=1")).await
}

pub(super) async fn send(client: &Client, call: &Call<'_>) -> Exchange {
    let mut exchange = Exchange::new();
    client.send(call, &mut exchange).await;
    exchange
}

pub(super) fn status(exchange: &Exchange) -> u16 {
    exchange.response.as_ref().expect("an answer").status
}

pub(super) fn error(exchange: Exchange) -> TransportError {
    exchange.response.expect_err("no answer")
}

#[track_caller]
pub(super) fn assert_about(actual: Duration, expected: Duration) {
    let range = expected..expected + 250 * MS;
    assert!(
        range.contains(&actual),
        "{actual:?} is not within {range:?}"
    );
}

/// A server that offers these protocols.
pub(super) async fn encrypted(
    authority: &Authority,
    offers: &[&str],
) -> (String, Arc<AtomicUsize>) {
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
