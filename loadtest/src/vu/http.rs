//! The measured HTTP client of one virtual user, with k6's definitions of a request's times.
//!
//! ```text
//! |------------ blocked ------------|--------------- duration ---------------|
//! |  wait for a free connection,    |  sending  |   waiting   |  receiving   |
//! |  connecting, tls handshaking    |           | (to 1st byte)|             |
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use thiserror::Error;

use super::connection::Connection;
use super::http2::Http2Error;
use super::server_timing::ServerTiming;
use super::sessions::{Call, Sessions};
use super::target::{Opening, Target};
use super::wire::{self, PathError, ProtocolError};
use crate::metrics::{Method, Proto};

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
    /// Broken off.
    #[error("the connection broke: {0}")]
    Broken(#[from] std::io::Error),
    /// Not HTTP.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// Not answered over HTTP/2.
    #[error(transparent)]
    Http2(#[from] Http2Error),
    /// The path is none.
    #[error(transparent)]
    Path(#[from] PathError),
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
    pub(super) server_timing: ServerTiming,
    pub(super) proto: Proto,
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
    /// The same where HTTP/2 may be spoken.
    sessions: Sessions,
}

impl Client {
    /// A client without connections.
    #[must_use]
    pub const fn new(target: Arc<Target>, timeout: Duration) -> Self {
        Self {
            target,
            timeout,
            idle: Mutex::new(Vec::new()),
            sessions: Sessions::new(),
        }
    }

    /// Closes every idle connection.
    pub fn disconnect(&self) {
        self.idle.lock().clear();
        self.sessions.disconnect();
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: Option<&[u8]>) -> Exchange {
        let started = Instant::now();
        let deadline = (started + self.timeout).into();
        let mut exchange = Exchange {
            response: Err(TransportError::Timeout),
            times: Times::default(),
            server_timing: ServerTiming::default(),
            proto: Proto::Http1,
            bytes_sent: 0,
            bytes_received: 0,
        };
        let opened = match self.reuse(started).await {
            Some(connection) => Ok((connection, Opening::default())),
            None if self.target.speaks_http2() => {
                let call = Call { method, path, body };
                let sent = self.sessions.send(&self.target, call, started, deadline);
                match Box::pin(sent).await {
                    Ok(exchange) => return exchange,
                    Err((stream, opening)) => Ok((Connection::over(stream, deadline), opening)),
                }
            }
            // Boxed: rare, and larger than everything else that a request keeps in memory.
            None => Box::pin(self.open(deadline)).await,
        };
        let begun = Instant::now();
        exchange.times.blocked = begun - started;
        match opened {
            Err(error) => exchange.response = Err(error),
            Ok((mut connection, opening)) => {
                exchange.times.connecting = opening.connecting;
                exchange.times.tls_handshaking = opening.tls_handshaking;
                connection.meter().begin();
                let keep = match self.write(&mut connection, method, path, body) {
                    Ok(()) => exchange.answer(&mut connection, deadline).await,
                    Err(error) => {
                        exchange.response = Err(error);
                        false
                    }
                };
                exchange.measure(&mut connection, begun);
                if keep {
                    self.idle.lock().push(connection);
                }
            }
        }
        exchange
    }

    /// An idle connection that the server has not closed meanwhile, and that is not too old.
    async fn reuse(&self, now: Instant) -> Option<Connection> {
        loop {
            let mut connection = self.idle.lock().pop()?;
            let age = self.target.connection_age();
            if age.is_some_and(|age| connection.age(now) > age) {
                continue;
            }
            connection.rewind();
            if connection.is_open().await {
                return Some(connection);
            }
        }
    }

    async fn open(
        &self,
        deadline: tokio::time::Instant,
    ) -> Result<(Connection, Opening), TransportError> {
        let (stream, opening) = tokio::time::timeout_at(deadline, self.target.open())
            .await
            .unwrap_or(Err(TransportError::Timeout))?;
        Ok((Connection::over(stream, deadline), opening))
    }

    fn write(
        &self,
        connection: &mut Connection,
        method: Method,
        path: &str,
        body: Option<&[u8]>,
    ) -> Result<(), TransportError> {
        let target = &self.target;
        wire::request(
            &mut connection.out,
            method,
            target.prefix(),
            path,
            target.fields(),
            body,
        )?;
        Ok(())
    }
}

impl Exchange {
    /// Sends what was written and takes the answer; whether the connection may be used again.
    async fn answer(
        &mut self,
        connection: &mut Connection,
        deadline: tokio::time::Instant,
    ) -> bool {
        match connection.exchange(deadline).await {
            Ok((head, body, keep)) => {
                self.server_timing = head.server_timing;
                self.response = Ok(Response {
                    status: head.status,
                    body,
                });
                keep
            }
            Err(error) => {
                self.response = Err(error);
                false
            }
        }
    }

    fn measure(&mut self, connection: &mut Connection, begun: Instant) {
        let meter = connection.meter();
        let answered = meter.last_read().filter(|_| self.response.is_ok());
        // Without an answer, it ends when that is clear.
        let ended = answered.map_or_else(Instant::now, |came| came.max(begun));
        let written = meter.last_write().unwrap_or(ended).clamp(begun, ended);
        let first_byte = meter.first_read().unwrap_or(ended).clamp(written, ended);
        self.times.sending = written - begun;
        self.times.waiting = first_byte - written;
        self.times.receiving = ended - first_byte;
        self.bytes_sent = meter.written();
        self.bytes_received = meter.read();
    }
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
