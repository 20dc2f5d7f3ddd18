//! Serves the live page, beside the load.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::audience::Audience;
use super::page::{Pages, Render};
use super::request::Asked;
use super::token::Token;
use crate::executor::Control;

/// Connections at once; others wait until they are accepted.
const MOST_CONNECTIONS: usize = 16;
/// How long the head of a request may take to come.
const SLOWEST_HEAD: Duration = Duration::from_secs(5);
/// How long a request and its answer may take in all.
const SLOWEST: Duration = Duration::from_secs(30);
/// How long to wait when the system has no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(100);
/// A reader who comes gets what the next second brings: it isn't copied while nobody looks.
const NEXT_SECOND: Duration = Duration::from_millis(1_200);
/// How long the last page waits for its readers.
const FAREWELL: Duration = Duration::from_secs(2);

/// Takes the address, so that one that can't be had is known before the load.
///
/// # Errors
/// The system's.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The server of a run's page, until it is dropped.
pub struct Web {
    site: Arc<Site>,
    address: SocketAddr,
    _stop: DropGuard,
}

/// What every connection needs.
struct Site {
    token: Token,
    audience: Arc<Audience>,
    pages: Pages,
    control: Arc<Control>,
    /// How often the last page was served.
    farewells: watch::Sender<u64>,
}

impl Web {
    /// Begins to serve, on a runtime beside the load.
    ///
    /// # Errors
    /// The system's.
    pub fn start(
        listener: TcpListener,
        render: Arc<dyn Render>,
        audience: Arc<Audience>,
        control: Arc<Control>,
        on: &Handle,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let site = Arc::new(Site {
            token: Token::random(),
            audience,
            pages: Pages::new(render),
            control,
            farewells: watch::Sender::default(),
        });
        let stop = CancellationToken::new();
        let listener = {
            let _on = on.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let (serving, stopped) = (Arc::clone(&site), stop.clone());
        on.spawn(async move {
            tokio::select! {
                () = accept(&listener, &serving, &stopped) => {}
                () = stopped.cancelled() => {}
            }
        });
        Ok(Self {
            site,
            address,
            _stop: stop.drop_guard(),
        })
    }

    /// Where a browser finds the page, with the token that lets it stop the run. It stands behind
    /// `#`, so a browser sends it to nobody.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.address.port();
        let ip = match self.address.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        format!("http://{}/#{}", SocketAddr::new(ip, port), self.site.token)
    }

    /// Whether other machines can reach it.
    #[must_use]
    pub const fn is_public(&self) -> bool {
        !self.address.ip().is_loopback()
    }

    /// Shows the last page to whoever looks, for a moment.
    pub async fn end(&self, page: Vec<u8>) {
        let mut farewells = self.site.farewells.subscribe();
        self.site.pages.end(page);
        if self.site.audience.is_there() {
            let shown = farewells.wait_for(|shown| *shown > 0);
            // Its answer is written before the server goes; a reader who doesn't come is left.
            if timeout(FAREWELL, shown)
                .await
                .is_ok_and(|shown| shown.is_ok())
            {
                sleep(NO_ROOM).await;
            }
        }
    }
}

/// Gives each connection a task of its own, for ever.
async fn accept(listener: &tokio::net::TcpListener, site: &Arc<Site>, stop: &CancellationToken) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let permit = Arc::clone(&room).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let serving = serve(stream, Arc::clone(site));
                let stop = stop.clone();
                tokio::spawn(async move {
                    let _permit = permit;
                    tokio::select! {
                        _ = timeout(SLOWEST, serving) => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
            Err(error) => {
                tracing::debug!(%error, "no connection to the live page could be accepted");
                sleep(NO_ROOM).await;
            }
        }
    }
}

/// Answers the one request of a connection.
async fn serve(stream: TcpStream, site: Arc<Site>) {
    let service = service_fn(|request: Request<Incoming>| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(site.answer(&request.into_parts().0).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SLOWEST_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the live page ended");
    }
}

impl Site {
    async fn answer(&self, parts: &http::request::Parts) -> Response<Full<Bytes>> {
        match Asked::of(parts, &self.token) {
            Asked::Page => self.page().await,
            Asked::Stop => {
                if !self.control.signalled() {
                    self.control.signal();
                }
                text(StatusCode::ACCEPTED, "stopping\n")
            }
            Asked::Forbidden => text(
                StatusCode::FORBIDDEN,
                "the token is missing or wrong: open the address that the run printed\n",
            ),
            Asked::Foreign => text(
                StatusCode::FORBIDDEN,
                "ask by the IP address or by localhost, not by another name\n",
            ),
            Asked::Nothing => text(StatusCode::NOT_FOUND, "there is only / here\n"),
        }
    }

    async fn page(&self) -> Response<Full<Bytes>> {
        if !self.audience.ask() && self.pages.last().is_none() {
            self.audience.news(NEXT_SECOND).await;
        }
        match self.pages.now().await {
            Ok(page) => {
                if self.pages.last().is_some() {
                    self.farewells.send_modify(|shown| *shown += 1);
                }
                answer(StatusCode::OK, "text/html; charset=utf-8", page)
            }
            Err(error) => {
                tracing::warn!(%error, "the live page can't be rendered");
                text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "no page can be rendered\n",
                )
            }
        }
    }
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    answer(
        status,
        "text/plain; charset=utf-8",
        Bytes::from_static(text.as_bytes()),
    )
}

fn answer(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let fixed = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // What the page may do stands in the page itself; this can't.
        (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
    ];
    for (name, value) in fixed {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    answer
}
