//! The summary as JSON. Its keys are an interface: README.md documents them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::RunResult;
use crate::audit::Invariant;
use crate::config::RunConfig;
use crate::diagnosis::HealthLog;
use crate::executor::Account;
use crate::fidelity::PersonaShare;
use crate::metrics::{Gauge, Kind, METRICS, Snapshot, TagFilter, Trend};
use crate::output;
use crate::shop::{REQUESTS, custom_trends};
use crate::threshold::{Crossing, Verdict};

/// Version of the document: raised when a key changes its meaning or goes away.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Summary<'a> {
    version: u32,
    verdict: Verdict,
    exit_code: u8,
    reasons: &'a [String],
    run: Run<'a>,
    metrics: BTreeMap<String, Value>,
    thresholds: Vec<ThresholdRow<'a>>,
    checks: Vec<CheckRow>,
    invariants: &'a [Invariant],
    failures: Vec<FailureRow<'a>>,
    outputs: &'a [output::Account],
    mix: &'a [PersonaShare],
    health: &'a HealthLog,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Run<'a> {
    id: &'a str,
    profile: &'a str,
    host: &'a str,
    executor: String,
    /// `open`, `closed`, or `mixed`.
    model: &'static str,
    scenarios: Vec<ScenarioRow<'a>>,
    mix: String,
    seed: u64,
    started_at: String,
    duration_ms: u64,
    vus_max: u32,
    iterations: u64,
    interrupted_iterations: u64,
    dropped_iterations: u64,
    unknown_outcomes: u64,
}

#[derive(Serialize)]
struct ScenarioRow<'a> {
    name: &'a str,
    executor: &'static str,
    mix: String,
    vus_max: u32,
    start_ms: u64,
    end_ms: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<&'a str, &'a str>,
    #[serde(flatten)]
    arrivals: Option<Account>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value {
    Trend {
        count: u64,
        avg: f64,
        min: f64,
        med: f64,
        max: f64,
        p90: f64,
        p95: f64,
        p99: f64,
        p999: f64,
    },
    Counter {
        count: u64,
        rate: f64,
    },
    Rate {
        rate: Option<f64>,
        passes: u64,
        fails: u64,
    },
    Gauge {
        value: u64,
        min: u64,
        max: u64,
    },
}

#[derive(Serialize)]
struct ThresholdRow<'a> {
    expression: String,
    ok: bool,
    actual: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crossing: Option<&'a Crossing>,
}

#[derive(Serialize)]
struct CheckRow {
    name: &'static str,
    scenario: &'static str,
    passes: u64,
    fails: u64,
}

#[derive(Serialize)]
struct FailureRow<'a> {
    name: &'static str,
    status: u16,
    sample: &'a str,
}

/// Writes the summary, indented.
///
/// # Errors
/// The writer's.
pub fn write_json(result: &RunResult, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, &summary(result))?;
    writeln!(out)
}

fn summary(result: &RunResult) -> Summary<'_> {
    let snapshot = &result.snapshot;
    let counter = |name| snapshot.counter(name, &TagFilter::default()).unwrap_or(0);
    Summary {
        version: VERSION,
        verdict: result.judgement.verdict,
        exit_code: result.judgement.exit.code(),
        reasons: &result.judgement.reasons,
        run: Run {
            id: &result.id,
            profile: &result.config.profile,
            host: &result.host,
            executor: result.config.executors(),
            model: model(&result.config),
            scenarios: scenarios(result),
            mix: result.config.mixes(),
            seed: result.config.seed,
            started_at: humantime::format_rfc3339_millis(result.started_at).to_string(),
            duration_ms: millis(result.duration),
            vus_max: result.config.plan().vus_max(),
            iterations: counter("iterations"),
            interrupted_iterations: counter("interrupted_iterations"),
            dropped_iterations: counter("dropped_iterations"),
            unknown_outcomes: result.unknown_outcomes,
        },
        metrics: metrics(result),
        thresholds: result
            .thresholds
            .iter()
            .map(|outcome| ThresholdRow {
                expression: outcome.threshold.to_string(),
                ok: outcome.ok,
                actual: outcome.actual,
                crossing: outcome.crossing.as_ref(),
            })
            .collect(),
        checks: snapshot
            .checks_by_name()
            .into_iter()
            .map(|(scenario, name, counts)| CheckRow {
                name,
                scenario,
                passes: counts.passes,
                fails: counts.fails,
            })
            .collect(),
        invariants: &result.invariants,
        failures: result
            .failures
            .iter()
            .map(|(name, status, sample)| FailureRow {
                name,
                status: *status,
                sample,
            })
            .collect(),
        outputs: &result.outputs,
        mix: &result.mix,
        health: &result.health,
        warnings: &result.warnings,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The open model shows what users would have waited for; the closed one doesn't.
fn model(config: &RunConfig) -> &'static str {
    match config.plan().is_open() {
        (_, true) => "open",
        (true, _) => "mixed",
        (false, _) => "closed",
    }
}

