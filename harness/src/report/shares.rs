//! What the requests or checks that failed have in common, and when they did. Pure.

use std::collections::BTreeMap;

use super::series::{Row, Second};
use crate::format::{clock, grouped, percent, plural};

/// When it began, in which stage, and for how long.
pub(super) fn when(over: &[&Second], of: u64) -> Option<String> {
    let (first, last) = (over.first()?, over.last()?);
    let from = first.elapsed_ms.saturating_sub(first.length_ms);
    Some(format!(
        "It began {} into the run, in stage {}, and was so in {} of {}, the last one at {}.",
        clock(from),
        first.stage,
        grouped(over.len() as u64),
        plural(of, "second", "seconds"),
        clock(last.elapsed_ms.saturating_sub(last.length_ms))
    ))
}

/// Counts by the values of tags.
#[derive(Default)]
pub(super) struct Shares {
    pub(super) total: u64,
    by: BTreeMap<&'static str, BTreeMap<String, u64>>,
}

impl Shares {
    pub(super) fn add<V>(&mut self, row: &Row<V>, count: u64) {
        if count == 0 {
            return;
        }
        self.total += count;
        for key in ["name", "check", "persona", "stage", "status"] {
            if let Some(value) = row.tags.get(key) {
                *self
                    .by
                    .entry(key)
                    .or_default()
                    .entry(value.clone())
                    .or_default() += count;
            }
        }
    }

    pub(super) fn values(&self, key: &str) -> Vec<&str> {
        self.by.get(key).map_or_else(Vec::new, |values| {
            values.keys().map(String::as_str).collect()
        })
    }

    /// The value that most of them have, with its share.
    fn most(&self, key: &str) -> Option<(&str, f64)> {
        let (value, count) = self.by.get(key)?.iter().max_by_key(|(_, count)| **count)?;
        Some((value, *count as f64 / self.total as f64))
    }

    pub(super) fn sentence(&self, what: &str) -> Option<String> {
        let words = [
            ("name", "request"),
            ("check", "check"),
            ("persona", "persona"),
            ("stage", "stage"),
            ("status", "status"),
        ];
        let most = words.iter().filter_map(|(key, word)| {
            let (value, share) = self.most(key)?;
            let value = if *key == "status" && value == "0" {
                "none (no answer)"
            } else {
                value
            };
            Some(format!("{word} {value} ({})", percent(share)))
        });
        let most: Vec<_> = most.collect();
        (self.total > 0).then(|| {
            format!(
                "Of {} {what}, the largest shares: {}.",
                grouped(self.total),
                most.join(", ")
            )
        })
    }
}
