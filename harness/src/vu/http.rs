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
use url::{Position, Url};

use super::call::{Call, CallError};
use super::coding::CodingError;
use super::connection::{Connection, Received};
use super::cookies::Jar;
use super::header::Fields;
use super::http2::Http2Error;
use super::redirect::RedirectError;
use super::server_timing::ServerTiming;
use super::sessions::{Outgoing, Sessions};
use super::target::{Opening, Target};
use super::wire::ProtocolError;
use crate::catalogue::PartEntry;
use crate::metrics::{Method, Phase, Proto};

/// Why there is no answer, or none that is of use.
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
    /// Not sent, because it can't be.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Answered, but with a body that can't be decoded.
    #[error(transparent)]
    Coding(#[from] CodingError),
    /// Answered with a redirect that isn't followed.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    /// Status line and header fields, as they came.
    pub(super) head: Bytes,
    /// As it came.
    pub(super) body: Bytes,
    /// Whether the body is compressed.
    pub(super) coded: bool,
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

impl Times {
    /// Sending, waiting and receiving.
    pub(super) fn duration(&self) -> Duration {
        self.sending + self.waiting + self.receiving
    }

    /// All of them by name.
    pub(super) fn phases(&self) -> [(Phase, Duration); 7] {
        [
            (Phase::Duration, self.duration()),
            (Phase::Blocked, self.blocked),
            (Phase::Connecting, self.connecting),
            (Phase::TlsHandshaking, self.tls_handshaking),
            (Phase::Sending, self.sending),
            (Phase::Waiting, self.waiting),
            (Phase::Receiving, self.receiving),
        ]
    }
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
    /// The header fields of the run.
    fields: Arc<Fields>,
    /// The user's cookies, if it keeps any.
    jar: Option<Box<Jar>>,
    /// Connections not in use, the latest used last. One is the rule; concurrent requests of the
    /// same user open more. The lock is never contended: a user is one task.
    idle: Mutex<Vec<Connection>>,
    /// The same where HTTP/2 may be spoken.
    sessions: Sessions,
}

impl Client {
    /// A client without connections, whose requests have these fields. `cookies` says whether it
    /// keeps what servers set.
    #[must_use]
    pub fn new(target: Arc<Target>, timeout: Duration, fields: Arc<Fields>, cookies: bool) -> Self {
        Self {
            target,
            timeout,
            fields,
            jar: cookies.then(Box::default),
            idle: Mutex::new(Vec::new()),
            sessions: Sessions::new(),
        }
    }

    /// Closes every idle connection.
    pub fn disconnect(&self) {
        self.idle.lock().clear();
        self.sessions.disconnect();
    }

    pub(super) async fn send(&self, call: &Call<'_>) -> Exchange {
        let mut exchange = Exchange {
            response: Err(TransportError::Timeout),
            times: Times::default(),
            server_timing: ServerTiming::default(),
            proto: Proto::Http1,
            bytes_sent: 0,
            bytes_received: 0,
        };
        if let Err(error) = call.check() {
            exchange.response = Err(error.into());
            return exchange;
        }
        let started = Instant::now();
        let deadline = (started + self.timeout).into();
        let opened = match self.reuse(started).await {
            Some(connection) => Ok((connection, Opening::default())),
            None if self.target.speaks_http2() => {
                let outgoing = self.outgoing(call);
                let sent = self.sessions.send(&self.target, &outgoing, started, deadline);
                match Box::pin(sent).await {
                    Ok(exchange) => {
                        self.keep_cookies(call, &exchange);
                        return exchange;
                    }
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
                self.write(&mut connection, call);
                let keep = exchange
                    .answer(&mut connection, call.method, self.target.parts(), deadline)
                    .await;
                exchange.measure(&mut connection, begun);
                if keep {
                    self.idle.lock().push(connection);
                }
            }
        }
        self.keep_cookies(call, &exchange);
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

    fn write(&self, connection: &mut Connection, call: &Call<'_>) {
        let cookie = self.cookie(call);
        let prefix = self.target.prefix();
        call.write_head(&mut connection.out, prefix, &self.fields, cookie.as_deref());
        call.write_content(&mut connection.out);
    }

    /// The same for HTTP/2, which says the same in another form.
    fn outgoing(&self, call: &Call<'_>) -> Outgoing {
        let cookie = self.cookie(call);
        let mut fields = Vec::new();
        call.each_field(&self.fields, cookie.as_deref(), |name, value| {
            fields.push((name.to_owned(), value.to_owned()));
        });
        Outgoing {
            method: call.method,
            path: format!("{}{}", self.prefix(call), call.path),
            fields,
            body: call.content(),
        }
    }

    fn cookie(&self, call: &Call<'_>) -> Option<String> {
        let jar = self.jar.as_ref()?;
        jar.cookie(&self.url(call)?)
    }

    fn keep_cookies(&self, call: &Call<'_>, exchange: &Exchange) {
        if let (Some(jar), Ok(response)) = (&self.jar, &exchange.response)
            && let Some(url) = self.url(call)
        {
            jar.keep(&response.head, &url);
        }
    }

    /// What comes before a call's path.
    fn prefix(&self, call: &Call<'_>) -> &str {
        if call.rooted {
            ""
        } else {
            self.target.prefix()
        }
    }

    /// The address that a call goes to, as text.
    pub(super) fn address(&self, call: &Call<'_>) -> String {
        let origin = &self.target.base()[..Position::BeforePath];
        format!("{origin}{}{}", self.prefix(call), call.path)
    }

    /// The address that a call goes to; none for what isn't a path.
    pub(super) fn url(&self, call: &Call<'_>) -> Option<Url> {
        Url::parse(&self.address(call)).ok()
    }
}

impl Exchange {
    /// What was answered; the measures stay.
    pub(super) fn take_response(&mut self) -> Result<Response, TransportError> {
        std::mem::replace(&mut self.response, Err(TransportError::Closed))
    }

    /// Sends what was written and takes the answer; whether the connection may be used again.
    async fn answer(
        &mut self,
        connection: &mut Connection,
        method: Method,
        known: &[PartEntry],
        deadline: tokio::time::Instant,
    ) -> bool {
        match connection.exchange(method, known, deadline).await {
            Ok(Received {
                head,
                text,
                body,
                keep,
            }) => {
                self.server_timing = head.server_timing;
                self.response = Ok(Response {
                    status: head.status,
                    head: text,
                    body,
                    coded: head.coded,
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
