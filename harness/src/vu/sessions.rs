//! The HTTP/2 connection of a virtual user: found, opened or replaced for each request.

use std::sync::Arc;
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;

use super::error::TransportError;
use super::exchange::{Exchange, Response};
use super::frames::Passage;
use super::io::Stream;
use super::server_timing::ServerTiming;
use super::session::{Sender, Session};
use super::target::{Opening, Target};
use crate::metrics::{Method, Proto};

/// At most one connection that speaks HTTP/2, and whatever its requests still need of the one
/// before.
#[derive(Default)]
pub(super) struct Sessions {
    current: Mutex<Option<Arc<Session>>>,
    /// Concurrent requests wait for one handshake, and then share what came of it.
    opening: tokio::sync::Mutex<()>,
}

/// A request as HTTP/2 says it.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    /// With what comes before it at the target.
    pub(super) path: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Option<Bytes>,
}

/// What a request is sent over.
enum Found {
    /// A connection of before.
    Kept(Arc<Session>),
    /// A new one.
    Opened(Arc<Session>),
    /// The server wants HTTP/1.1 on this one.
    Other(Stream),
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
        outgoing: &Outgoing,
        exchange: &mut Exchange,
        started: Instant,
        deadline: tokio::time::Instant,
    ) -> Result<(), Stream> {
        exchange.proto = Proto::Http2;
        loop {
            let mut opening = Opening::default();
            let found = self.find(target, &mut opening, started, deadline);
            let found = tokio::time::timeout_at(deadline, found).await;
            exchange.times.opened(opening);
            let (session, is_new) = match found.unwrap_or(Err(TransportError::Timeout)) {
                Ok(Found::Kept(session)) => (session, false),
                Ok(Found::Opened(session)) => (session, true),
                Ok(Found::Other(stream)) => {
                    exchange.proto = Proto::Http1;
                    return Err(stream);
                }
                Err(error) => {
                    exchange.response = Err(error);
                    break;
                }
            };
            let ready = tokio::time::timeout_at(deadline, session.ready()).await;
            match ready.unwrap_or(Err(TransportError::Timeout)) {
                Ok(mut sender) => {
                    sender.most = target.most_body();
                    let begun = Instant::now();
                    exchange.times.blocked = begun - started;
                    exchange.connected = true;
                    let passage = exchange
                        .over(sender, target, outgoing, begun, deadline)
                        .await;
                    let again = !exchange.reconnected
                        && exchange.was_never_looked_at(passage, outgoing.method, !is_new);
                    if !again {
                        return Ok(());
                    }
                    // A stream that is refused leaves its connection as it is.
                    exchange.again();
                    exchange.proto = Proto::Http2;
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
        Ok(())
    }

    async fn find(
        &self,
        target: &Target,
        opening: &mut Opening,
        now: Instant,
        deadline: tokio::time::Instant,
    ) -> Result<Found, TransportError> {
        if let Some(session) = self.usable(target, now) {
            return Ok(Found::Kept(session));
        }
        let _alone = self.opening.lock().await;
        if let Some(session) = self.usable(target, now) {
            return Ok(Found::Kept(session));
        }
        let stream = target.open(opening, deadline).await?;
        if !target.agreed_on_http2(&stream) {
            return Ok(Found::Other(stream));
        }
        let session = Session::over(stream).await?;
        *self.current.lock() = Some(Arc::clone(&session));
        Ok(Found::Opened(session))
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
        outgoing: &Outgoing,
        begun: Instant,
        deadline: tokio::time::Instant,
    ) -> Passage {
        let length = outgoing.body.as_ref().map(|body| body.len().to_string());
        let length = length
            .iter()
            .map(|length| ("content-length", length.as_str()));
        let fields = outgoing.fields.iter();
        let fields = fields.map(|(name, value)| (name.as_str(), value.as_str()));
        let (outcome, passage, bytes) = sender
            .exchange(
                target.base().scheme(),
                outgoing.method.as_str(),
                &outgoing.path,
                fields.chain(length),
                outgoing.body.clone(),
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
            self.server_timing = ServerTiming::of(&received.headers, target.parts());
            Response {
                status: received.status,
                coded: received
                    .headers
                    .contains_key(http::header::CONTENT_ENCODING),
                head: as_text(&received.headers),
                body: received.body,
            }
        });
        passage
    }
}

/// Header fields as HTTP/1.1 would have them.
fn as_text(headers: &http::HeaderMap) -> Bytes {
    let mut text = BytesMut::from("HTTP/2\r\n");
    for (name, value) in headers {
        text.put_slice(name.as_str().as_bytes());
        text.put_slice(b": ");
        text.put_slice(value.as_bytes());
        text.put_slice(b"\r\n");
    }
    text.freeze()
}

#[cfg(test)]
#[path = "sessions_tests.rs"]
mod tests;