fn scenarios(result: &RunResult) -> Vec<ScenarioRow<'_>> {
    let arrivals = result
        .arrivals
        .iter()
        .copied()
        .chain(std::iter::repeat(None));
    let scenarios = result.config.scenarios.iter().zip(arrivals);
    scenarios
        .map(|(scenario, arrivals)| ScenarioRow {
            name: scenario.label(),
            executor: scenario.schedule.executor.name(),
            mix: scenario.mix.to_string(),
            vus_max: scenario.schedule.vus_max(),
            start_ms: millis(scenario.schedule.start_time),
            end_ms: millis(scenario.schedule.end()),
            tags: scenario
                .tags
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect(),
            arrivals,
        })
        .collect()
}

/// Every metric over all series, the main ones by request name, and what thresholds select.
fn metrics(result: &RunResult) -> BTreeMap<String, Value> {
    const BY_NAME: [&str; 3] = ["http_req_duration", "http_reqs", "http_req_failed"];
    let all = TagFilter::default();
    let mut metrics = BTreeMap::new();
    let mut add = |name: &str, kind: Kind, filter: &TagFilter| {
        metrics.insert(
            format!("{name}{filter}"),
            value(&result.snapshot, name, kind, filter),
        );
    };
    METRICS
        .iter()
        .for_each(|metric| add(metric.name, metric.kind, &all));
    custom_trends()
        .into_iter()
        .for_each(|trend| add(trend, Kind::Trend, &all));
    for request in REQUESTS {
        let filter = TagFilter(vec![("name".to_owned(), request.name.to_owned())]);
        if result.snapshot.requests_of(&filter).next().is_some() {
            let named = METRICS
                .iter()
                .filter(|metric| BY_NAME.contains(&metric.name));
            named.for_each(|metric| add(metric.name, metric.kind, &filter));
        }
    }
    for outcome in &result.thresholds {
        let threshold = &outcome.threshold;
        add(
            threshold.metric.name,
            threshold.metric.kind,
            &threshold.filter,
        );
    }
    metrics
}

fn value(snapshot: &Snapshot, name: &str, kind: Kind, filter: &TagFilter) -> Value {
    match kind {
        Kind::Trend => trend(&snapshot.trend(name, filter)),
        Kind::Counter => {
            let count = snapshot.counter(name, filter).unwrap_or(0);
            let seconds = snapshot.duration.as_secs_f64();
            Value::Counter {
                count,
                rate: if seconds > 0.0 {
                    count as f64 / seconds
                } else {
                    0.0
                },
            }
        }
        Kind::Rate => {
            let rate = snapshot.rate(name, filter).unwrap_or_default();
            Value::Rate {
                rate: rate.share(),
                passes: rate.passes,
                fails: rate.fails,
            }
        }
        Kind::Gauge => {
            let Gauge { value, min, max } = snapshot.gauge(name).unwrap_or_default();
            Value::Gauge { value, min, max }
        }
    }
}

fn trend(trend: &Trend) -> Value {
    Value::Trend {
        count: trend.count(),
        avg: trend.avg_ms(),
        min: trend.min_ms(),
        med: trend.percentile_ms(50.0),
        max: trend.max_ms(),
        p90: trend.percentile_ms(90.0),
        p95: trend.percentile_ms(95.0),
        p99: trend.percentile_ms(99.0),
        p999: trend.percentile_ms(99.9),
    }
}
