//! All series at one moment: of one second, or of the whole run. Everything downstream of the
//! recorder (progress, outputs, thresholds, reports) reads snapshots.

use std::borrow::Cow;
use std::time::Duration;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::histogram::Trend;
use super::metric::{Counter, GaugeOf, RateOf, TrendOf};
use super::phase::{PHASES, Phase};
use super::tags::{CheckTags, IterationTags, Names, RequestTags, TagFilter};
use crate::catalogue::MOST_PARTS;

/// The slowest request of a series: what its trend can't tell is who it was and where its time went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slowest {
    /// How long it took.
    pub duration: Duration,
    /// Number of the virtual user.
    pub vu: u32,
    /// When its answer was there, since the start of the run.
    pub at: Duration,
    /// Its `Server-Timing`, as far as it had one, in the order of the catalogue's parts.
    pub server: [Option<Duration>; MOST_PARTS],
}

/// What requests with the same tags had in common.
#[derive(Debug, Clone, Default)]
pub struct RequestSeries {
    trends: [Trend; PHASES],
    parts: [Trend; MOST_PARTS],
    /// How many of them found no connection: they were never sent, and have no duration.
    pub unsent: u64,
    /// How many of them were sent once more, because the server had closed their idle connection.
    pub reconnects: u64,
    /// The slowest of them.
    pub slowest: Option<Slowest>,
    /// Bytes written.
    pub bytes_sent: u64,
    /// Bytes read.
    pub bytes_received: u64,
}

impl RequestSeries {
    /// Adds the time that one request spent in a phase.
    pub fn record(&mut self, phase: Phase, duration: Duration) {
        self.trends[phase as usize].record(duration);
    }

    /// The distribution of the times spent in a phase.
    #[must_use]
    pub fn trend(&self, phase: Phase) -> &Trend {
        &self.trends[phase as usize]
    }

    /// Adds the time that the server spent on one request in a part, counted as in the catalogue.
    pub fn record_part(&mut self, index: usize, duration: Duration) {
        self.parts[index].record(duration);
    }

    /// The distribution of the times that the server spent in a part.
    #[must_use]
    pub fn part(&self, index: usize) -> &Trend {
        &self.parts[index]
    }

    /// The durations with a zero for each request that was never sent: outputs count requests by
    /// them.
    #[must_use]
    pub fn counted(&self) -> Cow<'_, Trend> {
        let mut durations = Cow::Borrowed(self.trend(Phase::Duration));
        if self.unsent > 0 {
            durations.to_mut().add_zeros(self.unsent);
        }
        durations
    }

    /// Whether a request of this duration would be the slowest so far.
    #[must_use]
    pub fn is_slowest(&self, duration: Duration) -> bool {
        self.slowest
            .is_none_or(|slowest| duration > slowest.duration)
    }

    fn merge(&mut self, other: &Self) {
        if let Some(slowest) = other
            .slowest
            .filter(|theirs| self.is_slowest(theirs.duration))
        {
            self.slowest = Some(slowest);
        }
        for (mine, theirs) in self.all_mut().zip(other.all()) {
            mine.merge(theirs);
        }
        self.unsent += other.unsent;
        self.reconnects += other.reconnects;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
    }

    fn clear(&mut self) {
        self.all_mut().for_each(Trend::clear);
        self.slowest = None;
        self.unsent = 0;
        self.reconnects = 0;
        self.bytes_sent = 0;
        self.bytes_received = 0;
    }

    /// The trends of the phases, then those of the parts.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Trend> {
        self.trends.iter().chain(&self.parts)
    }

    /// The same, to be changed.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Trend> {
        self.trends.iter_mut().chain(&mut self.parts)
    }

    /// How many requests.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.trend(Phase::Duration).count() + self.unsent
    }
}

/// What iterations with the same tags had in common.
#[derive(Debug, Clone, Default)]
pub struct IterationSeries {
    /// How long the complete ones took; its count is the number of iterations.
    pub duration: Trend,
    /// How many were cut before they were complete.
    pub interrupted: u64,
    /// How late they started, in the open model.
    pub start_delay: Trend,
    /// From when they should have started to their end, in the open model.
    pub response_time: Trend,
    /// How many never started because no VU was free in time, in the open model.
    pub dropped: u64,
}

impl IterationSeries {
    /// Adds another series.
    pub fn merge(&mut self, other: &Self) {
        self.duration.merge(&other.duration);
        self.interrupted += other.interrupted;
        self.start_delay.merge(&other.start_delay);
        self.response_time.merge(&other.response_time);
        self.dropped += other.dropped;
    }

    fn clear(&mut self) {
        self.duration.clear();
        self.interrupted = 0;
        self.start_delay.clear();
        self.response_time.clear();
        self.dropped = 0;
    }

