//! The summary of a run, made from its outcome and written as JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::RunResult;
use super::subject::PRIVATE_STACK;
use super::summary::{
    CheckRow, FailureRow, Generator, Run, SUMMARY_VERSION, ScenarioRow, StageRow, Summary,
    ThresholdRow, Value,
};
use crate::config::RunConfig;
use crate::metrics::{self, Counter, Gauge, Metric, Of, Snapshot, TagFilter, Trend};
use crate::secret::scrub;
use crate::shown::pretty_json;

/// Writes the summary, indented.
///
/// # Errors
/// The writer's.
pub fn write_json(result: &RunResult, mut out: impl Write) -> io::Result<()> {
    writeln!(out, "{}", pretty_json(&summary(result))?)
}

/// The summary of a run.
#[must_use]
pub fn summary(result: &RunResult) -> Summary {
    let snapshot = &result.snapshot;
    Summary {
        version: SUMMARY_VERSION,
        verdict: result.judgement.verdict,
        exit_code: result.judgement.exit.code(),
        reasons: result.judgement.reasons.clone(),
        run: run(result),
        catalogue: (*result.config.catalogue).clone(),
        metrics: metrics(result),
        thresholds: result
            .thresholds
            .iter()
            .map(|outcome| ThresholdRow {
                expression: outcome.threshold.to_string(),
                ok: outcome.ok,
                actual: outcome.actual,
                crossing: outcome.crossing.as_ref().map(as_json),
            })
            .collect(),
        checks: snapshot
            .checks_by_name()
            .into_iter()
            .map(|sum| CheckRow {
                name: sum.check.to_owned(),
                scenario: sum.scenario.to_owned(),
                persona: sum.persona.to_owned(),
                passes: sum.counts.passes,
                fails: sum.counts.fails,
            })
            .collect(),
        invariants: result.invariants.clone(),
        failures: result
            .failures
            .iter()
            .map(|(name, status, sample)| FailureRow {
                name: (*name).to_owned(),
                status: *status,
                sample: sample.clone(),
            })
            .collect(),
        outputs: result.outputs.clone(),
        mix: as_json(&result.mix),
        unfit: result.unfit,
        health: as_json(&result.health),
        workers: result.workers.clone(),
        warnings: result.warnings.clone(),
    }
}

/// What reports pass on without looking into it.
fn as_json(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// The open model shows what users would have waited for; the closed one doesn't.
fn model(config: &RunConfig) -> &'static str {
    match config.plan().is_open() {
        (_, true) => "open",
        (true, _) => "mixed",
        (false, _) => "closed",
    }
}

fn scenarios(result: &RunResult) -> Vec<ScenarioRow> {
    let arrivals = result
        .arrivals
        .iter()
        .copied()
        .chain(std::iter::repeat(None));
    let scenarios = result.config.scenarios.iter().zip(arrivals);
    scenarios
        .map(|(scenario, arrivals)| ScenarioRow {
            name: scenario.label().to_owned(),
            executor: scenario.schedule.executor.name().to_owned(),
            mix: scenario.mix.to_string(),
            vus_max: scenario.schedule.vus_max(),
            start_ms: millis(scenario.schedule.start_time),
            end_ms: millis(scenario.schedule.end()),
            tags: scenario.tags.iter().cloned().collect(),
            arrivals,
        })
        .collect()
}

fn run(result: &RunResult) -> Run {
    let config = &result.config;
    let counter = |name| {
        let all = TagFilter::default();
        result.snapshot.counter(name, &all)
    };
    Run {
        id: result.id.clone(),
        host: result.host.clone(),
        seed: config.seed,
        started_at: humantime::format_rfc3339_millis(result.started_at).to_string(),
        duration_ms: millis(result.duration),
        scenarios: scenarios(result),
        iterations: counter(Counter::Iterations),
        interrupted_iterations: counter(Counter::Interrupted),
        dropped_iterations: counter(Counter::Dropped),
        unknown_outcomes: result.unknown_outcomes,
        command: config.command(),
        loadtest: env!("CARGO_PKG_VERSION").to_owned(),
        ..planned(config, &result.generator)
    }
}

/// What is known of a run before it begins.
#[must_use]
pub fn planned(config: &RunConfig, generator: &Generator) -> Run {
    let plan = config.plan();
    let stages = plan.parts().iter().flat_map(|part| {
        let schedule = &part.schedule;
        let stages = schedule.stage_names().into_iter().zip(schedule.segments());
        let stages = stages.zip(schedule.stage_loads());
        let named = stages.map(|stage| (part.name, stage));
        named.collect::<Vec<_>>()
    });
    Run {
        profile: config.profile.clone(),
        file: config.file.as_deref().map(|text| scrub(text).into_owned()),
        name: config.name.clone(),
        tags: config.tags.iter().cloned().collect(),
        host: config.host.clone().unwrap_or(PRIVATE_STACK.to_owned()),
        executor: config.executors(),
        model: model(config).to_owned(),
        mix: config.mixes(),
        think: Some(think(config)),
        vus_max: plan.vus_max(),
        stages: stages
            .map(|(scenario, ((name, segment), load))| StageRow {
                scenario: scenario.map(str::to_owned),
                name,
                start_ms: millis(segment.start),
                end_ms: millis(segment.end),
                from: segment.from,
                to: segment.to,
                load,
            })
            .collect(),
        settings: config.settings.clone(),
        generator: generator.clone(),
        ..Run::default()
    }
}

/// `steady: impulse_buyer 1s..3s, …` of every scenario.
fn think(config: &RunConfig) -> String {
    let each = config.scenarios.iter().flat_map(|one| {
        let shares = one.mix.shares().map(|(role, _)| role.name);
        shares.map(|name| format!("{}: {name} {}", one.label(), one.think.of(name)))
    });
    each.collect::<Vec<_>>().join(", ")
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Every metric over all series, the main ones by request name, and what thresholds select.
fn metrics(result: &RunResult) -> BTreeMap<String, Value> {
    const BY_NAME: [&str; 4] = [
        "http_req_duration",
        "http_reqs",
        "http_reqs_interrupted",
        "http_req_failed",
    ];
    let all = TagFilter::default();
    let mut metrics = BTreeMap::new();
    let mut add = |metric: &Metric, filter: &TagFilter| {
        metrics.insert(
            format!("{}{filter}", metric.name),
            value(&result.snapshot, metric.of, filter),
        );
    };
    let catalogue = &result.config.catalogue;
    metrics::all(catalogue).for_each(|metric| add(&metric, &all));
    for request in &catalogue.requests {
        let filter = TagFilter::of("name", &request.name);
        if result.snapshot.requests_of(&filter).next().is_some() {
            metrics::all(catalogue)
                .filter(|metric| BY_NAME.contains(&metric.name))
                .for_each(|metric| add(&metric, &filter));
        }
    }
    for outcome in &result.thresholds {
        add(&outcome.threshold.metric, &outcome.threshold.filter);
    }
    metrics
}

fn value(snapshot: &Snapshot, of: Of, filter: &TagFilter) -> Value {
    match of {
        Of::Trend(of) => trend(&snapshot.trend(of, filter)),
        Of::Counter(counter) => {
            let count = snapshot.counter(counter, filter);
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
        Of::Rate(of) => {
            let rate = snapshot.rate(of, filter);
            Value::Rate {
                rate: rate.share(),
                passes: rate.passes,
                fails: rate.fails,
            }
        }
        Of::Gauge(of) => {
            let Gauge {
                value, min, max, ..
            } = snapshot.gauge(of);
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
