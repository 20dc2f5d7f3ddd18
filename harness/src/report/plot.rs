//! Plots as numbers and paths: scales, ticks, lines and areas. Pure; `templates/plot.html` writes
//! the markup.
//!
//! ```text
//! label │  hold            STAGES px above the plot: names of the stages
//!   200 ┤- - - - - - - -   limit
//!   100 ┤   ╱╲__           marks: x stretches with the page (0 to WIDTH), y is in px
//!     0 ┼──────────────
//!       0s    1m    2m     texts are placed in percent and never stretched
//! ```

use std::fmt::Write as _;

use crate::format;

/// Units of x across a plot.
pub(super) const WIDTH: f64 = 1_000.0;
/// Height of the strip with the stages' names, in px.
pub(super) const STAGES: f64 = 18.0;
/// Plot widths in px on a phone and on a desk, which texts must fit.
const NARROW: f64 = 290.0;
const WIDE: f64 = 840.0;
const CHAR: f64 = 6.6;

/// A plot, ready to be written.
#[derive(Debug, Default)]
pub(super) struct Plot {
    pub(super) title: String,
    pub(super) note: String,
    pub(super) legend: Vec<(&'static str, String)>,
    /// Of the plot proper, in px.
    pub(super) height: f64,
    /// Above it, in px: room for the stages' names.
    pub(super) top: f64,
    pub(super) y: Vec<Tick>,
    pub(super) x: Vec<Tick>,
    pub(super) bands: Vec<Band>,
    pub(super) marks: Vec<Mark>,
    /// Marks of thresholds: where, and what they say.
    pub(super) limits: Vec<(f64, String)>,
    pub(super) hovers: Vec<Hover>,
    /// Whether it is one of several, side by side.
    pub(super) small: bool,
}

/// A tick: in px from the top for y, in percent from the left for x.
#[derive(Debug)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) label: String,
    pub(super) anchor: &'static str,
}

/// A stage behind a plot.
#[derive(Debug)]
pub(super) struct Band {
    pub(super) x: f64,
    pub(super) width: f64,
    /// Middle, in percent.
    pub(super) middle: f64,
    pub(super) label: String,
    /// `always`, `wide` for screens that have room for the name, `never`.
    pub(super) shown: &'static str,
    pub(super) odd: bool,
}

/// A path with the class that gives it its colours.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) class: &'static str,
    pub(super) path: String,
}

/// What a pointer finds out.
#[derive(Debug)]
pub(super) struct Hover {
    pub(super) x: f64,
    pub(super) width: f64,
    pub(super) text: String,
}

/// A scale of y: linear from 0 to a round number, or logarithmic between powers of ten.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) max: f64,
    /// Where a logarithmic scale begins; 0 of a linear one.
    min: f64,
    step: f64,
    height: f64,
}

/// A peak so many times as high as what is usual makes that a flat line at the bottom.
const FLATTENS: f64 = 12.0;

impl Scale {
    /// A scale with room for `max`.
    pub(super) fn up_to(max: f64, height: f64) -> Self {
        let wanted = if height > 150.0 { 4.0 } else { 2.0 };
        let step = match max > 0.0 {
            true => round_step(max.max(1e-3) / wanted),
            false => 1.0,
        };
        let max = (max / step).ceil().max(1.0) * step;
        Self {
            max,
            min: 0.0,
            step,
            height,
        }
    }

    /// The same for what is counted, with ticks at whole numbers only.
    pub(super) fn of_counts(max: f64, height: f64) -> Self {
        let scale = Self::up_to(max, height);
        match scale.step < 1.0 {
            true => Self {
                max: scale.max.ceil(),
                step: 1.0,
                ..scale
            },
            false => scale,
        }
    }

    /// A scale for `peaks` of which each belongs to a point of a chart: logarithmic down to the
    /// smallest of `lows` if one of them would flatten the others.
    pub(super) fn that_shows(peaks: &[f64], lows: impl Iterator<Item = f64>, height: f64) -> Self {
        let mut sorted = peaks.to_vec();
        sorted.sort_by(f64::total_cmp);
        let largest = sorted.last().copied().unwrap_or(0.0);
        let usual = sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
        let smallest = lows.filter(|low| *low > 0.0).fold(usual, f64::min);
        if smallest <= 0.0 || largest < usual * FLATTENS {
            return Self::up_to(largest, height);
        }
        let power = |value: f64| 10_f64.powf(value);
        Self {
            max: power(largest.log10().ceil()),
            min: power(smallest.log10().floor()),
            step: 10.0,
            height,
        }
    }

    pub(super) fn is_logarithmic(&self) -> bool {
        self.min > 0.0
    }

