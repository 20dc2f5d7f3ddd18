//! A request with everything that was measured of it.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::Reason;

use super::connection::Connection;
use super::error::{Http2Error, TransportError};
use super::frames::Passage;
use super::server_timing::ServerTiming;
use super::target::Opening;
use crate::metrics::{Method, Phase, Proto};

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

    /// Notes what a new connection took.
    pub(super) fn opened(&mut self, opening: Opening) {
        self.connecting += opening.connecting;
        self.tls_handshaking += opening.tls_handshaking;
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
    /// Whether there was a connection: without one, nothing was sent and nothing took its time.
    pub(super) connected: bool,
    /// Whether it was sent once more on a new connection.
    pub(super) reconnected: bool,
}

/// Whether the other side closed the connection.
fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
    )
}

impl Exchange {
    /// One that has not begun.
    pub(super) fn new() -> Self {
        Self {
            response: Err(TransportError::Closed),
            times: Times::default(),
            server_timing: ServerTiming::default(),
            proto: Proto::Http1,
            bytes_sent: 0,
            bytes_received: 0,
            connected: false,
            reconnected: false,
        }
    }

    /// What was answered; the measures stay.
    pub(super) fn take_response(&mut self) -> Result<Response, TransportError> {
        std::mem::replace(&mut self.response, Err(TransportError::Closed))
    }

    /// Whether nothing was answered because the connection was closed, and another try does no
    /// harm: the method is safe, or nothing was sent.
    pub(super) fn was_never_heard(&self, method: Method) -> bool {
        let closed = match &self.response {
            Err(TransportError::Closed) => true,
            Err(TransportError::Broken(error)) => is_closed(error),
            _ => false,
        };
        let safe = matches!(method, Method::Get | Method::Head) || self.bytes_sent == 0;
        closed && safe && self.bytes_received == 0
    }

    /// The same over HTTP/2, by what passed on its stream: a server that refused it, or went away
    /// without a look at it, says itself that another try does no harm.
    pub(super) fn was_never_looked_at(&self, passage: Passage, method: Method, kept: bool) -> bool {
        let unheard = kept && matches!(method, Method::Get | Method::Head);
        match &self.response {
            Err(TransportError::Http2(Http2Error::Reset(Reason::REFUSED_STREAM))) => true,
            Err(_) if passage.ignored => true,
            Err(TransportError::Http2(Http2Error::GoAway(Reason::NO_ERROR)))
            | Err(TransportError::Closed) => unheard && passage.first.is_none(),
            Err(TransportError::Broken(error)) => {
                unheard && passage.first.is_none() && is_closed(error)
            }
            _ => false,
        }
    }

    /// Begins again on a new connection.
    pub(super) fn again(&mut self) {
        *self = Self {
            reconnected: true,
            ..Self::new()
        };
    }

    /// Notes that it was cut after this time: whatever it was waiting for has taken so long at
    /// least.
    pub(super) fn cut(&mut self, so_far: Duration) {
        if self.connected {
            self.times.waiting = so_far.saturating_sub(self.times.blocked);
        } else {
            self.times.blocked = so_far;
        }
    }

    /// Notes when what passed on the connection.
    pub(super) fn measure(&mut self, connection: &mut Connection, begun: Instant) {
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
