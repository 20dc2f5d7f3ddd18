//! Failures that all take the same time: they look like a time-out behind the API, of a lock or of
//! a connection pool. Pure.

use crate::format::grouped;
use crate::metrics::Trend;

/// Fewer failures than this may agree by chance.
const FEWEST: u64 = 5;
/// Shorter than this, in ms, nobody sets a time-out.
const SHORTEST: f64 = 1_000.0;
/// How far the longest may be from the shortest: 5 % about the middle.
const SPREAD: f64 = 1.05 / 0.95;
/// The share of the slow failures that must agree.
const SHARE: f64 = 0.8;

/// What is said of a request's failures, if they pile up at one time.
#[must_use]
pub fn same_time(name: &str, failed: &Trend) -> Option<String> {
    let slow: Vec<(f64, u64)> = failed
        .recorded()
        .filter(|(ms, _)| *ms >= SHORTEST)
        .collect();
    let all: u64 = slow.iter().map(|(_, count)| count).sum();
    let pile = |from: &(f64, u64)| {
        let near = slow
            .iter()
            .filter(|(ms, _)| (from.0..=from.0 * SPREAD).contains(ms));
        near.fold((0, 0.0), |(count, sum), (ms, more)| {
            (count + more, sum + ms * *more as f64)
        })
    };
    let (count, sum) = slow.iter().map(pile).max_by_key(|(count, _)| *count)?;
    if count < FEWEST || (count as f64) < SHARE * all as f64 {
        return None;
    }
    let of = match failed.count() {
        total if total == count => format!("all {}", grouped(count)),
        total => format!("{} of {}", grouped(count), grouped(total)),
    };
    let seconds = sum / count as f64 / 1_000.0;
    Some(format!(
        "{of} failures of {name} took {seconds:.1} s: that looks like a time-out behind the API, \
         such as a lock's or a connection pool's"
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn trend(times: impl IntoIterator<Item = u64>) -> Trend {
        let mut trend = Trend::default();
        for ms in times {
            trend.record(Duration::from_millis(ms));
        }
        trend
    }

    fn said(times: impl IntoIterator<Item = u64>) -> Option<String> {
        same_time("order", &trend(times))
    }

    #[test]
    fn failures_of_one_time_look_like_a_time_out() {
        let tail = "that looks like a time-out behind the API, such as a lock's or a connection \
                    pool's";
        // The seed team's: 3.00 to 3.17 s.
        let lock = [3_000, 3_010, 3_050, 3_120, 3_170];
        let expected = format!("all 5 failures of order took 3.1 s: {tail}");
        assert_eq!(said(lock), Some(expected));
        let beside_quick_ones = std::iter::repeat_n(2_000, 12).chain([3, 4, 5]);
        let expected = format!("12 of 15 failures of order took 2.0 s: {tail}");
        assert_eq!(said(beside_quick_ones), Some(expected));
    }

    #[test]
    fn few_quick_and_scattered_failures_do_not() {
        assert_eq!(said([3_000; 4]), None, "too few");
        assert_eq!(said([900; 50]), None, "too quick");
        assert_eq!(said((10..100).map(|n| n * 100)), None, "scattered");
        let two = [2_000, 4_000].into_iter().cycle().take(20);
        assert_eq!(said(two), None, "two piles");
        assert_eq!(said([]), None);
    }
}
