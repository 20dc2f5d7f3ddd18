//! Single samples, kept only for outputs that want them (`--influx-raw`).

use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::phase::Phase;
use super::tags::{CheckTags, IterationTags, RequestTags};

/// Who sent a sample, in k6's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Number of the virtual user, from 1.
    pub vu: u32,
    /// Number of its iteration, from 0.
    pub iteration: u64,
}

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// When it was taken.
    pub at: SystemTime,
    /// By whom.
    pub origin: Origin,
    /// Of what.
    pub what: SampleOf,
}

/// What a sample is of.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleOf {
    /// A request.
    Request {
        /// Its tags.
        tags: RequestTags,
        /// Its address.
        url: String,
        /// Its phases.
        phases: Vec<(Phase, Duration)>,
        /// Bytes written and read.
        bytes: (u64, u64),
    },
    /// A complete iteration.
    Iteration {
        /// Its tags.
        tags: IterationTags,
        /// How long it took.
        duration: Duration,
    },
    /// A check.
    Check {
        /// Its tags.
        tags: CheckTags,
        /// Whether it held.
        ok: bool,
    },
}

/// Samples since they were last taken.
///
/// One lock for all threads: recording every sample has its price.
#[derive(Debug, Default)]
pub struct RawSamples(Mutex<Vec<Sample>>);

/// More samples than this between two takings are dropped, so that memory stays bounded.
const MOST_SAMPLES: usize = 1_000_000;

impl RawSamples {
    /// Adds a sample taken now.
    pub fn add(&self, origin: Origin, what: SampleOf) {
        let mut samples = self.0.lock();
        if samples.len() < MOST_SAMPLES {
            samples.push(Sample {
                at: crate::wall::now(),
                origin,
                what,
            });
        }
    }

    /// Takes them.
    pub fn take(&self) -> Vec<Sample> {
        std::mem::take(&mut *self.0.lock())
    }
}
