//! Samples of what went wrong, and what this machine ran out of.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use parking_lot::Mutex;

use super::answer::Answer;
use super::error::TransportError;
use crate::secret::scrub;

/// The first unexpected answer of each request name and status, for the summary.
///
/// A lock is taken only for an unexpected answer.
#[derive(Debug, Default)]
pub struct Failures {
    samples: Mutex<BTreeMap<(&'static str, u16), String>>,
    lacks: Mutex<BTreeSet<Lack>>,
}

/// What the machine had none left of for another connection. It says nothing of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// Ephemeral ports.
    Port,
    /// File descriptors.
    File,
}

impl Lack {
    fn of(error: &io::Error) -> Option<Self> {
        // EMFILE and ENFILE: of this process and of the whole machine.
        match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::AddrNotAvailable, _) => Some(Self::Port),
            (_, Some(23 | 24)) => Some(Self::File),
            _ => None,
        }
    }
}

/// The longest part of an unexpected body that is kept.
const SAMPLE_CHARS: usize = 200;

/// Scrubbed as a whole: half a secret would not be known for one.
fn sample(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    scrub(&text).chars().take(SAMPLE_CHARS).collect()
}

impl Failures {
    pub(super) fn note(&self, name: &'static str, answer: &Answer) {
        if let Some(TransportError::Connect(error)) = &answer.error {
            self.lacks.lock().extend(Lack::of(error));
        }
        self.samples
            .lock()
            .entry((name, answer.status))
            .or_insert_with(|| match &answer.error {
                Some(error) => scrub(&error.to_string()).into_owned(),
                None => sample(&answer.body),
            });
    }

    /// Keeps an answer whose caller could not read it.
    pub(super) fn note_unreadable(&self, answer: &Answer) {
        self.samples
            .lock()
            .entry((answer.request.name, answer.status))
            .or_insert_with(|| format!("can't be read: {}", sample(&answer.body)));
    }

    /// Keeps a sample of another process, if it is the first of its kind.
    pub(crate) fn keep(&self, name: &'static str, status: u16, text: &str) {
        let mut samples = self.samples.lock();
        samples
            .entry((name, status))
            .or_insert_with(|| scrub(text).into_owned());
    }

    /// Notes what the machine of another process lacked.
    pub(crate) fn lack(&self, lack: Lack) {
        self.lacks.lock().insert(lack);
    }

    /// Request name, status and what the first such answer said.
    #[must_use]
    pub fn samples(&self) -> Vec<(&'static str, u16, String)> {
        let samples = self.samples.lock();
        samples
            .iter()
            .map(|((name, status), text)| (*name, *status, text.clone()))
            .collect()
    }

    /// What there was none left of.
    #[must_use]
    pub fn lacks(&self) -> Vec<Lack> {
        self.lacks.lock().iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_has_none_left_is_told_from_a_server_that_refuses() {
        let port = io::Error::from(io::ErrorKind::AddrNotAvailable);
        assert_eq!(Lack::of(&port), Some(Lack::Port));
        let lack = |code| Lack::of(&io::Error::from_raw_os_error(code));
        let rows = [
            (24, Some(Lack::File)),
            (23, Some(Lack::File)),
            (111, None),
            (104, None),
        ];
        for (code, expected) in rows {
            assert_eq!(lack(code), expected, "{code}");
        }
    }
}
