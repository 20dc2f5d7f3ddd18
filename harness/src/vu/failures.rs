//! Samples of what went wrong.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::answer::Answer;
use crate::secret::scrub;

/// The first unexpected answer of each request name and status, for the summary.
///
/// A lock is taken only for an unexpected answer.
#[derive(Debug, Default)]
pub struct Failures(Mutex<BTreeMap<(&'static str, u16), String>>);

/// The longest part of an unexpected body that is kept.
const SAMPLE_CHARS: usize = 200;

/// Scrubbed as a whole: half a secret would not be known for one.
fn sample(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    scrub(&text).chars().take(SAMPLE_CHARS).collect()
}

impl Failures {
    pub(super) fn note(&self, name: &'static str, answer: &Answer) {
        self.0
            .lock()
            .entry((name, answer.status))
            .or_insert_with(|| match &answer.error {
                Some(error) => scrub(&error.to_string()).into_owned(),
                None => sample(&answer.body),
            });
    }

    /// Keeps an answer whose caller could not read it.
    pub(super) fn note_unreadable(&self, answer: &Answer) {
        self.0
            .lock()
            .entry((answer.request.name, answer.status))
            .or_insert_with(|| format!("can't be read: {}", sample(&answer.body)));
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
