//! The measured HTTP/1.1 client of one virtual user, with k6's definitions of a request's times.
//!
//! ```text
//! |------------ blocked ------------|--------------- duration ---------------|
//! |  wait for a free connection,    |  sending  |   waiting   |  receiving   |
//! |  connecting, tls handshaking    |           | (to 1st byte)|             |
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use http_body_util::Full;
use parking_lot::Mutex;
use thiserror::Error;

use super::connection::Connection;
use super::server_timing;
use super::target::{Opening, Target};
use crate::metrics::{Method, Phase};

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum TransportError {
    /// No connection.
    #[error("could not connect: {0}")]
    Connect(#[source] std::io::Error),
    /// No TLS.
    #[error("TLS handshake failed: {0}")]
    Tls(#[source] std::io::Error),
    /// Not answered in time.
    #[error("timed out")]
    Timeout,
    /// Closed half-way.
    #[error("connection closed by the server")]
    Closed,
    /// Not HTTP, or broken off.
    #[error("{0}")]
    Protocol(#[from] hyper::Error),
    /// The path is none.
    #[error("not a path: {0}")]
    Path(#[from] http::Error),
}

/// Status and body.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// How long each part of a request took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Times {
    pub(super) blocked: Duration,
    pub(super) connecting: Duration,
    pub(super) tls_handshaking: Duration,
    pub(super) sending: Duration,
    pub(super) waiting: Duration,
    pub(super) receiving: Duration,
}

/// A request with everything that was measured of it.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) response: Result<Response, TransportError>,
    pub(super) times: Times,
    pub(super) server_timing: Vec<(Phase, Duration)>,
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
}

/// The connections of one virtual user.
pub struct Client {
    target: Arc<Target>,
    timeout: Duration,
    /// Connections not in use, the latest used last. One is the rule; concurrent requests of the
    /// same user open more. The lock is never contended: a user is one task.
    idle: Mutex<Vec<Connection>>,
}

impl Client {
    /// A client without connections.
    #[must_use]
    pub const fn new(target: Arc<Target>, timeout: Duration) -> Self {
        Self {
            target,
            timeout,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Closes every idle connection.
    pub fn disconnect(&self) {
        self.idle.lock().clear();
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Option<Bytes>) -> Exchange {
        let started = Instant::now();
        let deadline = (started + self.timeout).into();
        let mut exchange = Exchange {
            response: Err(TransportError::Timeout),
            times: Times::default(),
            server_timing: Vec::new(),
            bytes_sent: 0,
            bytes_received: 0,
        };
        let connected = tokio::time::timeout_at(deadline, self.connection(deadline));
        let opened = match self.reuse().await {
            Some(connection) => Ok((connection, Opening::default())),
            None => connected.await.unwrap_or(Err(TransportError::Timeout)),
        };
        exchange.times.blocked = started.elapsed();
        match opened {
            Err(error) => exchange.response = Err(error),
            Ok((connection, opening)) => {
                exchange.times.connecting = opening.connecting;
                exchange.times.tls_handshaking = opening.tls_handshaking;
                self.exchange(connection, method, path, body, deadline, &mut exchange)
                    .await;
            }
        }
        exchange
    }

    /// An idle connection that the server has not closed meanwhile.
    async fn reuse(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle.lock().pop()?;
            if connection.is_ready().await {
                return Some(connection);
            }
        }
    }

    async fn connection(
        &self,
        deadline: tokio::time::Instant,
    ) -> Result<(Connection, Opening), TransportError> {
        let (stream, meter, opening) = self.target.open().await?;
        let mut connection = Connection::over(stream, meter, deadline).await?;
        if connection.is_ready().await {
            Ok((connection, opening))
        } else {
            Err(TransportError::Closed)
        }
    }

    async fn exchange(
        &self,
        mut connection: Connection,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        deadline: tokio::time::Instant,
        exchange: &mut Exchange,
    ) {
        connection.meter().begin();
        let begun = Instant::now();
        exchange.response = self
            .answer(&mut connection, method, path, body, deadline, exchange)
            .await;
        let ended = Instant::now();
        let meter = connection.meter();
        let written = meter.last_write().unwrap_or(ended).clamp(begun, ended);
        let first_byte = meter.first_read().unwrap_or(ended).clamp(written, ended);
        exchange.times.sending = written - begun;
        exchange.times.waiting = first_byte - written;
        exchange.times.receiving = ended - first_byte;
        (exchange.bytes_sent, exchange.bytes_received) = meter.take_bytes();
        if exchange.response.is_ok() {
            self.idle.lock().push(connection);
        }
    }

    async fn answer(
        &self,
        connection: &mut Connection,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        deadline: tokio::time::Instant,
        exchange: &mut Exchange,
    ) -> Result<Response, TransportError> {
        let request = self.request(method, path, body)?;
        let (head, body) = connection.head(request, deadline).await?.into_parts();
        if let Some(Ok(header)) = head.headers.get("server-timing").map(HeaderValue::to_str) {
            exchange.server_timing.extend(server_timing::parse(header));
        }
        let body = connection.body(body, deadline).await?;
        Ok(Response {
            status: head.status.as_u16(),
            body,
        })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<http::Request<Full<Bytes>>, TransportError> {
        let method = match method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
        };
        let mut request = http::Request::builder()
            .method(method)
            .header(HOST, self.target.host_header())
            .header(
                USER_AGENT,
                HeaderValue::from_static(concat!("loadtest/", env!("CARGO_PKG_VERSION"))),
            )
            .header(ACCEPT, HeaderValue::from_static("application/json"));
        request = match self.target.prefix() {
            "" => request.uri(path),
            prefix => request.uri(format!("{prefix}{path}")),
        };
        if body.is_some() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(request.body(Full::new(body.unwrap_or_default()))?)
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
