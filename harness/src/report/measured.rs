//! What the seconds of a series add up to: by interval of the charts, and by request, stage and
//! persona. Pure. Histograms are merged, percentiles never averaged.

use std::collections::BTreeMap;

use super::series::{Second, Series};
use crate::catalogue::{Catalogue, PartEntry};
use crate::metrics::{Broken, Phase, Trend};

/// The metric that most of a report is about.
pub(super) const DURATION: &str = "http_req_duration";
/// How late the iterations of a rate started; a value for each that ended.
pub(super) const START_DELAY: &str = "iteration_start_delay";
/// From when they were due to their end.
pub(super) const RESPONSE_TIME: &str = "iteration_response_time";
/// Those that never started.
pub(super) const DROPPED: &str = "dropped_iterations";
/// The tag of gauges of one worker.
pub(super) const WORKER: &str = "worker";
/// Metrics of the phases, in the order of a request. Waiting for a connection has connecting and
/// TLS in it.
pub(super) const PHASES: [(&str, Phase); 6] = [
    ("http_req_blocked", Phase::Blocked),
    ("http_req_connecting", Phase::Connecting),
    ("http_req_tls_handshaking", Phase::TlsHandshaking),
    ("http_req_sending", Phase::Sending),
    ("http_req_waiting", Phase::Waiting),
    ("http_req_receiving", Phase::Receiving),
];

/// Heatmap rows in a factor of ten.
pub(super) const HEAT_ROWS: f64 = 8.0;
/// The most points: a screen can't show more.
const MOST_POINTS: u64 = 240;
/// Lengths of an interval, in seconds.
const STEPS: [u64; 14] = [
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600,
];

/// A whole series, added up.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// Length of a point in ms.
    pub(super) step_ms: u64,
    /// When the last second ended.
    pub(super) end_ms: u64,
    /// The run in intervals of the same length.
    pub(super) points: Vec<Point>,
    /// By request name.
    pub(super) requests: BTreeMap<String, Group>,
    /// By scenario and stage.
    pub(super) stages: BTreeMap<[String; 2], Group>,
    /// By scenario.
    pub(super) scenarios: BTreeMap<String, Group>,
    /// Complete iterations by scenario.
    pub(super) iterations: BTreeMap<String, u64>,
    /// By persona.
    pub(super) personas: BTreeMap<String, Group>,
    /// All requests.
    pub(super) all: Group,
    /// Times so far of the requests that were cut before their answer, by request name.
    pub(super) cut: BTreeMap<String, Trend>,
    /// Every other trend: the custom ones, and iterations.
    pub(super) trends: BTreeMap<String, Trend>,
    /// The metrics of the parts of the server's time, in the order of the catalogue.
    parts: Vec<String>,
}

/// Requests that have something in common.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) trend: Trend,
    pub(super) failed: u64,
    /// Requests by status.
    pub(super) statuses: BTreeMap<String, u64>,
    /// Sums of the parts of the server's time in ms; only by request name and over all.
    pub(super) server: Sums,
    /// Sums of the phases in ms, in the order of [`PHASES`]; by request name and over all.
    pub(super) phases: Sums,
}

impl Group {
    /// Means of a request in ms: `parts` of the server's time, and what is left of its duration.
    pub(super) fn means(&self, parts: usize) -> Option<Vec<f64>> {
        self.server.means(parts, &self.trend)
    }
}

/// An interval.
#[derive(Debug, Default)]
pub(super) struct Point {
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
    /// The stage in which it ended.
    pub(super) stage: String,
    pub(super) requests: u64,
    pub(super) failed: u64,
    /// p50, p95 and p99 in ms, nothing without requests.
    pub(super) percentiles: Option<[f64; 3]>,
    /// Requests by row of the heatmap.
    pub(super) heat: BTreeMap<i32, u64>,
    /// p95 of each request in ms.
    pub(super) by_request: BTreeMap<String, f64>,
    /// Failed requests by name and status.
    pub(super) failures: BTreeMap<[String; 2], u64>,
    /// Means of a request in ms, as [`Group::means`].
    pub(super) server: Option<Vec<f64>>,
    /// Means of a request in ms by phase, as [`PHASES`]; nothing where they weren't recorded.
    pub(super) phases: Option<Vec<f64>>,
    /// Iterations of a rate that ended.
    pub(super) ended: u64,
    /// Iterations that started, where all VUs follow a rate: those that ended, and what more of
    /// them were under way at its end than before.
    pub(super) started: u64,
    /// Iterations of a rate that never started.
    pub(super) dropped: u64,
    /// Means of gauges by metric and worker; of the lag the worst.
    gauges: BTreeMap<[String; 2], f64>,
    /// VUs that were active at its end.
    pub(super) active: f64,
    /// p50 and p95 of every other trend in ms.
    pub(super) trends: BTreeMap<String, [f64; 2]>,
}

