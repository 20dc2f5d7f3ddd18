//! The metrics and their kinds, named and defined as in k6 so that users keep their vocabulary.

use super::phase::Phase;
use super::tags::intern;
use crate::catalogue::{Catalogue, MOST_PARTS, PartEntry};

/// What a metric is made of, and so which aggregations it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A sum that only grows.
    Counter,
    /// A value that goes up and down.
    Gauge,
    /// A share of samples that hold.
    Rate,
    /// A distribution of durations.
    Trend,
}

/// What a metric is drawn from. There is one for each name, so a typo doesn't compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// A sum.
    Counter(Counter),
    /// A value.
    Gauge(GaugeOf),
    /// A share.
    Rate(RateOf),
    /// A distribution.
    Trend(TrendOf),
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// Requests that were begun, however they ended.
    Requests,
    /// Of them, those that were cut before their answer was there.
    RequestsInterrupted,
    /// Requests sent once more, because the server had closed their idle connection.
    Reconnects,
    /// Bytes written.
    Sent,
    /// Bytes read.
    Received,
    /// Complete iterations.
    Iterations,
    /// Iterations that were cut.
    Interrupted,
    /// Iterations that were due and never started.
    Dropped,
}

/// What goes up and down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GaugeOf {
    /// Active virtual users.
    Vus,
    /// Virtual users that exist.
    VusMax,
}

/// What holds or doesn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateOf {
    /// Requests whose status was not expected.
    Failed,
    /// Requests with a status from 1 to 399, expected or not.
    Success,
    /// Checks.
    Checks,
}

/// What is distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrendOf {
    /// A phase of the requests' time.
    Phase(Phase),
    /// A part of the server's time on requests, counted as in the catalogue.
    Part(usize),
    /// The duration of the requests that feed a custom trend.
    Custom(&'static str),
    /// The duration of complete iterations.
    IterationDuration,
    /// From when iterations were due to their end.
    ResponseTime,
    /// From when iterations were due to their start.
    StartDelay,
}

/// A metric that thresholds and reports can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name, such as `http_req_duration`.
    pub name: &'static str,
    /// What it is drawn from.
    pub of: Of,
    /// The tags that its series carry.
    pub tags: &'static [&'static str],
}

impl Metric {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self.of {
            Of::Counter(_) => Kind::Counter,
            Of::Gauge(_) => Kind::Gauge,
            Of::Rate(_) => Kind::Rate,
            Of::Trend(_) => Kind::Trend,
        }
    }
}

const REQUEST: &[&str] = &[
    "scenario",
    "persona",
    "name",
    "method",
    "status",
    "stage",
    "expected_response",
    "proto",
];
const ITERATION: &[&str] = &["scenario", "persona", "stage"];
const CHECK: &[&str] = &["scenario", "persona", "check", "stage"];
const NONE: &[&str] = &[];

/// Every metric that all suites have, in the order in which reports list them: first those of
/// requests.
#[rustfmt::skip]
pub static METRICS: &[Metric] = &[
    phase("http_req_duration", Phase::Duration),
    phase("http_req_blocked", Phase::Blocked),
    phase("http_req_connecting", Phase::Connecting),
    phase("http_req_tls_handshaking", Phase::TlsHandshaking),
    phase("http_req_sending", Phase::Sending),
    phase("http_req_waiting", Phase::Waiting),
    phase("http_req_receiving", Phase::Receiving),
    metric("http_reqs", Of::Counter(Counter::Requests), REQUEST),
    metric("http_reqs_interrupted", Of::Counter(Counter::RequestsInterrupted), REQUEST),
    metric("http_reconnects", Of::Counter(Counter::Reconnects), REQUEST),
    metric("http_req_failed", Of::Rate(RateOf::Failed), REQUEST),
    metric("http_req_success", Of::Rate(RateOf::Success), REQUEST),
    metric("data_sent", Of::Counter(Counter::Sent), REQUEST),
    metric("data_received", Of::Counter(Counter::Received), REQUEST),
    metric("iterations", Of::Counter(Counter::Iterations), ITERATION),
    metric("iteration_duration", Of::Trend(TrendOf::IterationDuration), ITERATION),
    metric("iteration_response_time", Of::Trend(TrendOf::ResponseTime), ITERATION),
    metric("iteration_start_delay", Of::Trend(TrendOf::StartDelay), ITERATION),
    metric("interrupted_iterations", Of::Counter(Counter::Interrupted), ITERATION),
    metric("dropped_iterations", Of::Counter(Counter::Dropped), ITERATION),
    metric("checks", Of::Rate(RateOf::Checks), CHECK),
    metric("vus", Of::Gauge(GaugeOf::Vus), NONE),
    metric("vus_max", Of::Gauge(GaugeOf::VusMax), NONE),
];