    fn trend(&self, of: TrendOf) -> Option<&Trend> {
        match of {
            TrendOf::IterationDuration => Some(&self.duration),
            TrendOf::ResponseTime => Some(&self.response_time),
            TrendOf::StartDelay => Some(&self.start_delay),
            TrendOf::Phase(_) | TrendOf::Part(_) | TrendOf::Custom(_) => None,
        }
    }
}

/// How often a check held and didn't.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Times it held.
    pub passes: u64,
    /// Times it didn't.
    pub fails: u64,
}

/// A check over all stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckSum {
    /// Name of the scenario.
    pub scenario: &'static str,
    /// Name of the persona.
    pub persona: &'static str,
    /// What is asserted.
    pub check: &'static str,
    /// How often it held and didn't.
    pub counts: CheckCounts,
}

/// A share of samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Samples for which it holds. (For `http_req_failed`: failed requests, as in k6.)
    pub passes: u64,
    /// Samples for which it doesn't.
    pub fails: u64,
}

impl Rate {
    /// `passes / (passes + fails)`, nothing without samples.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        let total = self.passes + self.fails;
        (total > 0).then(|| self.passes as f64 / total as f64)
    }

    fn add(&mut self, holds: bool, count: u64) {
        *(if holds {
            &mut self.passes
        } else {
            &mut self.fails
        }) += count;
    }
}

/// A value that goes up and down: its latest and its extremes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gauge {
    /// Latest.
    pub value: u64,
    /// Smallest.
    pub min: u64,
    /// Largest.
    pub max: u64,
    is_set: bool,
}

impl Gauge {
    /// Notes a new value.
    pub fn set(&mut self, value: u64) {
        self.value = value;
        self.min = if self.is_set {
            self.min.min(value)
        } else {
            value
        };
        self.max = self.max.max(value);
        self.is_set = true;
    }
}

/// All series, and how long they were gathered.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Names of the stages, and the user's own tags.
    pub names: Names,
    /// Time that the snapshot covers: what rates per second are divided by.
    pub duration: Duration,
    /// Requests by their tags.
    pub requests: FxHashMap<RequestTags, RequestSeries>,
    /// Iterations by their tags.
    pub iterations: FxHashMap<IterationTags, IterationSeries>,
    /// Checks by their tags.
    pub checks: FxHashMap<CheckTags, CheckCounts>,
    /// Active VUs.
    pub vus: Gauge,
    /// VUs that exist, active or not.
    pub vus_max: Gauge,
}

impl Snapshot {
    /// Adds the series of `other`, whose time and gauges are the caller's to set.
    pub fn merge(&mut self, other: &Self) {
        for (tags, series) in &other.requests {
            if series.count() > 0 {
                self.requests.entry(*tags).or_default().merge(series);
            }
        }
        for (tags, series) in &other.iterations {
            self.iterations.entry(*tags).or_default().merge(series);
        }
        for (tags, counts) in &other.checks {
            let mine = self.checks.entry(*tags).or_default();
            mine.passes += counts.passes;
            mine.fails += counts.fails;
        }
    }

    /// Empties every series but keeps the memory: the next second has the same ones.
    pub fn clear(&mut self) {
        self.requests.values_mut().for_each(RequestSeries::clear);
        self.iterations
            .values_mut()
            .for_each(IterationSeries::clear);
        self.checks
            .values_mut()
            .for_each(|counts| *counts = CheckCounts::default());
    }

