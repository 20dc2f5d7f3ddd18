//! The HTTP/2 connection of a virtual user: found, opened or replaced for each request.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;

use super::http::{Exchange, Response, Times, TransportError};
use super::http2::Received;
use super::io::Stream;
use super::server_timing::ServerTiming;
use super::session::{Sender, Session};
use super::target::{Opening, Target};
use super::wire;
use crate::metrics::{Method, Proto};

/// At most one connection that speaks HTTP/2, and whatever its requests still need of the one
/// before.
#[derive(Default)]
pub(super) struct Sessions {
    current: Mutex<Option<Arc<Session>>>,
    /// Concurrent requests wait for one handshake, and then share what came of it.
    opening: tokio::sync::Mutex<()>,
}

/// A request as a user makes it.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Option<&'a [u8]>,
}

/// What a request is sent over.
enum Found {
    /// A connection of before.
    Kept(Arc<Session>),
    /// A new one.
    Opened(Arc<Session>, Opening),
    /// The server wants HTTP/1.1 on this one.
    Other(Stream, Opening),
}

impl Sessions {
    pub(super) const fn new() -> Self {
        Self {
            current: Mutex::new(None),
            opening: tokio::sync::Mutex::const_new(()),
        }
    }

    /// Leaves the connection to the requests that are under way.
    pub(super) fn disconnect(&self) {
        *self.current.lock() = None;
    }

    /// Sends a request over HTTP/2, or gives the connection on which the server wants HTTP/1.1.
    pub(super) async fn send(
        &self,
        target: &Target,
        call: Call<'_>,
        started: Instant,
        deadline: tokio::time::Instant,
    ) -> Result<Exchange, (Stream, Opening)> {
        let mut exchange = Exchange {
            response: Err(TransportError::Timeout),
            times: Times::default(),
            server_timing: ServerTiming::default(),
            proto: Proto::Http2,
            bytes_sent: 0,
            bytes_received: 0,
        };
        loop {
            let found = tokio::time::timeout_at(deadline, self.find(target, started)).await;
            let (session, is_new) = match found.unwrap_or(Err(TransportError::Timeout)) {
                Ok(Found::Kept(session)) => (session, false),
                Ok(Found::Opened(session, opening)) => {
                    exchange.times.connecting = opening.connecting;
                    exchange.times.tls_handshaking = opening.tls_handshaking;
                    (session, true)
                }
                Ok(Found::Other(stream, opening)) => return Err((stream, opening)),
                Err(error) => {
                    exchange.response = Err(error);
                    break;
                }
            };
            let ready = tokio::time::timeout_at(deadline, session.ready()).await;
            match ready.unwrap_or(Err(TransportError::Timeout)) {
                Ok(sender) => {
                    let begun = Instant::now();
                    exchange.times.blocked = begun - started;
                    exchange.over(sender, target, call, begun, deadline).await;
                    return Ok(exchange);
                }
                Err(error) if is_new || matches!(error, TransportError::Timeout) => {
                    exchange.response = Err(error);
                    break;
                }
                // Closed while it was idle: replaced without a failure, as with HTTP/1.1.
                Err(_) => {}
            }
        }
        exchange.times.blocked = started.elapsed();
        Ok(exchange)
    }

    async fn find(&self, target: &Target, now: Instant) -> Result<Found, TransportError> {
        if let Some(session) = self.usable(target, now) {
            return Ok(Found::Kept(session));
        }
        let _alone = self.opening.lock().await;
        if let Some(session) = self.usable(target, now) {
            return Ok(Found::Kept(session));
        }
        let (stream, opening) = target.open().await?;
        if !target.agreed_on_http2(&stream) {
            return Ok(Found::Other(stream, opening));
        }
        let session = Session::over(stream).await?;
        *self.current.lock() = Some(Arc::clone(&session));
        Ok(Found::Opened(session, opening))
    }

    /// The connection, if a request may begin with it. It is renewed only between requests.
    fn usable(&self, target: &Target, now: Instant) -> Option<Arc<Session>> {
        let current = self.current.lock();
        let is_young = |session: &Session| {
            let limit = target.connection_age();
            limit.is_none_or(|limit| session.age(now) <= limit) || !session.is_idle()
        };
        let usable = |session: &&Arc<Session>| session.is_usable() && is_young(session);
        current.as_ref().filter(usable).cloned()
    }
}

impl Exchange {
    async fn over(
        &mut self,
        sender: Sender<'_>,
        target: &Target,
        call: Call<'_>,
        begun: Instant,
        deadline: tokio::time::Instant,
    ) {
        if let Err(error) = wire::check(call.path) {
            self.response = Err(error.into());
            return;
        }
        let length = call.body.map(|body| body.len().to_string());
        let of_body = length.iter().flat_map(|length| {
            let kind = ("content-type", "application/json");
            [kind, ("content-length", length.as_str())]
        });
        let path = format!("{}{}", target.prefix(), call.path);
        let (outcome, passage, bytes) = sender
            .exchange(
                target.base().scheme(),
                call.method.as_str(),
                &path,
                target.field_pairs().chain(of_body),
                call.body.map(Bytes::copy_from_slice),
                deadline,
            )
            .await;
        (self.bytes_sent, self.bytes_received) = bytes;
        let answered = passage.last.filter(|_| outcome.is_ok());
        // Without an answer, it ends when that is clear.
        let ended = answered.map_or_else(Instant::now, |came| came.max(begun));
        let written = passage.sent.unwrap_or(ended).clamp(begun, ended);
        let first_byte = passage.first.unwrap_or(ended).clamp(written, ended);
        self.times.sending = written - begun;
        self.times.waiting = first_byte - written;
        self.times.receiving = ended - first_byte;
        self.response = outcome.map(|received| {
            let Received {
                status,
                body,
                server_timing,
                ..
            } = received;
            self.server_timing = server_timing;
            Response { status, body }
        });
    }
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
