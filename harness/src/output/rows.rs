//! The schema: what a second of a run looks like as rows. Pure.
//!
//! Aggregates, not samples: how many rows a second has depends on how many series there are,
//! never on how many requests were sent. docs/outputs.md has the schema as a table.

use std::collections::{BTreeMap, BTreeSet};

use super::point::Point;
use crate::health::Health;
use crate::invariant::Invariant;
use crate::metrics::{
    Counter, IterationSeries, RequestSeries, Snapshot, TagFilter, Trend, TrendOf, intern,
};
use crate::probe::Probed;
use crate::sampler::Tick;
use crate::threshold::{Judgement, Outcome, Verdict};

/// Upper bounds of the heatmap's buckets in ms, with the field that counts what lies below each
/// and above the one before.
pub const BUCKETS: [(f64, &str); 13] = [
    (1.0, "b1"),
    (2.0, "b2"),
    (5.0, "b5"),
    (10.0, "b10"),
    (20.0, "b20"),
    (50.0, "b50"),
    (100.0, "b100"),
    (200.0, "b200"),
    (500.0, "b500"),
    (1_000.0, "b1000"),
    (2_000.0, "b2000"),
    (5_000.0, "b5000"),
    (f64::INFINITY, "binf"),
];

const NANOS_IN_MS: i64 = 1_000_000;

/// Makes the rows of one run: every row carries its id, and that of the generator, without which
/// a second generator's row of the same time would overwrite it.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The run's id.
    pub run_id: String,
    /// The generator's name.
    pub instance: String,
    /// The user's tags of the whole run, keys and values.
    pub tags: Vec<(String, String)>,
}

impl Rows {
    /// A second of the load.
    #[must_use]
    pub fn second(&self, tick: &Tick<'_>, thresholds: &[Outcome], health: &Health) -> Vec<Point> {
        let mut points = Vec::new();
        self.requests(tick, &mut points);
        self.totals(tick, &mut points);
        self.cumulative(tick, &mut points);
        self.trends(tick, &mut points);
        self.server_timing(tick, &mut points);
        self.iterations(tick, &mut points);
        self.checks(tick, &mut points);
        points.extend(
            thresholds
                .iter()
                .map(|outcome| self.threshold(tick.time_ms, outcome)),
        );
        points.push(
            self.point("vus", tick.time_ms)
                .int("active", tick.second.vus.value)
                .int("target", u64::from(tick.target))
                .int("max", tick.total.vus_max.value),
        );
        points.push(self.generator(tick.time_ms, health));
        points
    }

    /// Something that happened, for annotations.
    #[must_use]
    pub fn event(&self, time_ms: i64, kind: &'static str, title: &str, text: &str) -> Point {
        self.point("events", time_ms)
            .tag("kind", kind)
            .text("title", title)
            .text("text", text)
    }

    /// What is known only at the end: invariants and the verdict.
    #[must_use]
    pub fn end(&self, time_ms: i64, invariants: &[Invariant], judgement: &Judgement) -> Vec<Point> {
        let mut points: Vec<Point> = invariants
            .iter()
            .map(|row| {
                self.point("invariants", time_ms)
                    .tag("invariant", row.name.clone())
                    .int("ok", u64::from(row.ok))
                    .text("expected", row.expected.to_string())
                    .text("actual", row.actual.to_string())
            })
            .collect();
        let word = verdict_word(judgement.verdict);
        points.push(self.verdict(time_ms, word, i64::from(judgement.exit.code())));
        points.push(self.event(
            time_ms,
            "end",
            &format!("end: {word}"),
            &judgement.reasons.join("; "),
        ));
        points
    }

    /// The state of the run: `running` from its start, the verdict at its end.
    #[must_use]
    pub fn verdict(&self, time_ms: i64, word: &str, code: i64) -> Point {
        let mut point = self.point("run", time_ms).text("verdict", word);
        point
            .fields
            .push(("exit_code", super::point::Value::Int(code)));
        point
    }

    fn point(&self, measurement: &'static str, time_ms: i64) -> Point {
        let point = Point::new(measurement, time_ms * NANOS_IN_MS)
            .tag("run_id", self.run_id.clone())
            .tag("instance", self.instance.clone());
        self.tagged(point)
    }

    /// The same point with the tags of the whole run.
    pub(super) fn tagged(&self, point: Point) -> Point {
        let tags = self.tags.iter();
        tags.fold(point, |point, (key, value)| {
            point.tag(intern(key), value.clone())
        })
    }

    /// A point of a persona in a scenario, with the scenario's own tags.
    fn of_persona(
        &self,
        measurement: &'static str,
        tick: &Tick<'_>,
        scenario: &str,
        persona: &str,
    ) -> Point {
        let point = self
            .point(measurement, tick.time_ms)
            .tag("scenario", scenario.to_owned())
            .tag("persona", persona.to_owned());
        let tags = tick.total.names.scenario_tags.iter();
        tags.filter(|(of, _, _)| *of == scenario)
            .fold(point, |point, (_, key, value)| {
                point.tag(intern(key), value.clone())
            })
    }

