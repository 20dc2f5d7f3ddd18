//! The metrics and their kinds, named and defined as in k6 so that users keep their vocabulary.

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

/// A metric that thresholds and reports can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name, such as `http_req_duration`.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The tags that its series carry.
    pub tags: &'static [&'static str],
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

/// Every metric but the custom trends, in the order in which reports list them.
pub const METRICS: [Metric; 24] = [
    metric("http_req_duration", Kind::Trend, REQUEST),
    metric("http_req_blocked", Kind::Trend, REQUEST),
    metric("http_req_connecting", Kind::Trend, REQUEST),
    metric("http_req_tls_handshaking", Kind::Trend, REQUEST),
    metric("http_req_sending", Kind::Trend, REQUEST),
    metric("http_req_waiting", Kind::Trend, REQUEST),
    metric("http_req_receiving", Kind::Trend, REQUEST),
    metric("http_reqs", Kind::Counter, REQUEST),
    metric("http_req_failed", Kind::Rate, REQUEST),
    metric("http_req_success", Kind::Rate, REQUEST),
    metric("data_sent", Kind::Counter, REQUEST),
    metric("data_received", Kind::Counter, REQUEST),
    metric("server_timing_queue", Kind::Trend, REQUEST),
    metric("server_timing_db", Kind::Trend, REQUEST),
    metric("server_timing_redis", Kind::Trend, REQUEST),
    metric("iterations", Kind::Counter, ITERATION),
    metric("iteration_duration", Kind::Trend, ITERATION),
    metric("iteration_response_time", Kind::Trend, ITERATION),
    metric("iteration_start_delay", Kind::Trend, ITERATION),
    metric("interrupted_iterations", Kind::Counter, ITERATION),
    metric("dropped_iterations", Kind::Counter, ITERATION),
    metric("checks", Kind::Rate, CHECK),
    metric("vus", Kind::Gauge, NONE),
    metric("vus_max", Kind::Gauge, NONE),
];

const fn metric(name: &'static str, kind: Kind, tags: &'static [&'static str]) -> Metric {
    Metric { name, kind, tags }
}

/// The metric of this name, be it built in or one of the custom trends.
#[must_use]
pub fn find(name: &str, custom_trends: &[&'static str]) -> Option<Metric> {
    let custom = || custom_trends.iter().find(|trend| **trend == name);
    METRICS
        .iter()
        .copied()
        .find(|metric| metric.name == name)
        .or_else(|| custom().map(|trend| metric(trend, Kind::Trend, REQUEST)))
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