    /// The requests that the filter takes.
    pub fn requests_of<'a>(
        &'a self,
        filter: &'a TagFilter,
    ) -> impl Iterator<Item = (&'a RequestTags, &'a RequestSeries)> {
        self.requests
            .iter()
            .filter(|(tags, _)| filter.takes_request(tags, &self.names))
    }

    /// The iterations that the filter takes.
    pub fn iterations_of<'a>(
        &'a self,
        filter: &'a TagFilter,
    ) -> impl Iterator<Item = (&'a IterationTags, &'a IterationSeries)> {
        self.iterations
            .iter()
            .filter(|(tags, _)| filter.takes_iteration(tags, &self.names))
    }

    /// The checks that the filter takes.
    pub fn checks_of<'a>(
        &'a self,
        filter: &'a TagFilter,
    ) -> impl Iterator<Item = (&'a CheckTags, &'a CheckCounts)> {
        self.checks
            .iter()
            .filter(|(tags, _)| filter.takes_check(tags, &self.names))
    }

    /// The trend of each series of requests that the filter takes.
    pub fn request_trends<'a>(
        &'a self,
        of: TrendOf,
        filter: &'a TagFilter,
    ) -> impl Iterator<Item = (&'a RequestTags, &'a Trend)> {
        self.requests_of(filter)
            .filter_map(move |(tags, series)| Some((tags, request_trend(of, tags, series)?)))
    }

    /// The trend of each series of iterations that the filter takes.
    pub fn iteration_trends<'a>(
        &'a self,
        of: TrendOf,
        filter: &'a TagFilter,
    ) -> impl Iterator<Item = (&'a IterationTags, &'a Trend)> {
        self.iterations_of(filter)
            .filter_map(move |(tags, series)| Some((tags, series.trend(of)?)))
    }

    /// A trend over the series that the filter takes; empty when there are none.
    #[must_use]
    pub fn trend(&self, of: TrendOf, filter: &TagFilter) -> Trend {
        let mut merged = Trend::default();
        for (_, trend) in self.request_trends(of, filter) {
            merged.merge(trend);
        }
        for (_, trend) in self.iteration_trends(of, filter) {
            merged.merge(trend);
        }
        merged
    }

    /// The durations of the requests that the filter takes: `http_req_duration`.
    #[must_use]
    pub fn durations(&self, filter: &TagFilter) -> Trend {
        self.trend(TrendOf::Phase(Phase::Duration), filter)
    }

    /// The durations of all requests, with a zero for each that was never sent.
    #[must_use]
    pub fn counted(&self) -> Trend {
        let mut all = Trend::default();
        let series = self.requests.values();
        series.for_each(|series| all.merge(&series.counted()));
        all
    }

    /// A counter over the series that the filter takes.
    #[must_use]
    pub fn counter(&self, counter: Counter, filter: &TagFilter) -> u64 {
        let requests = |value: fn(&RequestSeries) -> u64| {
            self.requests_of(filter)
                .map(|(_, series)| value(series))
                .sum()
        };
        let iterations = |value: fn(&IterationSeries) -> u64| {
            self.iterations_of(filter)
                .map(|(_, series)| value(series))
                .sum()
        };
        match counter {
            Counter::Requests => requests(RequestSeries::count),
            Counter::RequestsInterrupted => self
                .requests_of(filter)
                .filter(|(tags, _)| tags.is_interrupted())
                .map(|(_, series)| series.count())
                .sum(),
            Counter::Reconnects => requests(|series| series.reconnects),
            Counter::Sent => requests(|series| series.bytes_sent),
            Counter::Received => requests(|series| series.bytes_received),
            Counter::Iterations => iterations(|series| series.duration.count()),
            Counter::Interrupted => iterations(|series| series.interrupted),
            Counter::Dropped => iterations(|series| series.dropped),
        }
    }

    /// A rate over the series that the filter takes.
    #[must_use]
    pub fn rate(&self, of: RateOf, filter: &TagFilter) -> Rate {
        let mut rate = Rate::default();
        // Nobody knows how a request that was cut would have come out.
        let ended = || {
            let requests = self.requests_of(filter);
            requests.filter(|(tags, _)| !tags.is_interrupted())
        };
        match of {
            RateOf::Failed => ended().for_each(|(tags, s)| rate.add(!tags.expected, s.count())),
            // As in the seed's script: an answer below 400, expected or not.
            RateOf::Success => {
                ended().for_each(|(tags, s)| rate.add((1..400).contains(&tags.status), s.count()));
            }
            RateOf::Checks => {
                for (_, counts) in self.checks_of(filter) {
                    rate.passes += counts.passes;
                    rate.fails += counts.fails;
                }
            }
        }
        rate
    }

    /// How many of the requests that the filter takes failed.
    #[must_use]
    pub fn failed(&self, filter: &TagFilter) -> u64 {
        self.rate(RateOf::Failed, filter).passes
    }

    /// A gauge.
    #[must_use]
    pub const fn gauge(&self, of: GaugeOf) -> Gauge {
        match of {
            GaugeOf::Vus => self.vus,
            GaugeOf::VusMax => self.vus_max,
        }
    }

    /// Checks over all stages, by scenario, persona and name, in alphabetical order.
    #[must_use]
    pub fn checks_by_name(&self) -> Vec<CheckSum> {
        let mut sums = std::collections::BTreeMap::<_, CheckCounts>::new();
        for (tags, counts) in &self.checks {
            let key = (tags.scenario, tags.persona, tags.check);
            let sum = sums.entry(key).or_default();
            sum.passes += counts.passes;
            sum.fails += counts.fails;
        }
        sums.into_iter()
            .map(|((scenario, persona, check), counts)| CheckSum {
                scenario,
                persona,
                check,
                counts,
            })
            .collect()
    }
}

fn request_trend<'a>(
    of: TrendOf,
    tags: &RequestTags,
    series: &'a RequestSeries,
) -> Option<&'a Trend> {
    match of {
        TrendOf::Phase(phase) => Some(series.trend(phase)),
        TrendOf::Part(index) => Some(series.part(index)),
        TrendOf::Custom(name) => (tags.trend == Some(name)).then(|| series.trend(Phase::Duration)),
        TrendOf::IterationDuration | TrendOf::ResponseTime | TrendOf::StartDelay => None,
    }
}