    /// Every series of the second, and with zeros those of the same stage that were idle in it:
    /// "no errors" is a 0 and not a gap.
    fn requests(&self, tick: &Tick<'_>, points: &mut Vec<Point>) {
        let empty = RequestSeries::default();
        let stages = &tick.total.names.stages;
        for tags in tick.total.requests.keys() {
            let series = tick.second.requests.get(tags).unwrap_or(&empty);
            if series.count() == 0 && !tick.stages.contains(&tags.stage) {
                continue;
            }
            let stage = &stages[usize::from(tags.stage)];
            let errors = if tags.expected { 0 } else { series.count() };
            let point = self
                .of_persona("requests", tick, tags.scenario, tags.persona)
                .tag("name", tags.name)
                .tag("method", tags.method.as_str())
                .tag("status", tags.status.to_string())
                .tag("stage", stage.clone())
                .int("errors", errors);
            let point = if tick.total.names.protos {
                point.tag("proto", tags.proto.as_str())
            } else {
                point
            };
            points.push(distribution(point, &series.counted()));
        }
    }

    fn totals(&self, tick: &Tick<'_>, points: &mut Vec<Point>) {
        let all = TagFilter::default();
        let trend = tick.second.counted();
        let counter = |counter| tick.second.counter(counter, &all);
        let point = self
            .point("requests_total", tick.time_ms)
            .tag("stage", tick.stage.to_owned())
            .int("errors", errors(tick.second))
            .int("bytes_sent", counter(Counter::Sent))
            .int("bytes_received", counter(Counter::Received));
        points.push(distribution(point, &trend));
        let mut buckets = self.point("latency_buckets", tick.time_ms);
        let mut below = 0;
        for (bound, field) in BUCKETS {
            let up_to = trend.count_up_to_ms(bound);
            buckets = buckets.int(field, up_to - below);
            below = up_to;
        }
        points.push(buckets);
    }

    /// Since the start of the run: what the summary will say, if the run ended now.
    fn cumulative(&self, tick: &Tick<'_>, points: &mut Vec<Point>) {
        let mut series: BTreeMap<_, (Trend, u64)> = BTreeMap::new();
        for (tags, requests) in &tick.total.requests {
            let (method, status) = (tags.method.as_str(), tags.status);
            let key = (tags.scenario, tags.persona, tags.name, method, status);
            let (trend, errors) = series.entry(key).or_default();
            trend.merge(&requests.counted());
            *errors += if tags.expected { 0 } else { requests.count() };
        }
        let mut all = Trend::default();
        for ((scenario, persona, name, method, status), (trend, errors)) in series {
            all.merge(&trend);
            let point = self
                .of_persona("requests_run", tick, scenario, persona)
                .tag("name", name)
                .tag("method", method)
                .tag("status", status.to_string())
                .int("errors", errors);
            points.push(distribution(point, &trend));
        }
        let point = self
            .point("requests_run_total", tick.time_ms)
            .int("errors", errors(tick.total));
        points.push(distribution(point, &all));
    }

    fn trends(&self, tick: &Tick<'_>, points: &mut Vec<Point>) {
        let all = TagFilter::default();
        for name in tick.total.names.catalogue.trends().map(intern) {
            let point = self.point("trends", tick.time_ms).tag("trend", name);
            let trend = tick.second.trend(TrendOf::Custom(name), &all);
            points.push(distribution(point, &trend));
        }
    }

    fn server_timing(&self, tick: &Tick<'_>, points: &mut Vec<Point>) {
        let known = &tick.total.names.catalogue.server_parts;
        let mut sums: BTreeMap<(&str, usize), Trend> = BTreeMap::new();
        for (tags, series) in &tick.second.requests {
            for part in 0..known.len() {
                let sum = sums.entry((tags.name, part)).or_default();
                sum.merge(series.part(part));
            }
        }
        for ((name, part), trend) in sums {
            let point = self
                .point("server_timing", tick.time_ms)
                .tag("name", name)
                .tag("part", known[part].name.clone());
            points.push(distribution(point, &trend));
        }
    }

