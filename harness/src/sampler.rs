//! Drains the recorder once a second, on the full second, into the snapshot of that second and into
//! that of the whole run.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::executor::{Clock, Plan};
use crate::metrics::{Gauge, Names, Recorder, Snapshot};
use crate::wall;

/// What is known once a second while the load runs.
#[derive(Debug)]
pub struct Tick<'a> {
    /// The second that it covers: its beginning, in milliseconds since 1970.
    pub time_ms: i64,
    /// Time since the start of the run.
    pub elapsed: Duration,
    /// Name of the current stage, or of several scenarios those that run.
    pub stage: &'a str,
    /// Index of every scenario's current stage.
    pub stages: &'a [u16],
    /// VUs that the schedule wants now.
    pub target: u32,
    /// The last second.
    pub second: &'a Snapshot,
    /// The run so far.
    pub total: &'a Snapshot,
}

/// Who looks at every tick.
pub trait Observer: Send + 'static {
    /// A second of the load is over.
    fn tick(&mut self, tick: &Tick<'_>);
}

/// When samples are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// At whole seconds of the day.
    OfDay,
    /// At whole seconds of the run, so that those of several processes are the same.
    OfRun,
}

impl Pace {
    /// Waits for the next time.
    async fn next(self, clock: Option<&Clock>) {
        /// How often a run that has no start yet is looked at.
        const LOOK: Duration = Duration::from_millis(20);
        match (self, clock.and_then(Clock::zero)) {
            (Self::OfDay, _) => sleep(to_next_second(now_ms())).await,
            (Self::OfRun, None) => sleep(LOOK).await,
            (Self::OfRun, Some(zero)) => {
                let passed = Instant::now().saturating_duration_since(zero).as_secs();
                sleep_until(zero + Duration::from_secs(passed + 1)).await;
            }
        }
    }
}

/// What is sampled.
pub struct Sampled<A> {
    /// Where the samples are.
    pub recorder: Arc<Recorder>,
    /// The clock of each scenario.
    pub clocks: Vec<Arc<Clock>>,
    /// What the VUs follow.
    pub plan: Plan,
    /// What series are called.
    pub names: Names,
    /// How many VUs there are, active or not.
    pub vus: u32,
    /// How many VUs are active.
    pub active: A,
    /// When samples are taken.
    pub pace: Pace,
}

/// Samples until told to stop, then once more for what came last; gives the whole run's snapshot
/// and the observer back.
pub async fn sample<A: Fn() -> u64, O: Observer>(
    sampled: Sampled<A>,
    mut observer: O,
    stop: CancellationToken,
) -> (Snapshot, O) {
    let mut total = Snapshot {
        names: sampled.names,
        ..Snapshot::default()
    };
    total.vus_max.set(sampled.vus.into());
    let mut second = total.clone();
    // All clocks have the same zero.
    let clock = sampled.clocks.first().map(AsRef::as_ref);
    let mut under_load = UnderLoad::default();
    loop {
        let stopped = tokio::select! {
            biased;
            () = stop.cancelled() => true,
            () = sampled.pace.next(clock) => false,
        };
        let elapsed = clock.map_or(Duration::ZERO, Clock::elapsed);
        second.clear();
        second.duration = elapsed.saturating_sub(total.duration);
        let started = clock.is_some_and(Clock::is_started);
        // What the set-up left there belongs to the first second that anybody sees.
        if started || stopped {
            sampled.recorder.drain(&mut second);
        }
        total.merge(&second);
        total.duration = elapsed;
        let vus = (sampled.active)();
        second.vus.set(vus);
        if started {
            let moment = (!stopped).then_some(elapsed);
            under_load.note(&mut total.vus, vus, moment, &sampled.plan);
        }
        if started {
            let stages: Vec<u16> = sampled.clocks.iter().map(|clock| clock.stage()).collect();
            observer.tick(&Tick {
                time_ms: covered(now_ms(), stopped),
                elapsed,
                stage: &sampled.plan.describe(elapsed),
                stages: &stages,
                target: sampled.plan.target(elapsed),
                second: &second,
                total: &total,
            });
        }
        if stopped {
            return (total, observer);
        }
    }
}

/// Active VUs of the whole run: those of the whole seconds while the schedule is on. So the latest
/// value is one under load, as in k6, which looks once a second and not after the end.
#[derive(Debug, Default)]
pub struct UnderLoad {
    any: bool,
}

impl UnderLoad {
    /// Notes the VUs of this moment; there is none once the run is over. A run that was over
    /// before its first whole second has what its schedule began with.
    pub fn note(&mut self, gauge: &mut Gauge, vus: u64, moment: Option<Duration>, plan: &Plan) {
        match moment {
            Some(elapsed) if elapsed < plan.end() => gauge.set(vus),
            None if !self.any => gauge.set(u64::from(plan.target(Duration::ZERO))),
            _ => return,
        }
        self.any = true;
    }
}

/// Milliseconds since 1970. They never go back, whatever is done to the wall clock.
#[must_use]
pub fn now_ms() -> i64 {
    i64::try_from(wall::since_1970().as_millis()).unwrap_or(i64::MAX)
}

fn to_next_second(now_ms: i64) -> Duration {
    Duration::from_millis((1_000 - now_ms.rem_euclid(1_000)).unsigned_abs())
}

/// The second that a tick covers: the one that is just over, or at the end the one that has
/// begun. No two ticks get the same one, so no row overwrites another.
fn covered(now_ms: i64, last: bool) -> i64 {
    let begun = now_ms - now_ms.rem_euclid(1_000);
    if last { begun } else { begun - 1_000 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::{Executor, Part, Schedule};

    /// Each row: VUs at each second of a plan of three seconds, and the latest value at its end, the
    /// smallest and the largest.
    #[test]
    fn the_latest_number_of_vus_is_one_under_load() {
        let schedule = Schedule {
            executor: Executor::ConstantVus {
                vus: 5,
                duration: Duration::from_secs(3),
            },
            start_time: Duration::ZERO,
            graceful_stop: Duration::from_secs(30),
            graceful_ramp_down: Duration::from_secs(30),
        };
        let part = Part {
            name: None,
            schedule,
        };
        let plan = Plan::new(vec![part]);
        let rows: [(&[u64], [u64; 3]); 5] = [
            (&[5, 4], [4, 4, 5]),
            (&[3, 5], [5, 3, 5]),
            (&[5, 5, 0], [5, 5, 5]),
            // The grace, in which one iteration goes on.
            (&[5, 5, 1, 1, 1], [5, 5, 5]),
            (&[], [5, 5, 5]),
        ];
        for (seconds, expected) in rows {
            let (mut gauge, mut under_load) = (Gauge::default(), UnderLoad::default());
            for (second, vus) in (1..).zip(seconds) {
                let moment = Some(Duration::from_secs(second));
                under_load.note(&mut gauge, *vus, moment, &plan);
            }
            under_load.note(&mut gauge, 0, None, &plan);
            let found = [gauge.value, gauge.min, gauge.max];
            assert_eq!(found, expected, "{seconds:?}");
        }
    }

    #[test]
    fn ticks_come_at_whole_seconds_and_name_the_one_before() {
        assert_eq!(to_next_second(12_345), Duration::from_millis(655));
        assert_eq!(to_next_second(12_000), Duration::from_millis(1_000));
        assert_eq!(covered(13_001, false), 12_000);
        assert_eq!(covered(13_400, true), 13_000);
    }
}
