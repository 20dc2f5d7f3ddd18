//! A socket that notes when bytes pass and how many.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::arrival;

/// What passed through one connection.
#[derive(Debug, Default)]
pub(super) struct Meter {
    last_write: Option<Instant>,
    first_read: Option<Instant>,
    last_read: Option<Instant>,
    written: u64,
    read: u64,
    blocked: bool,
}

impl Meter {
    /// Forgets the exchange before.
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// When the last byte of the request was handed to the system.
    pub(super) const fn last_write(&self) -> Option<Instant> {
        self.last_write
    }

    /// When the first byte of the answer came.
    pub(super) const fn first_read(&self) -> Option<Instant> {
        self.first_read
    }

    /// When the last byte of the answer came.
    pub(super) const fn last_read(&self) -> Option<Instant> {
        self.last_read
    }

    /// Bytes written in this exchange.
    pub(super) const fn written(&self) -> u64 {
        self.written
    }

    /// Bytes read in this exchange.
    pub(super) const fn read(&self) -> u64 {
        self.read
    }

    /// Whether the system took nothing when it was last asked to.
    pub(super) const fn is_blocked(&self) -> bool {
        self.blocked
    }

    fn note_write(&mut self, bytes: usize) {
        self.written += bytes as u64;
        self.last_write = Some(Instant::now());
    }

    fn note_read(&mut self, bytes: usize, came: Instant) {
        self.read += bytes as u64;
        self.first_read.get_or_insert(came);
        self.last_read = Some(came);
    }
}

/// A TCP connection with a meter. Below TLS, so that bytes are those on the wire.
#[derive(Debug)]
pub(super) struct Metered {
    socket: TcpStream,
    meter: Meter,
}

impl Metered {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            meter: Meter::default(),
        }
    }

    fn socket(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().socket)
    }

    fn note(&mut self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.meter.blocked = result.is_pending();
        if let Poll::Ready(Ok(bytes)) = result {
            self.meter.note_write(bytes);
        }
        result
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (bytes, came) = ready!(arrival::poll_read(&self.socket, cx, buf))?;
        self.meter.note_read(bytes, came);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = self.as_mut().socket().poll_write(cx, buf);
        self.note(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = self.as_mut().socket().poll_write_vectored(cx, bufs);
        self.note(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_shutdown(cx)
    }
}

/// A connection, encrypted or not.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Metered),
    Tls(Box<TlsStream<Metered>>),
}

impl Stream {
    /// The meter of its socket.
    pub(super) fn meter(&mut self) -> &mut Meter {
        match self {
            Self::Plain(metered) => &mut metered.meter,
            Self::Tls(stream) => &mut stream.get_mut().0.meter,
        }
    }

    /// The protocol that both ends agreed on; none without TLS.
    pub(super) fn agreed(&self) -> Option<&[u8]> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
        }
    }
}

/// Calls a method of the stream within, whichever it is.
macro_rules! within {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Stream::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        within!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        within!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        within!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        within!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        within!(self, stream => stream.poll_shutdown(cx))
    }
}
