//! Arrivals against closed forms, k6's own numbers, and the definition.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn rate(per_second: f64) -> Rate {
    Rate::new(per_second, SECOND).expect("a rate")
}

fn stages(rows: &[(u64, f64)]) -> Vec<RateStage> {
    rows.iter()
        .map(|(ms, target)| RateStage {
            name: String::new(),
            duration: Duration::from_millis(*ms),
            target: rate(*target),
        })
        .collect()
}

fn all_ms(arrivals: &Arrivals) -> Vec<u128> {
    (0..arrivals.scheduled())
        .map(|n| arrivals.arrival(n).as_millis())
        .collect()
}

#[test]
fn a_constant_rate_is_even_and_counted_to_the_unit() {
    let arrivals = Arrivals::constant(rate(500.0), 60 * SECOND);
    assert_eq!(arrivals.scheduled(), 30_000);
    assert_eq!(arrivals.arrival(0), Duration::ZERO);
    assert_eq!(arrivals.arrival(1), Duration::from_millis(2));
    assert_eq!(arrivals.arrival(29_999), Duration::from_millis(59_998));
    // (per second, seconds, iterations): one that isn't whole is due before the end all the same.
    for (per_second, seconds, iterations) in [(10_000.0, 3, 30_000), (0.3, 10, 3), (0.25, 10, 3)] {
        let arrivals = Arrivals::constant(rate(per_second), seconds * SECOND);
        assert_eq!(arrivals.scheduled(), iterations, "{per_second}/s");
    }
    let every_minute = Rate::new(1.0, 60 * SECOND).expect("a rate");
    let arrivals = Arrivals::constant(every_minute, 3_600 * SECOND);
    assert_eq!(
        (arrivals.scheduled(), arrivals.arrival(59)),
        (60, 3_540 * SECOND)
    );
}

/// The times that k6's own test of its ramping-arrival-rate expects.
#[test]
fn ramps_from_and_to_0_are_k6s() {
    let arrivals = Arrivals::ramping(
        Rate::default(),
        &stages(&[(5_000, 1.0), (1_000, 1.0), (5_000, 0.0)]),
    );
    assert_eq!(
        all_ms(&arrivals),
        [3_162, 4_472, 5_500, 6_527, 7_837, 11_000]
    );
}

#[test]
fn a_jump_has_no_arrivals_of_its_own() {
    let arrivals = Arrivals::ramping(rate(2.0), &stages(&[(1_000, 2.0), (0, 4.0), (1_000, 4.0)]));
    assert_eq!(all_ms(&arrivals), [500, 1_000, 1_250, 1_500, 1_750, 2_000]);
}

#[test]
fn a_pause_in_the_middle_is_kept() {
    let arrivals = Arrivals::ramping(
        rate(1.0),
        &stages(&[
            (2_000, 1.0),
            (0, 0.0),
            (10_000, 0.0),
            (0, 1.0),
            (1_000, 1.0),
        ]),
    );
    assert_eq!(all_ms(&arrivals), [1_000, 2_000, 13_000]);
}

#[test]
fn lanes_share_the_arrivals_by_the_pattern() {
    let pattern = ["a", "b", "a"];
    let taken = |kind| {
        let lane = Lane::of(&pattern, kind);
        (0..4).map(|j| lane.nth(j)).collect::<Option<Vec<_>>>()
    };
    assert_eq!(taken("a"), Some(vec![0, 2, 3, 5]));
    assert_eq!(taken("b"), Some(vec![1, 4, 7, 10]));
    assert_eq!(taken("c"), None);
}

proptest! {
    /// The definition: by the time that iteration n is due, the area under the rate is n + 1, to
    /// within what the area grows in a microsecond, for ramps of every direction.
    #[test]
    fn an_arrival_is_where_the_area_reaches_its_number(
        start in 0.0_f64..500.0,
        rows in prop::collection::vec((0_u64..5_000, 0.0_f64..500.0), 1..6),
    ) {
        let stages = stages(&rows);
        let arrivals = Arrivals::ramping(rate(start), &stages);
        let mut last = Duration::ZERO;
        for n in 0..arrivals.scheduled() {
            let due = arrivals.arrival(n);
            prop_assert!(due >= last, "{n} is due before the one before it");
            last = due;
            let area = area_at(rate(start), &stages, due);
            let slack = 500.0 * 2e-6;
            prop_assert!((area - (n + 1) as f64).abs() <= slack, "{n} at {due:?}: {area}");
        }
        let end = stages.iter().map(|stage| stage.duration).sum();
        prop_assert!(last <= end);
        let area = area_at(rate(start), &stages, end);
        prop_assert!((area - arrivals.scheduled() as f64) < 1.0 + 1e-6);
        prop_assert!(area - arrivals.scheduled() as f64 > -1e-6);
    }

    #[test]
    fn what_is_due_by_a_time_is_what_arrived_by_it(
        per_second in 0.1_f64..200.0,
        seconds in 1_u32..20,
        share in 0.0_f64..1.2,
    ) {
        let arrivals = Arrivals::constant(rate(per_second), seconds * SECOND);
        let t = (seconds * SECOND).mul_f64(share);
        let arrived = (0..arrivals.scheduled()).filter(|n| arrivals.arrival(*n) <= t).count();
        prop_assert_eq!(arrivals.due_by(t), arrived as u64);
    }

    /// Together the lanes take every arrival exactly once.
    #[test]
    fn lanes_cover_every_arrival_once(places in prop::collection::vec(0_usize..3, 1..30)) {
        let kinds = ["a", "b", "c"];
        let pattern: Vec<_> = places.iter().map(|kind| kinds[*kind]).collect();
        let mut taken: Vec<u64> = kinds
            .iter()
            .map(|kind| Lane::of(&pattern, kind))
            .flat_map(|lane| (0..300).map_while(move |j| lane.nth(j)))
            .filter(|n| *n < 100)
            .collect();
        taken.sort_unstable();
        prop_assert_eq!(taken, (0..100).collect::<Vec<u64>>());
    }
}

/// The area by the trapezoid of each stage.
fn area_at(start_rate: Rate, stages: &[RateStage], t: Duration) -> f64 {
    let (mut start, mut from, mut area) = (0.0, start_rate.per_second(), 0.0);
    for stage in stages {
        let (length, to) = (stage.duration.as_secs_f64(), stage.target.per_second());
        let passed = (t.as_secs_f64() - start).clamp(0.0, length);
        if length > 0.0 {
            area += from * passed + (to - from) * passed * passed / (2.0 * length);
        }
        (start, from) = (start + length, to);
    }
    area
}
