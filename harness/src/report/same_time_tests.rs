use std::iter::repeat_n;
use std::time::Duration;

use super::*;

const TAIL: &str =
    "that looks like a time-out behind the API, such as a lock's or a connection pool's";

fn trend(times: impl IntoIterator<Item = u64>) -> Trend {
    let mut trend = Trend::default();
    for ms in times {
        trend.record(Duration::from_millis(ms));
    }
    trend
}

fn said(times: impl IntoIterator<Item = u64>) -> Option<String> {
    same_time("order", &trend(times), &Trend::default())
}

#[test]
fn failures_of_one_time_look_like_a_time_out() {
    // The seed team's: 3.00 to 3.17 s.
    let lock = [3_000, 3_010, 3_050, 3_120, 3_170];
    let expected = format!("all 5 failures of order took 3.1 s: {TAIL}");
    assert_eq!(said(lock), Some(expected));
    let beside_quick_ones = repeat_n(2_000, 12).chain([3, 4, 5]);
    let expected = format!("12 of 15 failures of order took 2.0 s: {TAIL}");
    assert_eq!(said(beside_quick_ones), Some(expected));
    let pool = repeat_n(30_004, 40).chain([800, 1_900, 4_000, 11_000]);
    let expected = format!("40 of 44 failures of order took 30.0 s: {TAIL}");
    assert_eq!(said(pool), Some(expected));
}

#[test]
fn two_times_look_like_two_time_outs() {
    let both = repeat_n(3_000, 20).chain(repeat_n(30_000, 8));
    let expected = "20 of 28 failures of order took 3.0 s and 8 took 30.0 s: these look like \
                    time-outs behind the API, such as a lock's or a connection pool's";
    assert_eq!(said(both).as_deref(), Some(expected));
    let three = [2_000, 4_000, 8_000].into_iter().cycle().take(30);
    assert_eq!(said(three), None, "three are a distribution");
}

#[test]
fn a_short_time_out_is_a_clear_pile_apart_from_the_answers_that_were_expected() {
    let failed = || trend((250..=256).cycle().take(60));
    let told = |expected| same_time("order", &failed(), &trend(expected));
    let words = Some(format!("all 60 failures of order took 253 ms: {TAIL}"));
    // Others were quick, and a few waited nearly as long.
    assert_eq!(
        told((5..25).cycle().take(500).chain([240; 20]).collect()),
        words
    );
    assert_eq!(told(vec![]), words, "nothing else was answered");
    let as_slow: Vec<u64> = (200..260).cycle().take(500).collect();
    assert_eq!(told(as_slow), None, "all takes about as long");
    // (times, why they are none)
    let rows: [(Vec<u64>, &str); 4] = [
        (vec![250; 19], "too few"),
        (vec![90; 500], "too quick"),
        (
            [250, 330].into_iter().cycle().take(60).collect(),
            "not alone",
        ),
        ((200..300).collect(), "scattered"),
    ];
    for (times, why) in rows {
        assert_eq!(said(times), None, "{why}");
    }
}

#[test]
fn few_and_scattered_failures_do_not() {
    assert_eq!(said([3_000; 4]), None, "too few");
    assert_eq!(said((10..100).map(|n| n * 100)), None, "scattered");
    assert_eq!(said((3_000..3_600).step_by(10)), None, "side by side");
    assert_eq!(said([]), None);
}

/// Log-logistic, about as real latencies are: a share `u` is below `median * (u / (1 - u))^width`.
#[test]
fn an_ordinary_distribution_is_no_time_out() {
    for median in [30.0, 120.0, 400.0, 900.0, 1_500.0, 6_000.0] {
        for width in [0.05, 0.1, 0.2, 0.4, 0.8] {
            for count in [30_u32, 300, 3_000] {
                let time = |n: u32| {
                    let below = (f64::from(n) + 0.5) / f64::from(count);
                    (median * (below / (1.0 - below)).powf(width)) as u64
                };
                let failed = trend((0..count).map(time));
                for expected in [&failed, &Trend::default()] {
                    let said = same_time("order", &failed, expected);
                    assert_eq!(said, None, "{count} about {median} ms, width {width}");
                }
            }
        }
    }
}
