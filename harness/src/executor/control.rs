//! Stopping a run: gently at the first signal, at once at the second.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What signals do to a run. Shared by the signal handler, the VUs and the wiring.
#[derive(Debug, Default)]
pub struct Control {
    signals: AtomicU32,
    stopping: CancellationToken,
    cutting: CancellationToken,
    stopped_at: OnceLock<Instant>,
    /// Why the run stopped by itself.
    aborted: OnceLock<String>,
}

impl Control {
    /// Notes a signal: the first one starts the graceful stop, every further one cuts.
    pub fn signal(&self) {
        match self.signals.fetch_add(1, Ordering::SeqCst) {
            0 => self.stop(),
            _ => self.cut(),
        }
    }

    /// Starts the graceful stop because the run is to go no further.
    pub fn abort(&self, reason: String) {
        // The first reason is the one that stopped it.
        let _ = self.aborted.set(reason);
        self.stop();
    }

    /// Cuts every running iteration.
    pub fn cut(&self) {
        self.stop();
        self.cutting.cancel();
    }

    fn stop(&self) {
        self.stopping.cancel();
        // Afterwards, so that whatever started before it noticed was due by then.
        self.stopped_at.get_or_init(Instant::now);
    }

    /// Whether a signal came.
    #[must_use]
    pub fn signalled(&self) -> bool {
        self.signals.load(Ordering::SeqCst) > 0
    }

    /// Why the run was aborted, if it was.
    #[must_use]
    pub fn aborted(&self) -> Option<&str> {
        self.aborted.get().map(String::as_str)
    }

    /// When the graceful stop began, if it did.
    #[must_use]
    pub fn stopped_at(&self) -> Option<Instant> {
        self.stopped_at.get().copied()
    }

    /// Cancelled when no further iteration may start.
    #[must_use]
    pub const fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Cancelled when running iterations are cut.
    #[must_use]
    pub const fn cutting(&self) -> &CancellationToken {
        &self.cutting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_stops_and_the_second_cuts() {
        let control = Control::default();
        assert!(!control.signalled() && control.stopped_at().is_none());
        control.signal();
        assert!(control.signalled() && control.stopping().is_cancelled());
        assert!(!control.cutting().is_cancelled() && control.stopped_at().is_some());
        control.signal();
        assert!(control.cutting().is_cancelled());
    }

    #[test]
    fn an_abort_stops_without_a_signal_and_keeps_its_first_reason() {
        let control = Control::default();
        control.abort("first".to_owned());
        control.abort("second".to_owned());
        assert!(control.stopping().is_cancelled() && !control.signalled());
        assert_eq!(control.aborted(), Some("first"));
    }
}
