//! Drains the recorder once a second: into the second's snapshot and into the whole run's.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::executor::{Clock, Schedule, Segment};
use crate::metrics::{Recorder, Snapshot};

/// What is known once a second while the load runs.
#[derive(Debug)]
pub struct Tick<'a> {
    /// Time since the start of the run.
    pub elapsed: Duration,
    /// Name of the current stage.
    pub stage: &'a str,
    /// VUs that the schedule wants now.
    pub target: u32,
    /// The last second.
    pub second: &'a Snapshot,
    /// The run so far.
    pub total: &'a Snapshot,
}

/// Samples until told to stop, then once more for what came last; gives the whole run's snapshot.
/// `active` tells how many VUs are active, `each` sees every tick.
pub async fn sample(
    recorder: Arc<Recorder>,
    clock: Arc<Clock>,
    schedule: Schedule,
    active: impl Fn() -> u64,
    mut each: impl FnMut(&Tick<'_>),
    stop: CancellationToken,
) -> Snapshot {
    const SECOND: Duration = Duration::from_secs(1);
    let stages: Arc<[String]> = schedule.stage_names().into();
    let segments = schedule.segments();
    let mut total = Snapshot {
        stages: Arc::clone(&stages),
        ..Snapshot::default()
    };
    total.vus_max.set(u64::from(schedule.vus_max()));
    let mut second = total.clone();
    let mut ticks = interval_at(Instant::now() + SECOND, SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let stopped = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            _ = ticks.tick() => false,
        };
        let elapsed = clock.elapsed();
        second.clear();
        second.duration = elapsed.saturating_sub(total.duration);
        recorder.drain(&mut second);
        total.merge(&second);
        total.duration = elapsed;
        let vus = active();
        second.vus.set(vus);
        total.vus.set(vus);
        if stopped {
            return total;
        }
        if clock.is_started() {
            let stage = &stages[usize::from(clock.stage())];
            each(&Tick {
                elapsed,
                stage,
                target: target(&segments, elapsed),
                second: &second,
                total: &total,
            });
        }
    }
}

fn target(segments: &[Segment], t: Duration) -> u32 {
    segments
        .iter()
        .find(|s| s.start <= t && t < s.end)
        .map_or(0, |segment| segment.target(t))
}
