//! One keep-alive HTTP/1.1 connection, driven by the virtual user that owns it: no task of its
//! own, no channel, no wake-up in between.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::io::poll_read_buf;

use super::error::TransportError;
use super::io::{Meter, Stream};
use super::wire::{self, Chunks, Framing, Head};
use crate::catalogue::PartEntry;
use crate::metrics::Method;

/// Room for an ordinary answer, and what is free at least before a read.
const BUFFER: usize = 2 * 1024;
const LEAST_ROOM: usize = 1024;
/// Room for an ordinary request.
const REQUEST: usize = 512;
/// The buffer for a longer body grows in steps, because its announced length may be wrong.
const LARGEST_READ: usize = 64 * 1024;

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) head: Head,
    /// The head as it came.
    pub(super) text: Bytes,
    pub(super) body: Bytes,
    /// Whether another exchange may follow.
    pub(super) keep: bool,
}

/// A connection between exchanges.
pub(super) struct Connection {
    stream: Stream,
    opened: std::time::Instant,
    /// The request, written here as a whole and sent from here.
    pub(super) out: BytesMut,
    /// What was read and not yet used.
    unread: BytesMut,
    /// Armed for an earlier deadline than the current one, mostly: it is moved only when it
    /// fires, once in a time-out and not once in a request.
    timer: Pin<Box<Sleep>>,
    /// The longest body that is read.
    most: usize,
}

impl Connection {
    /// A new one, on which no answer's body may be longer than `most` bytes.
    pub(super) fn over(stream: Stream, deadline: Instant, most: usize) -> Self {
        Self {
            stream,
            opened: std::time::Instant::now(),
            out: BytesMut::with_capacity(REQUEST),
            unread: BytesMut::with_capacity(BUFFER),
            timer: Box::pin(sleep_until(deadline)),
            most,
        }
    }

    /// How long ago it was opened.
    pub(super) fn age(&self, now: std::time::Instant) -> std::time::Duration {
        now.saturating_duration_since(self.opened)
    }

    pub(super) fn meter(&mut self) -> &mut Meter {
        self.stream.meter()
    }

    /// Uses the buffers from their beginning again, if the last answer's body has been dropped.
    /// With thousands of connections, as little memory as possible should pass through the cache.
    pub(super) fn rewind(&mut self) {
        let _ = self.unread.try_reclaim(BUFFER);
        let _ = self.out.try_reclaim(REQUEST);
    }

    /// Whether the peer has neither closed it nor said something unasked. Costs no system call
    /// unless something has happened to the socket.
    pub(super) async fn is_open(&mut self) -> bool {
        poll_fn(|cx| Poll::Ready(self.read(cx).is_pending() && self.unread.is_empty())).await
    }

    /// Sends what is in `out`, a request of this method, and reads the answer, with the `known`
    /// parts of the server's time.
    pub(super) async fn exchange(
        &mut self,
        method: Method,
        known: &[PartEntry],
        deadline: Instant,
    ) -> Result<Received, TransportError> {
        let sent = self.send(deadline).await;
        let head = match (self.head(method, known, deadline).await, &sent) {
            (Ok(head), _) => head,
            // What went wrong first is what there is to say.
            (Err(_), Err(_)) => return Err(sent.err().unwrap_or(TransportError::Closed)),
            (Err(error), Ok(_)) => return Err(error),
        };
        let (text, body) = self.body(&head, deadline).await?;
        let keep = head.keep_alive && self.unread.is_empty() && matches!(sent, Ok(true));
        Ok(Received {
            head,
            text,
            body,
            keep,
        })
    }

