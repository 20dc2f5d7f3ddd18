//! A server that costs next to nothing: the shop's API with constant answers, and books that are
//! two numbers a user. One thread, no parsing beyond the numbers that an answer depends on.
//!
//! It is what a generator is saturated against: whatever a request costs here is not the generator's.

use std::{
    cell::RefCell,
    convert::Infallible,
    io::Write,
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener},
    rc::Rc,
    sync::Arc,
};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use socket2::{Domain, Socket, Type};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    runtime,
    task::LocalSet,
};
use tokio_rustls::TlsAcceptor;

/// The hidden first argument that makes the bench be the target.
pub(crate) const SUBCOMMAND: &str = "__target";

/// The argument after it that makes the target speak HTTP/2 and nothing else.
pub(crate) const HTTP2: &str = "http2";

/// The same target over TLS, with a self-signed certificate.
pub(crate) const TLS: &str = "tls";

/// What it prints when it accepts connections, before its URL.
pub(crate) const LISTENING: &str = "listening on ";

/// Thousands of virtual users connect at once.
const BACKLOG: i32 = 8192;

const PRICE: i64 = 2_000;
const DISCOUNT: i64 = 2_000;
const PRODUCTS: i64 = 5;

/// What the real server says of itself, so that the generator has it to read.
const SERVER_TIMING: &str = "queue;dur=0.240, db;dur=0.600, redis;dur=0.110";

/// Every user's balance, by id; a user is made when it is first named.
#[derive(Default)]
struct Books {
    balances: Vec<i64>,
    orders: i64,
    products: Bytes,
    top: Bytes,
}

