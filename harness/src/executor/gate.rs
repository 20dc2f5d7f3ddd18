//! Where virtual users wait for a start that somebody else sets: the lead of a run on several
//! machines.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// A start that is not yet known.
#[derive(Debug, Default)]
pub struct Gate {
    everyone: watch::Sender<bool>,
    start: watch::Sender<Option<Instant>>,
    passed: OnceLock<Duration>,
}

impl Gate {
    /// Waits until every virtual user is there.
    pub async fn everyone(&self) {
        let mut everyone = self.everyone.subscribe();
        // The sender is this gate's own.
        let _ = everyone.wait_for(|everyone| *everyone).await;
    }

    /// Says when the run starts.
    pub fn open_at(&self, start: Instant) {
        self.start.send_replace(Some(start));
    }

    /// How long after the start the first virtual user began.
    #[must_use]
    pub fn passed(&self) -> Option<Duration> {
        self.passed.get().copied()
    }

    /// Waits, as the last one who has come, until the start is known.
    pub(super) async fn start(&self) -> Instant {
        self.everyone.send_replace(true);
        let mut start = self.start.subscribe();
        let known = start.wait_for(Option::is_some).await;
        known
            .ok()
            .and_then(|start| *start)
            .unwrap_or_else(Instant::now)
    }

    pub(super) fn note_passed(&self, after: Duration) {
        self.passed.get_or_init(|| after);
    }
}
