//! The fleet's accounting under paused time: what starts, when, and what is cut.

use futures::future::BoxFuture;
use proptest::prelude::*;
use tokio::time::Instant;

use super::super::arrivals::{Arrivals, Rate, RateStage};
use super::super::plan::{Part, Plan};
use super::super::portion::Portion;
use super::super::schedule::Executor;
use super::super::stage::Stage;
use super::super::work::Account;
use super::*;
use crate::metrics::{Counter, Snapshot, TagFilter, TrendOf};

const MS: Duration = Duration::from_millis(1);

/// Sleeps for its iterations and notes when each began.
struct Sleeper {
    persona: &'static str,
    takes: Duration,
    thinks: Duration,
    clock: Arc<Clock>,
    began: Vec<Duration>,
    cuts: u64,
}

impl Actor for Sleeper {
    fn scenario(&self) -> &'static str {
        "test"
    }

    fn persona(&self) -> &'static str {
        self.persona
    }

    fn think(&mut self) -> Duration {
        self.thinks
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

#[derive(Debug)]
struct Outcome {
    /// By VU, its persona with when its iterations began.
    vus: Vec<(&'static str, Vec<Duration>)>,
    cuts: u64,
    completed: u64,
    interrupted: u64,
    dropped: u64,
    /// Of the last scenario.
    account: Option<Account>,
    snapshot: Snapshot,
    took: Duration,
    /// What the fleet says of it.
    lasted: Duration,
}

impl Outcome {
    fn began(&self) -> impl Iterator<Item = &Vec<Duration>> {
        self.vus.iter().map(|(_, began)| began)
    }

    fn started(&self) -> u64 {
        self.began().map(|began| began.len() as u64).sum()
    }

    fn started_by(&self, persona: &str) -> u64 {
        let own = self.vus.iter().filter(|(known, _)| *known == persona);
        own.map(|(_, began)| began.len() as u64).sum()
    }
}

/// What a fleet of sleepers is made of.
struct Sleepers<'a> {
    schedules: &'a [Schedule],
    /// Persona and length of iterations: VUs and arrivals take them in turn.
    personas: &'a [(&'static str, Duration)],
    thinks: Duration,
    /// When signals come.
    signals: &'a [Duration],
}

/// Runs a fleet of sleepers; `stop_after` sends one signal then.
fn run(schedule: &Schedule, takes: Duration, stop_after: Option<Duration>) -> Outcome {
    run_all(&Sleepers {
        schedules: std::slice::from_ref(schedule),
        personas: &[("sleeper", takes)],
        thinks: Duration::ZERO,
        signals: stop_after.as_slice(),
    })
}

