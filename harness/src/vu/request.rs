//! The fixed description of a request, its answer, and samples of what went wrong.

use std::collections::BTreeMap;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use super::http::{Response, TransportError};
use crate::metrics::Method;

/// What requests of one name have in common. Names are fixed, so that no URL becomes a series.
#[derive(Debug)]
pub struct Request {
    /// Its name in metrics and reports, such as `5_create_order`.
    pub name: &'static str,
    /// Its method.
    pub method: Method,
    /// The statuses that are no failure.
    pub expects: &'static [u16],
    /// The custom trend that its duration feeds.
    pub trend: Option<&'static str>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status; 0 when there was no answer.
    pub status: u16,
    /// The body; empty when there was none.
    pub body: Bytes,
    /// Why there was no answer.
    pub error: Option<TransportError>,
}

impl Answer {
    pub(super) fn new(response: Result<Response, TransportError>) -> Self {
        match response {
            Ok(Response { status, body }) => Self {
                status,
                body,
                error: None,
            },
            Err(error) => Self {
                status: 0,
                body: Bytes::new(),
                error: Some(error),
            },
        }
    }

    /// The body read as JSON, nothing when it is something else.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// Whether the server refused the request, as it should refuse a wrong one: 4xx.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status)
    }
}

/// The first unexpected answer of each request name and status, for the summary.
///
/// A lock is taken only for an unexpected answer.
#[derive(Debug, Default)]
pub struct Failures(Mutex<BTreeMap<(&'static str, u16), String>>);

/// The longest part of an unexpected body that is kept.
const SAMPLE_CHARS: usize = 200;

impl Failures {
    pub(super) fn note(&self, name: &'static str, answer: &Answer) {
        self.0
            .lock()
            .entry((name, answer.status))
            .or_insert_with(|| match &answer.error {
                Some(error) => error.to_string(),
                None => String::from_utf8_lossy(&answer.body)
                    .chars()
                    .take(SAMPLE_CHARS)
                    .collect(),
            });
    }

    /// Request name, status and what the first such answer said.
    #[must_use]
    pub fn samples(&self) -> Vec<(&'static str, u16, String)> {
        let samples = self.0.lock();
        samples
            .iter()
            .map(|((name, status), text)| (*name, *status, text.clone()))
            .collect()
    }
}
