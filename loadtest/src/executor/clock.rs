//! The run's clock: zero is when every VU is there.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

use super::schedule::{Schedule, stage_at};

/// Tells how long the run has been going on, and in which stage it is.
#[derive(Debug)]
pub struct Clock {
    zero: OnceLock<Instant>,
    stage_ends: Vec<Duration>,
}

impl Clock {
    /// A clock that stands at zero until it is started.
    #[must_use]
    pub fn new(schedule: &Schedule) -> Self {
        let stage_ends = schedule
            .segments()
            .iter()
            .map(|segment| segment.end)
            .collect();
        Self {
            zero: OnceLock::new(),
            stage_ends,
        }
    }

    /// Starts the clock, or tells when it was started.
    pub fn start(&self) -> Instant {
        *self.zero.get_or_init(Instant::now)
    }

    /// Whether it was started.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.zero.get().is_some()
    }

    /// Time since it was started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.zero.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// Index of the current stage.
    #[must_use]
    pub fn stage(&self) -> u16 {
        stage_at(&self.stage_ends, self.elapsed())
    }
}
