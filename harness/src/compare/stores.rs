//! What changed in the stores between two runs: told beside the judged rows, and not judged. Pure.

use serde::{Deserialize, Serialize};

use crate::probe::{is_mean, known};

/// What a probe read of a series in the seconds that count.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// The probe's name.
    pub probe: String,
    /// The metric.
    pub metric: String,
    /// What of it.
    pub of: String,
    /// A value for each second in which there is one.
    pub values: Vec<f64>,
}

/// A series whose median is another one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreChange {
    /// The probe's name.
    pub probe: String,
    /// The metric.
    pub metric: String,
    /// What of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub of: String,
    /// The median in the baseline.
    pub base: f64,
    /// The median in the new run.
    pub new: f64,
}

/// The most changes that are told.
const MOST: usize = 10;
/// Fewer seconds have no median to speak of.
const FEWEST: usize = 5;
/// Changes of fewer spreads are told by any two runs.
const SPREADS: f64 = 4.0;
/// The factor from a median absolute deviation to a standard deviation.
const MAD: f64 = 1.4826;

/// What changed most, by the spread of the seconds.
pub(super) fn changes(base: &[Store], new: &[Store]) -> Vec<StoreChange> {
    let only_new = new.iter().filter(|store| of(base, store).is_none());
    let mut all: Vec<(f64, StoreChange)> = Vec::new();
    for store in base.iter().chain(only_new) {
        let levels = level_in(base, store).zip(level_in(new, store));
        all.extend(levels.map(|(before, after)| change(store, before, after)));
    }
    all.retain(|(spreads, _)| *spreads >= SPREADS);
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.truncate(MOST);
    all.into_iter().map(|(_, change)| change).collect()
}

/// The same series in a run.
fn of<'a>(run: &'a [Store], store: &Store) -> Option<&'a Store> {
    let key = |store: &Store| (store.probe.clone(), store.metric.clone(), store.of.clone());
    run.iter().find(|other| key(other) == key(store))
}

/// What a series is in a run. One that is not there is 0 if its probe is, as a state that no
/// session ever had.
fn level_in(run: &[Store], store: &Store) -> Option<Level> {
    match of(run, store) {
        Some(found) => level(&found.values),
        None if store.of.is_empty() || is_mean(&store.metric) => None,
        None => run
            .iter()
            .any(|other| other.probe == store.probe)
            .then_some(Level::default()),
    }
}

/// By how many spreads it changed.
fn change(store: &Store, before: Level, after: Level) -> (f64, StoreChange) {
    let known = known(&store.metric, &store.of);
    let largest = before.median.abs().max(after.median.abs());
    let small = (largest * 0.05).max(known.least() / SPREADS);
    let spread = (before.away.max(after.away) * MAD).max(small).max(1e-9);
    let change = StoreChange {
        probe: store.probe.clone(),
        metric: store.metric.clone(),
        of: store.of.clone(),
        base: before.median,
        new: after.median,
    };
    ((before.median - after.median).abs() / spread, change)
}

/// The middle of the seconds.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    median: f64,
    /// The median distance from it.
    away: f64,
}

fn level(values: &[f64]) -> Option<Level> {
    if values.len() < FEWEST {
        return None;
    }
    let median = middle(values.to_vec());
    let away = values.iter().map(|value| (value - median).abs());
    let away = middle(away.collect());
    Some(Level { median, away })
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl StoreChange {
    /// What it is, and the medians, as they are written for people.
    #[must_use]
    pub fn texts(&self) -> [String; 3] {
        let known = known(&self.metric, &self.of);
        let title = known.title(&self.metric, &self.of);
        [title, known.written(self.base), known.written(self.new)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(metric: &str, values: [f64; 6]) -> Store {
        Store {
            probe: "db".to_owned(),
            metric: metric.to_owned(),
            of: String::new(),
            values: values.to_vec(),
        }
    }

    #[test]
    fn a_median_beyond_the_spread_is_told_and_noise_is_not() {
        let base = [
            store("postgres_lock_waits", [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]),
            store("postgres_commits", [90.0, 110.0, 100.0, 95.0, 130.0, 70.0]),
            store("redis_answer_ms", [2.0, 3.0, 2.0, 4.0, 2.0, 3.0]),
            store("gone_ms", [1.0; 6]),
        ];
        let new = [
            store("postgres_lock_waits", [7.0, 9.0, 8.0, 6.0, 9.0, 8.0]),
            store("postgres_commits", [99.0, 120.0, 80.0, 85.0, 131.0, 60.0]),
            store("redis_answer_ms", [3.0, 4.0, 3.0, 5.0, 3.0, 4.0]),
        ];
        let told = changes(&base, &new);
        assert_eq!(told.len(), 1, "{told:?}");
        let expected = ["sessions that wait for a lock", "0", "8"];
        assert_eq!(told[0].texts(), expected);
        assert_eq!(changes(&base, &base), []);
        let idle = Store {
            of: "idle".to_owned(),
            ..store("postgres_sessions", [8.0; 6])
        };
        let appeared = [&base[..], &[idle]].concat();
        assert_eq!(
            changes(&base, &appeared)[0].texts(),
            ["sessions idle", "0", "8"]
        );
        let few = [Store {
            values: vec![9.0; FEWEST - 1],
            ..base[0].clone()
        }];
        assert_eq!(changes(&base, &few), []);
    }
}
