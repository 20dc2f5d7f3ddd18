//! What came back for a call.

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::coding;
use super::error::TransportError;
use super::exchange::Response;
use super::request::Request;
use crate::persona::Stop;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status; 0 when there was no answer.
    pub status: u16,
    /// The body, decoded; empty when there was none.
    pub body: Bytes,
    /// Why there was no answer, or why it can't be used.
    pub error: Option<TransportError>,
    /// What it is an answer to.
    pub(super) request: &'static Request,
    /// Index of the stage in which its request was sent.
    pub(super) stage: u16,
    /// Status line and header fields, as they came.
    head: Bytes,
}

impl Answer {
    /// `most_body` is how many bytes its body may have when it is decoded.
    pub(super) fn new(
        request: &'static Request,
        stage: u16,
        response: Result<Response, TransportError>,
        most_body: usize,
    ) -> Self {
        let answer = match response {
            Ok(response) => response,
            Err(error) => {
                return Self {
                    status: 0,
                    body: Bytes::new(),
                    error: Some(error),
                    request,
                    stage,
                    head: Bytes::new(),
                };
            }
        };
        let Response {
            status,
            head,
            body,
            coded,
        } = answer;
        let answer = Self {
            status,
            body,
            error: None,
            request,
            stage,
            head,
        };
        if coded {
            answer.decoded(most_body)
        } else {
            answer
        }
    }

    /// The same with its body decoded, or with what is wrong with it.
    fn decoded(mut self, most_body: usize) -> Self {
        let codings = fields(&self.head)
            .filter(|(name, _)| name.eq_ignore_ascii_case("content-encoding"))
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim);
        match coding::decode(codings, self.body.clone(), most_body) {
            Ok(body) => self.body = body,
            Err(error) => {
                self.body = Bytes::new();
                self.error = Some(error.into());
            }
        }
        self
    }

    /// The first header of this name, if its value is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// Every header whose value is text, in the order in which they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        fields(&self.head)
    }

    /// The body read as JSON, nothing when it is something else.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether it is complete and has a status that its request expects.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        self.error.is_none() && self.request.is_expected(self.status)
    }

    /// Returns the answer if it is no failure.
    ///
    /// # Errors
    /// What ends the iteration: it has been recorded as a failed request.
    pub fn usable(&self) -> Result<&Self, Stop> {
        match self.status {
            0 => Err(Stop::Unreachable),
            _ if self.is_expected() => Ok(self),
            _ => Err(Stop::Unusable),
        }
    }

    /// Whether the server refused the request, as it should refuse a wrong one: 4xx.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status)
    }
}

/// The fields of a head that was found well-formed.
pub(super) fn fields(head: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    head.split(|byte| *byte == b'\n')
        .skip(1)
        // Continuation lines of folded fields, which old HTTP allowed, are skipped.
        .filter(|line| !line.starts_with(b" ") && !line.starts_with(b"\t"))
        .filter_map(|line| {
            let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
            Some((name, value.trim()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    static PAGE: Request = Request::get("page");

    fn answer(head: &'static [u8], body: &'static [u8]) -> Answer {
        Answer::new(
            &PAGE,
            0,
            Ok(Response {
                status: 200,
                head: Bytes::from_static(head),
                body: Bytes::from_static(body),
                coded: head.windows(16).any(|part| part == b"content-encoding"),
            }),
            1_000,
        )
    }

    #[test]
    fn headers_are_read_when_they_are_asked_for() {
        let answer = answer(
            b"HTTP/1.1 200 OK: fine\r\nLocation:/a:b \r\nx: 1\nX: 2\r\nbad: \xff\r\nempty:\r\n\r\n",
            b"",
        );
        assert_eq!(answer.header("location"), Some("/a:b"));
        assert_eq!(answer.header("x"), Some("1"));
        assert_eq!(answer.header("empty"), Some(""));
        assert_eq!((answer.header("bad"), answer.header("y")), (None, None));
        assert_eq!(
            answer.headers().collect::<Vec<_>>(),
            [("Location", "/a:b"), ("x", "1"), ("X", "2"), ("empty", "")]
        );
        let none = Answer::new(&PAGE, 0, Err(TransportError::Timeout), 1_000);
        assert_eq!((none.status, none.headers().count()), (0, 0));
    }

    #[test]
    fn a_coding_that_nobody_knows_is_named_and_the_status_stays() {
        let answer = answer(
            b"HTTP/1.1 200 OK\r\ncontent-encoding: rot13\r\n\r\n",
            b"uryyb",
        );
        let error = answer.error.as_ref().map(ToString::to_string);
        assert_eq!(
            error.as_deref(),
            Some("the answer's body is coded as 'rot13', which is none of gzip, deflate, br, zstd")
        );
        assert_eq!((answer.status, &*answer.body), (200, &b""[..]));
    }
}
