//! A distribution of durations in bounded memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use super::counts::Counts;
use super::fine;

/// Twelve days: longer durations count as this, and the histogram can't grow without bound.
pub(super) const LONGEST_US: u64 = 1 << 40;

/// A trend (k6's term): count, exact sum, exact extremes and an HDR histogram of durations.
///
/// Durations are kept in whole microseconds. Zeros are counted apart and the histogram is made
/// at the first other value, because a phase such as the TLS handshake of plain HTTP is zero for
/// every request. Merging two trends loses nothing. Around the limits of thresholds the durations
/// are kept one by one, so that a percentile is never on the wrong side of its limit.
#[derive(Debug, Clone, Default)]
pub struct Trend {
    pub(super) zeros: u64,
    pub(super) sum_us: u64,
    pub(super) min_us: u64,
    pub(super) max_us: u64,
    pub(super) others: Option<Box<Counts>>,
    /// Microseconds and how often, of the durations around a limit. They are in `others` as well.
    pub(super) fine: BTreeMap<u64, u64>,
}

/// Makes percentiles exact around this limit, in milliseconds, in every trend from now on.
pub(crate) fn exact_around(limit_ms: f64) {
    let us = (limit_ms * 1_000.0).clamp(0.0, LONGEST_US as f64).round() as u64;
    let buckets = Counts::new();
    fine::keep(&(buckets.lowest_equivalent(us)..=buckets.highest_equivalent(us)));
}

impl Trend {
    /// Adds one duration.
    pub fn record(&mut self, duration: Duration) {
        // Not `as_micros`, whose 128 bits cost more than all the rest of this.
        let us = duration
            .as_secs()
            .saturating_mul(1_000_000)
            .saturating_add(duration.subsec_micros().into())
            .min(LONGEST_US);
        self.note_extremes(us, us);
        self.sum_us = self.sum_us.saturating_add(us);
        if us == 0 {
            self.zeros += 1;
        } else {
            self.others_mut().record(us);
            // May allocate: one bucket in thousands, and at most once for each of its microseconds.
            if fine::contains(us) {
                *self.fine.entry(us).or_default() += 1;
            }
        }
    }