    fn iterations(&self, tick: &Tick<'_>, points: &mut Vec<Point>) {
        let mut summed: BTreeMap<(&str, &str), IterationSeries> = BTreeMap::new();
        let mut open = BTreeSet::new();
        // What was idle in this second has a row too.
        for (tags, series) in &tick.total.iterations {
            let key = (tags.scenario, tags.persona);
            summed.entry(key).or_default();
            if series.dropped > 0 || !series.start_delay.is_empty() {
                open.insert(key);
            }
        }
        for (tags, series) in &tick.second.iterations {
            let key = (tags.scenario, tags.persona);
            summed.entry(key).or_default().merge(series);
        }
        for (key, series) in summed {
            let of = |measurement| self.of_persona(measurement, tick, key.0, key.1);
            let point = of("iterations")
                .int("interrupted", series.interrupted)
                .int("dropped", series.dropped);
            points.push(distribution(point, &series.duration));
            if open.contains(&key) {
                let response = of("iteration_response_time");
                points.push(distribution(response, &series.response_time));
                let delay = of("iteration_start_delay");
                points.push(distribution(delay, &series.start_delay));
            }
        }
    }

    fn checks(&self, tick: &Tick<'_>, points: &mut Vec<Point>) {
        for sum in tick.total.checks_by_name() {
            points.push(
                self.of_persona("checks", tick, sum.scenario, sum.persona)
                    .tag("check", sum.check)
                    .int("passes", sum.counts.passes)
                    .int("fails", sum.counts.fails),
            );
        }
    }

    fn threshold(&self, time_ms: i64, outcome: &Outcome) -> Point {
        let actual = outcome.actual.unwrap_or(f64::NAN);
        self.point("thresholds", time_ms)
            .tag("threshold", outcome.threshold.to_string())
            .int("ok", u64::from(outcome.ok))
            .float("actual", actual)
            .float("limit", outcome.threshold.limit)
    }

    /// What probes read. Things with words of their own would be a series each: they stay out.
    pub(super) fn probes(&self, time_ms: i64, probed: &[Probed]) -> Vec<Point> {
        let mut latest = BTreeMap::new();
        for Probed { probe, numbers, .. } in probed {
            for reading in numbers {
                // Of two looks in a second the later one stands: they would overwrite each other.
                latest.insert((probe, &reading.metric, &reading.of), reading.value);
            }
        }
        // A series of its own has the tag as well: InfluxDB 3 wants the same tags on every row.
        let point = |((probe, metric, of), value): ((&String, &String, &String), f64)| {
            self.point("probe", time_ms)
                .tag("probe", probe.clone())
                .tag("metric", metric.clone())
                .tag("of", if of.is_empty() { "-" } else { of }.to_owned())
                .float("value", value)
        };
        latest.into_iter().map(point).collect()
    }

    fn generator(&self, time_ms: i64, health: &Health) -> Point {
        self.point("generator", time_ms)
            .float("cpu_percent", health.cpu_percent)
            .float("machine_cpu_percent", health.machine_cpu_percent)
            .int("memory_bytes", health.memory_bytes)
            .float("lag_ms", health.lag_ms)
            .int("late_starts", health.late_starts)
            .int("dropped", health.dropped)
            .int("fds", health.fds)
            .int("sockets", health.sockets)
    }
}

/// The verdict as reports and rows write it.
const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Invalid => "invalid",
    }
}

fn errors(snapshot: &Snapshot) -> u64 {
    snapshot.failed(&TagFilter::default())
}

/// The fields that every distribution has. Without samples there are only the zero sums: a
/// percentile of nothing is a gap.
fn distribution(point: Point, trend: &Trend) -> Point {
    let point = point
        .int("count", trend.count())
        .float("sum", trend.sum_ms());
    if trend.is_empty() {
        return point;
    }
    let [p50, p90, p95, p99, p999] = trend.percentiles_ms([50.0, 90.0, 95.0, 99.0, 99.9]);
    point
        .float("min", trend.min_ms())
        .float("max", trend.max_ms())
        .float("p50", p50)
        .float("p90", p90)
        .float("p95", p95)
        .float("p99", p99)
        .float("p999", p999)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Reading;

    /// InfluxDB keeps one row of each series and time, and a table's tags as they first were.
    #[test]
    fn what_probes_read_is_a_row_for_each_series_with_the_same_tags() {
        let rows = Rows {
            run_id: "run".to_owned(),
            instance: "host".to_owned(),
            tags: vec![],
        };
        let reading = |of: &str, value| Reading {
            metric: "calls".to_owned(),
            of: of.to_owned(),
            value,
        };
        let probed = |numbers| Probed {
            probe: "redis".to_owned(),
            numbers,
            words: vec![reading("words", 9.0)],
        };
        let looks = [
            probed(vec![reading("", 1.0), reading("GET", 2.0)]),
            probed(vec![reading("GET", 3.0)]),
        ];
        let points = rows.probes(7, &looks);
        let told: Vec<_> = points
            .iter()
            .map(|point| {
                (
                    point.tags.last().expect("of").1.as_ref(),
                    &point.fields[0].1,
                )
            })
            .collect();
        let expected = [1.0, 3.0].map(super::super::point::Value::Float);
        assert_eq!(told, [("-", &expected[0]), ("GET", &expected[1])]);
        assert!(
            points.iter().all(|point| point.tags.len() == 5),
            "{points:?}"
        );
    }
}
