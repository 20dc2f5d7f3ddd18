//! What explanations are found in: a run's summary, its seconds, and their sums. Pure.

use super::measured::Measured;
use super::series::{Second, Slow, has};
use super::summary::{FailureRow, Summary};
use crate::catalogue::PartEntry;
use crate::format::cut;

/// The longest part of an unexpected body that is repeated.
pub(super) const BODY: usize = 160;
/// How many slow requests are shown.
const SHOWN: usize = 5;

/// A run, as far as it can tell why something failed.
pub(super) struct Evidence<'a> {
    pub(super) summary: &'a Summary,
    pub(super) seconds: &'a [Second],
    pub(super) measured: &'a Measured,
}

impl Evidence<'_> {
    /// The parts of the server's time.
    pub(super) fn parts(&self) -> &[PartEntry] {
        &self.summary.catalogue.server_parts
    }

    /// The first unexpected answers that are concerned.
    pub(super) fn errors(&self, concerned: impl Fn(&FailureRow) -> bool) -> Vec<FailureRow> {
        let failures = self.summary.failures.iter();
        failures
            .filter(|row| concerned(row))
            .map(|row| FailureRow {
                sample: cut(&row.sample, BODY),
                ..row.clone()
            })
            .collect()
    }

    /// The slowest requests with these tags that took longer than `above` ms.
    pub(super) fn slowest(&self, tags: &[(String, String)], above: f64) -> Vec<Slow> {
        let mut slowest: Vec<Slow> = Vec::new();
        let all = self.seconds.iter().flat_map(|second| &second.slowest);
        for slow in all.filter(|slow| slow.duration > above && has(&slow.tags, tags)) {
            let at = slowest.partition_point(|other| other.duration >= slow.duration);
            if at < SHOWN {
                slowest.insert(at, slow.clone());
                slowest.truncate(SHOWN);
            }
        }
        slowest
    }
}
