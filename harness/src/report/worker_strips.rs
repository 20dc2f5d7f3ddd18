//! How each worker of a run on several machines was doing, over time: rows of the series, and a strip
//! for each worker on the time axis of the other charts. Pure.

use super::charts::Charts;
use super::measured::{Point, WORKER};
use super::plot::{Mark, area, duration, line, time_ticks};
use super::series::{Row, Tags};
use super::strips::{Strip, Strips};
use crate::fleet::Second;
use crate::format::number;
use crate::metrics::{Counter, TagFilter};

/// The most strips: more would not be read, and would fill the series.
const MOST: usize = 32;
const HEIGHT: f64 = 26.0;

/// A quantity of each worker.
struct Quantity {
    metric: &'static str,
    of: fn(&Second) -> f64,
    title: &'static str,
    /// Classes of its area and its line.
    classes: [&'static str; 2],
    label: fn(f64) -> String,
}

const QUANTITIES: [Quantity; 3] = [
    Quantity {
        metric: "worker_requests_per_second",
        of: rate,
        title: "Requests/s",
        classes: ["rate-fill", "rate"],
        label: number,
    },
    Quantity {
        metric: "worker_cpu_percent",
        of: |second| second.health.cpu_percent,
        title: "CPU (100 % is one core)",
        classes: ["cpu-fill", "cpu"],
        label: |value| format!("{} %", number(value)),
    },
    Quantity {
        metric: "worker_lag_ms",
        of: |second| second.health.lag_ms,
        title: "Timers late by",
        classes: ["lag-fill", "lag"],
        label: duration,
    },
];

fn rate(second: &Second) -> f64 {
    let snapshot = &second.frame.snapshot;
    let requests = snapshot.counter(Counter::Requests, &TagFilter::default());
    match snapshot.duration.as_secs_f64() {
        0.0 => 0.0,
        seconds => requests as f64 / seconds,
    }
}

/// The gauges of each worker in a second of all of them.
#[must_use]
pub fn worker_gauges(parts: &[(u32, Second)]) -> Vec<Row<f64>> {
    let few = parts.iter().filter(|_| parts.len() <= MOST);
    let rows = few.flat_map(|(index, second)| {
        QUANTITIES.map(|quantity| Row {
            metric: quantity.metric.to_owned(),
            tags: Tags::from([(WORKER.to_owned(), index.to_string())]),
            value: (quantity.of)(second),
        })
    });
    rows.collect()
}

/// A scale from 0 to the largest value of all workers.
struct Common(f64);

impl Common {
    /// The distance from the top. A line at the edge is still to be seen.
    fn y(&self, value: f64) -> f64 {
        HEIGHT - (value / self.0).clamp(0.0, 1.0) * (HEIGHT - 2.0)
    }
}

/// Strips of one quantity with what they show.
pub(super) struct Group {
    pub(super) title: &'static str,
    pub(super) strips: Strips,
}

impl Charts<'_> {
    /// A strip for each worker and quantity, over a common scale; nothing of a run on one machine.
    pub(super) fn workers(&self, workers: &[u32]) -> Vec<Group> {
        let groups = QUANTITIES
            .iter()
            .map(|quantity| self.group(quantity, workers));
        groups
            .filter(|group| !group.strips.rows.is_empty())
            .collect()
    }

    fn group(&self, quantity: &Quantity, workers: &[u32]) -> Group {
        let points = &self.measured.points;
        let of = |worker: u32| {
            let worker = worker.to_string();
            let value = |point: &Point| point.gauge_of(quantity.metric, &worker);
            points.iter().map(value).collect::<Vec<_>>()
        };
        let rows: Vec<(u32, Vec<Option<f64>>)> = workers
            .iter()
            .map(|worker| (*worker, of(*worker)))
            .filter(|(_, values)| values.iter().any(Option::is_some))
            .collect();
        let values = rows.iter().flat_map(|(_, values)| values).flatten();
        let scale = Common(values.copied().fold(f64::MIN_POSITIVE, f64::max));
        let strip = |(worker, values): &(u32, Vec<Option<f64>>)| {
            self.strip(quantity, &scale, *worker, values)
        };
        Group {
            title: quantity.title,
            strips: Strips {
                rows: rows.iter().map(strip).collect(),
                x: time_ticks(self.measured.end_ms),
                height: HEIGHT,
                limits: Vec::new(),
            },
        }
    }

