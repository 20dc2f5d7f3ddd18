//! The p95 of each request over time, side by side on one scale. Pure.

use super::charts::{Charts, SMALL};
use super::limits::placed;
use super::measured::{Group, Point};
use super::plot::{Plot, Scale, duration};
use crate::format::{grouped, ms_unit};

/// The most requests that have a chart of their own: more can't be compared. All are in the tables.
const MOST: usize = 24;

impl Charts<'_> {
    /// A chart for each request, the most frequent ones if there are many.
    pub(super) fn multiples(&self) -> Multiples {
        let requests = self.measured.requests.iter();
        let points = &self.measured.points;
        let is_line = |name: &str| {
            let with = points
                .iter()
                .filter(|point| point.by_request.contains_key(name));
            // What was sent once, such as a set-up, has no course.
            with.count() > 1
        };
        let mut requests: Vec<_> = requests
            .filter(|(name, group)| !group.trend.is_empty() && is_line(name))
            .collect();
        let all = requests.len();
        if all > MOST {
            requests.sort_by_key(|(_, group)| std::cmp::Reverse(group.trend.count()));
            requests.truncate(MOST);
            requests.sort_by_key(|(name, _)| *name);
        }
        let drawn = |name: &String| requests.iter().any(|(drawn, _)| *drawn == name);
        let peaks = points.iter().flat_map(|point| &point.by_request);
        let peaks: Vec<f64> = peaks
            .filter(|(name, _)| drawn(name))
            .map(|(_, p95)| *p95)
            .collect();
        let mut scale = Scale::that_shows(&peaks, peaks.iter().copied(), SMALL);
        if !scale.is_logarithmic() {
            let largest = peaks.iter().copied().fold(0.0, f64::max);
            let names = requests.iter().map(|(name, _)| name);
            let limits = names.flat_map(|name| self.limits.of_request(name));
            let near = limits
                .map(|limit| limit.ms * 1.1)
                .filter(|ms| *ms <= largest * 3.0);
            scale = Scale::up_to(near.fold(largest, f64::max), SMALL);
        }
        let mut note = "p95 of each request, on one scale".to_owned();
        if scale.is_logarithmic() {
            note += ", which is logarithmic, as a peak would flatten the rest";
        }
        if all > MOST {
            note += &format!("; the {MOST} most frequent of {all}");
        }
        let plots = requests.into_iter();
        Multiples {
            note,
            plots: plots
                .map(|(name, group)| self.multiple(name, group, &scale))
                .collect(),
        }
    }

    fn multiple(&self, name: &str, group: &Group, scale: &Scale) -> Plot {
        let p95 = |point: &Point| point.by_request.get(name).copied();
        let mut plot = self.timed_small(name, scale, duration);
        plot.note = format!(
            "p95 {} of {}",
            ms_unit(group.trend.percentile_ms(95.0)),
            grouped(group.trend.count())
        );
        plot.marks.push(self.line("p95", scale, p95));
        let mut limits = self.limits.of_request(name);
        limits.retain(|limit| limit.ms <= scale.max);
        plot.limits = placed(&limits, |ms| scale.y(ms));
        plot.hovers = self.hovers(|point| {
            p95(point).map_or_else(
                || "no requests".to_owned(),
                |p95| format!("p95 {}", ms_unit(p95)),
            )
        });
        plot
    }
}

/// Small charts with what is said of all of them.
#[derive(Debug, Default)]
pub(super) struct Multiples {
    pub(super) note: String,
    pub(super) plots: Vec<Plot>,
}
