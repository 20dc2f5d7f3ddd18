//! Planned and achieved shares of made-up runs.

use std::time::Duration;

use super::*;
use crate::executor::{Rate, Schedule};
use crate::fixture::ROLES;
use crate::metrics::{IterationTags, Method, Phase, Proto, RequestTags};
use crate::persona::{Mix, ThinkTimes};

const SECOND: Duration = Duration::from_secs(1);

fn scenario(executor: Executor) -> Scenario {
    Scenario {
        name: Some("shop"),
        schedule: Schedule {
            executor,
            start_time: Duration::ZERO,
            graceful_stop: SECOND,
            graceful_ramp_down: SECOND,
        },
        mix: Mix::parse("a=3,b=1", &ROLES).expect("a mix"),
        think: ThinkTimes::default(),
        tags: vec![],
    }
}

fn at_a_rate() -> Scenario {
    scenario(Executor::ConstantArrivalRate {
        rate: Rate::new(10.0, SECOND).expect("a rate"),
        duration: SECOND,
        max_vus: 4,
        max_start_delay: SECOND,
    })
}

fn by_vus() -> Scenario {
    scenario(Executor::ConstantVus {
        vus: 4,
        duration: SECOND,
    })
}

/// A run in which each persona completed so many iterations, and sent of everything that it
/// plans one per iteration, but of orders `orders`.
fn snapshot(completed: [u64; 2], orders: u64) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let personas = at_a_rate();
    for ((persona, _), count) in personas.mix.shares().zip(completed) {
        let tags = IterationTags {
            scenario: "shop",
            persona: persona.name,
            stage: 0,
        };
        let series = snapshot.iterations.entry(tags).or_default();
        (0..count).for_each(|_| series.duration.record(SECOND));
        for (name, _, _) in persona.requests {
            let tags = RequestTags {
                scenario: "shop",
                persona: persona.name,
                name,
                method: Method::Get,
                status: 200,
                stage: 0,
                expected: true,
                trend: None,
                proto: Proto::Http1,
            };
            let series = snapshot.requests.entry(tags).or_default();
            let times = if *name == "5_create_order" {
                orders
            } else {
                count
            };
            (0..times).for_each(|_| series.record(Phase::Duration, SECOND));
        }
    }
    snapshot
}

const ROLLS: [(&str, Roll); 2] = [
    ("impulse_buyer", Roll { vus: 3, worked: 3 }),
    ("rational_buyer", Roll { vus: 1, worked: 1 }),
];

#[test]
fn a_rates_mix_is_one_of_iterations() {
    let shares = shares(&at_a_rate(), &ROLLS, &snapshot([60, 60], 60));
    let shown: Vec<_> = shares
        .iter()
        .map(|share| (share.persona, share.planned, share.achieved))
        .collect();
    assert_eq!(
        shown,
        [("impulse_buyer", 0.75, 0.5), ("rational_buyer", 0.25, 0.5)]
    );
    let found = findings(&shares, 0.1);
    assert_eq!(
        found[0],
        "the mix is not what was planned: impulse_buyer in shop had 50.0 % where 75.0 % were planned"
    );
    assert_eq!(found.len(), 2);
    assert_eq!(findings(&shares, 0.25), [""; 0], "within a wider limit");
}

#[test]
fn a_mix_of_vus_is_one_of_vus_however_quick_they_are() {
    let snapshot = snapshot([60, 60], 60);
    assert_eq!(
        findings(&shares(&by_vus(), &ROLLS, &snapshot), 0.1),
        [""; 0]
    );
    let mut rolls = ROLLS;
    rolls[0].1.worked = 1;
    let found = findings(&shares(&by_vus(), &rolls, &snapshot), 0.1);
    assert!(
        found[0].contains("impulse_buyer in shop had 50.0 % where 75.0 % were planned"),
        "{found:?}"
    );
}

#[test]
fn a_request_that_iterations_leave_out_is_found() {
    let shares = shares(&by_vus(), &ROLLS, &snapshot([60, 60], 30));
    let found = findings(&shares, 0.1);
    assert_eq!(
        found[0],
        "the mix is not what was planned: impulse_buyer in shop sent 5_create_order 0.50 times an iteration where 1 were planned"
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(findings(&shares, 0.5), [""; 0]);
}

#[test]
fn what_completed_nothing_is_idle() {
    let idle_of = |completed| idle(&shares(&by_vus(), &ROLLS, &snapshot(completed, 1)));
    assert_eq!(idle_of([1, 1]), [""; 0]);
    assert_eq!(
        idle_of([1, 0]),
        ["rational_buyer in shop completed no iteration"]
    );
    assert_eq!(idle_of([0, 0]), ["scenario shop completed no iteration"]);
}

#[test]
fn a_persona_that_makes_nearly_all_of_the_requests_is_named() {
    let busy = [
        ("impulse_buyer", Roll { vus: 1, worked: 1 }),
        ("rational_buyer", Roll { vus: 1, worked: 1 }),
    ];
    let diluted = |completed| {
        let snapshot = snapshot(completed, completed[0].min(completed[1]));
        diluted(&shares(&by_vus(), &busy, &snapshot), &snapshot)
    };
    let found = diluted([2, 998]);
    let begins = "rational_buyer in shop makes 99.72 % of the requests with 50.0 % of the mix: ";
    assert!(
        found.len() == 1 && found[0].starts_with(begins),
        "{found:?}"
    );
    assert_eq!(diluted([300, 700]), [""; 0], "others have a fair part");
    // Most of the requests are no surprise where most of the users are.
    let snapshot = snapshot([998, 2], 2);
    let mostly = [
        ("impulse_buyer", Roll { vus: 9, worked: 9 }),
        ("rational_buyer", Roll { vus: 1, worked: 1 }),
    ];
    let shares = shares(&by_vus(), &mostly, &snapshot);
    assert_eq!(super::diluted(&shares, &snapshot), [""; 0]);
}
