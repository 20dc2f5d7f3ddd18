//! The time of rows: the wall clock at the start, plus the time that passed since.
//!
//! A wall clock is set and slewed while a run goes on. Two seconds of a load would then get one
//! time, and the second row overwrite the first.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

/// A clock that was set once.
#[derive(Debug, Clone, Copy)]
struct Wall {
    set_to: SystemTime,
    set_at: Instant,
}

impl Wall {
    fn at(&self, instant: Instant) -> SystemTime {
        let passed = instant.saturating_duration_since(self.set_at);
        self.set_to.checked_add(passed).unwrap_or(self.set_to)
    }
}

/// The time of the day. Never goes back, and passes as fast as the time of [`Instant`].
#[must_use]
pub(crate) fn now() -> SystemTime {
    static WALL: LazyLock<Wall> = LazyLock::new(|| Wall {
        set_to: SystemTime::now(),
        set_at: Instant::now(),
    });
    WALL.at(Instant::now())
}

/// The same, since 1970.
#[must_use]
pub(crate) fn since_1970() -> Duration {
    now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_with_the_time_that_no_one_sets() {
        let set_at = Instant::now();
        let set_to = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let wall = Wall { set_to, set_at };
        for ms in [0, 1, 999, 3_600_000] {
            let passed = Duration::from_millis(ms);
            assert_eq!(wall.at(set_at + passed), set_to + passed);
        }
        assert!(now() <= now(), "never back");
    }
}
