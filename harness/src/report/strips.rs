//! Charts that compare requests: a row for each, over a common scale. Pure.

use std::collections::BTreeMap;

use super::charts::{Charts, PARTS};
use super::format::ms_unit;
use super::measured::Group;
use super::plot::{Mark, Tick, WIDTH, log_ticks, rectangle};

/// Columns of a distribution in a factor of ten.
const DISTRIBUTION: f64 = 20.0;

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

impl Charts<'_> {
    /// The distribution of every request's durations, over one logarithmic scale.
    pub(super) fn distributions(&self) -> Strips {
        let requests = self
            .measured
            .requests
            .iter()
            .filter(|(_, group)| !group.trend.is_empty());
        let all = &self.measured.all.trend;
        if all.is_empty() {
            return Strips::default();
        }
        let from = (all.min_ms().max(0.01).log10() * 2.0).floor() / 2.0;
        let to = ((all.max_ms().max(0.02).log10() * 2.0).ceil() / 2.0).max(from + 0.5);
        let x = |ms: f64| ((ms.max(0.01).log10() - from) / (to - from)).clamp(0.0, 1.0) * WIDTH;
        let height = 34.0;
        let rows = requests.map(|(name, group)| {
            let mut columns: BTreeMap<i32, u64> = BTreeMap::new();
            for (ms, count) in group.trend.recorded() {
                *columns
                    .entry((ms.max(0.01).log10() * DISTRIBUTION).floor() as i32)
                    .or_default() += count;
            }
            let most = columns.values().max().copied().unwrap_or(1) as f64;
            let mut path = String::new();
            let width = WIDTH / ((to - from) * DISTRIBUTION);
            for (column, count) in columns {
                let left = (f64::from(column) / DISTRIBUTION - from) / (to - from) * WIDTH;
                // What happened once is still to be seen.
                let tall = (count as f64 / most * height).max(1.5);
                rectangle(&mut path, left.max(0.0), height - tall, width * 0.92, tall);
            }
            let mut marks = vec![Mark {
                class: "bars",
                path,
            }];
            let [p50, p95, p99] = group.trend.percentiles_ms([50.0, 95.0, 99.0]);
            for (class, value) in [("p50", p50), ("p95", p95), ("p99", p99)] {
                let path = format!("M{0:.1} 0V{height}", x(value));
                marks.push(Mark { class, path });
            }
            Strip {
                name: name.clone(),
                note: format!(
                    "p50 {}, p95 {}, p99 {}, max {}",
                    ms_unit(p50),
                    ms_unit(p95),
                    ms_unit(p99),
                    ms_unit(group.trend.max_ms())
                ),
                marks,
                text: ms_unit(p95),
            }
        });
        Strips {
            rows: rows.collect(),
            x: log_ticks(from, to),
            height,
            limit: self
                .sla
                .as_ref()
                .map(|(_, limit)| *limit)
                .filter(|limit| limit.log10() > from && limit.log10() < to)
                .map(x),
        }
    }

    /// The same by request, as bars.
    pub(super) fn server_strips(&self) -> Strips {
        let requests = &self.measured.requests;
        let total = |group: &Group| group.means().map_or(0.0, |parts| parts.iter().sum::<f64>());
        let largest = requests.values().map(total).fold(0.0, f64::max).max(1e-6);
        let rows = requests.iter().map(|(name, group)| {
            let parts = group.means().unwrap_or_default();
            let mut x = 0.0;
            let mut marks = Vec::new();
            for ((class, _), mean) in PARTS.into_iter().zip(parts) {
                let width = mean / largest * WIDTH;
                if width > 0.0 {
                    let mut path = String::new();
                    rectangle(&mut path, x, 0.0, width, 14.0);
                    marks.push(Mark { class, path });
                }
                x += width;
            }
            let words: Vec<_> = PARTS
                .iter()
                .zip(parts)
                .map(|((_, name), mean)| format!("{name} {}", ms_unit(mean)))
                .collect();
            Strip {
                name: name.clone(),
                note: words.join(" · "),
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
