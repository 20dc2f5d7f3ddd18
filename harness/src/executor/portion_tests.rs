//! N workers together do what one process does, and no more.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use proptest::prelude::*;

use super::super::actor::{Actor, Crew, Iterated};
use super::super::alarm::Alarm;
use super::super::arrivals::Rate;
use super::super::clock::Clock;
use super::super::fleet::{Fleet, Step};
use super::super::schedule::{Executor, Schedule};
use super::super::stage::Stage;
use super::super::work::Account;
use super::*;

const SECOND: Duration = Duration::from_secs(1);
const A: &str = "a";
const B: &str = "b";

/// Who iterated when: a persona, the VU's index, and when its iteration began.
type Begun = (&'static str, u32, Duration);

/// An iteration that takes a third of a second.
struct Noting {
    k: u32,
    persona: &'static str,
    clock: Arc<Clock>,
    begun: Vec<Begun>,
}

impl Actor for Noting {
    fn scenario(&self) -> &'static str {
        "test"
    }

    fn persona(&self) -> &'static str {
        self.persona
    }

    fn iterate(&mut self) -> BoxFuture<'_, Iterated> {
        Box::pin(async {
            let at = self.clock.elapsed();
            self.begun.push((self.persona, self.k, at));
            tokio::time::sleep(SECOND / 3).await;
            Iterated::Answered
        })
    }

    fn think(&mut self) -> Duration {
        Duration::ZERO
    }

    fn cut(&mut self) {}

    fn retire(&mut self) {}
}

fn schedule(executor: Executor) -> Schedule {
    Schedule {
        executor,
        start_time: Duration::ZERO,
        graceful_stop: SECOND,
        graceful_ramp_down: Duration::ZERO,
    }
}

/// What one worker of several begins, and its account of arrivals.
async fn begun(schedule: &Schedule, portion: Portion, cast: &Cast<'_>) -> (Vec<Begun>, Account) {
    let clock = Arc::new(Clock::new(schedule));
    let actor = |k: &u32| Noting {
        k: *k,
        persona: cast.personas[*k as usize],
        clock: Arc::clone(&clock),
        begun: Vec::new(),
    };
    let crew = Crew {
        actors: portion.seats().iter().map(actor).collect(),
        portion,
        schedule: schedule.clone(),
        clock: Arc::clone(&clock),
        pattern: cast.pattern.to_vec(),
    };
    let vus = crew.actors.len();
    let fleet = Fleet::new(vec![crew], Arc::default(), Arc::default(), Alarm::default());
    let work = (0..vus).map(async |vu| while fleet.step(vu).await == Step::Continue {});
    futures::future::join_all(work).await;
    let account = fleet.settle().await[0].arrivals.unwrap_or_default();
    let begun = fleet.into_actors().flat_map(|actor| actor.begun);
    (begun.collect(), account)
}

/// What workers of these weights begin together, in order, and the sum of their accounts.
async fn together(executor: Executor, weights: &[u32], cast: &Cast<'_>) -> (Vec<Begun>, Account) {
    let schedule = schedule(executor);
    let (mut all, mut sum) = (Vec::new(), Account::default());
    for worker in 0..weights.len() {
        let share = Share::new(weights.to_vec(), worker).expect("a worker");
        let (begun, account) = begun(&schedule, Portion::of(cast, &share), cast).await;
        all.extend(begun);
        sum.scheduled += account.scheduled;
        sum.started += account.started;
        sum.dropped += account.dropped;
    }
    all.sort_unstable();
    (all, sum)
}

const TEAMS: [&[u32]; 4] = [&[1], &[1, 2], &[1, 1, 1], &[1, 1, 3, 1, 1, 1, 2]];

fn personas() -> Vec<&'static str> {
    (0..20).map(|k| if k % 3 == 2 { B } else { A }).collect()
}

