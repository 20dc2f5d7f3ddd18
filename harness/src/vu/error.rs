//! Why a call has no answer, or one that can't be used.

use h2::Reason;
use thiserror::Error;

use super::coding::CodingError;
use super::redirect::RedirectError;
use super::wire::{PathError, ProtocolError};
use crate::format::size;

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
    /// Answered with more than is read.
    #[error("the answer's body is longer than {} (--max-body)", size(*.0))]
    TooLong(usize),
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

/// A call that can't be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// Its path is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// One of its headers is none.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Its body can't be made.
    #[error("the body can't be written as JSON: {0}")]
    Json(String),
}

/// A header field that can't be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// Its name is none.
    #[error("'{0}' is not a header's name: it may hold letters, digits and !#$%&'*+-.^_`|~ only")]
    Name(String),
    /// Its value is none. It may be a secret, so it isn't shown.
    #[error("the value of the header '{0}' has a line break or another control character")]
    Value(String),
    /// The client decides it.
    #[error("the header '{0}' follows from the body and can't be given")]
    Framing(String),
}

/// Why there is no answer over HTTP/2.
#[derive(Debug, Error)]
pub enum Http2Error {
    /// This request was given up by the server (RST_STREAM).
    #[error("the server reset the stream: {0}")]
    Reset(Reason),
    /// The connection was given up by the server (GOAWAY).
    #[error("the server closed the connection: {0}")]
    GoAway(Reason),
    /// It speaks something else.
    #[error("the answer is not HTTP/2: {0}")]
    Protocol(#[source] h2::Error),
    /// No such request can be written.
    #[error("the request can't be written: {0}")]
    Request(#[from] http::Error),
}

impl From<h2::Error> for TransportError {
    fn from(error: h2::Error) -> Self {
        let reason = error.reason().filter(|_| error.is_remote());
        match reason {
            Some(reason) if error.is_go_away() => Http2Error::GoAway(reason).into(),
            Some(reason) => Http2Error::Reset(reason).into(),
            None if error.is_io() => match error.into_io() {
                Some(io) if io.kind() != std::io::ErrorKind::BrokenPipe => Self::Broken(io),
                _ => Self::Closed,
            },
            None => Http2Error::Protocol(error).into(),
        }
    }
}
