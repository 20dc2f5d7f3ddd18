//! Which charts a report has, made from what was measured. Pure.

use std::collections::BTreeSet;

use super::limits::{Limit, Limits, placed};
use super::measured::{Group, Measured, Point, RESPONSE_TIME, START_DELAY};
use super::plot::{
    Band, Hover, Mark, Plot, STAGES, Scale, WIDTH, area, band, duration, line, rectangle,
    time_ticks,
};
use super::summary::StageRow;
use crate::catalogue::{MOST_PARTS, PartEntry};
use crate::format::{clock, grouped, ms_unit, number, percent};

pub(super) const TALL: f64 = 220.0;
pub(super) const MEDIUM: f64 = 150.0;
pub(super) const SMALL: f64 = 96.0;

/// Makes the charts of one run.
pub(super) struct Charts<'a> {
    pub(super) measured: &'a Measured,
    pub(super) stages: &'a [StageRow],
    /// VUs that there are where a rate takes what it needs of them; nothing of a load by VUs.
    pub(super) standing_by: Option<u32>,
    /// The parts of the server's time.
    pub(super) server: &'a [PartEntry],
    /// Thresholds on durations.
    pub(super) limits: &'a Limits,
    /// When thresholds were crossed, from and to in ms.
    pub(super) bad: BTreeSet<(u64, u64)>,
}

/// Classes of the parts of the server's time.
const PARTS: [&str; MOST_PARTS] = [
    "part1", "part2", "part3", "part4", "part5", "part6", "part7", "part8",
];

