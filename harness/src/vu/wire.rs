//! HTTP/1.1 as bytes (RFC 9112): a request written, an answer read. No I/O.

use std::io::Write;

use bytes::{Buf, BufMut, BytesMut};
use thiserror::Error;

use super::server_timing::ServerTiming;
use crate::catalogue::PartEntry;
use crate::metrics::Method;

/// An answer that is no HTTP/1.1.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// The head can't be read.
    #[error("the answer is not HTTP/1.1: {0}")]
    Malformed(#[from] httparse::Error),
    /// No end of the head in sight.
    #[error("the head of the answer is longer than {LONGEST_HEAD} bytes")]
    EndlessHead,
    /// Another protocol, unasked.
    #[error("the server switches to another protocol (101), which was not requested")]
    Upgrade,
    /// Contradictory or unreadable length.
    #[error("the length of the answer's body can't be told")]
    Length,
    /// A chunk's size or end can't be read.
    #[error("the answer's body is not in well-formed chunks")]
    Chunk,
}

/// A path that would not arrive as one.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("'{0}' is not a path: it must begin with '/' and hold only visible ASCII")]
pub struct PathError(String);

/// Longer heads are taken for an endless one.
const LONGEST_HEAD: usize = 64 * 1024;
/// More header fields are an error.
const MOST_FIELDS: usize = 256;

/// Whether it can stand as the target of a request line: a path, `*` for OPTIONS, or a host and
/// port for CONNECT (RFC 9112, 3.2).
pub(super) fn check_target(method: Method, path: &str) -> Result<(), PathError> {
    let begins = path.starts_with('/')
        || method == Method::Options && path == "*"
        || method == Method::Connect && !path.is_empty();
    if begins && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(PathError(path.to_owned()))
    }
}

/// Writes the first line of a request whose target was checked.
pub(super) fn request_line(out: &mut BytesMut, method: Method, prefix: &str, path: &str) {
    out.put_slice(method.as_str().as_bytes());
    out.put_u8(b' ');
    if path.starts_with('/') {
        out.put_slice(prefix.as_bytes());
    }
    out.put_slice(path.as_bytes());
    out.put_slice(b" HTTP/1.1\r\n");
}

/// Writes the last field of a request, the empty line, and the body.
pub(super) fn content(out: &mut BytesMut, method: Method, body: Option<&[u8]>) {
    match body {
        Some(body) => {
            out.put_slice(b"content-length: ");
            write!(out.writer(), "{}", body.len()).expect("writing to memory doesn't fail");
            out.put_slice(b"\r\n\r\n");
            out.put_slice(body);
        }
        None if method.expects_content() => out.put_slice(b"content-length: 0\r\n\r\n"),
        None => out.put_slice(b"\r\n"),
    }
}

/// What the client needs of an answer's head.
#[derive(Debug, PartialEq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// How long it is, in bytes.
    pub(super) length: usize,
    pub(super) framing: Framing,
    /// Whether another request may follow on the connection.
    pub(super) keep_alive: bool,
    /// Whether the body is compressed.
    pub(super) coded: bool,
    pub(super) server_timing: ServerTiming,
}

/// How the end of the body is found (RFC 9112, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes.
    Length(usize),
    /// In chunks.
    Chunked,
    /// The server closes the connection.
    UntilClose,
}

/// Reads the head at the beginning of `bytes`, of an answer to a request of this method, with the
/// `known` parts of the server's time; nothing when it is not there as a whole.
pub(super) fn head(
    bytes: &[u8],
    method: Method,
    known: &[PartEntry],
) -> Result<Option<Head>, ProtocolError> {
    let mut fields = [const { std::mem::MaybeUninit::uninit() }; MOST_FIELDS];
    let mut answer = httparse::Response::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    config.allow_obsolete_multiline_headers_in_responses(true);
    let parsed = config.parse_response_with_uninit_headers(&mut answer, bytes, &mut fields)?;
    let so_far = match parsed {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => bytes.len(),
    };
    // However it was cut on its way.
    if so_far > LONGEST_HEAD {
        return Err(ProtocolError::EndlessHead);
    }
    let httparse::Status::Complete(length) = parsed else {
        return Ok(None);
    };
    let status = answer.code.unwrap_or_default();
    if status == 101 {
        return Err(ProtocolError::Upgrade);
    }
    let mut said = Said {
        keep_alive: answer.version == Some(1),
        ..Said::default()
    };
    for field in answer.headers {
        said.note(field, known)?;
    }
    // What follows is no HTTP any more.
    let tunnel = method == Method::Connect && (200..300).contains(&status);
    let without_body = method == Method::Head || tunnel || matches!(status, 100..=199 | 204 | 304);
    let framing = match said.length {
        _ if without_body => Framing::Length(0),
        _ if said.chunked => Framing::Chunked,
        Some(length) if !said.transfer_coded => Framing::Length(length),
        _ => Framing::UntilClose,
    };
    Ok(Some(Head {
        status,
        length,
        framing,
        keep_alive: said.keep_alive && framing != Framing::UntilClose && !tunnel,
        coded: said.content_coded,
        server_timing: said.server_timing,
    }))
}

