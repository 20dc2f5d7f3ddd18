//! The fleet's accounting under paused time: what starts, when, and what is cut.

use proptest::prelude::*;
use tokio::time::Instant;

use super::super::schedule::Executor;
use super::super::stage::Stage;
use super::*;
use crate::metrics::{Snapshot, TagFilter};

const MS: Duration = Duration::from_millis(1);

/// Sleeps for its iterations and notes when each began.
struct Sleeper {
    takes: Duration,
    clock: Arc<Clock>,
    began: Vec<Duration>,
    cuts: u64,
}

impl Actor for Sleeper {
    fn scenario(&self) -> &'static str {
        "sleeper"
    }

    fn iterate(&mut self) -> BoxFuture<'_, Iterated> {
        self.began.push(self.clock.elapsed());
        Box::pin(async move {
            tokio::time::sleep(self.takes).await;
            Iterated::Answered
        })
    }

    fn cut(&mut self) {
        self.cuts += 1;
    }

    fn retire(&mut self) {}
}

struct Outcome {
    began: Vec<Vec<Duration>>,
    cuts: u64,
    completed: u64,
    interrupted: u64,
    took: Duration,
}

impl Outcome {
    fn started(&self) -> u64 {
        self.began.iter().map(|began| began.len() as u64).sum()
    }
}

/// Runs a fleet of sleepers; `stop_after` sends one signal then.
fn run(schedule: &Schedule, takes: Duration, stop_after: Option<Duration>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing from outside");
    runtime.block_on(async {
        let clock = Arc::new(Clock::new(schedule));
        let control = Arc::new(Control::default());
        let recorder = Arc::new(Recorder::default());
        let actors = (0..schedule.vus_max())
            .map(|_| Sleeper {
                takes,
                clock: Arc::clone(&clock),
                began: vec![],
                cuts: 0,
            })
            .collect();
        let fleet = Arc::new(Fleet::new(
            actors,
            schedule,
            clock,
            Arc::clone(&control),
            Arc::clone(&recorder),
        ));
        let before = Instant::now();
        let tasks: Vec<_> = (0..schedule.vus_max() as usize)
            .map(|index| {
                let fleet = Arc::clone(&fleet);
                tokio::spawn(async move { while fleet.step(index).await == Step::Continue {} })
            })
            .collect();
        if let Some(after) = stop_after {
            tokio::time::sleep(after).await;
            control.signal();
        }
        for task in tasks {
            task.await.expect("a VU doesn't panic");
        }
        let took = before.elapsed();
        assert_eq!(fleet.active(), 0, "every VU that became active ended");
        let fleet = Arc::into_inner(fleet).expect("every task has ended");
        let (began, cuts): (Vec<_>, Vec<_>) = fleet
            .into_actors()
            .map(|actor| (actor.began, actor.cuts))
            .unzip();
        let mut snapshot = Snapshot::default();
        recorder.drain(&mut snapshot);
        let counter = |name| {
            snapshot
                .counter(name, &TagFilter::default())
                .expect("a known counter")
        };
        Outcome {
            began,
            cuts: cuts.iter().sum(),
            completed: counter("iterations"),
            interrupted: counter("interrupted_iterations"),
            took,
        }
    })
}

fn schedule(executor: Executor) -> Schedule {
    Schedule {
        executor,
        start_time: Duration::ZERO,
        graceful_stop: 500 * MS,
        graceful_ramp_down: 200 * MS,
    }
}

#[test]
fn constant_vus_iterate_until_the_end_and_finish_within_the_grace() {
    let executor = Executor::ConstantVus {
        vus: 3,
        duration: 1_000 * MS,
    };
    let outcome = run(&schedule(executor), 300 * MS, None);
    for began in &outcome.began {
        let began: Vec<_> = began.iter().map(Duration::as_millis).collect();
        assert_eq!(began, [0, 300, 600, 900]);
    }
    assert_eq!((outcome.completed, outcome.interrupted), (12, 0));
    assert_eq!(outcome.took.as_millis(), 1_200);
}

