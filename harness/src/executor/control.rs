//! Stopping a run: gently at the first signal, at once at the second.
//!
//! Docker, Kubernetes and systemd send SIGKILL some ten seconds after SIGTERM. So after SIGTERM
//! each part of the end has a deadline. If a part ends early, the next one has more time:
//!
//! ```text
//! SIGTERM                                                                            SIGKILL
//!    0 s          3 s                    6 s      7 s      8 s                         10 s
//!    │ iterations  │ audit                │ outputs│ reports│                            │
//! ```

use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long everything may take after SIGTERM.
const TERMINATED: Duration = Duration::from_secs(8);

/// How long everything may take after the second signal, of whatever kind.
const HURRIED: Duration = Duration::from_secs(4);

/// A part of a run's end, by the time that is kept for the parts after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Iterations that are under way.
    Iterations,
    /// The audit.
    Audit,
    /// Rows on their way to outputs.
    Outputs,
}

impl Closing {
    const fn kept_for_others(self) -> Duration {
        Duration::from_secs(match self {
            Self::Iterations => 5,
            Self::Audit => 2,
            Self::Outputs => 1,
        })
    }
}

/// How far signals have brought a run.
#[derive(Debug, Clone, Copy, Default)]
struct Ending {
    signals: u32,
    /// When everything is to be over, if there is such a time.
    by: Option<Instant>,
}

/// What signals do to a run. Shared by the signal handler, the VUs and the wiring.
#[derive(Debug, Default)]
pub struct Control {
    ending: watch::Sender<Ending>,
    stopping: CancellationToken,
    cutting: CancellationToken,
    stopped_at: OnceLock<Instant>,
    /// Why the run stopped by itself.
    aborted: OnceLock<String>,
}

impl Control {
    /// Notes a signal: the first one starts the graceful stop, every further one cuts.
    pub fn signal(&self) {
        self.note(None);
    }

    /// Notes a signal of somebody who won't wait for long.
    pub fn terminate(&self) {
        self.note(Some(TERMINATED));
    }

    fn note(&self, within: Option<Duration>) {
        let now = Instant::now();
        self.ending.send_modify(|ending| {
            ending.signals += 1;
            let within = if ending.signals > 1 {
                Some(HURRIED)
            } else {
                within
            };
            let by = within.map(|within| now + within);
            ending.by = [ending.by, by].into_iter().flatten().min();
        });
        match self.ending.borrow().signals {
            1 => self.stop(),
            _ => self.cut(),
        }
    }

    /// Waits until this part has no time left.
    pub async fn time_is_up(&self, part: Closing) {
        let mut ending = self.ending.subscribe();
        loop {
            let by = ending.borrow_and_update().by;
            let until = by.and_then(|by| by.checked_sub(part.kept_for_others()));
            let sleep = async {
                match (by, until) {
                    (None, _) => std::future::pending().await,
                    (Some(_), Some(until)) => sleep_until(until).await,
                    (Some(_), None) => {}
                }
            };
            tokio::select! {
                () = sleep => return,
                Ok(()) = ending.changed() => {}
            }
        }
    }

    /// Waits until this part has no time left, or somebody who has sent a signal before sends
    /// another one.
    pub async fn cut_short(&self, part: Closing) {
        let mut ending = self.ending.subscribe();
        let before = ending.borrow().signals.max(1);
        tokio::select! {
            () = self.time_is_up(part) => {}
            Ok(_) = ending.wait_for(|ending| ending.signals > before) => {}
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
        self.ending.borrow().signals > 0
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

    /// How long a part takes that would never end, from now on.
    async fn time_of(control: &Control, part: Closing) -> Duration {
        let start = Instant::now();
        control.cut_short(part).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_terminates_waits_for_no_part_for_long() {
        let seconds = Duration::from_secs;
        let control = Control::default();
        control.terminate();
        assert_eq!(time_of(&control, Closing::Iterations).await, seconds(3));
        assert_eq!(time_of(&control, Closing::Audit).await, seconds(3));
        assert_eq!(time_of(&control, Closing::Outputs).await, seconds(1));
        assert_eq!(time_of(&control, Closing::Outputs).await, seconds(0));
    }

    #[tokio::test(start_paused = true)]
    async fn after_one_interrupt_there_is_time_and_another_ends_what_goes_on() {
        let hour = Duration::from_secs(3_600);
        let control = Control::default();
        let long = tokio::time::timeout(hour, control.cut_short(Closing::Audit));
        let interrupt = async {
            tokio::time::sleep(hour / 2).await;
            control.signal();
        };
        assert!(
            tokio::join!(long, interrupt).0.is_err(),
            "one lets it finish"
        );
        for _ in 2..=3 {
            let interrupt = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                control.signal();
            };
            let time = tokio::join!(time_of(&control, Closing::Audit), interrupt).0;
            assert_eq!(time, Duration::from_secs(1));
        }
        // A part that began only after that has what is left.
        let time = time_of(&control, Closing::Outputs).await;
        assert_eq!(time, Duration::from_secs(2));
    }
}
