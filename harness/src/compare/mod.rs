//! A run against its baseline: what has changed, how surely, and whether it matters. Pure.

mod bootstrap;
mod judge;
mod stores;

use serde::{Deserialize, Serialize};

pub use bootstrap::{Estimate, FEWEST_BLOCKS, Measure, Second, estimate};
pub use judge::{Change, Interval, Rule, interval, judge};
pub use stores::{Store, StoreChange};

use crate::format::{ms_unit, percent_to};

/// A run, as far as it can be compared.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its id.
    pub id: String,
    /// How late the generator's timers were at worst in a second, in ms: the median over the seconds that
    /// count.
    pub lag_ms: Option<f64>,
    /// What was measured, in the order of reports.
    pub metrics: Vec<Metric>,
    /// What probes read.
    pub stores: Vec<Store>,
}

/// A metric second by second.
#[derive(Debug, Clone)]
pub struct Metric {
    /// Its name, such as `http_req_duration{name:5_create_order}`.
    pub name: String,
    /// What is compared of it.
    pub measures: &'static [Measure],
    /// Whether the answer for the whole run depends on it being known.
    pub headline: bool,
    /// The seconds that count.
    pub seconds: Vec<Second>,
}

/// Where a run with a baseline leaves its comparison, beside its summary.
pub const COMPARISON_FILE: &str = "comparison.json";

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Version of this document as JSON.
    pub version: u32,
    /// Not comparable if the loads or machines differ. Else worse if anything is, else better if
    /// anything is, else same if the headline is: requests/s, the failed rate, the median and p95 of
    /// all requests.
    pub change: Change,
    /// Id of the baseline.
    pub base: String,
    /// Id of the run that is compared with it.
    pub new: String,
    /// What held the generator up in one of the runs, if something did: then nothing is better or worse.
    pub disturbed: Option<String>,
    /// Why the two are not comparable: nothing is judged then.
    pub misfits: Vec<String>,
    /// What was judged by.
    pub rule: Rule,
    /// Every metric.
    pub rows: Vec<Row>,
    /// What changed most in the stores: told, and not judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<StoreChange>,
}

/// One number of a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// As a threshold would name it: `http_req_duration: p(95)`.
    pub metric: String,
    /// `ms`, `per_second` or `share`.
    pub unit: Unit,
    /// Whether it belongs to the headline.
    pub headline: bool,
    /// What the baseline has.
    pub base: Option<f64>,
    /// What the new run has.
    pub new: Option<f64>,
    /// The change: relative, for shares the difference.
    #[serde(flatten)]
    pub interval: Option<Interval>,
    /// The judgement.
    pub judgement: Change,
    /// Why it can't be told, if it is for want of data.
    pub note: Option<String>,
}

/// What a number is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Unit {
    Ms,
    PerSecond,
    Share,
}

/// A generator whose timers are so many times as late as in the other run, and so much later, was held up.
const HELD_UP: (f64, f64) = (2.0, 2.0);
/// Chance has to begin somewhere, and always there: the same data give the same answer.
const SEED: u64 = 1;
const MEDIAN: Measure = Measure::Percentile(50.0);
/// The tail that must be told where the whole is said to be the same.
const TAIL: Measure = Measure::Percentile(95.0);
/// Samples that must lie beyond a percentile for it to mean anything.
const BEYOND: f64 = 10.0;

/// Compares a run with its baseline.
#[must_use]
pub fn compare(base: &Subject, new: &Subject, misfits: Vec<String>, rule: Rule) -> Comparison {
    let mut found: Vec<_> = Vec::new();
    for metric in &base.metrics {
        let other = new.metrics.iter().find(|other| other.name == metric.name);
        let before = estimate(&metric.seconds, metric.measures, SEED);
        let after = other.map_or_else(
            || vec![None; metric.measures.len()],
            |other| estimate(&other.seconds, metric.measures, SEED),
        );
        for ((measure, before), after) in metric.measures.iter().zip(before).zip(after) {
            found.push((metric, *measure, before, after));
        }
    }
    let judged = found
        .iter()
        .filter(|(_, measure, before, after)| shortage(*measure, before, after).is_none())
        .count();
    // Bonferroni: the more is asked at once, the surer every single answer must be.
    let confidence = 1.0 - (1.0 - rule.confidence) / judged.max(1) as f64;
    let disturbed = disturbance(base, new);
    let rows: Vec<Row> = found
        .into_iter()
        .map(|(metric, measure, before, after)| {
            let mut row = row(metric, measure, [before, after], confidence, &rule);
            let in_doubt = disturbed.is_some() && row.judgement != Change::Same;
            if in_doubt || !misfits.is_empty() {
                row.judgement = Change::CantTell;
            }
            row
        })
        .collect();
    Comparison {
        version: 1,
        change: match misfits.is_empty() {
            true => whole(&rows),
            false => Change::NotComparable,
        },
        base: base.id.clone(),
        new: new.id.clone(),
        disturbed,
        misfits,
        rule,
        rows,
        stores: stores::changes(&base.stores, &new.stores),
    }
}

