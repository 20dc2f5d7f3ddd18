//! Charts of what probes read, over the same time as the others. Pure.

use std::collections::BTreeMap;

use super::charts::Charts;
use super::explain::Explanation;
use super::measured::Point;
use super::plot::Plot;
use super::series::Second;
use super::suspects::{Key, Stores, Suspect, series};
use crate::probe::known;

/// What is drawn of every store, whatever happened.
const ALWAYS: [&str; 9] = [
    "hikaricp_connections_pending",
    "host_cpu_busy_percent",
    "host_run_queue",
    "postgres_commits",
    "postgres_lock_waits",
    "postgres_longest_transaction_seconds",
    "postgres_wal_sync_ms",
    "redis_answer_ms",
    "redis_memory_bytes",
];
/// The most charts: more would not be read.
const MOST: usize = 18;

impl Charts<'_> {
    /// What changed while requests were slow, and what is always drawn.
    pub(super) fn stores(&self, seconds: &[Second], explanations: &[Explanation]) -> Vec<Plot> {
        let all = series(seconds);
        let stores = explanations.iter().flat_map(|one| &one.stores);
        let suspects = stores.flat_map(|Stores { suspects, .. }| suspects);
        let changed = suspects.map(
            |Suspect {
                 probe, metric, of, ..
             }| { (probe.as_str(), metric.as_str(), of.as_str()) },
        );
        let always = all.keys().copied().filter(|(_, metric, of)| {
            let waits = known(metric, of).trouble.is_some() && metric.contains("pool");
            ALWAYS.contains(metric) || waits
        });
        let mut drawn: Vec<Key<'_>> = Vec::new();
        for key in changed.chain(always) {
            if all.contains_key(&key) && !drawn.contains(&key) && drawn.len() < MOST {
                drawn.push(key);
            }
        }
        let plots = drawn.iter().map(|key| self.store(seconds, *key, &all[key]));
        plots.collect()
    }

    fn store(&self, seconds: &[Second], key: Key<'_>, values: &[Option<f64>]) -> Plot {
        let (probe, metric, of) = key;
        let known = known(metric, of);
        let by_end: BTreeMap<u64, f64> = seconds
            .iter()
            .zip(values)
            .filter_map(|(second, value)| Some((second.elapsed_ms, (*value)?)))
            .collect();
        // Of several seconds in a point the largest: a mean would hide what lasts for one.
        let value = |point: &Point| {
            let within = by_end.range(point.from_ms + 1..=point.to_ms);
            within.map(|(_, value)| *value).reduce(f64::max)
        };
        let title = known.title(metric, of);
        // Nothing is nothing in any unit.
        let label = |value: f64| match value {
            0.0 => "0".to_owned(),
            value => known.written(value),
        };
        self.small(&title, probe, "store", &label, value)
    }
}