/// What the fields of a head say.
#[derive(Default)]
struct Said {
    keep_alive: bool,
    length: Option<usize>,
    transfer_coded: bool,
    /// Whether chunks are the last of the transfer's codings.
    chunked: bool,
    content_coded: bool,
    server_timing: ServerTiming,
}

impl Said {
    fn note(
        &mut self,
        field: &httparse::Header<'_>,
        known: &[PartEntry],
    ) -> Result<(), ProtocolError> {
        // Told apart by length first: most fields are none of these.
        match field.name.len() {
            10 if field.name.eq_ignore_ascii_case("connection") => {
                for option in options(field.value) {
                    self.keep_alive = match option {
                        _ if option.eq_ignore_ascii_case(b"close") => false,
                        _ if option.eq_ignore_ascii_case(b"keep-alive") => true,
                        _ => self.keep_alive,
                    };
                }
            }
            13 if field.name.eq_ignore_ascii_case("server-timing") => {
                if let Ok(text) = std::str::from_utf8(field.value) {
                    self.server_timing.read(text, known);
                }
            }
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                let length = digits(field.value).ok_or(ProtocolError::Length)?;
                if self.length.is_some_and(|other| other != length) {
                    return Err(ProtocolError::Length);
                }
                self.length = Some(length);
            }
            16 if field.name.eq_ignore_ascii_case("content-encoding") => self.content_coded = true,
            17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                // The coding that is none, which old servers name (RFC 2616, 3.6).
                let is_none = |coding: &[u8]| coding.eq_ignore_ascii_case(b"identity");
                self.transfer_coded |= options(field.value).any(|coding| !is_none(coding));
                self.chunked = options(field.value)
                    .last()
                    .is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The elements of a comma-separated list.
fn options(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn digits(value: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(value.trim_ascii()).ok()?;
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

/// Puts a body together from its chunks, however they are cut in arriving.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    body: BytesMut,
    /// Bytes of the current chunk that are still to come, its line end included.
    left: usize,
    /// The last chunk was seen: its trailers end with an empty line.
    trailers: bool,
}

impl Chunks {
    /// How much of the body there is.
    pub(super) fn len(&self) -> usize {
        self.body.len()
    }

    /// Takes what it can from the front of `bytes`; the body when that was its end.
    pub(super) fn take(&mut self, bytes: &mut BytesMut) -> Result<Option<BytesMut>, ProtocolError> {
        loop {
            if self.trailers {
                let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else {
                    return within(LONGEST_HEAD, bytes).map(|()| None);
                };
                within(LONGEST_HEAD, &bytes[..end + 2])?;
                bytes.advance(end + 2);
                if end == 0 {
                    return Ok(Some(std::mem::take(&mut self.body)));
                }
            } else if self.left > 2 {
                if bytes.is_empty() {
                    return Ok(None);
                }
                let data = bytes.len().min(self.left - 2);
                self.body.extend_from_slice(&bytes[..data]);
                bytes.advance(data);
                self.left -= data;
            } else if self.left == 2 {
                if bytes.len() < 2 {
                    return Ok(None);
                }
                if &bytes[..2] != b"\r\n" {
                    return Err(ProtocolError::Chunk);
                }
                bytes.advance(2);
                self.left = 0;
            } else {
                match httparse::parse_chunk_size(bytes).map_err(|_| ProtocolError::Chunk)? {
                    httparse::Status::Partial => return within(LONGEST_HEAD, bytes).map(|()| None),
                    httparse::Status::Complete((line, size)) => {
                        within(LONGEST_HEAD, &bytes[..line])?;
                        bytes.advance(line);
                        let size = usize::try_from(size).map_err(|_| ProtocolError::Chunk)?;
                        self.trailers = size == 0;
                        self.left = size.checked_add(2).ok_or(ProtocolError::Chunk)?;
                    }
                }
            }
        }
    }
}

fn within(limit: usize, bytes: &[u8]) -> Result<(), ProtocolError> {
    if bytes.len() > limit {
        Err(ProtocolError::Chunk)
    } else {
        Ok(())
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
