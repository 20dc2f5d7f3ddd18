//! What became of a rate, second by second: arrivals that were due, that started and that were
//! dropped, and how long they took from when they were due. Pure.

use super::charts::{Charts, MEDIUM, SMALL};
use super::measured::{Point, RESPONSE_TIME, START_DELAY};
use super::plot::{Plot, Scale, duration};
use super::summary::{Run, StageRow};
use crate::format::{grouped, ms_unit, number};

/// The charts of a load at a rate.
#[derive(Debug, Default)]
pub(super) struct Rates {
    pub(super) arrivals: Plot,
    pub(super) times: Vec<Plot>,
}

/// Arrivals of a stage in which the rate goes evenly from one value to another.
struct Ramp {
    start_ms: f64,
    end_ms: f64,
    from: f64,
    to: f64,
}

impl Ramp {
    /// That of a stage, if its load is a rate.
    fn of(stage: &StageRow) -> Option<Self> {
        let (from, to) = stage
            .load
            .split_once('→')
            .unwrap_or((&stage.load, &stage.load));
        let rate = |text: &str| text.strip_suffix("/s")?.parse::<f64>().ok();
        Some(Self {
            start_ms: stage.start_ms as f64,
            end_ms: stage.end_ms as f64,
            from: rate(from)?,
            to: rate(to)?,
        })
    }

    /// How many arrivals are due between two times.
    fn due(&self, from_ms: f64, to_ms: f64) -> f64 {
        let (from, to) = (from_ms.max(self.start_ms), to_ms.min(self.end_ms));
        if to <= from {
            return 0.0;
        }
        let length = self.end_ms - self.start_ms;
        let rate = |at: f64| self.from + (self.to - self.from) * (at - self.start_ms) / length;
        rate(f64::midpoint(from, to)) * (to - from) / 1_000.0
    }
}

impl Charts<'_> {
    /// The charts of the scenarios with a rate; nothing where there is none, or no second of it.
    pub(super) fn rates(&self, run: &Run) -> Option<Rates> {
        let ramps: Vec<Ramp> = self.stages.iter().filter_map(Ramp::of).collect();
        let points = &self.measured.points;
        let recorded = points.iter().any(|point| point.ended + point.dropped > 0);
        (!ramps.is_empty() && recorded).then(|| Rates {
            arrivals: self.arrivals(run, &ramps),
            times: vec![
                self.times("Start delay", START_DELAY, "how late iterations started"),
                self.times(
                    "Response time of iterations",
                    RESPONSE_TIME,
                    "from when they were due",
                ),
            ],
        })
    }

    fn arrivals(&self, run: &Run, ramps: &[Ramp]) -> Plot {
        let due = |point: &Point| {
            let (from, to) = (point.from_ms as f64, point.to_ms as f64);
            let due = ramps.iter().map(|ramp| ramp.due(from, to)).sum::<f64>();
            due * 1_000.0 / (to - from).max(1.0)
        };
        // Where other VUs are active too, only what ended is known.
        let (word, taken): (_, fn(&Point) -> u64) = match run.model.as_str() {
            "open" => ("started", |point| point.started),
            _ => ("ended", |point| point.ended),
        };
        let at = |point: &Point| point.per_second(taken(point));
        let dropped = |point: &Point| point.per_second(point.dropped);
        let points = self.measured.points.iter();
        let largest = points.map(|point| due(point).max(at(point)).max(dropped(point)));
        let scale = Scale::up_to(largest.fold(0.0, f64::max) * 1.05, MEDIUM);
        let mut plot = self.timed("Iterations of the rate", MEDIUM, &scale, number);
        plot.note = note(run);
        plot.marks.push(self.area("rate-fill", &scale, at));
        plot.marks
            .push(self.line("rate", &scale, |point| Some(at(point))));
        plot.marks
            .push(self.line("target", &scale, |point| Some(due(point))));
        plot.legend.push(("target", "scheduled/s".to_owned()));
        plot.legend.push(("rate", format!("{word}/s")));
        if run.dropped_iterations > 0 {
            plot.marks.push(self.area("failed", &scale, dropped));
            plot.legend.push(("failed", "dropped/s".to_owned()));
        } else {
            plot.legend.push(("none", "none dropped".to_owned()));
        }
        plot.hovers = self.hovers(|point| {
            format!(
                "{} scheduled/s\n{} {word}/s\n{} dropped/s",
                number(due(point)),
                number(at(point)),
                number(dropped(point))
            )
        });
        plot
    }

    fn times(&self, title: &str, metric: &str, what: &str) -> Plot {
        let value = |at: usize| move |point: &Point| Some(point.trends.get(metric)?[at]);
        let points = self.measured.points.iter();
        let peaks: Vec<f64> = points.filter_map(value(1)).collect();
        let largest = peaks.iter().copied().fold(0.0, f64::max);
        let scale = Scale::up_to(largest, SMALL);
        let mut plot = self.timed_small(title, &scale, duration);
        plot.note = what.to_owned();
        plot.marks.push(self.line("p95", &scale, value(1)));
        plot.marks.push(self.line("p50", &scale, value(0)));
        plot.hovers = self.hovers(|point| match (value(0)(point), value(1)(point)) {
            (Some(p50), Some(p95)) => format!("p50 {}\np95 {}", ms_unit(p50), ms_unit(p95)),
            _ => "nothing ended".to_owned(),
        });
        plot
    }
}

/// What became of all arrivals.
fn note(run: &Run) -> String {
    let accounts = run.scenarios.iter().filter_map(|one| one.arrivals);
    let sums = accounts.fold([0; 3], |[scheduled, started, dropped], one| {
        [
            scheduled + one.scheduled,
            started + one.started,
            dropped + one.dropped,
        ]
    });
    let [scheduled, started, dropped] = sums.map(grouped);
    format!("{scheduled} scheduled = {started} started + {dropped} dropped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_due_as_the_rate_says() {
        let stage = |load: &str| StageRow {
            start_ms: 2_000,
            end_ms: 12_000,
            load: load.to_owned(),
            ..StageRow::default()
        };
        let due = |load: &str, from, to| Ramp::of(&stage(load)).map(|ramp| ramp.due(from, to));
        assert_eq!(due("50/s", 3_000.0, 4_000.0), Some(50.0));
        assert_eq!(due("50/s", 0.0, 2_500.0), Some(25.0), "from its start");
        assert_eq!(due("50/s", 12_000.0, 13_000.0), Some(0.0));
        assert_eq!(due("0/s→100/s", 2_000.0, 12_000.0), Some(500.0));
        assert_eq!(due("0/s→100/s", 11_000.0, 12_000.0), Some(95.0));
        assert_eq!(due("0→20", 3_000.0, 4_000.0), None, "of VUs there is none");
    }
}