const fn metric(name: &'static str, of: Of, tags: &'static [&'static str]) -> Metric {
    Metric { name, of, tags }
}

const fn phase(name: &'static str, phase: Phase) -> Metric {
    metric(name, Of::Trend(TrendOf::Phase(phase)), REQUEST)
}

/// Every metric of a suite: those that all have, with the parts of the server's time behind the
/// others of requests, then its custom trends.
pub fn all(catalogue: &Catalogue) -> impl Iterator<Item = Metric> {
    let of_requests = METRICS.partition_point(|metric| metric.tags == REQUEST);
    let (of_requests, others) = METRICS.split_at(of_requests);
    let part = |(index, part): (usize, &PartEntry)| {
        let name = intern(&part.metric());
        metric(name, Of::Trend(TrendOf::Part(index)), REQUEST)
    };
    let custom = |trend| {
        let name = intern(trend);
        metric(name, Of::Trend(TrendOf::Custom(name)), REQUEST)
    };
    let parts = catalogue.server_parts.iter().take(MOST_PARTS).enumerate();
    let fixed = of_requests.iter().copied().chain(parts.map(part));
    fixed
        .chain(others.iter().copied())
        .chain(catalogue.trends().map(custom))
}

/// The phases of a request's time by the name of their metric.
pub fn phases() -> impl Iterator<Item = (Phase, &'static str)> {
    METRICS.iter().filter_map(|metric| match metric.of {
        Of::Trend(TrendOf::Phase(phase)) => Some((phase, metric.name)),
        _ => None,
    })
}

/// The metric of this name, be it built in or the catalogue's.
#[must_use]
pub fn find(name: &str, catalogue: &Catalogue) -> Option<Metric> {
    all(catalogue).find(|metric| metric.name == name)
}

/// A number drawn from a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregation {
    /// Mean of a trend.
    Avg,
    /// Smallest of a trend.
    Min,
    /// Largest of a trend.
    Max,
    /// Median of a trend.
    Med,
    /// Percentile of a trend, 0 to 100.
    Percentile(f64),
    /// Total of a counter.
    Count,
    /// Per second for a counter; share, 0 to 1, for a rate.
    Rate,
    /// Latest of a gauge.
    Value,
}

/// The aggregations as a user writes them, for messages.
pub const AGGREGATIONS: &str = "avg, min, max, med, p(N), count, rate, value";

impl Aggregation {
    /// Whether a metric of this kind has it.
    #[must_use]
    pub fn fits(self, kind: Kind) -> bool {
        match self {
            Self::Avg | Self::Min | Self::Max | Self::Med | Self::Percentile(_) => {
                kind == Kind::Trend
            }
            Self::Count => kind == Kind::Counter,
            Self::Rate => matches!(kind, Kind::Counter | Kind::Rate),
            Self::Value => kind == Kind::Gauge,
        }
    }

    /// Whether its value is a duration in milliseconds.
    #[must_use]
    pub fn is_duration(self) -> bool {
        self.fits(Kind::Trend)
    }
}
