//! Whether somebody looks at the page: what costs time is done for readers only.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// A page asks once a second. A reader who hasn't asked for this long is gone.
const GONE_AFTER: Duration = Duration::from_secs(3);

/// Never.
const NEVER: u64 = u64::MAX;

/// The readers of a page.
#[derive(Debug)]
pub struct Audience {
    began: Instant,
    /// When somebody asked last, in ms since it began.
    asked_ms: AtomicU64,
    news: Notify,
}

impl Default for Audience {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            asked_ms: AtomicU64::new(NEVER),
            news: Notify::new(),
        }
    }
}

impl Audience {
    /// Whether somebody looks.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.is_there_at(self.began.elapsed())
    }

    /// Tells those who wait for it that there is something to show.
    pub fn tell(&self) {
        self.news.notify_waiters();
    }

    /// Notes that somebody asks; tells whether anybody looked just before.
    pub(super) fn ask(&self) -> bool {
        let now = self.began.elapsed();
        let before = self.is_there_at(now);
        let now = u64::try_from(now.as_millis()).unwrap_or(NEVER - 1);
        self.asked_ms.store(now, Ordering::Relaxed);
        before
    }

    /// Waits until there is something to show, at most so long.
    pub(super) async fn news(&self, at_most: Duration) {
        // Without any, what is known is shown.
        let _ = tokio::time::timeout(at_most, self.news.notified()).await;
    }

    fn is_there_at(&self, now: Duration) -> bool {
        match self.asked_ms.load(Ordering::Relaxed) {
            NEVER => false,
            asked => now.saturating_sub(Duration::from_millis(asked)) < GONE_AFTER,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_is_there_for_three_seconds() {
        let audience = Audience::default();
        assert!(!audience.is_there(), "nobody has come yet");
        assert!(!audience.ask(), "the first one");
        assert!(audience.is_there() && audience.ask());
        let asked = Duration::from_millis(audience.asked_ms.load(Ordering::Relaxed));
        assert!(audience.is_there_at(asked + Duration::from_millis(2_999)));
        assert!(!audience.is_there_at(asked + GONE_AFTER));
    }
}