#[tokio::test(start_paused = true)]
async fn closed_loads_are_the_same_users_and_iterations_for_any_number_of_workers() {
    let personas = personas();
    let cast = Cast {
        personas: &personas,
        pattern: &[A, A, B],
        before: 4,
    };
    let stage = |seconds, target| Stage {
        name: String::new(),
        duration: SECOND * seconds,
        target,
    };
    let ramp = Executor::RampingVus {
        start_vus: 1,
        stages: vec![stage(4, 20), stage(3, 5), stage(2, 17)],
    };
    let each = Executor::PerVuIterations {
        vus: 20,
        iterations: 3,
        max_duration: 60 * SECOND,
    };
    for executor in [ramp, each] {
        let (alone, _) = together(executor.clone(), &[1], &cast).await;
        assert!(alone.len() >= 60, "{}", alone.len());
        for weights in TEAMS {
            let (shared, _) = together(executor.clone(), weights, &cast).await;
            assert_eq!(shared, alone, "{weights:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn arrivals_and_shared_iterations_add_up_to_those_of_one_process() {
    let personas = personas();
    let cast = Cast {
        personas: &personas,
        // Nobody plays the last one: its arrivals are dropped, and counted once.
        pattern: &[A, B, A, "nobody"],
        before: 0,
    };
    let rate = Executor::ConstantArrivalRate {
        rate: Rate::new(21.0, SECOND).expect("a rate"),
        duration: 7 * SECOND,
        max_vus: 20,
        max_start_delay: SECOND,
    };
    let shared = Executor::SharedIterations {
        vus: 20,
        iterations: 101,
        max_duration: 60 * SECOND,
    };
    let when = |begun: Vec<Begun>| -> Vec<_> {
        let mut when: Vec<_> = begun.into_iter().map(|(who, _, at)| (who, at)).collect();
        when.sort_unstable();
        when
    };
    let (alone, account) = together(rate.clone(), &[1], &cast).await;
    let alone = when(alone);
    // 147 arrivals, every fourth of them nobody's.
    assert_eq!((account.scheduled, account.dropped), (147, 36));
    for weights in TEAMS {
        let (begun, sum) = together(rate.clone(), weights, &cast).await;
        assert_eq!((when(begun), sum), (alone.clone(), account), "{weights:?}");
        let (begun, _) = together(shared.clone(), weights, &cast).await;
        assert_eq!(begun.len(), 101, "{weights:?}");
    }
}

/// How many virtual users each worker has, of one persona or of all.
fn roll(portions: &[Portion], personas: &[&str], of: Option<&str>) -> Vec<usize> {
    let is = |k: &&u32| of.is_none_or(|of| personas[**k as usize] == of);
    let count = |portion: &Portion| portion.seats().iter().filter(is).count();
    portions.iter().map(count).collect()
}

proptest! {
    #[test]
    fn everything_is_dealt_once(
        kinds in prop::collection::vec(prop::sample::select(vec![A, B, "c"]), 1..60),
        pattern in prop::collection::vec(prop::sample::select(vec![A, B, "c", "d"]), 1..12),
        weights in prop::collection::vec(1_u32..6, 1..9),
        before in 0_usize..20,
        all in 0_u64..500,
    ) {
        let cast = Cast { personas: &kinds, pattern: &pattern, before };
        let share = |worker| Share::new(weights.clone(), worker).expect("a worker");
        let portions: Vec<_> = (0..weights.len())
            .map(|worker| Portion::of(&cast, &share(worker)))
            .collect();
        let mut seats: Vec<u32> = portions.iter().flat_map(|p| p.seats().to_vec()).collect();
        seats.sort_unstable();
        prop_assert_eq!(seats, (0..kinds.len() as u32).collect::<Vec<_>>());
        let sum: usize = weights.iter().map(|weight| *weight as usize).sum();
        for kind in kinds_of(&kinds) {
            let roll = roll(&portions, &kinds, Some(kind));
            let whole: usize = roll.iter().sum();
            for (count, weight) in roll.into_iter().zip(&weights) {
                prop_assert!((count * sum).abs_diff(whole * *weight as usize) < sum);
            }
        }
        for kind in kinds_of(&pattern) {
            let mut dealt = Vec::new();
            for portion in &portions {
                let part = portion.part_of(kind);
                let own = (0..).map_while(|j| part.nth(j)).take_while(|n| *n < all);
                let own: Vec<u64> = own.collect();
                prop_assert_eq!(part.count_below(all), own.len() as u64);
                prop_assert!(own.is_empty() || !portion.seats().is_empty());
                dealt.extend(own);
            }
            dealt.sort_unstable();
            prop_assert_eq!(dealt, (0..all).collect::<Vec<_>>());
        }
        let shared: u64 = portions.iter().map(|portion| portion.shared_of(all)).sum();
        prop_assert_eq!(shared, all);
    }

    /// Workers of one weight have the same number of virtual users, within one, over all personas.
    #[test]
    fn small_personas_do_not_all_go_to_the_first_worker(
        kinds in prop::collection::vec(prop::sample::select(vec![A, B, "c", "d"]), 1..30),
        workers in 1_usize..8,
    ) {
        let cast = Cast { personas: &kinds, pattern: &[A], before: 0 };
        let portions: Vec<_> = (0..workers)
            .map(|worker| Share::new(vec![1; workers], worker).expect("a worker"))
            .map(|share| Portion::of(&cast, &share))
            .collect();
        let roll = roll(&portions, &kinds, None);
        prop_assert!(roll.iter().max() <= roll.iter().min().map(|least| least + 1).as_ref());
    }
}