    /// Adds all of another trend's durations.
    pub fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.note_extremes(other.min_us, other.max_us);
        self.sum_us = self.sum_us.saturating_add(other.sum_us);
        self.zeros += other.zeros;
        if let Some(histogram) = &other.others {
            self.others_mut().add(histogram);
        }
        for (us, count) in &other.fine {
            *self.fine.entry(*us).or_default() += count;
        }
    }

    /// Adds so many durations of nothing.
    pub fn add_zeros(&mut self, zeros: u64) {
        if zeros > 0 {
            self.note_extremes(0, 0);
            self.zeros += zeros;
        }
    }

    /// Forgets every duration but keeps the memory for the next ones.
    pub fn clear(&mut self) {
        if self.is_empty() {
            return;
        }
        let others = self.others.take().map(|mut histogram| {
            histogram.reset();
            histogram
        });
        *self = Self {
            others,
            ..Self::default()
        };
    }

    /// How many durations were added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.zeros + self.others.as_ref().map_or(0, |histogram| histogram.len())
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Exact sum in milliseconds.
    #[must_use]
    pub fn sum_ms(&self) -> f64 {
        ms(self.sum_us)
    }

    /// How many durations are at most `bound` milliseconds, to the histogram's precision, and
    /// exactly where a threshold has its limit.
    #[must_use]
    pub fn count_up_to_ms(&self, bound: f64) -> u64 {
        let us = (bound * 1_000.0).min(LONGEST_US as f64) as u64;
        let within = self.others.as_ref().map_or(0, |histogram| {
            let bucket = histogram.count_up_to(us);
            // A short duration has a bucket of its own, and nothing lies beyond it.
            let highest = Bound::Included(histogram.highest_equivalent(us));
            let beyond = self.fine.range((Bound::Excluded(us), highest));
            bucket - beyond.map(|(_, count)| count).sum::<u64>().min(bucket)
        });
        self.zeros + within
    }

    /// The durations in ascending order as they are kept: milliseconds, to three significant
    /// digits, and how many.
    pub fn recorded(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let zeros = (self.zeros > 0).then_some((0.0, self.zeros));
        let others = self
            .others
            .iter()
            .flat_map(|histogram| histogram.recorded());
        let others = others.map(|(us, count)| (ms(us.clamp(self.min_us, self.max_us)), count));
        zeros.into_iter().chain(others)
    }

    /// Exact mean in milliseconds, 0 when empty.
    #[must_use]
    pub fn avg_ms(&self) -> f64 {
        match self.count() {
            0 => 0.0,
            count => ms(self.sum_us) / count as f64,
        }
    }

    /// Exact minimum in milliseconds, 0 when empty.
    #[must_use]
    pub fn min_ms(&self) -> f64 {
        ms(self.min_us)
    }

    /// Exact maximum in milliseconds, 0 when empty.
    #[must_use]
    pub fn max_ms(&self) -> f64 {
        ms(self.max_us)
    }

    /// The smallest duration, in milliseconds, that at least `percent` % of the durations don't
    /// exceed (the nearest-rank definition); 0 when empty. To three significant digits, but never
    /// outside of what was measured, and exact around the limits of thresholds.
    #[must_use]
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        let [value] = self.percentiles_ms([percent]);
        value
    }

    /// Several percentiles, in ascending order, in one pass: outputs want five of every series
    /// every second.
    #[must_use]
    pub fn percentiles_ms<const N: usize>(&self, percents: [f64; N]) -> [f64; N] {
        debug_assert!(
            percents.is_sorted(),
            "percentiles are asked for from the least to the most"
        );
        let count = self.count();
        let mut values = [0.0; N];
        let ranks = percents.map(|percent| rank(percent, count));
        // The zeros come first, and what is left at 0 is one of them.
        let mut next = ranks.partition_point(|rank| *rank <= self.zeros);
        let mut seen = self.zeros;
        for (last, count) in self
            .others
            .iter()
            .flat_map(|histogram| histogram.recorded())
        {
            let before = seen;
            seen += count;
            while next < N && ranks[next] <= seen {
                let us = self.within(last, ranks[next] - before, count);
                values[next] = ms(us.clamp(self.min_us, self.max_us));
                next += 1;
            }
            if next == N {
                break;
            }
        }
        values
    }

    /// The duration with this rank among the `count` of the bucket that ends with `last`.
    fn within(&self, last: u64, rank: u64, count: u64) -> u64 {
        if self.fine.is_empty() {
            return last;
        }
        let first = self
            .others
            .as_ref()
            .map_or(last, |histogram| histogram.lowest_equivalent(last));
        let kept = || self.fine.range(first..=last);
        // What was recorded before the limit was known has no single durations.
        if kept().map(|(_, count)| count).sum::<u64>() != count {
            return last;
        }
        let mut seen = 0;
        let mut reached = kept().skip_while(|(_, count)| {
            seen += **count;
            seen < rank
        });
        reached.next().map_or(last, |(us, _)| *us)
    }

    pub(super) fn others_mut(&mut self) -> &mut Counts {
        self.others.get_or_insert_with(|| Box::new(Counts::new()))
    }

    pub(super) fn note_extremes(&mut self, min_us: u64, max_us: u64) {
        self.min_us = if self.is_empty() {
            min_us
        } else {
            self.min_us.min(min_us)
        };
        self.max_us = self.max_us.max(max_us);
    }
}

/// Which of `count` durations in ascending order the percentile is, from 1. A product that is whole
/// but for the error of floating point is whole: 55 % of 100 is the 55th, not the 56th.
fn rank(percent: f64, count: u64) -> u64 {
    let exact = percent * count as f64 / 100.0;
    let whole = exact.round();
    let rank = if (exact - whole).abs() <= whole * 1e-12 {
        whole
    } else {
        exact.ceil()
    };
    (rank as u64).clamp(1, count.max(1))
}

