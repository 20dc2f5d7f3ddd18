//! HTTP/2 as one virtual user speaks it: one connection, whose streams are the user's concurrent
//! requests. It has no task of its own; whoever waits for an answer moves the whole connection on.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;
use parking_lot::Mutex;
use thiserror::Error;

use super::frames::{Ledger, Passage, Watched};
use super::http::TransportError;
use super::io::Stream;
use super::server_timing::ServerTiming;

/// What the server may send of one answer, and of all together, before it waits for room: as much
/// as Go's client, and so k6's, gives it.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;

/// Why there is no answer over HTTP/2.
#[derive(Debug, Error)]
pub enum Http2Error {
    /// This request was given up by the server (RST_STREAM).
    #[error("the server reset the stream: {0}")]
    Reset(Reason),
    /// The connection was given up by the server (GOAWAY).
    #[error("the server gave the connection up: {0}")]
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

/// Status, header fields and body.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) server_timing: ServerTiming,
}

/// A connection that speaks HTTP/2.
pub(super) struct Session {
    opened: Instant,
    sender: SendRequest<Bytes>,
    driven: Mutex<Driven>,
    ledger: Arc<Mutex<Ledger>>,
}

/// The connection, and everybody who waits for something of it.
struct Driven {
    connection: Connection<Watched, Bytes>,
    has_ended: bool,
    /// What the server said when it went away.
    farewell: Option<Reason>,
    /// Nobody should begin a request with it any more.
    is_retired: bool,
    waiting: Vec<(u64, Waker)>,
    /// How many there were.
    count: u64,
}

impl Session {
    /// Greets the server, without waiting for its answer.
    pub(super) async fn over(stream: Stream) -> Result<Arc<Self>, TransportError> {
        let ledger = Arc::new(Mutex::new(Ledger::new()));
        let watched = Watched::new(stream, Arc::clone(&ledger));
        let (sender, connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(watched)
            .await?;
        Ok(Arc::new(Self {
            opened: Instant::now(),
            sender,
            driven: Mutex::new(Driven {
                connection,
                has_ended: false,
                farewell: None,
                is_retired: false,
                waiting: Vec::new(),
                count: 0,
            }),
            ledger,
        }))
    }

    /// How long ago it was opened.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.opened)
    }

    /// Whether a request may begin with it, as far as is known without a look at the socket.
    pub(super) fn is_usable(&self) -> bool {
        let driven = self.driven.lock();
        !driven.has_ended && !driven.is_retired
    }

    /// Whether no request is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.driven.lock().waiting.is_empty()
    }

    /// Waits for the server's own greeting.
    pub(super) async fn greeted(&self) -> Result<(), TransportError> {
        let turn = Turn::new(self);
        let mut sender = self.sender.clone();
        poll_fn(|cx| {
            turn.drive(cx);
            if self.ledger.lock().is_greeted() {
                return Poll::Ready(Ok(()));
            }
            match sender.poll_ready(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// Waits until one more request may begin. An error is the connection's: nothing was sent.
    pub(super) async fn ready(&self) -> Result<Sender<'_>, TransportError> {
        let turn = Turn::new(self);
        let mut sender = self.sender.clone();
        let is_ready = poll_fn(|cx| {
            turn.drive(cx);
            sender.poll_ready(cx)
        });
        if let Err(error) = is_ready.await {
            self.driven.lock().is_retired = true;
            return Err(error.into());
        }
        Ok(Sender { turn, sender })
    }
}

/// A request's part in driving the connection. Whoever drove last is the one that the socket
/// wakes; so when one has what it waited for, the others must be woken to take over.
struct Turn<'a> {
    session: &'a Session,
    number: u64,
    /// The stream that is its own, once there is one.
    stream: Option<u32>,
}

impl<'a> Turn<'a> {
    fn new(session: &'a Session) -> Self {
        let mut driven = session.driven.lock();
        driven.count += 1;
        let number = driven.count;
        drop(driven);
        Self {
            session,
            number,
            stream: None,
        }
    }

    /// Reads and writes whatever can be.
    fn drive(&self, cx: &mut Context<'_>) {
        let mut driven = self.session.driven.lock();
        let place = driven.waiting.iter().position(|(of, _)| *of == self.number);
        match place {
            Some(at) => driven.waiting[at].1.clone_from(cx.waker()),
            None => driven.waiting.push((self.number, cx.waker().clone())),
        }
        if !driven.has_ended {
            let polled = Pin::new(&mut driven.connection).poll(cx);
            driven.has_ended = polled.is_ready();
            // The streams are told themselves, but for the reason.
            if let Poll::Ready(Err(error)) = polled {
                driven.farewell = error.reason().filter(|_| error.is_remote());
            }
        }
    }
}

impl Turn<'_> {
    /// A closed connection is one that was given up, if the server said so before.
    fn explain(&self, error: TransportError) -> TransportError {
        let farewell = self.session.driven.lock().farewell;
        match (error, farewell) {
            (TransportError::Closed, Some(reason)) => Http2Error::GoAway(reason).into(),
            (error, _) => error,
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(stream) = self.stream {
            self.session.ledger.lock().end(stream);
        }
        let mut driven = self.session.driven.lock();
        driven.waiting.retain(|(of, _)| *of != self.number);
        for (_, waker) in &driven.waiting {
            waker.wake_by_ref();
        }
    }
}

/// The right to send one request.
pub(super) struct Sender<'a> {
    turn: Turn<'a>,
    sender: SendRequest<Bytes>,
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
        let ledger = Arc::clone(&self.turn.session.ledger);
        let read_before = ledger.lock().read();
        let begun = head(scheme, method, path, fields)
            .map_err(|error| TransportError::from(Http2Error::from(error)))
            .and_then(|head| Ok(self.sender.send_request(head, body.is_none())?));
        let (response, sending) = match begun {
            Ok(begun) => begun,
            Err(error) => return (Err(error), Passage::default(), (0, 0)),
        };
        let id = sending.stream_id().as_u32();
        ledger.lock().begin(id);
        self.turn.stream = Some(id);
        let exchange = Exchange {
            turn: &self.turn,
            sending: body.map(|body| (sending, body)),
        };
        let outcome = tokio::time::timeout_at(deadline, exchange.answer(response)).await;
        let outcome = outcome.unwrap_or(Err(TransportError::Timeout));
        let outcome = outcome.map_err(|error| self.turn.explain(error));
        if matches!(outcome, Err(TransportError::Timeout)) {
            self.give_up(read_before).await;
        }
        let mut ledger = ledger.lock();
        (outcome, ledger.end(id), ledger.account())
    }

    /// Lets the server know. A connection on which nothing at all came is most likely dead.
    async fn give_up(&self, read_before: u64) {
        poll_fn(|cx| {
            self.turn.drive(cx);
            Poll::Ready(())
        })
        .await;
        let session = self.turn.session;
        let is_silent = session.ledger.lock().read() == read_before;
        session.driven.lock().is_retired |= is_silent;
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
        let mut server_timing = ServerTiming::default();
        for value in head.headers.get_all("server-timing") {
            if let Ok(text) = value.to_str() {
                server_timing.read(text);
            }
        }
        Ok(Received {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
            server_timing,
        })
    }

    async fn body(&mut self, incoming: &mut RecvStream) -> Result<Bytes, TransportError> {
        let mut whole = Bytes::new();
        let mut parts = BytesMut::new();
        while let Some(part) = self.part(incoming).await? {
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