    /// The distance from the top in px.
    pub(super) fn y(&self, value: f64) -> f64 {
        let share = if self.is_logarithmic() {
            (value.max(self.min) / self.min).log10() / (self.max / self.min).log10()
        } else {
            value / self.max
        };
        self.height * (1.0 - share.clamp(0.0, 1.0))
    }

    pub(super) fn ticks(&self, label: impl Fn(f64) -> String) -> Vec<Tick> {
        if self.is_logarithmic() {
            let powers = (self.max / self.min).log10().round() as i32;
            return (0..=powers)
                .map(|power| self.min * 10_f64.powi(power))
                .map(|value| Tick {
                    at: self.y(value),
                    label: duration(value),
                    anchor: "end",
                })
                .collect();
        }
        let count = (self.max / self.step).round() as u32;
        (0..=count)
            .map(|n| f64::from(n) * self.step)
            .map(|value| Tick {
                at: self.y(value),
                label: label(value),
                anchor: "end",
            })
            .collect()
    }
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= least * 0.999);
    factor.unwrap_or(10.0) * power
}

/// Ticks of the run's time: at most six, at round times.
pub(super) fn time_ticks(end_ms: u64) -> Vec<Tick> {
    const STEPS: [u64; 16] = [
        1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400,
    ];
    let seconds = end_ms.div_ceil(1_000).max(1);
    let step = STEPS.iter().find(|step| seconds / **step < 6).copied();
    let step = step.unwrap_or(seconds.div_ceil(5));
    (0..=end_ms / 1_000 / step)
        .map(|n| n * step * 1_000)
        .map(|at_ms| {
            let at = at_ms as f64 / end_ms.max(1) as f64 * 100.0;
            Tick {
                at,
                label: format::clock(at_ms),
                anchor: anchor(at),
            }
        })
        .collect()
}

/// Texts at an edge stay inside.
fn anchor(percent: f64) -> &'static str {
    match percent {
        percent if percent < 4.0 => "start",
        percent if percent > 95.0 => "end",
        _ => "middle",
    }
}

/// Ticks of a logarithmic scale of ms between two powers of ten (as exponents), in percent.
pub(super) fn log_ticks(from: f64, to: f64) -> Vec<Tick> {
    (from.ceil() as i32..=to.floor() as i32)
        .map(|power| {
            let at = (f64::from(power) - from) / (to - from) * 100.0;
            let ms = 10_f64.powi(power);
            Tick {
                at,
                label: duration(ms),
                anchor: anchor(at),
            }
        })
        .collect()
}

/// A round duration with its unit.
pub(super) fn duration(ms: f64) -> String {
    match ms {
        0.0 => "0".to_owned(),
        ms if ms >= 1_000.0 => format!("{} s", format::number(ms / 1_000.0)),
        ms if ms >= 1.0 => format!("{} ms", format::number(ms)),
        ms => format!("{} µs", format::number((ms * 1_000.0).round())),
    }
}

/// A stage behind a plot, with its name where it fits.
pub(super) fn band(from_ms: u64, to_ms: u64, end_ms: u64, label: &str, odd: bool) -> Band {
    let end = end_ms.max(1) as f64;
    let (x, to) = (
        from_ms.min(end_ms) as f64 / end,
        to_ms.min(end_ms) as f64 / end,
    );
    let needs = label.chars().count() as f64 * CHAR + 8.0;
    let shown = match to - x {
        share if share * NARROW >= needs => "always",
        share if share * WIDE >= needs => "wide",
        _ => "never",
    };
    Band {
        x: x * WIDTH,
        width: (to - x) * WIDTH,
        middle: (x + to) / 2.0 * 100.0,
        label: label.to_owned(),
        shown,
        odd,
    }
}

/// A line through points; a gap where there is none.
pub(super) fn line(points: impl IntoIterator<Item = Option<(f64, f64)>>) -> String {
    let mut path = String::new();
    let mut drawn = 0;
    let mut last = (0.0, 0.0);
    for point in points {
        let Some((x, y)) = point else {
            close_lone(&mut path, drawn, last);
            drawn = 0;
            continue;
        };
        let command = if drawn == 0 { 'M' } else { 'L' };
        // Writing to a string cannot fail.
        let _ = write!(path, "{command}{x:.1} {y:.1}");
        drawn += 1;
        last = (x, y);
    }
    close_lone(&mut path, drawn, last);
    path
}

