//! Stopping a run: gently at the first signal, at once at the second.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio_util::sync::CancellationToken;

/// What signals do to a run. Shared by the signal handler, the VUs and the wiring.
#[derive(Debug, Default)]
pub struct Control {
    signals: AtomicU32,
    stopping: CancellationToken,
    cutting: CancellationToken,
}

impl Control {
    /// Notes a signal: the first one starts the graceful stop, every further one cuts.
    pub fn signal(&self) {
        match self.signals.fetch_add(1, Ordering::SeqCst) {
            0 => self.stopping.cancel(),
            _ => self.cut(),
        }
    }

    /// Cuts every running iteration.
    pub fn cut(&self) {
        self.stopping.cancel();
        self.cutting.cancel();
    }

    /// Whether a signal came.
    #[must_use]
    pub fn signalled(&self) -> bool {
        self.signals.load(Ordering::SeqCst) > 0
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
        assert!(!control.signalled());
        control.signal();
        assert!(control.signalled() && control.stopping().is_cancelled());
        assert!(!control.cutting().is_cancelled());
        control.signal();
        assert!(control.cutting().is_cancelled());
    }
}