#[test]
fn what_outlasts_the_grace_is_cut_exactly_at_its_end() {
    let executor = Executor::ConstantVus {
        vus: 2,
        duration: 1_000 * MS,
    };
    let outcome = run(&schedule(executor), 5_000 * MS, None);
    assert_eq!(
        (outcome.completed, outcome.interrupted, outcome.cuts),
        (0, 2, 2)
    );
    assert_eq!(outcome.took.as_millis(), 1_500);
}

#[test]
fn a_ramp_starts_its_vus_to_the_millisecond() {
    let stage = |ms, target| Stage {
        name: String::new(),
        duration: ms * MS,
        target,
    };
    let executor = Executor::RampingVus {
        start_vus: 0,
        stages: vec![stage(1_000, 10), stage(1_000, 0)],
    };
    let outcome = run(&schedule(executor), 10 * MS, None);
    for (k, began) in outcome.began.iter().enumerate() {
        let opens = 100 * k as u128;
        let first = began.first().expect("every VU has a window").as_millis();
        let last = began.last().expect("every VU has a window").as_millis();
        assert!(
            (opens..=opens + 1).contains(&first),
            "VU {k} began at {first}"
        );
        assert!(last < 2_000 - opens, "VU {k} began its last at {last}");
    }
}

#[test]
fn start_time_delays_the_first_iteration() {
    let executor = Executor::PerVuIterations {
        vus: 2,
        iterations: 1,
        max_duration: 1_000 * MS,
    };
    let outcome = run(
        &Schedule {
            start_time: 700 * MS,
            ..schedule(executor)
        },
        10 * MS,
        None,
    );
    assert!(
        outcome
            .began
            .iter()
            .all(|began| began[0].as_millis() == 700),
        "{:?}",
        outcome.began
    );
}

#[test]
fn a_signal_lets_running_iterations_finish_and_starts_no_more() {
    let executor = Executor::ConstantVus {
        vus: 4,
        duration: 60_000 * MS,
    };
    let outcome = run(&schedule(executor), 300 * MS, Some(1_000 * MS));
    assert_eq!((outcome.completed, outcome.interrupted), (16, 0));
    assert_eq!(outcome.took.as_millis(), 1_200);
}

#[test]
fn a_signal_wakes_vus_that_wait_for_their_window() {
    let executor = Executor::ConstantVus {
        vus: 4,
        duration: 1_000 * MS,
    };
    let waiting = Schedule {
        start_time: 3_600_000 * MS,
        ..schedule(executor)
    };
    let outcome = run(&waiting, MS, Some(50 * MS));
    assert_eq!((outcome.started(), outcome.took.as_millis()), (0, 50));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Iterations are neither lost nor doubled, whatever they are counted by.
    #[test]
    fn iterations_add_up(
        vus in 1_u32..20,
        iterations in 1_u64..50,
        takes_ms in 1_u64..400,
        max_ms in 1_u64..3_000,
        shared: bool,
    ) {
        let max_duration = Duration::from_millis(max_ms);
        let (executor, planned) = if shared {
            (Executor::SharedIterations { vus, iterations, max_duration }, iterations)
        } else {
            (Executor::PerVuIterations { vus, iterations, max_duration }, iterations * u64::from(vus))
        };
        let outcome = run(&schedule(executor), Duration::from_millis(takes_ms), None);
        prop_assert_eq!(outcome.completed + outcome.interrupted, outcome.started());
        prop_assert_eq!(outcome.cuts, outcome.interrupted);
        prop_assert!(outcome.started() <= planned);
        // A millisecond of slack: paused time moves in whole ones.
        let all_fit = planned.div_ceil(u64::from(vus)) * (takes_ms + 1) < max_ms;
        if all_fit {
            prop_assert_eq!(outcome.completed, planned);
        }
        for began in outcome.began.iter().flatten() {
            prop_assert!(*began < max_duration);
        }
        prop_assert!(outcome.took <= max_duration + 501 * MS);
    }
}
