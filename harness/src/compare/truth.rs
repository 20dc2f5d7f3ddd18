//! The statistics on runs whose truth is known.
//!
//! A synthetic second draws its durations from a log-normal distribution whose level wanders from second to
//! second as on a real machine: an autoregressive process that keeps `MEMORY` of its last value.

use std::time::Duration;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::metrics::Trend;

const MEMORY: f64 = 0.5;
/// Deviation of the level, as a share.
const WANDER: f64 = 0.03;
/// Deviation of the logarithm of a duration.
const SCATTER: f64 = 0.25;
const P50: Measure = Measure::Percentile(50.0);
const P95: Measure = Measure::Percentile(95.0);

/// A standard normal deviate: twelve uniform ones, which is near enough here.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| rng.random_range(0.0..1.0)).sum::<f64>() - 6.0
}

fn run(seed: u64, seconds: usize, per_second: usize, median_ms: f64) -> Vec<Second> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let fresh = (1.0 - MEMORY * MEMORY).sqrt();
    let mut level = normal(&mut rng);
    (0..seconds)
        .map(|_| {
            level = MEMORY * level + fresh * normal(&mut rng);
            let mut trend = Trend::default();
            for _ in 0..per_second {
                let ms = median_ms * (WANDER * level + SCATTER * normal(&mut rng)).exp();
                trend.record(Duration::from_secs_f64(ms / 1_000.0));
            }
            Second {
                length: 1.0,
                trend,
                marked: 0,
            }
        })
        .collect()
}

fn compared(base: &[Second], new: &[Second], measure: Measure, rule: &Rule) -> (Interval, Change) {
    let one = |seconds: &[Second]| estimate(seconds, &[measure], 1)[0].expect("there is data");
    let (base, new) = (one(base), one(new));
    let interval = interval(&base, &new, measure, rule.confidence);
    (interval, judge(&interval, base.value, measure, rule))
}

const PAIRS: u64 = 120;

/// Over many pairs: how often the interval holds the truth, and how often each judgement is made.
fn over_pairs(factor: f64, measure: Measure) -> (f64, [u64; 4]) {
    let mut covered = 0;
    let mut changes = [0; 4];
    for pair in 0..PAIRS {
        let base = run(2 * pair, 40, 40, 20.0);
        let new = run(2 * pair + 1, 40, 40, 20.0 * factor);
        let (interval, change) = compared(&base, &new, measure, &Rule::default());
        let truth = factor - 1.0;
        covered += u64::from(interval.low <= truth && truth <= interval.high);
        changes[change as usize] += 1;
    }
    (covered as f64 / PAIRS as f64, changes)
}

/// 95 % intervals: 120 seeded pairs may miss the truth by chance a few times more or less.
#[test]
fn the_interval_holds_the_truth_as_often_as_it_says() {
    for (factor, measure) in [(1.0, P50), (1.2, P50), (1.0, P95)] {
        let (coverage, _) = over_pairs(factor, measure);
        assert!(
            (0.91..=0.99).contains(&coverage),
            "{coverage} of {PAIRS} at × {factor} of {measure:?}"
        );
    }
}

#[test]
fn equal_runs_are_never_worse_and_slow_ones_always() {
    let (_, [better, same, worse, cant_tell]) = over_pairs(1.0, P50);
    assert_eq!((better, worse, cant_tell), (0, 0, 0), "{same} same");
    let (_, [better, same, worse, cant_tell]) = over_pairs(1.2, P50);
    assert_eq!((better, same, cant_tell), (0, 0, 0), "{worse} worse");
    let (_, [better, same, worse, cant_tell]) = over_pairs(1.0 / 1.2, P95);
    assert_eq!((same, worse, cant_tell), (0, 0, 0), "{better} better");
}

#[test]
fn short_scattered_runs_cannot_tell() {
    let (base, new) = (run(1, 6, 3, 20.0), run(2, 6, 3, 21.0));
    assert_eq!(
        compared(&base, &new, P95, &Rule::default()).1,
        Change::CantTell
    );
    assert_eq!(
        estimate(&run(1, FEWEST_BLOCKS - 1, 50, 20.0), &[P50], 1),
        [None]
    );
    let idle = vec![
        Second {
            length: 1.0,
            ..Second::default()
        };
        20
    ];
    assert_eq!(estimate(&idle, &[P50, Measure::Share], 1), [None, None]);
}

/// 1.0 → 1.3 ms on an idle machine is no regression, 10 → 13 ms is one.
#[test]
fn small_durations_have_an_absolute_floor() {
    let change = |ms| {
        compared(
            &run(1, 40, 40, ms),
            &run(2, 40, 40, ms * 1.3),
            P50,
            &Rule::default(),
        )
        .1
    };
    assert_eq!(change(1.0), Change::Same);
    assert_eq!(change(10.0), Change::Worse);
}

#[test]
fn rates_and_shares_have_their_own_direction() {
    let rule = Rule::default();
    let (many, few) = (run(1, 20, 50, 5.0), run(2, 20, 40, 5.0));
    assert_eq!(
        compared(&many, &few, Measure::PerSecond, &rule).1,
        Change::Worse
    );
    assert_eq!(
        compared(&few, &many, Measure::PerSecond, &rule).1,
        Change::Better
    );
    let failing = |share: u64| {
        let mut seconds = run(3, 20, 50, 5.0);
        seconds.iter_mut().for_each(|second| second.marked = share);
        seconds
    };
    let shares = |base, new| compared(&failing(base), &failing(new), Measure::Share, &rule);
    assert_eq!(shares(0, 0).1, Change::Same);
    assert_eq!(shares(0, 5).1, Change::Worse);
    assert_eq!(shares(5, 0).1, Change::Better);
    assert!((shares(0, 5).0.change - 0.1).abs() < 1e-9);
}

#[test]
fn the_same_data_give_the_same_answer() {
    let (base, new) = (run(1, 30, 30, 20.0), run(2, 30, 30, 20.0));
    let once = compared(&base, &new, P95, &Rule::default());
    assert_eq!(once, compared(&base, &new, P95, &Rule::default()));
}

proptest! {
    /// Whatever the interval, the judgement says what the rule says, and turns with the sign.
    #[test]
    fn judgements_follow_the_rule(low in -0.5_f64..0.5, width in 0.0_f64..0.5, noise in 0.001_f64..0.2) {
        let rule = Rule { noise, floor_ms: 0.0, ..Rule::default() };
        let high = low + width;
        let at = |low, high| judge(&Interval { change: (low + high) / 2.0, low, high }, 100.0, P50, &rule);
        let change = at(low, high);
        prop_assert_eq!(change == Change::Worse, low > noise);
        prop_assert_eq!(change == Change::Better, high < -noise);
        if change == Change::Same {
            prop_assert!(low > -2.0 * noise && high < 2.0 * noise);
        }
        let mirrored = match change {
            Change::Better => Change::Worse,
            Change::Worse => Change::Better,
            other => other,
        };
        prop_assert_eq!(at(-high, -low), mirrored);
    }
}