impl Books {
    fn new() -> Self {
        let list = |row: &dyn Fn(i64) -> String| {
            let rows: Vec<String> = (1..=PRODUCTS).map(row).collect();
            Bytes::from(format!("[{}]", rows.join(",")))
        };
        Self {
            products: list(&|n| {
                format!(r#"{{"productId":{n},"name":"p{n}","price":{PRICE},"stock":2000000}}"#)
            }),
            top: list(&|n| {
                let sold = 1_800 - 300 * n;
                format!(r#"{{"productId":{n},"name":"p{n}","soldQty":{sold}}}"#)
            }),
            ..Self::default()
        }
    }

    fn balance(&mut self, user: usize) -> &mut i64 {
        if self.balances.len() <= user {
            self.balances.resize(user + 1, 0);
        }
        &mut self.balances[user]
    }

    fn balance_of(&mut self, user: usize) -> Bytes {
        let balance = *self.balance(user);
        format!(r#"{{"userId":{user},"balance":{balance}}}"#).into()
    }

    /// The answer to a request; `None` is a 404.
    fn answer(
        &mut self,
        method: &Method,
        path: &str,
        query: &str,
        body: &[u8],
    ) -> Option<(StatusCode, Bytes)> {
        let ok = |body| Some((StatusCode::OK, body));
        let created = |body| Some((StatusCode::CREATED, body));
        let mut segments = path.trim_start_matches('/').split('/');
        let route = (segments.next()?, segments.next(), segments.next());
        match (method == Method::POST, route) {
            (true, ("init", None, None)) => {
                self.balances.clear();
                self.orders = 0;
                ok(r#"{"message":"initialized","policyIds":[1,2,3,4,5]}"#.into())
            }
            (false, ("users", Some("id"), None)) => {
                let id = query.strip_prefix("name=u")?.parse::<usize>().ok()?;
                self.balance(id);
                ok(id.to_string().into())
            }
            (true, ("users", Some(id), Some("balance"))) => {
                let user = id.parse().ok()?;
                *self.balance(user) += number_after(body, b"\"amount\":")?;
                created(self.balance_of(user))
            }
            (false, ("users", Some(id), Some("balance"))) => ok(self.balance_of(id.parse().ok()?)),
            (false, ("users", Some(_), Some("coupons"))) => {
                ok(format!(r#"[{{"couponId":1,"discount":{DISCOUNT}}}]"#).into())
            }
            (true, ("coupons", None, None)) => {
                created(r#"{"claimId":"019ab3a0-5ea5-7f3c-b0a3-6d1c3c5a7e21"}"#.into())
            }
            (false, ("products", None, None)) => ok(self.products.clone()),
            (false, ("products", Some("top"), Some("realtime"))) => ok(self.top.clone()),
            (true, ("orders", None, None)) => {
                let user = usize::try_from(number_after(body, b"\"userId\":")?).ok()?;
                let coupon = number_after(body, b"\"couponId\":").is_some();
                let paid = PRICE * PRODUCTS - if coupon { DISCOUNT } else { 0 };
                *self.balance(user) -= paid;
                self.orders += 1;
                let order = self.orders;
                created(format!(r#"{{"orderId":{order},"totalAmount":{paid}}}"#).into())
            }
            _ => None,
        }
    }
}

/// The number behind a key of a compact JSON text; `None` if there is none, or `null`.
fn number_after(text: &[u8], key: &[u8]) -> Option<i64> {
    let at = text.windows(key.len()).position(|window| window == key)?;
    let digits = text[at + key.len()..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    digits.fold(None, |number: Option<i64>, byte| {
        Some(number.unwrap_or(0) * 10 + i64::from(byte - b'0'))
    })
}

/// Serves until it is ended; prints its address first.
pub(crate) fn main() -> anyhow::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("no runtime")?;
    LocalSet::new().block_on(&runtime, serve())
}

async fn serve() -> anyhow::Result<()> {
    let listener = listen().context("the target can't listen on 127.0.0.1")?;
    let address = listener.local_addr()?;
    let mut out = std::io::stdout();
    let asked = |what| std::env::args().skip(2).any(|arg| arg == what);
    let http2 = asked(HTTP2);
    let tls = asked(TLS).then(|| acceptor(http2)).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    writeln!(out, "{LISTENING}{scheme}://{address}")?;
    out.flush()?;
    let books = Rc::new(RefCell::new(Books::new()));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (books, tls) = (Rc::clone(&books), tls.clone());
        // A client that goes away has nobody to tell.
        tokio::task::spawn_local(async move {
            let Some(tls) = tls else {
                return speak(stream, http2, books).await;
            };
            if let Ok(stream) = tls.accept(stream).await {
                speak(stream, http2, books).await;
            }
        });
    }
}

/// Serves one connection until it ends.
async fn speak<S>(stream: S, http2: bool, books: Rc<RefCell<Books>>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(move |request| answer(Rc::clone(&books), request));
    let stream = TokioIo::new(stream);
    if http2 {
        let connection = http2::Builder::new(Local).serve_connection(stream, service);
        drop(connection.await);
    } else {
        let connection = http1::Builder::new().serve_connection(stream, service);
        drop(connection.await);
    }
}

/// TLS for one version of HTTP.
fn acceptor(http2: bool) -> anyhow::Result<TlsAcceptor> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())?;
    let protocol: &[u8] = if http2 { b"h2" } else { b"http/1.1" };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Runs the streams of HTTP/2 on the target's one thread.
#[derive(Clone)]
struct Local;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, stream: F) {
        tokio::task::spawn_local(stream);
    }
}

fn listen() -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(StdListener::from(socket))
}

async fn answer(
    books: Rc<RefCell<Books>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // A broken body is answered as an empty one: with 404.
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or(""));
    let (status, body) = books
        .borrow_mut()
        .answer(&head.method, path, query, &body)
        .unwrap_or((StatusCode::NOT_FOUND, r#"{"title":"not found"}"#.into()));
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        HeaderName::from_static("server-timing"),
        HeaderValue::from_static(SERVER_TIMING),
    );
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(books: &mut Books, request: &str, body: &str) -> Option<(u16, String)> {
        let (method, path) = request.split_once(' ').unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let method = method.parse().unwrap();
        let (status, body) = books.answer(&method, path, query, body.as_bytes())?;
        Some((status.as_u16(), String::from_utf8(body.to_vec()).unwrap()))
    }

    /// An iteration of persona A adds up, as the generators check it.
    #[test]
    fn the_books_follow_a_user() {
        let mut books = Books::new();
        let mut ask = |request: &str, body: &str| ask(&mut books, request, body);
        let some = |status: u16, body: &str| Some((status, body.to_owned()));
        assert_eq!(ask("GET /users/id?name=u7", ""), some(200, "7"));
        assert_eq!(
            ask("POST /users/7/balance", r#"{"amount":10000}"#),
            some(201, r#"{"userId":7,"balance":10000}"#)
        );
        let order = r#"{"userId":7,"couponId":1,"items":[]}"#;
        assert_eq!(
            ask("POST /orders", order),
            some(201, r#"{"orderId":1,"totalAmount":8000}"#)
        );
        let order = r#"{"userId":7,"couponId":null,"items":[]}"#;
        assert_eq!(
            ask("POST /orders", order),
            some(201, r#"{"orderId":2,"totalAmount":10000}"#)
        );
        assert_eq!(
            ask("GET /users/7/balance", ""),
            some(200, r#"{"userId":7,"balance":-8000}"#)
        );
        assert_eq!(ask("GET /nowhere", ""), None);
        assert_eq!(ask("GET /users/id?name=me", ""), None);
    }
}