/// What holds the generator up makes it send less and later, and holds a server on the same machine
/// up as well: no property of the server.
fn disturbance(base: &Subject, new: &Subject) -> Option<String> {
    let (before, after) = base.lag_ms.zip(new.lag_ms)?;
    let (times, more_ms) = HELD_UP;
    let held_up = before.max(after) > times * before.min(after) && (before - after).abs() > more_ms;
    held_up.then(|| {
        format!(
            "something held the generator up: its timers were {} late in the baseline and {} in this run; measure again",
            ms_unit(before),
            ms_unit(after)
        )
    })
}

fn row(
    metric: &Metric,
    measure: Measure,
    [before, after]: [Option<Estimate>; 2],
    confidence: f64,
    rule: &Rule,
) -> Row {
    let note = shortage(measure, &before, &after);
    let both = before.zip(after).filter(|_| note.is_none());
    let interval = both.map(|(before, after)| interval(&before, &after, measure, confidence));
    let judgement = before
        .zip(interval)
        .map_or(Change::CantTell, |(before, interval)| {
            judge(&interval, before.value, measure, rule)
        });
    let (suffix, unit) = match measure {
        MEDIAN => ("med".to_owned(), Unit::Ms),
        Measure::Percentile(percent) => (format!("p({percent})"), Unit::Ms),
        Measure::PerSecond => ("rate".to_owned(), Unit::PerSecond),
        Measure::Share => ("rate".to_owned(), Unit::Share),
    };
    Row {
        metric: format!("{}: {suffix}", metric.name),
        unit,
        headline: metric.headline
            && matches!(measure, MEDIAN | TAIL | Measure::Share | Measure::PerSecond),
        base: before.map(|before| before.value),
        new: after.map(|after| after.value),
        interval,
        judgement,
        note,
    }
}

/// Why there is too little to go by, if there is.
fn shortage(
    measure: Measure,
    before: &Option<Estimate>,
    after: &Option<Estimate>,
) -> Option<String> {
    let (Some(before), Some(after)) = (before, after) else {
        return Some(format!(
            "not enough of it: at least {FEWEST_BLOCKS} whole seconds with samples are needed in both runs"
        ));
    };
    let Measure::Percentile(percent) = measure else {
        return None;
    };
    let needed = BEYOND / (1.0 - percent / 100.0);
    let fewest = before.samples.min(after.samples);
    // A hair of leeway: 1 − 0.99 is no exact number.
    (fewest as f64 + 0.5 < needed)
        .then(|| format!("{fewest} samples, where this percentile needs {needed:.0}"))
}

fn whole(rows: &[Row]) -> Change {
    let any = |change| rows.iter().any(|row| row.judgement == change);
    let mut headline = rows.iter().filter(|row| row.headline).peekable();
    match () {
        () if any(Change::Worse) => Change::Worse,
        () if any(Change::Better) => Change::Better,
        () if headline.peek().is_some() && headline.all(|row| row.judgement == Change::Same) => {
            Change::Same
        }
        () => Change::CantTell,
    }
}

impl Comparison {
    /// What is worse by more than `limit`, in words. Shares count whenever they are worse: that more
    /// requests fail is never small.
    #[must_use]
    pub fn regressions(&self, limit: f64) -> Vec<String> {
        let beyond = |row: &&Row| {
            let change = row.interval.map_or(0.0, |interval| interval.change.abs());
            row.judgement == Change::Worse && (row.unit == Unit::Share || change > limit)
        };
        let words = |row: &Row| {
            let [base, new, change, _] = row.texts();
            format!(
                "regression: {} went from {base} to {new} ({change}) since {}",
                row.metric, self.base
            )
        };
        self.rows.iter().filter(beyond).map(words).collect()
    }

    /// That the two are not comparable, and why, if so.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        let misfits = self.misfits.join("; ");
        (self.change == Change::NotComparable).then(|| format!("NOT COMPARABLE: {misfits}"))
    }

    /// How many rows were judged so.
    #[must_use]
    pub fn count(&self, change: Change) -> usize {
        self.rows
            .iter()
            .filter(|row| row.judgement == change)
            .count()
    }
}

impl Row {
    /// Baseline, new, change and interval as they are written for people.
    #[must_use]
    pub fn texts(&self) -> [String; 4] {
        let number = |value: Option<f64>| match (value, self.unit) {
            (None, _) => "-".to_owned(),
            (Some(value), Unit::Ms) => ms_unit(value),
            (Some(value), Unit::PerSecond) => format!("{value:.1}/s"),
            (Some(value), Unit::Share) => percent_to(value, 2),
        };
        let unit = if self.unit == Unit::Share { "pp" } else { "%" };
        let (change, interval) = match self.interval {
            None => ("-".to_owned(), "-".to_owned()),
            Some(Interval { change, low, high }) => {
                let [change, low, high] = [change, low, high].map(|share| share * 100.0);
                (
                    format!("{change:+.1} {unit}"),
                    format!("{low:+.1} … {high:+.1}"),
                )
            }
        };
        [number(self.base), number(self.new), change, interval]
    }
}

#[cfg(test)]
mod compare_tests;
#[cfg(test)]
mod truth;
