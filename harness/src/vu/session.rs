//! A connection of HTTP/2 as one virtual user has it: its streams are the user's concurrent
//! requests. It has no task of its own: any future that waits for something drives all of it.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::Reason;
use h2::client::{Builder, Connection, SendRequest};
use parking_lot::Mutex;

use super::error::TransportError;
use super::frames::{Passage, Traffic, Watched};
use super::io::Stream;

/// What the server may send of one answer, and of all together, before it waits for room: as much
/// as Go's client, and so k6's, gives it.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 1 << 30;

/// A connection that speaks HTTP/2.
pub(super) struct Session {
    opened: Instant,
    sender: SendRequest<Bytes>,
    driven: Mutex<Driven>,
    traffic: Arc<Mutex<Traffic>>,
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
        let traffic = Arc::new(Mutex::new(Traffic::new()));
        let watched = Watched::new(stream, Arc::clone(&traffic));
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
            traffic,
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
            if self.traffic.lock().is_greeted() {
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
            turn.retire();
            return Err(error.into());
        }
        let most = usize::MAX;
        Ok(Sender { turn, sender, most })
    }
}

/// The right to send one request.
pub(super) struct Sender<'a> {
    pub(super) turn: Turn<'a>,
    pub(super) sender: SendRequest<Bytes>,
    /// The longest body of an answer that is read.
    pub(super) most: usize,
}

/// A request's part in driving the connection. Whoever drove last is the one that the socket
/// wakes; so when one has what it waited for, the others must be woken to take over.
pub(super) struct Turn<'a> {
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
    pub(super) fn drive(&self, cx: &mut Context<'_>) {
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

    /// Has its stream's frames noted as they pass.
    pub(super) fn begin(&mut self, stream: u32) {
        self.session.traffic.lock().begin(stream);
        self.stream = Some(stream);
    }

    /// What was noted, and the bytes written and read.
    pub(super) fn end(&mut self) -> (Passage, (u64, u64)) {
        let mut traffic = self.session.traffic.lock();
        let passage = self.stream.take().map(|stream| traffic.end(stream));
        (passage.unwrap_or_default(), traffic.account())
    }

    /// How many bytes the connection has read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.session.traffic.lock().read()
    }

    /// Why the server gave the connection up, if it did.
    pub(super) fn farewell(&self) -> Option<Reason> {
        self.session.driven.lock().farewell
    }

    /// Has no other request begin on the connection.
    pub(super) fn retire(&self) {
        self.session.driven.lock().is_retired = true;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(stream) = self.stream {
            self.session.traffic.lock().end(stream);
        }
        let mut driven = self.session.driven.lock();
        driven.waiting.retain(|(of, _)| *of != self.number);
        for (_, waker) in &driven.waiting {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
