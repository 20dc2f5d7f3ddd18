//! Judges thresholds against the snapshot of the whole run. Pure: no clock, no I/O.

use super::parse::Threshold;
use crate::metrics::{Aggregation, Kind, Snapshot};

/// How a threshold came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The threshold.
    pub threshold: Threshold,
    /// What was measured, nothing without data: milliseconds for trends, a share for rates.
    pub actual: Option<f64>,
    /// Whether it holds. Without data it never does.
    pub ok: bool,
}

/// Judges every threshold.
#[must_use]
pub fn evaluate(thresholds: &[Threshold], snapshot: &Snapshot) -> Vec<Outcome> {
    thresholds
        .iter()
        .map(|threshold| {
            let actual = measure(threshold, snapshot);
            let ok = actual.is_some_and(|actual| threshold.operator.holds(actual, threshold.limit));
            Outcome {
                threshold: threshold.clone(),
                actual,
                ok,
            }
        })
        .collect()
}

fn measure(threshold: &Threshold, snapshot: &Snapshot) -> Option<f64> {
    let name = threshold.metric.name;
    let filter = &threshold.filter;
    match threshold.metric.kind {
        Kind::Trend => {
            let trend = snapshot.trend(name, filter);
            (!trend.is_empty()).then(|| match threshold.aggregation {
                Aggregation::Avg => trend.avg_ms(),
                Aggregation::Min => trend.min_ms(),
                Aggregation::Max => trend.max_ms(),
                Aggregation::Percentile(percent) => trend.percentile_ms(percent),
                _ => trend.percentile_ms(50.0),
            })
        }
        Kind::Counter => {
            let count = snapshot.counter(name, filter)?;
            match threshold.aggregation {
                Aggregation::Rate => {
                    let seconds = snapshot.duration.as_secs_f64();
                    (seconds > 0.0).then(|| count as f64 / seconds)
                }
                _ => Some(count as f64),
            }
        }
        Kind::Rate => snapshot.rate(name, filter)?.share(),
        Kind::Gauge => snapshot.gauge(name).map(|gauge| gauge.value as f64),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::parse::parse;
    use super::*;
    use crate::metrics::{CheckCounts, CheckTags, Method, Names, Phase, RequestTags};

    fn snapshot() -> Snapshot {
        let mut snapshot = Snapshot {
            names: Names {
                stages: ["ramp_up".to_owned(), "hold".to_owned()].into(),
                ..Names::default()
            },
            duration: Duration::from_secs(10),
            ..Snapshot::default()
        };
        for (stage, ms) in [(0, 500), (1, 100)] {
            let tags = RequestTags {
                scenario: "impulse_buyer",
                persona: "impulse_buyer",
                name: "5_create_order",
                method: Method::Post,
                status: 201,
                stage,
                expected: true,
                trend: Some("order_time"),
            };
            let series = snapshot.requests.entry(tags).or_default();
            for _ in 0..50 {
                series.record(Phase::Duration, Duration::from_millis(ms));
            }
        }
        let check = CheckTags {
            scenario: "impulse_buyer",
            persona: "impulse_buyer",
            check: "order 201",
            stage: 1,
        };
        snapshot.checks.insert(
            check,
            CheckCounts {
                passes: 99,
                fails: 1,
            },
        );
        snapshot
    }

    #[test]
    fn thresholds_are_judged_by_what_was_measured() {
        let rows = [
            ("http_req_duration: p(95)<200", Some(500.0), false),
            (
                "http_req_duration{stage:hold}: p(95)<200",
                Some(100.0),
                true,
            ),
            ("order_time: avg<=300", Some(300.0), true),
            ("http_reqs: count==100", Some(100.0), true),
            ("http_reqs: rate>10", Some(10.0), false),
            ("http_req_failed: rate==0", Some(0.0), true),
            ("checks: rate==1", Some(0.99), false),
            ("checks{check:order 201}: rate>=0.99", Some(0.99), true),
            ("http_req_duration{name:nobody}: p(95)<200", None, false),
            ("http_req_failed{name:nobody}: rate==0", None, false),
            ("iteration_duration: max<1s", None, false),
        ];
        let trends = ["order_time"];
        for (text, actual, ok) in rows {
            let threshold = parse(text, &trends).expect(text);
            let outcome = evaluate(&[threshold], &snapshot()).remove(0);
            assert_eq!((outcome.actual, outcome.ok), (actual, ok), "{text}");
        }
    }
}