pub(super) fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trend(values_us: &[u64]) -> Trend {
        let mut trend = Trend::default();
        for us in values_us {
            trend.record(Duration::from_micros(*us));
        }
        trend
    }

    /// The definition itself, on the sorted values.
    fn nearest_rank_ms(values_us: &[u64], percent: f64) -> f64 {
        let mut sorted = values_us.to_vec();
        sorted.sort_unstable();
        let rank = (percent * sorted.len() as f64 / 100.0).ceil() as usize;
        ms(sorted[rank.clamp(1, sorted.len()) - 1])
    }

    #[test]
    fn an_empty_trend_is_all_zero() {
        let empty = Trend::default();
        assert_eq!(empty.count(), 0);
        assert_eq!(empty.avg_ms(), 0.0);
        assert_eq!(empty.percentile_ms(95.0), 0.0);
    }

    #[test]
    fn known_values_give_known_statistics() {
        let hundred: Vec<u64> = (1..=100).map(|n| n * 10).collect();
        let trend = trend(&hundred);
        assert_eq!(trend.count(), 100);
        assert_eq!(trend.avg_ms(), 0.505);
        assert_eq!(trend.min_ms(), 0.01);
        assert_eq!(trend.max_ms(), 1.0);
        assert_eq!(trend.percentile_ms(50.0), 0.5);
        assert_eq!(trend.percentile_ms(95.0), 0.95);
        assert_eq!(trend.percentile_ms(100.0), 1.0);
    }

    /// Each row: durations in µs with how many of them, and the 95th percentile.
    #[test]
    fn a_percentile_at_a_limit_is_one_of_the_durations() {
        exact_around(200.0);
        let rows: [(&[(u64, usize)], f64); 5] = [
            (&[(199_950, 100)], 199.95),
            (&[(199_950, 95), (500_000, 5)], 199.95),
            (&[(200_000, 95), (200_001, 5)], 200.0),
            (&[(200_000, 94), (200_001, 6)], 200.001),
            (&[(100_000, 10), (199_999, 85), (200_050, 5)], 199.999),
        ];
        for (durations, expected) in rows {
            let values: Vec<u64> = durations
                .iter()
                .flat_map(|(us, times)| std::iter::repeat_n(*us, *times))
                .collect();
            let (left, right) = values.split_at(values.len() / 2);
            let mut merged = trend(left);
            merged.merge(&trend(right));
            assert_eq!(merged.percentile_ms(95.0), expected, "{durations:?}");
        }
        let both = trend(&[199_999, 200_000, 200_001, 200_060, 300_000]);
        assert_eq!(both.count_up_to_ms(200.0), 2);
        assert_eq!(both.count_up_to_ms(199.999), 1);
    }

    /// A bucket of a single microsecond has nothing beyond its end.
    #[test]
    fn a_short_bound_counts_beside_durations_that_are_kept_one_by_one() {
        exact_around(3.0);
        let trend = trend(&[900, 1_000, 1_001, 2_999, 3_000, 3_001]);
        assert_eq!(
            [0.001, 1.0, 2.0, 3.0].map(|ms| trend.count_up_to_ms(ms)),
            [0, 2, 3, 5]
        );
    }

    #[test]
    fn ranks_have_no_error_of_floating_point() {
        let rows = [
            (55.0, 100, 55),
            (99.9, 1_000, 999),
            (95.0, 100, 95),
            (95.0, 101, 96),
            (0.0, 100, 1),
            (100.0, 7, 7),
            (99.99, 1_000_000, 999_900),
        ];
        for (percent, count, expected) in rows {
            assert_eq!(rank(percent, count), expected, "p({percent}) of {count}");
        }
    }

    #[test]
    fn zeros_count_as_values() {
        let trend = trend(&[0, 0, 0, 4_000]);
        assert_eq!(trend.count(), 4);
        assert_eq!(trend.min_ms(), 0.0);
        assert_eq!(trend.percentile_ms(75.0), 0.0);
        assert_eq!(trend.percentile_ms(76.0), 4.0);
    }

    #[test]
    fn counts_tell_what_was_recorded() {
        let counts: Vec<_> = trend(&[0, 4_000, 0, 1_000, 4_000, 4_000])
            .recorded()
            .collect();
        assert_eq!(counts, [(0.0, 2), (1.0, 1), (4.0, 3)]);
    }

    #[test]
    fn a_cleared_trend_starts_anew() {
        let mut trend = trend(&[5_000, 7_000]);
        trend.clear();
        assert!(trend.is_empty());
        trend.record(Duration::from_micros(9_000));
        assert_eq!(
            (trend.count(), trend.min_ms(), trend.max_ms()),
            (1, 9.0, 9.0)
        );
    }

    proptest! {
        #[test]
        fn percentiles_stay_within_a_thousandth(
            values in prop::collection::vec(0_u64..100_000_000, 1..400),
            percent in 0.1_f64..100.0,
        ) {
            let measured = trend(&values).percentile_ms(percent);
            let truth = nearest_rank_ms(&values, percent);
            prop_assert!((measured - truth).abs() <= truth * 0.001 + 1e-9, "{measured} against {truth}");
        }

        #[test]
        fn merging_equals_recording_in_one(
            left in prop::collection::vec(0_u64..10_000_000, 0..200),
            right in prop::collection::vec(0_u64..10_000_000, 0..200),
        ) {
            let mut merged = trend(&left);
            merged.merge(&trend(&right));
            let together = trend(&[left, right].concat());
            prop_assert_eq!(merged.count(), together.count());
            prop_assert_eq!(merged.avg_ms(), together.avg_ms());
            prop_assert_eq!(merged.min_ms(), together.min_ms());
            prop_assert_eq!(merged.max_ms(), together.max_ms());
            for percent in [1.0, 50.0, 95.0, 99.9] {
                prop_assert_eq!(merged.percentile_ms(percent), together.percentile_ms(percent));
            }
        }
    }
}
