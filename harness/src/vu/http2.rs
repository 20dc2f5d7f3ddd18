//! A request over HTTP/2 (RFC 9113), and its answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;

use super::error::{Http2Error, TransportError};
use super::frames::Passage;
use super::session::{Sender, Turn};

/// Status, header fields and body.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Sender<'_> {
    /// Sends a request and takes its answer. `fields` are all of its header fields, its `host`
    /// among them. What passed is told even if there is no answer.
    pub(super) async fn exchange<'h>(
        mut self,
        scheme: &str,
        method: &str,
        path: &str,
        fields: impl Iterator<Item = (&'h str, &'h str)>,
        body: Option<Bytes>,
        deadline: tokio::time::Instant,
    ) -> (Result<Received, TransportError>, Passage, (u64, u64)) {
        let read_before = self.turn.bytes_read();
        let begun = head(scheme, method, path, fields)
            .map_err(|error| TransportError::from(Http2Error::from(error)))
            .and_then(|head| Ok(self.sender.send_request(head, body.is_none())?));
        let (response, sending) = match begun {
            Ok(begun) => begun,
            Err(error) => return (Err(error), Passage::default(), (0, 0)),
        };
        self.turn.begin(sending.stream_id().as_u32());
        let exchange = Exchange {
            turn: &self.turn,
            most: self.most,
            sending: body.map(|body| (sending, body)),
        };
        let outcome = tokio::time::timeout_at(deadline, exchange.answer(response)).await;
        let outcome = match outcome {
            Ok(outcome) => outcome.map_err(|error| explain(error, self.turn.farewell())),
            Err(_) => {
                self.give_up(read_before).await;
                Err(TransportError::Timeout)
            }
        };
        let (passage, bytes) = self.turn.end();
        (outcome, passage, bytes)
    }

    /// Lets the server know. A connection on which nothing at all came is most likely dead.
    async fn give_up(&self, read_before: u64) {
        poll_fn(|cx| {
            self.turn.drive(cx);
            Poll::Ready(())
        })
        .await;
        if self.turn.bytes_read() == read_before {
            self.turn.retire();
        }
    }
}

/// A closed connection is one that was given up, if the server said so before.
fn explain(error: TransportError, farewell: Option<Reason>) -> TransportError {
    match (error, farewell) {
        (TransportError::Closed, Some(reason)) => Http2Error::GoAway(reason).into(),
        (error, _) => error,
    }
}

/// The head of a request. Fields that are about a connection of HTTP/1.1 have no place in it.
fn head<'h>(
    scheme: &str,
    method: &str,
    path: &str,
    fields: impl Iterator<Item = (&'h str, &'h str)>,
) -> Result<http::Request<()>, http::Error> {
    const OF_CONNECTIONS: [&str; 5] = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    ];
    let mut authority = "";
    let mut builder = http::Request::builder()
        .method(method)
        .version(http::Version::HTTP_2);
    for (name, value) in fields {
        let is = |other: &&str| name.eq_ignore_ascii_case(other);
        if is(&"host") {
            authority = value;
        } else if !OF_CONNECTIONS.iter().any(is) {
            builder = builder.header(name, value);
        }
    }
    let uri = http::Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(path)
        .build()?;
    builder.uri(uri).body(())
}

/// A request on its way: what is still to be sent, while the answer may come already.
struct Exchange<'a, 't> {
    turn: &'a Turn<'t>,
    /// The longest body that is read.
    most: usize,
    sending: Option<(SendStream<Bytes>, Bytes)>,
}

impl Exchange<'_, '_> {
    async fn answer(mut self, mut response: ResponseFuture) -> Result<Received, TransportError> {
        let answer = poll_fn(|cx| {
            self.go_on(cx);
            Pin::new(&mut response).poll(cx)
        });
        let (head, mut incoming) = answer.await?.into_parts();
        let body = self.body(&mut incoming).await?;
        Ok(Received {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }

    async fn body(&mut self, incoming: &mut RecvStream) -> Result<Bytes, TransportError> {
        let mut whole = Bytes::new();
        let mut parts = BytesMut::new();
        while let Some(part) = self.part(incoming).await? {
            if whole.len().max(parts.len()) + part.len() > self.most {
                return Err(TransportError::TooLong(self.most));
            }
            // Whatever was taken makes room for more.
            incoming.flow_control().release_capacity(part.len())?;
            if whole.is_empty() {
                whole = part;
                continue;
            }
            if parts.is_empty() {
                parts.extend_from_slice(&whole);
            }
            parts.extend_from_slice(&part);
        }
        if parts.is_empty() {
            return Ok(whole);
        }
        Ok(parts.freeze())
    }

    async fn part(&mut self, incoming: &mut RecvStream) -> Result<Option<Bytes>, TransportError> {
        if incoming.is_end_stream() {
            return Ok(None);
        }
        let part = poll_fn(|cx| {
            self.go_on(cx);
            incoming.poll_data(cx)
        });
        Ok(part.await.transpose()?)
    }

    /// Moves the connection on, and what is left of the request.
    fn go_on(&mut self, cx: &mut Context<'_>) {
        self.turn.drive(cx);
        while let Poll::Ready(more) = self.push(cx) {
            self.turn.drive(cx);
            if !more {
                self.sending = None;
                break;
            }
        }
    }

    /// Sends as much of the body as the server has room for; whether there is more. A server that
    /// takes no more says in its answer, or by its absence, what there is to say.
    fn push(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Some((stream, body)) = &mut self.sending else {
            return Poll::Pending;
        };
        if body.is_empty() {
            let _ = stream.send_data(Bytes::new(), true);
            return Poll::Ready(false);
        }
        stream.reserve_capacity(body.len());
        let Some(Ok(room)) = ready!(stream.poll_capacity(cx)) else {
            return Poll::Ready(false);
        };
        let part = body.split_to(room.min(body.len()));
        let is_last = body.is_empty();
        let is_sent = stream.send_data(part, is_last).is_ok();
        Poll::Ready(is_sent && !is_last)
    }
}

#[cfg(test)]
#[path = "http2_tests.rs"]
mod tests;