    /// Whether the whole request was sent: a server may answer earlier and read no further.
    async fn send(&mut self, deadline: Instant) -> Result<bool, TransportError> {
        poll_fn(|cx| {
            while !self.out.is_empty() {
                match Pin::new(&mut self.stream).poll_write(cx, &self.out) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(TransportError::Closed)),
                    Poll::Ready(Ok(bytes)) => self.out.advance(bytes),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                    Poll::Pending => match self.read(cx) {
                        Poll::Ready(Ok(_)) => return Poll::Ready(Ok(false)),
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                        Poll::Pending => return self.overdue(deadline, cx).map(Err),
                    },
                }
            }
            match Pin::new(&mut self.stream).poll_flush(cx) {
                Poll::Ready(flushed) => Poll::Ready(flushed.map(|()| true).map_err(Into::into)),
                Poll::Pending => self.overdue(deadline, cx).map(Err),
            }
        })
        .await
    }

    /// The head, which stays unread: taken with the body, it costs no memory of its own.
    async fn head(
        &mut self,
        method: Method,
        known: &[PartEntry],
        deadline: Instant,
    ) -> Result<Head, TransportError> {
        loop {
            match wire::head(&self.unread, method, known)? {
                // Informational answers come before the one that counts.
                Some(head) if (100..200).contains(&head.status) => self.unread.advance(head.length),
                Some(head) => return Ok(head),
                None if self.read_more(deadline).await? == 0 => return Err(TransportError::Closed),
                None => {}
            }
        }
    }

    /// The text of the head, and the body behind it.
    async fn body(
        &mut self,
        head: &Head,
        deadline: Instant,
    ) -> Result<(Bytes, Bytes), TransportError> {
        match head.framing {
            Framing::Length(length) => {
                self.within(length)?;
                let whole = head.length.saturating_add(length);
                while self.unread.len() < whole {
                    let missing = whole - self.unread.len();
                    self.unread.reserve(missing.min(LARGEST_READ));
                    self.some_more(deadline).await?;
                }
                let text = self.unread.split_to(head.length).freeze();
                Ok((text, self.unread.split_to(length).freeze()))
            }
            Framing::Chunked => {
                let text = self.unread.split_to(head.length).freeze();
                let mut chunks = Chunks::default();
                loop {
                    if let Some(body) = chunks.take(&mut self.unread)? {
                        self.within(body.len())?;
                        return Ok((text, body.freeze()));
                    }
                    self.within(chunks.len())?;
                    self.some_more(deadline).await?;
                }
            }
            Framing::UntilClose => {
                loop {
                    self.within(self.unread.len() - head.length)?;
                    if self.read_more(deadline).await? == 0 {
                        break;
                    }
                }
                let text = self.unread.split_to(head.length).freeze();
                Ok((text, self.unread.split().freeze()))
            }
        }
    }

    fn within(&self, length: usize) -> Result<(), TransportError> {
        if length > self.most {
            return Err(TransportError::TooLong(self.most));
        }
        Ok(())
    }

    async fn some_more(&mut self, deadline: Instant) -> Result<(), TransportError> {
        match self.read_more(deadline).await? {
            0 => Err(TransportError::Closed),
            _ => Ok(()),
        }
    }

    /// How many bytes came; none at the end.
    async fn read_more(&mut self, deadline: Instant) -> Result<usize, TransportError> {
        let read = poll_fn(|cx| match self.read(cx) {
            Poll::Ready(read) => Poll::Ready(read.map_err(Into::into)),
            Poll::Pending => self.overdue(deadline, cx).map(Err),
        })
        .await?;
        // An answer whose bytes always are there already never waits for the timer.
        let came = self.stream.meter().last_read();
        if came.is_some_and(|came| Instant::from_std(came) >= deadline) {
            return Err(TransportError::Timeout);
        }
        Ok(read)
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // Reuses the space of the last answer, if its body has been dropped.
        if self.unread.capacity() - self.unread.len() < LEAST_ROOM {
            self.unread.reserve(BUFFER);
        }
        poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.unread)
    }

    /// Ready when the deadline has passed.
    fn overdue(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<TransportError> {
        loop {
            // Apart from tokio's budget, which fast bytes use up.
            ready!(pin!(unconstrained(self.timer.as_mut())).poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(TransportError::Timeout);
            }
            self.timer.as_mut().reset(deadline);
        }
    }
}
