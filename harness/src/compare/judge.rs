//! Better, same, worse, or can't tell. Pure.
//!
//! ```text
//!        −2b      −b       0       +b      +2b         b: the noise band
//!         ┊        ┊       ┊        ┊       ┊
//!         ┊        ┊       ┊        ┊  ├──┤ ┊          worse: the interval lies beyond the band
//!         ┊        ┊     ├───┤      ┊       ┊          same: it reaches into the band, and rules a
//!         ┊      ├─────────┤        ┊       ┊            change of twice the band out
//!         ┊      ├──────────────────────────────┤      can't tell: anything else
//! ```

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::bootstrap::{Estimate, Measure};

/// What is judged noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Relative changes up to this are noise: two runs of the same build differ, and neither run
    /// shows by how much.
    pub noise: f64,
    /// Changes of a duration within this are noise too, in ms.
    pub floor_ms: f64,
    /// Changes of a share within this are noise, 0 to 1.
    pub floor_share: f64,
    /// Chance that the intervals of all metrics hold at once.
    pub confidence: f64,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            noise: 0.05,
            floor_ms: 0.5,
            floor_share: 0.001,
            confidence: 0.95,
        }
    }
}

/// How a metric, or a run, compares with its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Beyond the noise, to the good.
    Better,
    /// Within the noise.
    Same,
    /// Beyond the noise, to the bad.
    Worse,
    /// The runs don't say.
    CantTell,
    /// Of two runs as a whole: their loads or machines differ.
    NotComparable,
}

impl Change {
    /// As it is written for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Same => "same",
            Self::Worse => "worse",
            Self::CantTell => "can't tell",
            Self::NotComparable => "not comparable",
        }
    }
}

/// A change with its interval: relative, or for shares the difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The change.
    pub change: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The change from one estimate to another, at this confidence for this interval alone.
#[must_use]
pub fn interval(base: &Estimate, new: &Estimate, measure: Measure, confidence: f64) -> Interval {
    let reach = quantile(base, new, confidence) * base.error.hypot(new.error);
    if measure == Measure::Share {
        let change = new.value - base.value;
        return Interval {
            change,
            low: change - reach,
            high: change + reach,
        };
    }
    let log = new.value.max(f64::MIN_POSITIVE).ln() - base.value.max(f64::MIN_POSITIVE).ln();
    Interval {
        change: log.exp_m1(),
        low: (log - reach).exp_m1(),
        high: (log + reach).exp_m1(),
    }
}

/// The two-sided t quantile with Welch's degrees of freedom.
fn quantile(base: &Estimate, new: &Estimate, confidence: f64) -> f64 {
    let degrees = |estimate: &Estimate| estimate.blocks.saturating_sub(1).max(1) as f64;
    let (a, b) = (base.error.powi(2), new.error.powi(2));
    let freedom = if a + b > 0.0 {
        (a + b).powi(2) / (a.powi(2) / degrees(base) + b.powi(2) / degrees(new))
    } else {
        degrees(base) + degrees(new)
    };
    StudentsT::new(0.0, 1.0, freedom)
        .expect("there is at least one degree of freedom, and a scale of one")
        .inverse_cdf(1.0 - (1.0 - confidence) / 2.0)
}

/// Judges a change of a measure from `base`.
#[must_use]
pub fn judge(interval: &Interval, base: f64, measure: Measure, rule: &Rule) -> Change {
    let band = band(base, measure, rule);
    // More requests a second are good; everything else is good when it is less.
    let (low, high) = match measure {
        Measure::PerSecond => (-interval.high, -interval.low),
        _ => (interval.low, interval.high),
    };
    match () {
        () if low > band => Change::Worse,
        () if high < -band => Change::Better,
        () if low > -2.0 * band && high < 2.0 * band => Change::Same,
        () => Change::CantTell,
    }
}

fn band(base: f64, measure: Measure, rule: &Rule) -> f64 {
    match measure {
        Measure::Share => rule.floor_share,
        Measure::PerSecond => rule.noise,
        Measure::Percentile(_) => rule.noise.max(rule.floor_ms / base.max(f64::MIN_POSITIVE)),
    }
}
