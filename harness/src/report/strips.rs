//! Charts that compare requests: a row for each, over a common scale. Pure.

use std::collections::BTreeMap;

use super::charts::{Charts, words};
use super::limits::Limit;
use super::measured::Group;
use super::plot::{Mark, Tick, WIDTH, log_ticks, rectangle};
use crate::format::ms_unit;
use crate::metrics::Trend;

/// Columns of a distribution in a factor of ten.
const DISTRIBUTION: f64 = 20.0;
/// Height of a distribution.
const HEIGHT: f64 = 34.0;

/// A request's row in the charts that compare requests.
#[derive(Debug)]
pub(super) struct Strip {
    pub(super) name: String,
    pub(super) note: String,
    pub(super) marks: Vec<Mark>,
    pub(super) text: String,
}

/// Rows over a common scale.
#[derive(Debug, Default)]
pub(super) struct Strips {
    pub(super) rows: Vec<Strip>,
    pub(super) x: Vec<Tick>,
    pub(super) height: f64,
    /// Thresholds on all requests, in units of x.
    pub(super) limits: Vec<f64>,
}

/// A logarithmic scale of ms, between two exponents of ten.
struct LogScale {
    from: f64,
    to: f64,
}

impl LogScale {
    /// One that has room for these, in halves of a factor of ten.
    fn over(min_ms: f64, max_ms: f64) -> Self {
        let from = (min_ms.max(0.01).log10() * 2.0).floor() / 2.0;
        let to = (max_ms.max(0.02).log10() * 2.0).ceil() / 2.0;
        let to = to.max(from + 0.5);
        Self { from, to }
    }

    /// Whether it has room for a limit.
    fn has(&self, ms: f64) -> bool {
        ms.log10() > self.from && ms.log10() < self.to
    }

    fn x(&self, ms: f64) -> f64 {
        let share = (ms.max(0.01).log10() - self.from) / (self.to - self.from);
        share.clamp(0.0, 1.0) * WIDTH
    }
}

fn distribution(name: &str, trend: &Trend, scale: &LogScale, limits: &[&Limit]) -> Strip {
    let bars = Mark {
        class: "bars",
        path: bars(trend, scale),
    };
    let [p50, p95, p99] = trend.percentiles_ms([50.0, 95.0, 99.0]);
    let lines = [("p50", p50), ("p95", p95), ("p99", p99)].map(|(class, value)| Mark {
        class,
        path: format!("M{0:.1} 0V{HEIGHT}", scale.x(value)),
    });
    let inside = limits.iter().filter(|limit| scale.has(limit.ms));
    let limits = inside.map(|limit| Mark {
        class: "sla",
        path: format!("M{0:.1} 0V{HEIGHT}", scale.x(limit.ms)),
    });
    Strip {
        name: name.to_owned(),
        note: format!(
            "p50 {}, p95 {}, p99 {}, max {}",
            ms_unit(p50),
            ms_unit(p95),
            ms_unit(p99),
            ms_unit(trend.max_ms())
        ),
        marks: [bars].into_iter().chain(lines).chain(limits).collect(),
        text: ms_unit(p95),
    }
}

/// The columns of a distribution, the highest as high as there is room.
fn bars(trend: &Trend, scale: &LogScale) -> String {
    let mut columns: BTreeMap<i32, u64> = BTreeMap::new();
    for (ms, count) in trend.recorded() {
        let column = (ms.max(0.01).log10() * DISTRIBUTION).floor() as i32;
        *columns.entry(column).or_default() += count;
    }
    let most = columns.values().max().copied().unwrap_or(1) as f64;
    let LogScale { from, to } = scale;
    let width = WIDTH / ((to - from) * DISTRIBUTION);
    let mut path = String::new();
    for (column, count) in columns {
        let left = (f64::from(column) / DISTRIBUTION - from) / (to - from) * WIDTH;
        // What happened once is still to be seen.
        let tall = (count as f64 / most * HEIGHT).max(1.5);
        rectangle(&mut path, left.max(0.0), HEIGHT - tall, width * 0.92, tall);
    }
    path
}

impl Charts<'_> {
    /// The distribution of every request's durations, over one logarithmic scale.
    pub(super) fn distributions(&self) -> Strips {
        let all = &self.measured.all.trend;
        if all.is_empty() {
            return Strips::default();
        }
        let scale = LogScale::over(all.min_ms(), all.max_ms());
        let requests = self.measured.requests.iter();
        let rows = requests
            .filter(|(_, group)| !group.trend.is_empty())
            .map(|(name, group)| {
                let limits = self.limits.of_request(name);
                distribution(name, &group.trend, &scale, &limits)
            });
        let of_all = self.limits.of_all();
        let inside = of_all.iter().filter(|limit| scale.has(limit.ms));
        Strips {
            rows: rows.collect(),
            x: log_ticks(scale.from, scale.to),
            height: HEIGHT,
            limits: inside.map(|limit| scale.x(limit.ms)).collect(),
        }
    }

    /// Mean time of each request by where the server says that it went, as bars.
    pub(super) fn server_strips(&self) -> Strips {
        let keys: Vec<_> = self.parts().collect();
        self.stacked_strips(&keys, |group| group.means(self.server.len()))
    }

    /// A bar for each request, of parts of its mean time that are called by their keys.
    pub(super) fn stacked_strips(
        &self,
        keys: &[(&'static str, &str)],
        means: impl Fn(&Group) -> Option<Vec<f64>>,
    ) -> Strips {
        let requests = self.measured.requests.iter();
        let rows: Vec<(&String, Vec<f64>)> = requests
            .filter_map(|(name, group)| Some((name, means(group)?)))
            .collect();
        let totals = rows.iter().map(|(_, parts)| parts.iter().sum());
        let largest = totals.fold(1e-6, f64::max);
        let strips = rows.iter().map(|(name, parts)| Strip {
            name: (*name).clone(),
            note: words(keys, parts).join(" · "),
            marks: bar(keys, parts, largest),
            text: ms_unit(parts.iter().sum()),
        });
        Strips {
            rows: strips.collect(),
            height: BAR,
            ..Strips::default()
        }
    }
}

/// Height of a bar.
const BAR: f64 = 14.0;

/// The parts one after the other, over a scale up to `largest`.
fn bar(keys: &[(&'static str, &str)], parts: &[f64], largest: f64) -> Vec<Mark> {
    let mut x = 0.0;
    let mut marks = Vec::new();
    for ((class, _), mean) in keys.iter().zip(parts) {
        let width = mean / largest * WIDTH;
        if width > 0.0 {
            let mut path = String::new();
            rectangle(&mut path, x, 0.0, width, BAR);
            marks.push(Mark { class, path });
        }
        x += width;
    }
    marks
}