/// A point without neighbours is a small cross: a line of one point would be invisible.
fn close_lone(path: &mut String, drawn: u32, (x, y): (f64, f64)) {
    if drawn == 1 {
        let (left, right) = (x - 4.0, x + 4.0);
        let (top, bottom) = (y - 3.0, y + 3.0);
        let _ = write!(
            path,
            "M{left:.1} {y:.1}H{right:.1}M{x:.1} {top:.1}V{bottom:.1}"
        );
    }
}

/// The area between two lines over the same x.
pub(super) fn area(points: &[(f64, f64, f64)]) -> String {
    let upper = points.iter().map(|(x, upper, _)| Some((*x, *upper)));
    let mut path = line(upper);
    if points.len() < 2 {
        return path;
    }
    for (x, _, lower) in points.iter().rev() {
        let _ = write!(path, "L{x:.1} {lower:.1}");
    }
    path.push('Z');
    path
}

/// A rectangle as a path.
pub(super) fn rectangle(path: &mut String, x: f64, y: f64, width: f64, height: f64) {
    let _ = write!(path, "M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers_above_what_they_show() {
        // (largest value, end of the scale)
        for (value, max) in [
            (93.0, 100.0),
            (100.0, 100.0),
            (101.0, 150.0),
            (1_210.0, 1_500.0),
        ] {
            let scale = Scale::up_to(value, 200.0);
            assert_eq!(scale.max, max, "{value}");
            assert!(
                (3..=6).contains(&scale.ticks(|v| v.to_string()).len()),
                "{value}"
            );
            assert_eq!((scale.y(0.0), scale.y(scale.max)), (200.0, 0.0));
        }
        let nothing = Scale::up_to(0.0, 200.0).ticks(crate::format::number);
        let labels: Vec<_> = nothing.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["0", "1"], "nothing has a scale too");
        let labels = |max| {
            let ticks = Scale::of_counts(max, 60.0).ticks(crate::format::number);
            ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(1.0), ["0", "1"], "there is no half a user");
        assert_eq!(labels(1.2), ["0", "1", "2"]);
        assert_eq!(labels(90.0), ["0", "50", "100"]);
    }

    #[test]
    fn a_peak_that_flattens_the_rest_makes_a_scale_logarithmic() {
        let lows = [2.0, 3.0];
        let scale = |peaks: &[f64]| Scale::that_shows(peaks, lows.into_iter(), 100.0);
        let even = scale(&[10.0, 11.0, 60.0]);
        assert!(!even.is_logarithmic() && even.max == 100.0, "{even:?}");
        let uneven = scale(&[10.0, 11.0, 2_500.0]);
        assert!(uneven.is_logarithmic(), "{uneven:?}");
        let labels: Vec<_> = uneven.ticks(|_| String::new()).into_iter().collect();
        let labels: Vec<_> = labels.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]);
        let heights = [1.0, 100.0, 10_000.0].map(|ms| uneven.y(ms).round());
        assert_eq!(heights, [100.0, 50.0, 0.0]);
        assert_eq!(uneven.y(0.0), 100.0, "nothing is at the bottom");
        assert!(!scale(&[]).is_logarithmic());
    }

    #[test]
    fn time_has_at_most_six_round_ticks_within_the_run() {
        for end_ms in [700, 1_000, 31_000, 61_300, 170_000, 3_600_000, 7_230_000] {
            let ticks = time_ticks(end_ms);
            assert!((1..=6).contains(&ticks.len()), "{end_ms}: {ticks:?}");
            assert!(
                ticks.iter().all(|tick| (0.0..=100.0).contains(&tick.at)),
                "{ticks:?}"
            );
        }
        let labels: Vec<_> = time_ticks(170_000)
            .into_iter()
            .map(|tick| tick.label)
            .collect();
        assert_eq!(labels, ["0s", "30s", "1m", "1m30s", "2m", "2m30s"]);
    }

    #[test]
    fn lines_break_where_there_is_nothing_and_a_lone_point_is_seen() {
        let points = [Some((0.0, 1.0)), Some((10.0, 2.0)), None, Some((30.0, 3.0))];
        assert_eq!(
            line(points),
            "M0.0 1.0L10.0 2.0M30.0 3.0M26.0 3.0H34.0M30.0 0.0V6.0"
        );
        assert_eq!(
            area(&[(0.0, 1.0, 9.0), (5.0, 2.0, 9.0)]),
            "M0.0 1.0L5.0 2.0L5.0 9.0L0.0 9.0Z"
        );
    }

    #[test]
    fn a_stages_name_is_shown_where_it_fits() {
        assert_eq!(band(0, 100, 100, "hold", false).shown, "always");
        assert_eq!(band(0, 10, 100, "ramp_up", false).shown, "wide");
        assert_eq!(band(0, 1, 100, "ramp_up", false).shown, "never");
    }
}
