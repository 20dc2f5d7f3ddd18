//! When each iteration of the open model is due: the inverse of the integrated rate. Pure.
//!
//! ```text
//! rate ┤      ╱────╲        The area under the rate, up to a time, is how many iterations are
//!      │    ╱░░░░░░░╲       due by then; iteration n is due when the area reaches its number.
//!      │  ╱░░░░░░░░░░╲
//!      └──┬────┬────┬──▶ t
//! ```
//!
//! Within a stage from rate `a` to rate `b` in time `d`, the area after `x` is
//! `a·x + (b − a)·x²/(2d)`; solved for `x` in the form that doesn't cancel:
//!
//! ```text
//! x = 2·area / (a + √(a² + 2·(b − a)·area/d))
//! ```
//!
//! As in k6, a constant rate begins with an iteration at once, and a ramping one with the first
//! iteration that it has gathered a whole area for. No dispatcher: another machine could work out
//! its own share of *n*.

use std::fmt;
use std::time::Duration;

/// A rate in iterations per thousand days: whole for every rate that is written in decimals per
/// second, minute or hour, so that counts are exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

const SECONDS: u64 = 86_400_000;
/// Area of one iteration, in rate units times nanoseconds.
const ITERATION: u128 = SECONDS as u128 * 1_000_000_000;

impl Rate {
    /// `count` iterations in `per`; nothing when that is no whole number of units or too many.
    #[must_use]
    pub fn new(count: f64, per: Duration) -> Option<Self> {
        const MOST_PER_SECOND: f64 = 1_000_000.0;
        let per_second = count / per.as_secs_f64();
        let units = per_second * SECONDS as f64;
        let fits = per_second.is_finite() && (0.0..=MOST_PER_SECOND).contains(&per_second);
        fits.then(|| Self(units.round() as u64))
    }

    /// Whether nothing arrives at this rate.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Iterations per second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        self.0 as f64 / SECONDS as f64
    }
}

impl fmt::Display for Rate {
    /// As it is parsed, per second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", (self.per_second() * 1e6).round() / 1e6)
    }
}

/// One row of the stage table: go to `target`, evenly, within `duration`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateStage {
    /// What thresholds and reports call it, such as `hold`.
    pub name: String,
    /// How long it takes; zero jumps.
    pub duration: Duration,
    /// Rate at its end.
    pub target: Rate,
}

/// When every iteration is due, from the start of the executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrivals {
    stages: Vec<Piece>,
    /// Twice the area that iteration 0 waits for.
    first: u128,
    scheduled: u64,
}

/// A stage placed in time. Areas are doubled, so that a triangle's is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    start: Duration,
    length: Duration,
    from: Rate,
    to: Rate,
    area_before: u128,
    area_after: u128,
}

impl Arrivals {
    /// Iterations at 0, 1/rate, 2/rate, … before `duration`.
    #[must_use]
    pub fn constant(rate: Rate, duration: Duration) -> Self {
        let stage = RateStage {
            name: String::new(),
            duration,
            target: rate,
        };
        let stages = pieces(rate, &[stage]);
        let area = stages.last().map_or(0, |piece| piece.area_after);
        Self {
            stages,
            first: 0,
            scheduled: whole(area.div_ceil(2 * ITERATION)),
        }
    }

    /// Iterations whenever the area under the stages' rate reaches the next whole number.
    #[must_use]
    pub fn ramping(start_rate: Rate, stages: &[RateStage]) -> Self {
        let stages = pieces(start_rate, stages);
        let area = stages.last().map_or(0, |piece| piece.area_after);
        Self {
            stages,
            first: 2 * ITERATION,
            scheduled: whole(area / (2 * ITERATION)),
        }
    }

    /// How many iterations are due in all.
    #[must_use]
    pub const fn scheduled(&self) -> u64 {
        self.scheduled
    }

    /// When iteration `n`, from 0, is due. One beyond the last is due at the end.
    #[must_use]
    pub fn arrival(&self, n: u64) -> Duration {
        let area = self.first + 2 * ITERATION * u128::from(n);
        let index = self
            .stages
            .partition_point(|piece| piece.area_after < area)
            .min(self.stages.len().saturating_sub(1));
        self.stages.get(index).map_or(Duration::ZERO, |piece| {
            piece.start + piece.reaches(area.saturating_sub(piece.area_before))
        })
    }

    /// How many iterations are due at `t` or before.
    #[must_use]
    pub fn due_by(&self, t: Duration) -> u64 {
        let (mut low, mut high) = (0, self.scheduled);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.arrival(middle) <= t {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl Piece {
    /// How long after its start the doubled area is reached.
    fn reaches(&self, area: u128) -> Duration {
        let length = self.length.as_nanos();
        let (from, to) = (self.from.0, self.to.0);
        let nanos = if from == to {
            area.div_ceil(2 * u128::from(from.max(1)))
        } else {
            let (from, to, area) = (from as f64, to as f64, area as f64);
            let root = (from * from + (to - from) * area / length as f64).max(0.0);
            (area / (from + root.sqrt())).round() as u128
        };
        Duration::from_nanos_u128(nanos.min(length))
    }
}

fn pieces(start_rate: Rate, stages: &[RateStage]) -> Vec<Piece> {
    let (mut start, mut from, mut area) = (Duration::ZERO, start_rate, 0);
    stages
        .iter()
        .map(|stage| {
            let sum = u128::from(from.0) + u128::from(stage.target.0);
            let piece = Piece {
                start,
                length: stage.duration,
                from,
                to: stage.target,
                area_before: area,
                area_after: area + sum * stage.duration.as_nanos(),
            };
            (start, from, area) = (start + stage.duration, piece.to, piece.area_after);
            piece
        })
        .collect()
}

fn whole(count: u128) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The share of the arrivals that one kind of virtual user takes: those at its places of a
/// pattern that repeats. So a mix is exact whoever is quicker, and pure: its `j`-th is `nth(j)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    places: Vec<u64>,
    pattern: u64,
}

impl Lane {
    /// The places at which `pattern` is `kind`.
    #[must_use]
    pub fn of(pattern: &[&'static str], kind: &str) -> Self {
        let is = |(place, at): (u64, &&'static str)| (*at == kind).then_some(place);
        Self {
            places: (0..).zip(pattern).filter_map(is).collect(),
            pattern: pattern.len() as u64,
        }
    }

    /// The places at which a pattern of workers is `worker`: its part of what is dealt over them.
    #[must_use]
    pub fn dealt(pattern: &[usize], worker: usize) -> Self {
        let is = |(place, at): (u64, &usize)| (*at == worker).then_some(place);
        Self {
            places: (0..).zip(pattern).filter_map(is).collect(),
            pattern: pattern.len() as u64,
        }
    }

    /// All of it.
    #[must_use]
    pub fn whole() -> Self {
        Self::dealt(&[0], 0)
    }

    /// How many of its own have a number below `n`.
    #[must_use]
    pub fn count_below(&self, n: u64) -> u64 {
        let Some(rounds) = n.checked_div(self.pattern) else {
            return 0;
        };
        let rest = n % self.pattern;
        let begun = self.places.partition_point(|place| *place < rest);
        rounds * self.places.len() as u64 + begun as u64
    }

    /// Number of its `j`-th arrival; nothing when it has none at all.
    #[must_use]
    pub fn nth(&self, j: u64) -> Option<u64> {
        let places = self.places.len() as u64;
        let round = j.checked_div(places)?;
        let place = self.places[(j % places) as usize];
        Some(round.saturating_mul(self.pattern).saturating_add(place))
    }
}

#[cfg(test)]
#[path = "arrivals_tests.rs"]
mod tests;
