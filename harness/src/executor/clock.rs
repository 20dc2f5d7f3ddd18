//! The run's clock: zero is when every VU is there.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;

use super::schedule::{Schedule, stage_at};

/// Tells how long the run has been going on, and in which stage its scenario is. Clocks of
/// scenarios of the same run have the same zero.
#[derive(Debug)]
pub struct Clock {
    zero: Arc<OnceLock<Instant>>,
    stage_ends: Vec<Duration>,
    /// Number of this scenario's first stage among those of all scenarios.
    first_stage: u16,
}

impl Clock {
    /// A clock that stands at zero until it is started.
    #[must_use]
    pub fn new(schedule: &Schedule) -> Self {
        Self::sharing(Arc::default(), schedule, 0)
    }

    pub(super) fn sharing(
        zero: Arc<OnceLock<Instant>>,
        schedule: &Schedule,
        first_stage: u16,
    ) -> Self {
        let stage_ends = schedule
            .segments()
            .iter()
            .map(|segment| segment.end)
            .collect();
        Self {
            zero,
            stage_ends,
            first_stage,
        }
    }

    /// Starts the clock, or tells when it was started.
    pub fn start(&self) -> Instant {
        *self.zero.get_or_init(Instant::now)
    }

    /// Sets when it starts, which may be yet to come; until then it stands at zero.
    pub fn start_at(&self, zero: Instant) {
        self.zero.get_or_init(|| zero);
    }

    /// Whether it was started.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.zero.get().is_some_and(|zero| *zero <= Instant::now())
    }

    /// When it starts, if that is known.
    #[must_use]
    pub fn zero(&self) -> Option<Instant> {
        self.zero.get().copied()
    }

    /// Time since it was started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.zero.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// When `instant` was, on this clock.
    #[must_use]
    pub fn at(&self, instant: Instant) -> Duration {
        self.zero
            .get()
            .map_or(Duration::ZERO, |zero| instant.duration_since(*zero))
    }

    /// Index of the current stage.
    #[must_use]
    pub fn stage(&self) -> u16 {
        self.stage_at(self.elapsed())
    }

    /// Index of the stage at `t`.
    #[must_use]
    pub fn stage_at(&self, t: Duration) -> u16 {
        self.first_stage + stage_at(&self.stage_ends, t)
    }

    /// Index of the stage in which an arrival is due: one at the very end of a stage is that
    /// stage's, which gathered it.
    #[must_use]
    pub fn stage_of_arrival(&self, due: Duration) -> u16 {
        self.stage_at(due.saturating_sub(Duration::from_nanos(1)))
    }
}
