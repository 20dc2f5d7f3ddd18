//! The phases of a request, from waiting for a connection to the last byte of the answer. Pure.

use super::charts::Charts;
use super::measured::{Group, PHASES};
use super::plot::Plot;
use super::strips::Strips;

/// Classes and names of the phases in charts.
pub(super) const KEYS: [(&str, &str); 6] = [
    ("part8", "blocked"),
    ("part1", "connecting"),
    ("part5", "TLS"),
    ("part4", "sending"),
    ("part2", "waiting"),
    ("part7", "receiving"),
];

/// The means of the phases side by side: blocked without what it has of the next two.
fn apart(mut means: Vec<f64>) -> Vec<f64> {
    means[0] = (means[0] - means[1] - means[2]).max(0.0);
    means
}

impl Charts<'_> {
    /// Mean time of a request over the run, by phase; nothing where they weren't recorded.
    pub(super) fn phases(&self) -> Option<Plot> {
        let points = self.measured.points.iter();
        let means: Vec<_> = points
            .map(|point| point.phases.clone().map(apart))
            .collect();
        means.iter().any(Option::is_some).then(|| {
            let note = "mean of a request; connections are opened once and kept";
            self.stacked(("Phases over time", note), &KEYS, &means)
        })
    }

    /// The same by request, as bars.
    pub(super) fn phase_strips(&self) -> Strips {
        let means = |group: &Group| {
            let means = group.phases.each(PHASES.len(), group.trend.count());
            means.map(apart)
        };
        self.stacked_strips(&KEYS, means)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connecting_is_not_counted_twice() {
        assert_eq!(
            apart(vec![9.0, 2.0, 3.0, 1.0, 5.0, 1.0]),
            [4.0, 2.0, 3.0, 1.0, 5.0, 1.0]
        );
        assert_eq!(apart(vec![0.0, 2.0, 0.0, 0.0, 0.0, 0.0])[0], 0.0);
    }
}
