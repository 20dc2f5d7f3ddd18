//! Bodies that came compressed (RFC 9110, 8.4): decoded after they were measured.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;
use thiserror::Error;

use crate::format::size;

/// A body that can't be decoded.
#[derive(Debug, Error)]
pub enum CodingError {
    /// Nobody knows how.
    #[error("the answer's body is coded as '{0}', which is none of gzip, deflate, br, zstd")]
    Unknown(String),
    /// It isn't what it says.
    #[error("the answer's body is not well-formed {coding}: {source}")]
    Broken {
        /// What it should be.
        coding: &'static str,
        /// What is wrong with it.
        source: io::Error,
    },
    /// A bomb, or as good as one.
    #[error(
        "the answer's body, coded as {coding}, is longer than {} when it is decoded (--max-body)",
        size(*.longest)
    )]
    TooLong {
        /// How it is coded.
        coding: &'static str,
        /// How many bytes it may have.
        longest: usize,
    },
}

const BUFFER: usize = 16 * 1024;

/// Undoes the codings, of which the first was applied first. No step makes more than `longest`
/// bytes.
pub(super) fn decode<'a>(
    codings: impl Iterator<Item = &'a str>,
    mut body: Bytes,
    longest: usize,
) -> Result<Bytes, CodingError> {
    let codings: Vec<&str> = codings.collect();
    for coding in codings.iter().rev() {
        // An answer to HEAD, or without content, names the coding that it would have.
        if body.is_empty() {
            break;
        }
        body = one(coding, body, longest)?;
    }
    Ok(body)
}

fn one(coding: &str, body: Bytes, longest: usize) -> Result<Bytes, CodingError> {
    let is = |name: &str| coding.eq_ignore_ascii_case(name);
    if is("gzip") || is("x-gzip") {
        all("gzip", MultiGzDecoder::new(&*body), longest)
    } else if is("deflate") {
        // Meant is zlib; some servers send it without its frame, and everybody takes that.
        all("deflate", ZlibDecoder::new(&*body), longest).or_else(|error| {
            all("deflate", DeflateDecoder::new(&*body), longest).map_err(|_| error)
        })
    } else if is("br") {
        all("br", Decompressor::new(&*body, BUFFER), longest)
    } else if is("zstd") {
        zstd(&body, longest)
    } else if is("identity") || coding.is_empty() {
        Ok(body)
    } else {
        Err(CodingError::Unknown(coding.to_owned()))
    }
}

/// All frames of it, one after the other.
fn zstd(mut body: &[u8], longest: usize) -> Result<Bytes, CodingError> {
    let broken = |error: String| CodingError::Broken {
        coding: "zstd",
        source: io::Error::other(error),
    };
    let mut decoded = Vec::new();
    while !body.is_empty() {
        let mut frame =
            StreamingDecoder::new(&mut body).map_err(|error| broken(error.to_string()))?;
        read("zstd", &mut frame, &mut decoded, longest)?;
        let frame = frame.into_frame_decoder();
        let said = frame.get_checksum_from_data();
        if said.is_some() && said != frame.get_calculated_checksum() {
            return Err(broken("its checksum is wrong".to_owned()));
        }
    }
    Ok(decoded.into())
}

fn all(coding: &'static str, reader: impl Read, longest: usize) -> Result<Bytes, CodingError> {
    let mut decoded = Vec::new();
    read(coding, reader, &mut decoded, longest)?;
    Ok(decoded.into())
}

/// Adds what the reader gives, within the limit.
fn read(
    coding: &'static str,
    reader: impl Read,
    decoded: &mut Vec<u8>,
    longest: usize,
) -> Result<(), CodingError> {
    let room = longest.saturating_add(1).saturating_sub(decoded.len());
    reader
        .take(room as u64)
        .read_to_end(decoded)
        .map_err(|source| CodingError::Broken { coding, source })?;
    if decoded.len() > longest {
        return Err(CodingError::TooLong { coding, longest });
    }
    Ok(())
}

#[cfg(test)]
#[path = "coding_tests.rs"]
mod tests;
