//! Charts that compare requests: a row for each, over a common scale. Pure.

use std::collections::BTreeMap;

use super::charts::Charts;
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
    /// Of the SLA, in units of x.
    pub(super) limit: Option<f64>,
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

    fn x(&self, ms: f64) -> f64 {
        let share = (ms.max(0.01).log10() - self.from) / (self.to - self.from);
        share.clamp(0.0, 1.0) * WIDTH
    }
}

fn distribution(name: &str, trend: &Trend, scale: &LogScale) -> Strip {
    let bars = Mark {
        class: "bars",
        path: bars(trend, scale),
    };
    let [p50, p95, p99] = trend.percentiles_ms([50.0, 95.0, 99.0]);
    let lines = [("p50", p50), ("p95", p95), ("p99", p99)].map(|(class, value)| Mark {
        class,
        path: format!("M{0:.1} 0V{HEIGHT}", scale.x(value)),
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
        marks: [bars].into_iter().chain(lines).collect(),
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
            .map(|(name, group)| distribution(name, &group.trend, &scale));
        let limit = self.sla.as_ref().map(|(_, limit)| *limit);
        let inside = |limit: &f64| limit.log10() > scale.from && limit.log10() < scale.to;
        Strips {
            rows: rows.collect(),
            x: log_ticks(scale.from, scale.to),
            height: HEIGHT,
            limit: limit.filter(inside).map(|limit| scale.x(limit)),
        }
    }

    /// The same by request, as bars.
    pub(super) fn server_strips(&self) -> Strips {
        let requests = &self.measured.requests;
        let means = |group: &Group| group.means(self.server.len()).unwrap_or_default();
        let total = |group: &Group| means(group).iter().sum::<f64>();
        let largest = requests.values().map(total).fold(0.0, f64::max).max(1e-6);
        let rows = requests.iter().map(|(name, group)| {
            let parts = means(group);
            let mut x = 0.0;
            let mut marks = Vec::new();
            for ((class, _), mean) in self.parts().zip(&parts) {
                let width = mean / largest * WIDTH;
                if width > 0.0 {
                    let mut path = String::new();
                    rectangle(&mut path, x, 0.0, width, 14.0);
                    marks.push(Mark { class, path });
                }
                x += width;
            }
            Strip {
                name: name.clone(),
                note: self.words(parts.iter()).join(" · "),
                marks,
                text: ms_unit(total(group)),
            }
        });
        Strips {
            rows: rows.collect(),
            height: 14.0,
            ..Strips::default()
        }
    }
}