    fn strip(
        &self,
        quantity: &Quantity,
        scale: &Common,
        worker: u32,
        values: &[Option<f64>],
    ) -> Strip {
        let points = self.measured.points.iter().zip(values);
        let placed: Vec<_> = points
            .map(|(point, value)| value.map(|value| (self.middle(point), scale.y(value))))
            .collect();
        let filled: Vec<_> = placed
            .iter()
            .flatten()
            .map(|(x, y)| (*x, *y, scale.y(0.0)))
            .collect();
        let [fill, stroke] = quantity.classes;
        let there = values.iter().flatten();
        let (count, sum) = there
            .clone()
            .fold((0_u32, 0.0), |(count, sum), value| (count + 1, sum + value));
        let most = (quantity.label)(there.copied().fold(0.0, f64::max));
        let mean = (quantity.label)(sum / f64::from(count.max(1)));
        Strip {
            name: format!("worker {worker}"),
            note: format!("mean {mean}, at most {most}"),
            marks: vec![
                Mark {
                    class: fill,
                    path: area(&filled),
                },
                Mark {
                    class: stroke,
                    path: line(placed),
                },
            ],
            text: most,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::limits::Limits;
    use super::super::measured::Measured;
    use super::super::series;
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::fleet::Frame;
    use crate::health::Health;
    use crate::metrics::Snapshot;

    fn second(cpu_percent: f64) -> Second {
        let snapshot = Snapshot {
            duration: Duration::from_secs(1),
            ..Snapshot::default()
        };
        Second {
            frame: Frame {
                snapshot,
                ..Frame::default()
            },
            health: Health {
                cpu_percent,
                ..Health::default()
            },
        }
    }

    /// Worker 2 is lost after the first of three seconds.
    #[test]
    fn every_worker_has_a_strip_over_the_same_scale() {
        let mut series = series::Series::default();
        for (at, parts) in [
            vec![(1, second(50.0)), (2, second(80.0))],
            vec![(1, second(100.0))],
            vec![(1, second(0.0))],
        ]
        .iter()
        .enumerate()
        {
            series.seconds.push(series::Second {
                elapsed_ms: (at as u64 + 1) * 1_000,
                length_ms: 1_000,
                gauges: worker_gauges(parts),
                ..series::Second::default()
            });
        }
        let measured = Measured::of(&series, &Catalogue::default()).expect("no histograms");
        let charts = Charts {
            measured: &measured,
            stages: &[],
            standing_by: None,
            server: &[],
            limits: &Limits::default(),
            bad: std::collections::BTreeSet::new(),
        };
        let groups = charts.workers(&[1, 2, 3]);
        let titles: Vec<_> = groups.iter().map(|group| group.title).collect();
        assert_eq!(
            titles,
            ["Requests/s", "CPU (100 % is one core)", "Timers late by"]
        );
        let cpu: Vec<_> = groups[1]
            .strips
            .rows
            .iter()
            .map(|row| (&*row.name, &*row.text, &*row.marks[1].path))
            .collect();
        assert_eq!(
            cpu,
            [
                ("worker 1", "100 %", "M166.7 14.0L500.0 2.0L833.3 26.0"),
                (
                    "worker 2",
                    "80 %",
                    "M166.7 6.8M162.7 6.8H170.7M166.7 3.8V9.8"
                ),
            ]
        );
        assert!(
            groups[1].strips.rows[0]
                .note
                .starts_with("mean 50 %, at most 100 %")
        );
        assert!(charts.workers(&[]).is_empty());
    }

    #[test]
    fn very_many_workers_have_none() {
        let parts = |count: u32| {
            (1..=count)
                .map(|index| (index, second(1.0)))
                .collect::<Vec<_>>()
        };
        assert_eq!(worker_gauges(&parts(32)).len(), 96);
        assert!(worker_gauges(&parts(33)).is_empty());
    }
}