impl Point {
    pub(super) fn per_second(&self, count: u64) -> f64 {
        count as f64 * 1_000.0 / (self.to_ms - self.from_ms).max(1) as f64
    }

    pub(super) fn gauge(&self, metric: &str) -> Option<f64> {
        self.gauge_of(metric, "")
    }

    /// The gauge of a worker.
    pub(super) fn gauge_of(&self, metric: &str, worker: &str) -> Option<f64> {
        self.gauges
            .get(&[metric, worker].map(str::to_owned))
            .copied()
    }
}

/// The row of the heatmap that a duration belongs to.
pub(super) fn heat_row(ms: f64) -> i32 {
    (ms.max(0.01).log10() * HEAT_ROWS).floor() as i32
}

/// A sum for each part of the server's time, in the order of the catalogue.
#[derive(Debug, Default)]
pub(super) struct Sums(BTreeMap<usize, f64>);

impl Sums {
    fn add(&mut self, part: usize, ms: f64) {
        *self.0.entry(part).or_default() += ms;
    }

    /// Means of each of so many parts; nothing where none was noted.
    pub(super) fn each(&self, parts: usize, requests: u64) -> Option<Vec<f64>> {
        let sums = (0..parts).map(|part| self.0.get(&part).copied().unwrap_or(0.0));
        let means = sums.map(|sum| sum / requests as f64);
        (!self.0.is_empty() && requests > 0).then(|| means.collect())
    }

    fn means(&self, parts: usize, all: &Trend) -> Option<Vec<f64>> {
        let each = all.count() as f64;
        let rest = (all.sum_ms() - self.0.values().sum::<f64>()).max(0.0);
        let sums = (0..parts).map(|part| self.0.get(&part).copied().unwrap_or(0.0));
        let means = sums.chain([rest]).map(|sum| sum / each);
        (!all.is_empty()).then(|| means.collect())
    }
}

/// What is gathered for a point until it is whole.
#[derive(Default)]
struct Open {
    point: Point,
    /// By name, scenario, stage, persona, status and whether they failed: merging is expensive,
    /// so each second is merged once, and what is whole is merged into every group of it.
    requests: BTreeMap<[String; 6], Trend>,
    server: Sums,
    phases: Sums,
    trends: BTreeMap<String, Trend>,
    gauges: BTreeMap<[String; 2], (f64, u64)>,
    length_ms: u64,
}

impl Open {
    fn add_gauges(&mut self, second: &Second) {
        for row in &second.gauges {
            if row.metric == "vus" {
                self.point.active = row.value;
            }
            let key = [&row.metric, row.tag(WORKER)].map(str::to_owned);
            let (sum, count) = self.gauges.entry(key).or_default();
            if row.metric.ends_with("lag_ms") {
                (*sum, *count) = (sum.max(row.value), 1);
            } else {
                (*sum, *count) = (*sum + row.value, *count + 1);
            }
        }
    }
}

impl Measured {
    /// Adds a series up. The catalogue says what the server's time consists of.
    ///
    /// # Errors
    /// A histogram that can't be read.
    pub(super) fn of(series: &Series, catalogue: &Catalogue) -> Result<Self, Broken> {
        let parts = catalogue.server_parts.iter().map(PartEntry::metric);
        let end_ms = series.seconds.last().map_or(0, |second| second.elapsed_ms);
        let wanted = end_ms.div_ceil(1_000).div_ceil(MOST_POINTS);
        let step = STEPS.iter().find(|step| **step >= wanted).copied();
        let step_ms = step.unwrap_or(wanted) * 1_000;
        let mut measured = Self {
            step_ms,
            end_ms,
            parts: parts.collect(),
            ..Self::default()
        };
        let mut open = Open::default();
        let mut current = 0;
        for (index, second) in series.seconds.iter().enumerate() {
            let middle = second.elapsed_ms.saturating_sub(second.length_ms / 2);
            let last = index + 1 == series.seconds.len();
            // The first and the last second are cut off: alone, a short one would be noise.
            let short = last && second.length_ms < step_ms / 2;
            if middle / step_ms != current && open.length_ms >= step_ms / 2 && !short {
                measured.close(std::mem::take(&mut open));
            }
            current = middle / step_ms;
            measured.add(second, &mut open)?;
        }
        if open.length_ms > 0 {
            measured.close(open);
        }
        Ok(measured)
    }

