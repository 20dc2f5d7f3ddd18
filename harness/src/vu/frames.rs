//! Watches HTTP/2's frames as they pass through a connection (RFC 9113, 4.1): which requests were
//! sent completely, and when the kernel had the first and the last byte of each answer. Its only
//! I/O is that of the connection inside.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::io::{Meter, Stream};

/// What a client sends before its first frame.
const PREFACE: usize = 24;
const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;

/// The head of a frame, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    kind: u8,
    stream: u32,
    /// Whether its side says nothing more in this stream.
    ends_stream: bool,
}

/// Which of its ends has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

/// Finds frames in bytes, however they are cut.
#[derive(Debug, Default)]
struct Frames {
    head: [u8; HEAD],
    /// Bytes of the head that were seen.
    seen: usize,
    /// Bytes before the next head.
    left: usize,
    /// The payload's first number: of a GOAWAY, the last stream that the server looks at.
    word: [u8; 4],
    /// Bytes of it that were seen.
    word_seen: usize,
}

impl Frames {
    const fn after(bytes: usize) -> Self {
        Self {
            head: [0; HEAD],
            seen: 0,
            left: bytes,
            word: [0; 4],
            word_seen: 0,
        }
    }

    /// Takes the next bytes and says whose ends are in there, each with the payload's first number
    /// as far as it has come.
    fn pass(&mut self, mut bytes: &[u8], mut found: impl FnMut(Frame, End, u32)) {
        while !bytes.is_empty() {
            if self.left > 0 {
                let passed = self.left.min(bytes.len());
                let word = passed.min(self.word.len() - self.word_seen);
                self.word[self.word_seen..self.word_seen + word].copy_from_slice(&bytes[..word]);
                self.word_seen += word;
                bytes = &bytes[passed..];
                self.left -= passed;
                if self.left == 0 && self.seen == HEAD {
                    found(self.frame(), End::Last, u32::from_be_bytes(self.word));
                    self.seen = 0;
                }
                continue;
            }
            let part = (HEAD - self.seen).min(bytes.len());
            self.head[self.seen..self.seen + part].copy_from_slice(&bytes[..part]);
            self.seen += part;
            bytes = &bytes[part..];
            if self.seen == HEAD {
                (self.word, self.word_seen) = ([0; 4], 0);
                found(self.frame(), End::First, 0);
                let [a, b, c, ..] = self.head;
                self.left = u32::from_be_bytes([0, a, b, c]) as usize;
                if self.left == 0 {
                    found(self.frame(), End::Last, 0);
                    self.seen = 0;
                }
            }
        }
    }

    fn frame(&self) -> Frame {
        let [_, _, _, kind, flags, a, b, c, d] = self.head;
        Frame {
            kind,
            stream: u32::from_be_bytes([a & 0x7f, b, c, d]),
            ends_stream: matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0,
        }
    }
}

/// When a request and its answer passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Passage {
    /// The whole request was handed to the kernel.
    pub(super) sent: Option<Instant>,
    /// The first byte of the answer's head came.
    pub(super) first: Option<Instant>,
    /// The last byte of the answer came.
    pub(super) last: Option<Instant>,
    /// The server went away and said that it won't look at it: it may be sent elsewhere.
    pub(super) ignored: bool,
    /// The whole request was handed to TLS, or to the kernel.
    handed: bool,
}

/// What passed through one connection.
#[derive(Debug)]
pub(super) struct Traffic {
    outgoing: Frames,
    incoming: Frames,
    passages: Vec<(u32, Passage)>,
    /// Bytes written and read, and those of them that somebody has accounted for.
    bytes: (u64, u64),
    accounted: (u64, u64),
    settings: bool,
}

impl Traffic {
    pub(super) fn new() -> Self {
        Self {
            outgoing: Frames::after(PREFACE),
            incoming: Frames::default(),
            passages: Vec::new(),
            bytes: (0, 0),
            accounted: (0, 0),
            settings: false,
        }
    }

    /// Begins to note when a stream's frames pass.
    pub(super) fn begin(&mut self, stream: u32) {
        self.passages.push((stream, Passage::default()));
    }

    /// What was noted; ends it.
    pub(super) fn end(&mut self, stream: u32) -> Passage {
        let place = self.passages.iter().position(|(known, _)| *known == stream);
        place.map_or_else(Passage::default, |at| self.passages.swap_remove(at).1)
    }

    /// Bytes written and read that nobody has accounted for: those of a request that is alone on
    /// its connection, and of several together the first one's share and the rest.
    pub(super) fn account(&mut self) -> (u64, u64) {
        let (before, now) = (self.accounted, self.bytes);
        self.accounted = now;
        (now.0 - before.0, now.1 - before.1)
    }

    /// How many bytes were read.
    pub(super) const fn read(&self) -> u64 {
        self.bytes.1
    }

    /// Whether the server has shown that it speaks HTTP/2.
    pub(super) const fn is_greeted(&self) -> bool {
        self.settings
    }

    fn wrote(&mut self, bytes: &[u8], meter: &Meter) {
        let passages = &mut self.passages;
        self.outgoing.pass(bytes, |frame, end, _| {
            if frame.ends_stream && end == End::Last {
                on(passages, frame.stream, |passage| passage.handed = true);
            }
        });
        self.settle(meter);
    }

    /// What was handed to TLS has left when the socket takes everything.
    fn settle(&mut self, meter: &Meter) {
        self.bytes.0 = meter.written();
        if meter.is_blocked() {
            return;
        }
        for (_, passage) in &mut self.passages {
            if passage.handed && passage.sent.is_none() {
                passage.sent = meter.last_write();
            }
        }
    }

    fn read_some(&mut self, bytes: &[u8], meter: &Meter) {
        self.bytes.1 = meter.read();
        let came = meter.last_read();
        let (passages, settings) = (&mut self.passages, &mut self.settings);
        self.incoming.pass(bytes, |frame, end, word| match end {
            End::First if frame.kind == HEADERS => on(passages, frame.stream, |passage| {
                passage.first = passage.first.or(came);
            }),
            End::Last if frame.ends_stream => {
                on(passages, frame.stream, |passage| passage.last = came);
            }
            End::Last if frame.kind == GOAWAY => {
                let last = word & 0x7fff_ffff;
                let beyond = passages.iter_mut().filter(|(stream, _)| *stream > last);
                beyond.for_each(|(_, passage)| passage.ignored = true);
            }
            End::Last => *settings |= frame.kind == SETTINGS,
            End::First => {}
        });
    }
}

fn on(passages: &mut [(u32, Passage)], stream: u32, note: impl FnOnce(&mut Passage)) {
    if let Some((_, passage)) = passages.iter_mut().find(|(known, _)| *known == stream) {
        note(passage);
    }
}

/// A connection whose frames are noted as they pass.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Stream,
    traffic: Arc<Mutex<Traffic>>,
}

impl Watched {
    pub(super) fn new(mut stream: Stream, traffic: Arc<Mutex<Traffic>>) -> Self {
        // The handshake before is nobody's.
        stream.meter().begin();
        Self { stream, traffic }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let this = &mut *self;
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        let bytes = &buf.filled()[before..];
        this.traffic.lock().read_some(bytes, this.stream.meter());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, buf))?;
        let bytes = &buf[..written];
        this.traffic.lock().wrote(bytes, this.stream.meter());
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, bufs))?;
        let mut traffic = this.traffic.lock();
        let mut left = written;
        for buf in bufs {
            let part = left.min(buf.len());
            traffic.wrote(&buf[..part], this.stream.meter());
            left -= part;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.traffic.lock().settle(this.stream.meter());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