fn run_all(sleepers: &Sleepers<'_>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing from outside");
    runtime.block_on(async {
        let parts = sleepers.schedules.iter().map(|schedule| Part {
            name: None,
            schedule: schedule.clone(),
        });
        let plan = Plan::new(parts.collect());
        let control = Arc::new(Control::default());
        let recorder = Arc::new(Recorder::default());
        let crew = |(part, clock): (&Part, Arc<Clock>)| Crew {
            portion: Portion::whole(part.schedule.vus_max()),
            actors: (0..part.schedule.vus_max() as usize)
                .map(|k| sleepers.personas[k % sleepers.personas.len()])
                .map(|(persona, takes)| Sleeper {
                    persona,
                    takes,
                    thinks: sleepers.thinks,
                    clock: Arc::clone(&clock),
                    began: vec![],
                    cuts: 0,
                })
                .collect(),
            schedule: part.schedule.clone(),
            clock,
            pattern: sleepers.personas.iter().map(|(name, _)| *name).collect(),
        };
        let fleet = Arc::new(Fleet::new(
            plan.parts().iter().zip(plan.clocks()).map(crew).collect(),
            Arc::clone(&control),
            Arc::clone(&recorder),
            Alarm::default(),
        ));
        let before = Instant::now();
        let tasks: Vec<_> = (0..plan.vus_max() as usize)
            .map(|index| {
                let fleet = Arc::clone(&fleet);
                tokio::spawn(async move { while fleet.step(index).await == Step::Continue {} })
            })
            .collect();
        for at in sleepers.signals {
            tokio::time::sleep_until(before + *at).await;
            control.signal();
        }
        for task in tasks {
            task.await.expect("a VU doesn't panic");
        }
        let took = before.elapsed();
        assert_eq!(fleet.active(), 0, "every VU that became active ended");
        let lasted = fleet.duration();
        let account = fleet
            .settle()
            .await
            .pop()
            .and_then(|settled| settled.arrivals);
        let fleet = Arc::into_inner(fleet).expect("every task has ended");
        let (vus, cuts): (Vec<_>, Vec<_>) = fleet
            .into_actors()
            .map(|actor| ((actor.persona, actor.began), actor.cuts))
            .unzip();
        let mut snapshot = Snapshot::default();
        recorder.drain(&mut snapshot);
        let counter = |counter| snapshot.counter(counter, &TagFilter::default());
        Outcome {
            vus,
            cuts: cuts.iter().sum(),
            completed: counter(Counter::Iterations),
            interrupted: counter(Counter::Interrupted),
            dropped: counter(Counter::Dropped),
            account,
            snapshot,
            took,
            lasted,
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
    for began in outcome.began() {
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

fn stage(ms: u32, target: u32) -> Stage {
    Stage {
        name: String::new(),
        duration: ms * MS,
        target,
    }
}

/// The VU is given up after a second, and the run goes on for another.
#[test]
fn what_outlasts_the_ramp_downs_grace_is_cut_exactly_at_its_end() {
    let executor = Executor::RampingVus {
        start_vus: 1,
        stages: vec![stage(1_000, 1), stage(0, 0), stage(1_000, 0)],
    };
    let outcome = run(&schedule(executor), 5_000 * MS, None);
    assert_eq!(
        (outcome.completed, outcome.interrupted, outcome.cuts),
        (0, 1, 1)
    );
    let times = [
        outcome.began().next().map(Vec::len),
        Some(outcome.took.as_millis() as usize),
    ];
    assert_eq!(times, [Some(1), Some(2_000)], "it is cut after 1,200");
}

/// Rate, end and iterations' length in ms; how many there are, and how long it lasts.
#[test]
fn a_load_lasts_as_long_as_it_was_asked_to() {
    let rate = |per_minute| Executor::ConstantArrivalRate {
        rate: Rate::new(per_minute, 60_000 * MS).expect("a rate"),
        duration: 29_000 * MS,
        max_vus: 2,
        max_start_delay: MS,
    };
    let quiet = Executor::RampingArrivalRate {
        start_rate: Rate::new(10.0, 1_000 * MS).expect("a rate"),
        stages: vec![
            rate_stage(1_000, 10.0),
            rate_stage(0, 0.0),
            rate_stage(5_000, 0.0),
        ],
        max_vus: 2,
        max_start_delay: MS,
    };
    let nobody = Executor::RampingVus {
        start_vus: 1,
        stages: vec![stage(1_000, 1), stage(0, 0), stage(2_000, 0)],
    };
    let each = Executor::PerVuIterations {
        vus: 2,
        iterations: 2,
        max_duration: 60_000 * MS,
    };
    let rows = [
        (rate(2.0), 19, 1, 29_000),
        (rate(60.0), 19, 29, 29_000),
        (quiet, 50, 10, 6_000),
        (nobody, 400, 3, 3_000),
        (each, 300, 4, 600),
    ];
    for (executor, takes, completed, lasts) in rows {
        let name = format!("{executor:?}");
        let outcome = run(&schedule(executor), takes * MS, None);
        let times = (outcome.took.as_millis(), outcome.lasted.as_millis());
        assert_eq!(
            (outcome.completed, times),
            (completed, (lasts, lasts)),
            "{name}"
        );
    }
}

#[test]
fn a_think_time_at_the_end_is_waited_out_and_a_signal_ends_it() {
    let executor = Executor::ConstantVus {
        vus: 1,
        duration: 3_000 * MS,
    };
    let thinking = |signals: &[Duration]| {
        run_all(&Sleepers {
            schedules: &[schedule(executor.clone())],
            personas: &[("sleeper", MS)],
            thinks: 1_000 * MS,
            signals,
        })
    };
    let whole = thinking(&[]);
    assert_eq!((whole.completed, whole.lasted.as_millis()), (3, 3_000));
    let stopped = thinking(&[2_500 * MS]);
    assert_eq!((stopped.completed, stopped.lasted.as_millis()), (3, 2_500));
    assert_eq!(stopped.took.as_millis(), 2_500);
}

#[test]
fn a_signal_ends_a_quiet_stage() {
    let executor = Executor::ConstantArrivalRate {
        rate: Rate::new(2.0, 60_000 * MS).expect("a rate"),
        duration: 29_000 * MS,
        max_vus: 1,
        max_start_delay: MS,
    };
    let outcome = run(&schedule(executor), 19 * MS, Some(4_000 * MS));
    assert_eq!(
        (outcome.took.as_millis(), outcome.lasted.as_millis()),
        (4_000, 4_000)
    );
}

fn rate_stage(ms: u32, per_second: f64) -> RateStage {
    RateStage {
        name: String::new(),
        duration: ms * MS,
        target: Rate::new(per_second, 1_000 * MS).expect("a rate"),
    }
}

#[test]
fn a_ramp_starts_its_vus_to_the_millisecond() {
    let executor = Executor::RampingVus {
        start_vus: 0,
        stages: vec![stage(1_000, 10), stage(1_000, 0)],
    };
    let outcome = run(&schedule(executor), 10 * MS, None);
    for (k, began) in outcome.began().enumerate() {
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
        outcome.began().all(|began| began[0].as_millis() == 700),
        "{outcome:?}"
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

/// In the open model: 100/s for a second, taking 250 ms each.
fn at_a_rate(max_vus: u32, max_start_delay: Duration) -> Schedule {
    schedule(Executor::ConstantArrivalRate {
        rate: Rate::new(100.0, 1_000 * MS).expect("a rate"),
        duration: 1_000 * MS,
        max_vus,
        max_start_delay,
    })
}

#[test]
fn arrivals_start_when_they_are_due_however_long_iterations_take() {
    let outcome = run(&at_a_rate(26, 1_000 * MS), 250 * MS, None);
    let mut began: Vec<u128> = outcome.began().flatten().map(Duration::as_millis).collect();
    began.sort_unstable();
    let due: Vec<u128> = (0..100).map(|n| n * 10).collect();
    assert_eq!(began, due);
    let all = TagFilter::default();
    let delay = outcome.snapshot.trend(TrendOf::StartDelay, &all);
    let response = outcome.snapshot.trend(TrendOf::ResponseTime, &all);
    assert_eq!((delay.count(), delay.max_ms()), (100, 0.0));
    assert_eq!((response.min_ms(), response.max_ms()), (250.0, 250.0));
    assert_eq!((outcome.completed, outcome.dropped), (100, 0));
}

/// One VU that takes 250 ms an iteration serves 100/s at 4/s: iteration n starts when it is free,
/// until that would be more than 500 ms late; from then on it drops what is too old.
#[test]
fn with_too_few_vus_arithmetic_says_what_is_dropped() {
    let outcome = run(&at_a_rate(1, 500 * MS), 250 * MS, None);
    let began: Vec<u128> = outcome.began().flatten().map(Duration::as_millis).collect();
    // Free at 0, 250, 500, …; the oldest that is not too late then: 0, 10, 20 (480 late), and
    // from 750 on the one that was due 500 ms before, until the last, due at 990.
    assert_eq!(began, [0, 250, 500, 750, 1_000, 1_250]);
    let delays = outcome
        .snapshot
        .trend(TrendOf::StartDelay, &TagFilter::default());
    // Due at 0, 10, 20, 250, 500, 750: late by 0, 240, 480, 500, 500, 500.
    assert_eq!(delays.sum_ms(), 2_220.0);
    let expected = Account {
        scheduled: 100,
        started: 6,
        dropped: 94,
    };
    assert_eq!(outcome.account, Some(expected));
    assert_eq!((outcome.started(), outcome.dropped), (6, 94));
}

/// The quick one doesn't take over the arrivals of the slow one.
#[test]
fn a_mix_of_arrivals_is_exact_whoever_is_quicker() {
    let outcome = run_all(&Sleepers {
        schedules: &[at_a_rate(20, 1_000 * MS)],
        personas: &[("slow", 90 * MS), ("quick", MS), ("quick", MS)],
        thinks: Duration::ZERO,
        signals: &[],
    });
    assert_eq!(outcome.started_by("slow"), 34);
    assert_eq!(outcome.started_by("quick"), 66);
}

#[test]
fn what_was_due_by_a_stop_is_what_was_scheduled() {
    let outcome = run(&at_a_rate(1, 10_000 * MS), 250 * MS, Some(405 * MS));
    let expected = Account {
        scheduled: 41,
        started: 2,
        dropped: 39,
    };
    assert_eq!(outcome.account, Some(expected));
    assert_eq!((outcome.completed, outcome.dropped), (2, 39));
    assert_eq!(outcome.took.as_millis(), 500);
    let before = Schedule {
        start_time: 5_000 * MS,
        ..at_a_rate(3, MS)
    };
    let outcome = run(&before, 250 * MS, Some(405 * MS));
    assert_eq!(outcome.account, Some(Account::default()));
    assert_eq!(outcome.took.as_millis(), 405);
}

#[test]
fn arrivals_that_outlast_the_grace_are_cut_and_those_behind_them_dropped() {
    let outcome = run(&at_a_rate(2, 60_000 * MS), 5_000 * MS, None);
    assert_eq!((outcome.completed, outcome.interrupted), (0, 2));
    assert_eq!((outcome.cuts, outcome.dropped), (2, 98));
    assert_eq!(outcome.took.as_millis(), 1_500);
}

#[test]
fn thinking_comes_between_iterations_and_ends_with_the_window() {
    let executor = Executor::ConstantVus {
        vus: 1,
        duration: 1_000 * MS,
    };
    let outcome = run_all(&Sleepers {
        schedules: &[schedule(executor)],
        personas: &[("thinker", 100 * MS)],
        thinks: 300 * MS,
        signals: &[],
    });
    let began: Vec<u128> = outcome.began().flatten().map(Duration::as_millis).collect();
    assert_eq!(began, [0, 400, 800]);
    let duration = outcome
        .snapshot
        .trend(TrendOf::IterationDuration, &TagFilter::default());
    assert_eq!(duration.max_ms(), 100.0, "thinking is no part of it");
    assert_eq!(outcome.took.as_millis(), 1_000);
}

#[test]
fn a_run_ends_with_its_last_iteration_and_not_with_a_thought() {
    let max_duration = 60_000 * MS;
    for executor in [
        Executor::PerVuIterations {
            vus: 2,
            iterations: 2,
            max_duration,
        },
        Executor::SharedIterations {
            vus: 2,
            iterations: 4,
            max_duration,
        },
    ] {
        let outcome = run_all(&Sleepers {
            schedules: &[schedule(executor)],
            personas: &[("thinker", 100 * MS); 2],
            thinks: 300 * MS,
            signals: &[],
        });
        assert_eq!(outcome.took.as_millis(), 500);
    }
}

#[test]
fn scenarios_run_at_once_each_by_its_own_schedule() {
    let steady = schedule(Executor::ConstantVus {
        vus: 2,
        duration: 1_000 * MS,
    });
    let attack = Schedule {
        start_time: 600 * MS,
        ..at_a_rate(26, MS)
    };
    let outcome = run_all(&Sleepers {
        schedules: &[steady, attack],
        personas: &[("sleeper", 250 * MS)],
        thinks: Duration::ZERO,
        signals: &[],
    });
    let began: Vec<_> = outcome.began().collect();
    for began in &began[..2] {
        let began: Vec<_> = began.iter().map(Duration::as_millis).collect();
        assert_eq!(began, [0, 250, 500, 750]);
    }
    let attacks: Vec<_> = began[2..].iter().copied().flatten().collect();
    assert_eq!(attacks.len(), 100);
    assert!(
        attacks
            .iter()
            .all(|at| (600..1_600).contains(&at.as_millis()))
    );
    assert_eq!(outcome.took.as_millis(), 600 + 990 + 250);
}

/// A target that stalls from second 8 to second 10 of 20 and answers in 5 ms otherwise.
struct Stalled {
    clock: Arc<Clock>,
}

impl Actor for Stalled {
    fn scenario(&self) -> &'static str {
        "test"
    }

    fn persona(&self) -> &'static str {
        "test"
    }

    fn iterate(&mut self) -> BoxFuture<'_, Iterated> {
        Box::pin(async move {
            let now = self.clock.elapsed();
            let stalled = 8_000 * MS <= now && now < 10_000 * MS;
            let takes = if stalled { 10_000 * MS - now } else { 5 * MS };
            tokio::time::sleep(takes).await;
            Iterated::Answered
        })
    }

    fn think(&mut self) -> Duration {
        Duration::ZERO
    }

    fn cut(&mut self) {}

    fn retire(&mut self) {}
}

/// Plays a schedule against the stalling target; gives its iterations.
fn stalled(executor: Executor) -> Snapshot {
    let schedule = schedule(executor);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime needs nothing from outside");
    runtime.block_on(async {
        let clock = Arc::new(Clock::new(&schedule));
        let recorder = Arc::new(Recorder::default());
        let vus = schedule.vus_max() as usize;
        let actor = || Stalled {
            clock: Arc::clone(&clock),
        };
        let crew = Crew {
            portion: Portion::whole(vus as u32),
            actors: std::iter::repeat_with(actor).take(vus).collect(),
            schedule: schedule.clone(),
            clock: Arc::clone(&clock),
            pattern: vec!["test"],
        };
        let alarm = Alarm::default();
        let fleet = Fleet::new(vec![crew], Arc::default(), Arc::clone(&recorder), alarm);
        let work = (0..vus).map(async |vu| while fleet.step(vu).await == Step::Continue {});
        futures::future::join_all(work).await;
        let mut snapshot = Snapshot::default();
        recorder.drain(&mut snapshot);
        snapshot
    })
}

/// Coordinated omission. The 400 iterations that are due in the stall wait 2,000, 1,995, …, 5 ms.
/// Of 4,000, the 99th percentile is the 41st largest: 2,000 − 40 · 5 = 1,800 ms. A closed loop
/// sends nothing while it waits: its one bad sample in thousands is beyond any percentile that
/// people look at.
#[test]
fn the_open_model_shows_a_stall_that_a_closed_one_hides() {
    let all = TagFilter::default();
    let near = |value: f64, wanted: f64| (value - wanted).abs() <= wanted * 0.001;
    let enough = |max_vus| Executor::ConstantArrivalRate {
        rate: Rate::new(200.0, 1_000 * MS).expect("a rate"),
        duration: 20_000 * MS,
        max_vus,
        max_start_delay: 3_000 * MS,
    };
    let open = stalled(enough(500));
    let response = open.trend(TrendOf::ResponseTime, &all);
    assert_eq!((response.count(), response.max_ms()), (4_000, 2_000.0));
    assert!(
        near(response.percentile_ms(99.0), 1_800.0),
        "{}",
        response.percentile_ms(99.0)
    );
    let service = open.trend(TrendOf::IterationDuration, &all);
    assert!(
        near(service.percentile_ms(99.0), 1_800.0),
        "every one had a VU of its own"
    );
    // With 10 VUs nearly all of the stall is waiting for a VU: service time doesn't know of it.
    let few = stalled(enough(10));
    let response = few.trend(TrendOf::ResponseTime, &all);
    assert!(response.percentile_ms(99.0) >= 1_800.0);
    assert!(
        few.trend(TrendOf::IterationDuration, &all)
            .percentile_ms(99.0)
            < 6.0
    );
    let closed = stalled(Executor::ConstantVus {
        vus: 1,
        duration: 20_000 * MS,
    });
    let service = closed.trend(TrendOf::IterationDuration, &all);
    assert_eq!(service.max_ms(), 2_000.0, "it was there");
    assert!(service.percentile_ms(99.9) < 6.0, "and is not seen");
}

/// SIGINT or SIGTERM in the ramp, the hold, and the grace; once to stop, twice to cut.
#[test]
fn signals_are_heeded_in_every_phase() {
    let ramp = schedule(Executor::RampingVus {
        start_vus: 0,
        stages: vec![stage(1_000, 10), stage(1_000, 10)],
    });
    // VU k opens at 100·k ms (the first whole millisecond after it) and iterates every 400 ms.
    // (signals at, iterations started, of them cut, end)
    let rows: [(&[u64], u64, u64, u128); 6] = [
        (&[50], 1, 0, 401),
        (&[50, 60], 1, 1, 60),
        (&[1_350], 28, 0, 1_701),
        (&[1_350, 1_360], 28, 10, 1_360),
        (&[2_100], 42, 0, 2_301),
        (&[2_100, 2_101], 42, 4, 2_101),
    ];
    for (signals, started, cut, took) in rows {
        let signals: Vec<_> = signals
            .iter()
            .map(|ms| Duration::from_millis(*ms))
            .collect();
        let outcome = run_all(&Sleepers {
            schedules: std::slice::from_ref(&ramp),
            personas: &[("sleeper", 400 * MS)],
            thinks: Duration::ZERO,
            signals: &signals,
        });
        assert_eq!(
            (
                outcome.started(),
                outcome.interrupted,
                outcome.took.as_millis()
            ),
            (started, cut, took),
            "{signals:?}"
        );
        assert_eq!(outcome.completed + outcome.interrupted, outcome.started());
    }
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
        for began in outcome.began().flatten() {
            prop_assert!(*began < max_duration);
        }
        prop_assert!(outcome.took <= max_duration + 501 * MS);
    }

    /// VUs of a ramp begin their iterations in their own windows, and each ends or is cut.
    #[test]
    fn ramping_vus_add_up(
        start_vus in 0_u32..8,
        rows in prop::collection::vec((0_u32..1_500, 0_u32..8), 1..5),
        takes_ms in 1_u32..700,
        thinks_ms in 0_u32..100,
        stop_ms in prop::option::of(0_u32..3_000),
    ) {
        let stages: Vec<Stage> = rows.iter().map(|(ms, target)| stage(*ms, *target)).collect();
        let schedule = schedule(Executor::RampingVus { start_vus, stages });
        prop_assume!(schedule.vus_max() > 0);
        let stop = stop_ms.map(|ms| ms * MS);
        let outcome = run_all(&Sleepers {
            schedules: std::slice::from_ref(&schedule),
            personas: &[("sleeper", takes_ms * MS)],
            thinks: thinks_ms * MS,
            signals: stop.as_slice(),
        });
        prop_assert_eq!(outcome.completed + outcome.interrupted, outcome.started());
        prop_assert_eq!(outcome.cuts, outcome.interrupted);
        for (k, began) in (0..).zip(outcome.began()) {
            let windows = schedule.windows(k);
            for at in began {
                prop_assert!(windows.iter().any(|own| (own.open..own.close).contains(at)), "VU {} at {:?}", k, at);
                prop_assert!(stop.is_none_or(|stop| *at <= stop));
            }
            // Each VU that had a window of more than a millisecond, paused time's step, used it.
            let opens = windows.iter().filter(|own| own.close > own.open + MS);
            let open_in_time = opens.filter(|own| stop.is_none_or(|stop| own.open + MS < stop));
            prop_assert!(began.len() >= usize::from(open_in_time.count() > 0));
        }
        // A millisecond of slack: paused time moves in whole ones.
        prop_assert!(outcome.took <= (schedule.end() + 501 * MS).max(stop.unwrap_or_default()));
    }

    /// started + dropped = scheduled, whatever the rate, the VUs and the stop; and the trends have
    /// one entry for each start.
    #[test]
    fn arrivals_add_up(
        start in 0.0_f64..100.0,
        rows in prop::collection::vec((1_u64..1_500, 0.0_f64..100.0), 1..4),
        vus in 1_u32..20,
        takes_ms in 1_u64..400,
        delay_ms in 0_u64..500,
        stop_ms in prop::option::of(0_u64..3_000),
    ) {
        let rate = |per_second| Rate::new(per_second, 1_000 * MS).expect("a rate");
        let stages: Vec<RateStage> = rows
            .iter()
            .map(|(ms, target)| RateStage {
                name: String::new(),
                duration: Duration::from_millis(*ms),
                target: rate(*target),
            })
            .collect();
        let arrivals = Arrivals::ramping(rate(start), &stages);
        let end: Duration = stages.iter().map(|stage| stage.duration).sum();
        let schedule = schedule(Executor::RampingArrivalRate {
            start_rate: rate(start),
            stages,
            max_vus: vus,
            max_start_delay: Duration::from_millis(delay_ms),
        });
        let stop = stop_ms.map(Duration::from_millis);
        let outcome = run(&schedule, Duration::from_millis(takes_ms), stop);
        let account = outcome.account.expect("an open model");
        prop_assert_eq!(account.started + account.dropped, account.scheduled);
        prop_assert_eq!(account.started, outcome.started());
        prop_assert_eq!(account.dropped, outcome.dropped);
        prop_assert_eq!(outcome.completed + outcome.interrupted, outcome.started());
        let delays = outcome.snapshot.trend(TrendOf::StartDelay, &TagFilter::default());
        prop_assert_eq!(delays.count(), outcome.started());
        // A millisecond of slack: paused time moves in whole ones.
        prop_assert!(delays.max_ms() <= (delay_ms + 1) as f64);
        match stop {
            Some(stop) if stop < end => {
                let by = |t| arrivals.due_by(t);
                prop_assert!((by(stop.saturating_sub(MS))..=by(stop + MS)).contains(&account.scheduled));
            }
            _ => prop_assert_eq!(account.scheduled, arrivals.scheduled()),
        }
        prop_assert!(outcome.took <= (end + 501 * MS).max(stop.unwrap_or_default()));
    }
}
