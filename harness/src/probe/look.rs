//! One reading of a probe, and what two readings say of the time between them. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::format::cut;

/// A number that was read, of a series: a metric, and what it is of, such as a state or a command.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// What was measured.
    pub metric: String,
    /// Of what; empty if there is only one.
    pub of: String,
    /// The number.
    pub value: f64,
}

impl Reading {
    /// A reading of a series.
    pub(super) fn new(metric: &str, of: impl Into<String>, value: f64) -> Self {
        Self {
            metric: metric.to_owned(),
            of: of.into(),
            value,
        }
    }
}

/// Something that happens, and how much it comes to: calls and their time.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sum {
    /// The metric of how often it happens in a second; nothing if nobody asks.
    pub(super) rate: Option<String>,
    /// The metric of what one comes to.
    pub(super) mean: String,
    pub(super) of: String,
    pub(super) count: f64,
    pub(super) sum: f64,
    /// What the mean is multiplied by.
    pub(super) scale: f64,
    /// Whether it would have been seen before if it had happened before. Of a list that is cut, what
    /// is new in it may be old.
    pub(super) whole: bool,
}

/// What a probe saw at once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Look {
    /// What goes up and down.
    pub(super) gauges: Vec<Reading>,
    /// What only grows: it is told as a rate.
    pub(super) counters: Vec<Reading>,
    pub(super) sums: Vec<Sum>,
    /// Things with words of their own, such as statements, which make no series.
    pub(super) words: Vec<Reading>,
}

/// What a probe says of a second.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Seen {
    /// Numbers of series.
    pub(super) numbers: Vec<Reading>,
    /// Things with words of their own.
    pub(super) words: Vec<Reading>,
}

/// The most series of a probe: what a stranger's endpoint has more is left out.
pub(super) const MOST_SERIES: usize = 300;
/// The most things with words of their own.
pub(super) const MOST_WORDS: usize = 8;
/// Characters of what a series is of.
const OF: usize = 120;
/// Characters of a thing's words.
const WORDS: usize = 600;

impl Look {
    /// What happened since the look before, in `time`. A counter that fell began anew, and says
    /// nothing.
    pub(super) fn since(self, before: Option<&Self>, time: Duration) -> Seen {
        let mut numbers = self.gauges;
        let seconds = time.as_secs_f64();
        if let Some(before) = before.filter(|_| seconds > 0.0) {
            numbers.extend(rates(&before.counters, &self.counters, seconds));
            numbers.extend(means(&before.sums, &self.sums, seconds));
        }
        numbers.retain(|reading| reading.value.is_finite());
        numbers.truncate(MOST_SERIES);
        for reading in &mut numbers {
            reading.of = cut(&reading.of, OF);
        }
        let mut words = self.words;
        words.truncate(MOST_WORDS);
        for reading in &mut words {
            reading.of = cut(&reading.of, WORDS);
        }
        Seen { numbers, words }
    }
}

fn rates(before: &[Reading], after: &[Reading], seconds: f64) -> Vec<Reading> {
    let key = |reading: &Reading| (reading.metric.clone(), reading.of.clone());
    let known: BTreeMap<_, f64> = before.iter().map(|one| (key(one), one.value)).collect();
    let grown = after.iter().filter_map(|reading| {
        let grown = reading.value - known.get(&key(reading))?;
        let rate = Reading::new(&reading.metric, &*reading.of, grown / seconds);
        (grown >= 0.0).then_some(rate)
    });
    grown.collect()
}

fn means(before: &[Sum], after: &[Sum], seconds: f64) -> Vec<Reading> {
    let key = |sum: &Sum| (sum.mean.clone(), sum.of.clone());
    let known: BTreeMap<_, &Sum> = before.iter().map(|one| (key(one), one)).collect();
    let mut readings = Vec::new();
    for sum in after {
        let (count, total) = match known.get(&key(sum)) {
            Some(before) => (sum.count - before.count, sum.sum - before.sum),
            None if sum.whole => (sum.count, sum.sum),
            None => continue,
        };
        if count < 0.0 || total < 0.0 {
            continue;
        }
        if let Some(rate) = &sum.rate {
            readings.push(Reading::new(rate, &*sum.of, count / seconds));
        }
        if count > 0.0 {
            let mean = total / count * sum.scale;
            readings.push(Reading::new(&sum.mean, &*sum.of, mean));
        }
    }
    readings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(count: f64, total: f64) -> Sum {
        Sum {
            rate: Some("calls".to_owned()),
            mean: "us".to_owned(),
            of: "get".to_owned(),
            count,
            sum: total,
            scale: 1.0,
            whole: true,
        }
    }

    fn told(seen: &Seen) -> Vec<(&str, f64)> {
        let told = seen.numbers.iter();
        told.map(|one| (one.metric.as_str(), one.value)).collect()
    }

    #[test]
    fn a_counter_is_told_as_a_rate_and_a_sum_as_a_mean() {
        let look = |commits, calls, total| Look {
            gauges: vec![Reading::new("clients", "", 7.0)],
            counters: vec![Reading::new("commits", "", commits)],
            sums: vec![sum(calls, total)],
            words: vec![],
        };
        let (first, second) = (look(100.0, 10.0, 500.0), look(150.0, 14.0, 900.0));
        let alone = first.clone().since(None, Duration::ZERO);
        assert_eq!(told(&alone), [("clients", 7.0)]);
        let seen = second.since(Some(&first), Duration::from_secs(2));
        let expected = [
            ("clients", 7.0),
            ("commits", 25.0),
            ("calls", 2.0),
            ("us", 100.0),
        ];
        assert_eq!(told(&seen), expected);
    }

    #[test]
    fn what_began_anew_or_did_not_happen_says_nothing() {
        let look = |value| Look {
            counters: vec![Reading::new("commits", "", value)],
            sums: vec![sum(value, value)],
            gauges: vec![Reading::new("broken", "", f64::NAN)],
            ..Look::default()
        };
        let second = Duration::from_secs(1);
        let restarted = look(5.0).since(Some(&look(100.0)), second);
        assert_eq!(told(&restarted), []);
        let idle = look(5.0).since(Some(&look(5.0)), second);
        assert_eq!(told(&idle), [("commits", 0.0), ("calls", 0.0)]);
    }

    #[test]
    fn what_is_new_happened_since_then_unless_its_list_is_cut() {
        let look = |whole| Look {
            sums: vec![Sum {
                whole,
                ..sum(4.0, 400.0)
            }],
            ..Look::default()
        };
        let nothing = Look::default();
        let told_of = |whole| {
            let seen = look(whole).since(Some(&nothing), Duration::from_secs(1));
            told(&seen).len()
        };
        assert_eq!((told_of(true), told_of(false)), (2, 0));
    }

    #[test]
    fn a_stranger_has_no_more_series_than_there_is_room_for() {
        let gauge = |n: usize| Reading::new(&format!("m{n}"), "x".repeat(500), 1.0);
        let look = Look {
            gauges: (0..2 * MOST_SERIES).map(gauge).collect(),
            words: (0..2 * MOST_WORDS).map(gauge).collect(),
            ..Look::default()
        };
        let seen = look.since(None, Duration::ZERO);
        assert_eq!(
            (seen.numbers.len(), seen.words.len()),
            (MOST_SERIES, MOST_WORDS)
        );
        assert_eq!(seen.numbers[0].of.chars().count(), OF + 1);
    }
}