    fn add(&mut self, second: &Second, open: &mut Open) -> Result<(), Broken> {
        if open.length_ms == 0 {
            open.point.from_ms = second.elapsed_ms.saturating_sub(second.length_ms);
        }
        open.length_ms += second.length_ms.max(1);
        open.point.to_ms = second.elapsed_ms;
        open.point.stage.clone_from(&second.stage);
        for row in &second.trends {
            let part = self.parts.iter().position(|part| *part == row.metric);
            let phase = PHASES.iter().position(|(metric, _)| *metric == row.metric);
            if let Some(part) = part {
                let named = self.requests.entry(row.tag("name").to_owned()).or_default();
                for server in [&mut open.server, &mut self.all.server, &mut named.server] {
                    server.add(part, row.value.sum);
                }
            } else if let Some(phase) = phase {
                let named = self.requests.entry(row.tag("name").to_owned()).or_default();
                for phases in [&mut open.phases, &mut self.all.phases, &mut named.phases] {
                    phases.add(phase, row.value.sum);
                }
            } else if row.metric == DURATION {
                let key = [
                    "name",
                    "scenario",
                    "stage",
                    "persona",
                    "status",
                    "expected_response",
                ];
                let key = key.map(|tag| row.tag(tag).to_owned());
                row.value.add_to(open.requests.entry(key).or_default())?;
            } else if row.value.histogram.is_some() {
                row.value
                    .add_to(open.trends.entry(row.metric.clone()).or_default())?;
                match row.metric.as_str() {
                    START_DELAY => open.point.ended += row.value.count,
                    "iteration_duration" => {
                        let scenario = row.tag("scenario").to_owned();
                        *self.iterations.entry(scenario).or_default() += row.value.count;
                    }
                    _ => {}
                }
            }
        }
        let dropped = second.counters.iter().filter(|row| row.metric == DROPPED);
        open.point.dropped += dropped.map(|row| row.value).sum::<u64>();
        open.add_gauges(second);
        Ok(())
    }
}

impl Measured {
    fn close(&mut self, open: Open) {
        let mut point = open.point;
        let mut all = Trend::default();
        let mut by_request: BTreeMap<String, Trend> = BTreeMap::new();
        for ([name, scenario, stage, persona, status, expected], trend) in open.requests {
            let failed = if expected == "false" {
                trend.count()
            } else {
                0
            };
            // As `RequestTags::is_interrupted`: without a status, and no failure.
            if status == "0" && expected == "true" {
                self.cut.entry(name.clone()).or_default().merge(&trend);
            }
            if failed > 0 {
                let key = [name.clone(), status.clone()];
                *point.failures.entry(key).or_default() += failed;
            }
            by_request.entry(name.clone()).or_default().merge(&trend);
            let groups = [
                self.requests.entry(name).or_default(),
                self.stages.entry([scenario.clone(), stage]).or_default(),
                self.scenarios.entry(scenario).or_default(),
                self.personas.entry(persona).or_default(),
                &mut self.all,
            ];
            for group in groups {
                group.trend.merge(&trend);
                group.failed += failed;
                *group.statuses.entry(status.clone()).or_default() += trend.count();
            }
            point.failed += failed;
            all.merge(&trend);
        }
        point.requests = all.count();
        if !all.is_empty() {
            point.percentiles = Some(all.percentiles_ms([50.0, 95.0, 99.0]));
        }
        for (ms, count) in all.recorded() {
            *point.heat.entry(heat_row(ms)).or_default() += count;
        }
        let p95s = by_request.into_iter();
        point.by_request = p95s
            .map(|(name, trend)| (name, trend.percentile_ms(95.0)))
            .collect();
        point.server = open.server.means(self.parts.len(), &all);
        point.phases = open.phases.each(PHASES.len(), all.count());
        let mean = |(sum, count): (f64, u64)| sum / count as f64;
        point.gauges = open
            .gauges
            .into_iter()
            .map(|(key, gathered)| (key, mean(gathered)))
            .collect();
        self.close_iterations(&mut point, open.trends);
        self.points.push(point);
    }

    /// Adds the other trends, and how many iterations started.
    fn close_iterations(&mut self, point: &mut Point, trends: BTreeMap<String, Trend>) {
        for (metric, trend) in trends {
            self.trends.entry(metric.clone()).or_default().merge(&trend);
            point
                .trends
                .insert(metric, trend.percentiles_ms([50.0, 95.0]));
        }
        let before = self.points.last().map_or(0.0, |point| point.active);
        point.started = (point.ended as f64 + point.active - before).max(0.0) as u64;
    }
}