impl Charts<'_> {
    pub(super) fn percentiles(&self) -> Plot {
        let points = self.measured.points.iter();
        let seen: Vec<[f64; 3]> = points.filter_map(|point| point.percentiles).collect();
        let (largest, limits) = self.within_reach(&seen);
        let peaks: Vec<f64> = seen.iter().map(|[_, _, p99]| *p99).collect();
        let lows = seen.iter().map(|[p50, ..]| *p50);
        let mut scale = Scale::that_shows(&peaks, lows, TALL);
        if !scale.is_logarithmic() {
            scale = Scale::up_to(largest, TALL);
        }
        let mut plot = self.timed("Response time", TALL, &scale, |value| {
            duration_tick(value, scale.max)
        });
        plot.note = format!("percentiles of every {}", self.step());
        if scale.is_logarithmic() {
            plot.note += "; logarithmic scale, as a peak would flatten the rest";
        }
        let above = self.limits.of_all().into_iter();
        let above = above.filter(|limit| !limits.contains(limit));
        for limit in above {
            let (words, ms) = (&limit.words, number(limit.ms));
            plot.note += &format!("; the limit {words} ({ms} ms) is far above");
        }
        for (index, (class, name)) in [("p99", "p99"), ("p95", "p95"), ("p50", "p50")]
            .into_iter()
            .enumerate()
        {
            let at = 2 - index;
            plot.marks
                .push(self.line(class, &scale, |point| point.percentiles.map(|all| all[at])));
            plot.legend.push((class, name.to_owned()));
        }
        plot.limits = placed(&limits, |ms| scale.y(ms));
        if !limits.is_empty() {
            plot.legend.push(("sla", "threshold".to_owned()));
        }
        if !self.bad.is_empty() {
            plot.legend.push(("bad-seconds", "bad seconds".to_owned()));
        }
        plot.hovers = self.hovers(|point| match point.percentiles {
            Some([p50, p95, p99]) => format!(
                "p50 {}\np95 {}\np99 {}",
                ms_unit(p50),
                ms_unit(p95),
                ms_unit(p99)
            ),
            None => "no requests".to_owned(),
        });
        plot
    }

    /// The limits on all requests that a chart of these percentiles has room for, and up to where
    /// it goes: a limit far above everything would squash what there is to see.
    fn within_reach(&self, seen: &[[f64; 3]]) -> (f64, Vec<&Limit>) {
        let largest = seen.iter().map(|[_, _, p99]| *p99).fold(0.0, f64::max);
        let mut limits = self.limits.of_all();
        limits.retain(|limit| limit.ms <= largest * 3.0);
        let highest = limits.iter().map(|limit| limit.ms * 1.1);
        (highest.fold(largest, f64::max), limits)
    }

    pub(super) fn rate(&self) -> Plot {
        let rate = |point: &Point| point.per_second(point.requests);
        let failed = |point: &Point| point.per_second(point.failed);
        let largest = self.measured.points.iter().map(rate).fold(0.0, f64::max);
        // Air above the line.
        let scale = Scale::up_to(largest * 1.05, MEDIUM);
        let mut plot = self.timed("Requests and failures", MEDIUM, &scale, number);
        plot.note = format!("per second, mean of every {}", self.step());
        plot.marks.push(self.area("rate-fill", &scale, rate));
        plot.marks
            .push(self.line("rate", &scale, |point| Some(rate(point))));
        plot.legend.push(("rate", "requests/s".to_owned()));
        if self.measured.all.failed > 0 {
            plot.marks.push(self.area("failed", &scale, failed));
            plot.legend.push(("failed", "failures/s".to_owned()));
        } else {
            plot.legend.push(("none", "no failures".to_owned()));
        }
        plot.hovers = self.hovers(|point| {
            format!(
                "{} requests/s\n{} failures/s",
                number(rate(point)),
                number(failed(point))
            )
        });
        plot
    }

    pub(super) fn vus(&self) -> Plot {
        let active = |point: &Point| point.gauge("vus").unwrap_or(0.0);
        // At a rate, the schedule wants iterations: how many VUs they take is up to the server.
        let target = |point: &Point| match self.standing_by {
            None => Some(point.gauge("vus_target").unwrap_or(0.0)),
            Some(_) => None,
        };
        let points = self.measured.points.iter();
        let each = points.map(|point| active(point).max(target(point).unwrap_or(0.0)));
        let scale = Scale::of_counts(each.fold(1.0, f64::max) * 1.05, MEDIUM);
        let mut plot = self.timed("Virtual users", MEDIUM, &scale, number);
        plot.marks.push(self.area("vus-fill", &scale, active));
        plot.marks
            .push(self.line("vus", &scale, |point| Some(active(point))));
        plot.legend.push(("vus", "active".to_owned()));
        if let Some(all) = self.standing_by {
            plot.note = format!("active, of {} that there are", grouped(u64::from(all)));
        } else {
            plot.note = "active, against what the schedule wants".to_owned();
            plot.marks.push(self.line("target", &scale, target));
            plot.legend.push(("target", "target".to_owned()));
        }
        plot.hovers = self.hovers(|point| {
            let wanted = target(point).map(|target| format!("\n{} wanted", number(target)));
            format!(
                "{} active{}",
                number(active(point)),
                wanted.unwrap_or_default()
            )
        });
        plot
    }

    /// Classes and names of the parts of a request's time: the server's, and what is left.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let parts = PARTS
            .into_iter()
            .zip(self.server.iter().map(PartEntry::title));
        parts.chain([("rest", "handler, network, generator")])
    }

    /// Mean time of a request over the run, by where the server says that it went.
    pub(super) fn server(&self) -> Plot {
        let points = self.measured.points.iter();
        let means: Vec<_> = points.map(|point| point.server.clone()).collect();
        let keys: Vec<_> = self.parts().collect();
        let note = "mean of a request, by the server's Server-Timing";
        self.stacked(("Where a request's time goes", note), &keys, &means)
    }

    /// Areas on top of each other: parts of a request's time, called by their keys, at each point.
    pub(super) fn stacked(
        &self,
        (title, note): (&str, &str),
        keys: &[(&'static str, &str)],
        means: &[Option<Vec<f64>>],
    ) -> Plot {
        let sums = means.iter().flatten().map(|parts| parts.iter().sum());
        let scale = Scale::up_to(sums.fold(0.0, f64::max), MEDIUM);
        let mut plot = self.timed(title, MEDIUM, &scale, |value| {
            duration_tick(value, scale.max)
        });
        plot.note = note.to_owned();
        let mut below = vec![0.0; self.measured.points.len()];
        for (part, (class, name)) in keys.iter().enumerate() {
            let mut points = Vec::new();
            let rows = self.measured.points.iter().zip(means);
            for ((point, means), below) in rows.zip(&mut below) {
                let lower = scale.y(*below);
                *below += means.as_ref().map_or(0.0, |parts| parts[part]);
                let upper = scale.y(*below);
                points.extend(self.places(point).map(|x| (x, upper, lower)));
            }
            plot.marks.push(Mark {
                class,
                path: area(&points),
            });
            plot.legend.push((class, (*name).to_owned()));
        }
        let mut texts = means
            .iter()
            .map(|means| words(keys, means.as_deref().unwrap_or_default()).join("\n"));
        plot.hovers = self.hovers(|_| texts.next().unwrap_or_default());
        plot
    }

    /// The generator's own state.
    pub(super) fn health(&self) -> Vec<Plot> {
        let percent_of = |value: f64| format!("{} %", number(value));
        let mega = |value: f64| format!("{} MB", number(value));
        vec![
            self.small(
                "CPU of the generator",
                "100 % is one core",
                "cpu",
                &percent_of,
                |point| point.gauge("generator_cpu_percent"),
            ),
            self.small(
                "CPU of its machine",
                "100 % is all cores",
                "cpu",
                &percent_of,
                |point| point.gauge("generator_machine_cpu_percent"),
            ),
            self.small("Timers late by", "at worst", "lag", &duration, |point| {
                point.gauge("generator_lag_ms")
            }),
            self.small("Memory", "resident", "memory", &mega, |point| {
                point
                    .gauge("generator_memory_bytes")
                    .map(|bytes| bytes / 1e6)
            }),
        ]
    }

    /// Custom trends and iterations.
    pub(super) fn trends(&self) -> Vec<Plot> {
        let plot = |(name, trend): (&String, &crate::metrics::Trend)| {
            let values =
                |at: usize| move |point: &Point| point.trends.get(name).map(|both| both[at]);
            let mut plot = self.small(name, "", "p95", &duration, values(1));
            let largest = self
                .measured
                .points
                .iter()
                .filter_map(values(1))
                .fold(0.0, f64::max);
            let scale = Scale::up_to(largest, SMALL);
            plot.marks.push(self.line("p50", &scale, values(0)));
            let mut limits = self.limits.of_trend(name);
            limits.retain(|limit| limit.ms <= scale.max);
            plot.limits = placed(&limits, |ms| scale.y(ms));
            plot.note = format!(
                "p50 {}, p95 {} of {}",
                ms_unit(trend.percentile_ms(50.0)),
                ms_unit(trend.percentile_ms(95.0)),
                grouped(trend.count())
            );
            plot
        };
        let trends = self.measured.trends.iter();
        // Those of a rate have a section of their own.
        let others =
            trends.filter(|(name, _)| ![START_DELAY, RESPONSE_TIME].contains(&name.as_str()));
        others.map(plot).collect()
    }

    pub(super) fn small(
        &self,
        title: &str,
        note: &str,
        class: &'static str,
        label: &dyn Fn(f64) -> String,
        value: impl Fn(&Point) -> Option<f64>,
    ) -> Plot {
        let values: Vec<f64> = self.measured.points.iter().filter_map(&value).collect();
        let largest = values.iter().copied().fold(0.0, f64::max);
        let scale = match values.iter().all(|value| value.fract() == 0.0) {
            true => Scale::of_counts(largest, SMALL),
            false => Scale::up_to(largest, SMALL),
        };
        let mut plot = self.timed_small(title, &scale, label);
        plot.note = note.to_owned();
        plot.marks.push(self.line(class, &scale, &value));
        plot.hovers = self.hovers(|point| value(point).map_or_else(|| "nothing".to_owned(), label));
        plot
    }

    /// One of several charts side by side.
    pub(super) fn timed_small(
        &self,
        title: &str,
        scale: &Scale,
        label: impl Fn(f64) -> String,
    ) -> Plot {
        let mut plot = self.timed(title, SMALL, scale, label);
        plot.top = 6.0;
        plot.bands.iter_mut().for_each(|band| band.shown = "never");
        // Half the width: every other tick.
        plot.x = plot.x.into_iter().step_by(2).collect();
        plot.small = true;
        plot
    }

    pub(super) fn timed(
        &self,
        title: &str,
        height: f64,
        scale: &Scale,
        label: impl Fn(f64) -> String,
    ) -> Plot {
        Plot {
            title: title.to_owned(),
            height,
            top: STAGES,
            y: scale.ticks(label),
            x: time_ticks(self.measured.end_ms),
            bands: self.bands(),
            marks: self.bad_seconds(height).into_iter().collect(),
            ..Plot::default()
        }
    }

    /// The seconds in which a threshold was crossed, behind what is drawn.
    fn bad_seconds(&self, height: f64) -> Option<Mark> {
        let mut path = String::new();
        for (from, to) in &self.bad {
            let (x, end) = (self.x(*from), self.x(*to).min(WIDTH));
            rectangle(&mut path, x, 0.0, end - x, height);
        }
        (!path.is_empty()).then_some(Mark {
            class: "bad-seconds",
            path,
        })
    }

    pub(super) fn bands(&self) -> Vec<Band> {
        let end = self.measured.end_ms;
        // Of several scenarios at once, the first one's stages, and others' where it has none.
        let mut drawn: Vec<&StageRow> = Vec::new();
        for stage in self.stages {
            let apart = |other: &&StageRow| {
                stage.end_ms <= other.start_ms || other.end_ms <= stage.start_ms
            };
            if stage.start_ms < end && stage.end_ms > stage.start_ms && drawn.iter().all(apart) {
                drawn.push(stage);
            }
        }
        drawn.sort_by_key(|stage| stage.start_ms);
        drawn
            .into_iter()
            .enumerate()
            .map(|(index, stage)| {
                let name = match &stage.scenario {
                    Some(scenario) => format!("{scenario}/{}", stage.name),
                    None => stage.name.clone(),
                };
                band(stage.start_ms, stage.end_ms, end, &name, index % 2 == 1)
            })
            .collect()
    }

    pub(super) fn step(&self) -> String {
        match self.measured.step_ms {
            1_000 => "second".to_owned(),
            step => clock(step),
        }
    }

    pub(super) fn x(&self, ms: u64) -> f64 {
        ms as f64 / self.measured.end_ms.max(1) as f64 * WIDTH
    }

    pub(super) fn middle(&self, point: &Point) -> f64 {
        self.x(point.from_ms.midpoint(point.to_ms))
    }

    /// Where a point is drawn: in its middle, but if it is the only one, from its beginning to its
    /// end, so that a run of a second has lines as well.
    fn places(&self, point: &Point) -> impl Iterator<Item = f64> + use<> {
        let places = match self.measured.points.len() {
            1 => vec![self.x(point.from_ms), self.x(point.to_ms)],
            _ => vec![self.middle(point)],
        };
        places.into_iter()
    }

    pub(super) fn line(
        &self,
        class: &'static str,
        scale: &Scale,
        value: impl Fn(&Point) -> Option<f64>,
    ) -> Mark {
        let points = self.measured.points.iter();
        Mark {
            class,
            path: line(points.flat_map(|point| {
                let y = value(point).map(|value| scale.y(value));
                self.places(point).map(move |x| y.map(|y| (x, y)))
            })),
        }
    }

    pub(super) fn area(
        &self,
        class: &'static str,
        scale: &Scale,
        value: impl Fn(&Point) -> f64,
    ) -> Mark {
        let points = self.measured.points.iter();
        let points: Vec<_> = points
            .flat_map(|point| {
                let (upper, lower) = (scale.y(value(point)), scale.y(0.0));
                self.places(point).map(move |x| (x, upper, lower))
            })
            .collect();
        Mark {
            class,
            path: area(&points),
        }
    }

    pub(super) fn hovers(&self, mut text: impl FnMut(&Point) -> String) -> Vec<Hover> {
        let points = self.measured.points.iter();
        points
            .map(|point| Hover {
                x: self.x(point.from_ms),
                width: self.x(point.to_ms) - self.x(point.from_ms),
                text: format!(
                    "{} to {} · {}\n{}",
                    clock(point.from_ms),
                    clock(point.to_ms),
                    point.stage,
                    text(point)
                ),
            })
            .collect()
    }
}

/// Means of the parts of a request's time in words.
pub(super) fn words(keys: &[(&'static str, &str)], means: &[f64]) -> Vec<String> {
    let words = keys.iter().zip(means);
    words
        .map(|((_, name), mean)| format!("{name} {}", ms_unit(*mean)))
        .collect()
}

/// Whole seconds where the scale is in seconds.
fn duration_tick(value: f64, max: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if max >= 10_000.0 {
        format!("{} s", number(value / 1_000.0))
    } else {
        format!("{} ms", number(value))
    }
}

/// A request's share of failures in words.
pub(super) fn failed(group: &Group) -> String {
    match group.failed {
        0 => "0".to_owned(),
        failed => format!(
            "{} ({})",
            grouped(failed),
            percent(failed as f64 / group.trend.count().max(1) as f64)
        ),
    }
}
