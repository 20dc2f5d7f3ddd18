//! The table of workers of a run on several machines, for every report. Pure.

use crate::fleet::Worker;
use crate::format::{grouped, ms, number};

/// What is told of each.
pub(super) const HEAD: [&str; 8] = [
    "weight",
    "VUs",
    "req/s",
    "iterations",
    "CPU %",
    "lag ms",
    "start +ms",
    "clock ±ms",
];

/// A worker in cells, in a run that took so long. Of a lost one nothing was checked.
pub(super) fn cells(worker: &Worker, seconds: f64) -> [String; 8] {
    if worker.lost {
        let lost = || "–".to_owned();
        return [
            worker.weight.to_string(),
            "lost".to_owned(),
            lost(),
            lost(),
            lost(),
            lost(),
            lost(),
            lost(),
        ];
    }
    let rate = if seconds > 0.0 {
        worker.requests as f64 / seconds
    } else {
        0.0
    };
    [
        worker.weight.to_string(),
        grouped(worker.vus),
        number(rate),
        grouped(worker.iterations),
        format!("{:.0}", worker.cpu_percent),
        ms(worker.lag_ms),
        ms(worker.began_ms),
        // Where it may have been at the start, and how far it ran away after that.
        ms(worker.skew_ms + worker.drift_ms.abs()),
    ]
}

/// A row of a page.
pub(super) struct Line<'a> {
    pub(super) worker: &'a Worker,
    pub(super) cells: Vec<(&'static str, String)>,
}

/// The rows of a page.
pub(super) fn lines(workers: &[Worker], duration_ms: u64) -> Vec<Line<'_>> {
    let line = |worker| Line {
        worker,
        cells: HEAD
            .into_iter()
            .zip(cells(worker, duration_ms as f64 / 1_000.0))
            .collect(),
    };
    workers.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_told_in_numbers_and_a_lost_one_without() {
        let mut worker = Worker {
            index: 2,
            weight: 1,
            vus: 75,
            requests: 1_000,
            iterations: 140,
            cpu_percent: 41.4,
            lag_ms: 3.25,
            began_ms: 0.9,
            skew_ms: 0.05,
            drift_ms: -0.15,
            ..Worker::default()
        };
        let expected = ["1", "75", "100", "140", "41", "3.25", "0.90", "0.20"];
        assert_eq!(cells(&worker, 10.0), expected);
        worker.lost = true;
        assert_eq!(cells(&worker, 10.0)[..3], ["1", "lost", "–"]);
    }
}
