//! Summaries of version 1, which had no catalogue.

use std::collections::BTreeMap;

use super::summary::{Summary, Value};
use crate::catalogue::{Catalogue, PartEntry, RequestEntry, SERVER_TIMING};
use crate::metrics::METRICS;

/// The same summary with what its version did not have yet.
pub(super) fn upgraded(mut summary: Summary) -> Summary {
    if summary.version == 1 {
        summary.catalogue = inferred(&summary.metrics);
        for check in &mut summary.checks {
            if check.persona.is_empty() {
                check.persona.clone_from(&check.scenario);
            }
        }
        for setting in &mut summary.run.settings {
            let known = crate::config::Field::of_key(&setting.key);
            // What is none of the engine's was the suite's, and changed what was set up.
            setting.compared = known.is_none_or(|field| field.compared);
        }
    }
    summary
}

/// The requests are those that have metrics by name. A custom trend is of the request that has the
/// same numbers.
fn inferred(metrics: &BTreeMap<String, Value>) -> Catalogue {
    let built_in = |name: &str| {
        name.starts_with(SERVER_TIMING) || METRICS.iter().any(|metric| metric.name == name)
    };
    let custom: Vec<(&String, &Value)> = metrics
        .iter()
        .filter(|(name, value)| {
            matches!(value, Value::Trend { count, .. } if *count > 0)
                && !name.contains('{')
                && !built_in(name)
        })
        .collect();
    let requests = metrics.iter().filter_map(|(key, value)| {
        let name = key
            .strip_prefix("http_req_duration{name:")?
            .strip_suffix('}')?;
        let trend = custom.iter().find(|(_, of)| *of == value);
        (!name.contains(',')).then(|| RequestEntry {
            name: name.to_owned(),
            method: String::new(),
            trend: trend.map(|(trend, _)| (*trend).clone()),
            ..RequestEntry::default()
        })
    });
    let part = |(name, label): (&str, &str)| PartEntry {
        name: name.to_owned(),
        label: label.to_owned(),
        is_queue: name == "queue",
    };
    Catalogue {
        requests: requests.collect(),
        server_parts: [
            ("queue", "the server's queue"),
            ("db", "the database"),
            ("redis", "Redis"),
        ]
        .map(part)
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trend(count: u64, med: f64) -> Value {
        Value::Trend {
            count,
            avg: med,
            min: med,
            med,
            max: med,
            p90: med,
            p95: med,
            p99: med,
            p999: med,
        }
    }

    #[test]
    fn requests_and_their_trends_are_found_in_the_metrics() {
        let metrics = [
            ("http_req_duration", trend(30, 2.0)),
            ("http_req_duration{name:0_log_in}", trend(10, 1.0)),
            ("http_req_duration{name:1_buy}", trend(20, 3.0)),
            ("http_req_duration{name:1_buy,status:500}", trend(1, 9.0)),
            ("buy_time", trend(20, 3.0)),
            ("server_timing_db", trend(20, 3.0)),
            ("never_time", trend(0, 0.0)),
        ];
        let metrics = metrics.map(|(name, value)| (name.to_owned(), value));
        let found = inferred(&metrics.into());
        let requests: Vec<_> = found
            .requests
            .iter()
            .map(|request| (request.name.as_str(), request.trend.as_deref()))
            .collect();
        assert_eq!(requests, [("0_log_in", None), ("1_buy", Some("buy_time"))]);
        assert_eq!(found.server_parts.len(), 3);
    }
}
