//! Which second, stage, persona, request and status crossed a threshold. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::parse::{Operator, Threshold};
use crate::format::clock;
use crate::metrics::{Of, RateOf, RequestTags, Snapshot, Trend, TrendOf, who};

/// When a threshold was crossed, and what had the largest part in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Crossing {
    /// When its second began, in seconds since the start of the run: the first second from which
    /// on the threshold didn't hold any more, or with a window the last one of the worst.
    pub second: u64,
    /// The stage then.
    pub stage: String,
    /// What crossed it most, where its metric tells series apart.
    #[serde(flatten)]
    pub culprit: Option<Culprit>,
}

/// The series that had the largest part in crossing a threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Culprit {
    /// Its scenario.
    pub scenario: &'static str,
    /// Its persona.
    pub persona: &'static str,
    /// Name of its requests or of the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// Status of the answers, 0 where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How many of its samples were on the wrong side of the limit.
    pub wrong: u64,
    /// How many samples it had.
    pub samples: u64,
    /// What was wrong with them, such as "too slow".
    #[serde(skip)]
    pub fault: &'static str,
}

impl Crossing {
    /// The crossing in the second that began at `began` in `stage`, by what `snapshot` has.
    #[must_use]
    pub fn find(threshold: &Threshold, began: Duration, stage: &str, snapshot: &Snapshot) -> Self {
        Self {
            second: began.as_secs(),
            stage: stage.to_owned(),
            culprit: culprit(threshold, snapshot),
        }
    }
}

impl fmt::Display for Crossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} ({})", clock(self.second * 1_000), self.stage)?;
        let Some(culprit) = &self.culprit else {
            return Ok(());
        };
        write!(
            f,
            ": {} of {} {} (",
            culprit.wrong, culprit.samples, culprit.fault
        )?;
        write!(f, "{}", who(culprit.scenario, culprit.persona))?;
        if let Some(name) = culprit.name {
            write!(f, " {name}")?;
        }
        match culprit.status {
            None => {}
            Some(0) => write!(f, " unanswered")?,
            Some(status) => write!(f, " {status}")?,
        }
        write!(f, ")")
    }
}

/// Scenario, persona, name and status of a series.
type Key = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Option<u16>,
);

/// Samples of a series: those on the wrong side of the limit, and all.
type Count = (u64, u64);

/// The series with the most samples on the wrong side.
fn culprit(threshold: &Threshold, snapshot: &Snapshot) -> Option<Culprit> {
    let counted = match threshold.metric.of {
        Of::Rate(RateOf::Checks) => of_checks(threshold, snapshot),
        Of::Rate(of) => of_request_rates(threshold, of, snapshot),
        Of::Trend(of) => of_trends(threshold, of, snapshot),
        // Everything has its part in a sum.
        Of::Counter(_) | Of::Gauge(_) => Vec::new(),
    };
    let mut series: BTreeMap<Key, Count> = BTreeMap::new();
    for (key, (wrong, samples)) in counted {
        let sums = series.entry(key).or_default();
        sums.0 += wrong;
        sums.1 += samples;
    }
    let ((scenario, persona, name, status), (wrong, samples)) = series
        .into_iter()
        .filter(|(_, (wrong, _))| *wrong > 0)
        .max_by_key(|(_, (wrong, _))| *wrong)?;
    Some(Culprit {
        scenario,
        persona,
        name,
        status,
        wrong,
        samples,
        fault: fault(threshold),
    })
}

/// What is wrong with a sample on the wrong side of the limit.
fn fault(threshold: &Threshold) -> &'static str {
    match (threshold.metric.of, passes_are_wrong(threshold)) {
        (Of::Rate(RateOf::Checks), true) => "held",
        (Of::Rate(RateOf::Checks), false) | (Of::Rate(RateOf::Failed), true) => "failed",
        (Of::Rate(RateOf::Failed), false) => "did not fail",
        (Of::Rate(RateOf::Success), true) => "succeeded",
        (Of::Rate(RateOf::Success), false) => "did not succeed",
        _ if is_lower_bound(threshold) => "were too quick",
        _ => "were too slow",
    }
}

fn of_checks(threshold: &Threshold, snapshot: &Snapshot) -> Vec<(Key, Count)> {
    let checks = snapshot.checks_of(&threshold.filter);
    let counted = checks.map(|(tags, counts)| {
        let all = counts.passes + counts.fails;
        let key = (tags.scenario, tags.persona, Some(tags.check), None);
        (key, (wrong_of_rate(threshold, counts.passes, all), all))
    });
    counted.collect()
}

fn of_request_rates(threshold: &Threshold, of: RateOf, snapshot: &Snapshot) -> Vec<(Key, Count)> {
    let requests = snapshot.requests_of(&threshold.filter);
    let ended = requests.filter(|(tags, _)| !tags.is_interrupted());
    let counted = ended.map(|(tags, requests)| {
        let all = requests.count();
        let holds = match of {
            RateOf::Failed => !tags.expected,
            _ => (1..400).contains(&tags.status),
        };
        let passes = if holds { all } else { 0 };
        let wrong = wrong_of_rate(threshold, passes, all);
        (of_request(tags), (wrong, all))
    });
    counted.collect()
}

fn of_trends(threshold: &Threshold, of: TrendOf, snapshot: &Snapshot) -> Vec<(Key, Count)> {
    let filter = &threshold.filter;
    let count = |trend| (wrong_of_trend(threshold, trend), trend.count());
    let requests = snapshot.request_trends(of, filter);
    let requests = requests.map(|(tags, trend)| (of_request(tags), count(trend)));
    let iterations = snapshot.iteration_trends(of, filter);
    let iterations = iterations.map(|(tags, trend)| {
        let key = (tags.scenario, tags.persona, None, None);
        (key, count(trend))
    });
    requests.chain(iterations).collect()
}

fn of_request(tags: &RequestTags) -> Key {
    let (name, status) = (Some(tags.name), Some(tags.status));
    (tags.scenario, tags.persona, name, status)
}

fn wrong_of_rate(threshold: &Threshold, passes: u64, all: u64) -> u64 {
    if passes_are_wrong(threshold) {
        passes
    } else {
        all - passes
    }
}

/// Whether a rate is crossed by what it counts, and not by the rest.
fn passes_are_wrong(threshold: &Threshold) -> bool {
    match threshold.operator {
        Operator::Less | Operator::LessOrEqual => true,
        Operator::Greater | Operator::GreaterOrEqual => false,
        // Fewer than all where all were wanted, some where none were.
        Operator::Equal => threshold.limit < 0.5,
        Operator::NotEqual => threshold.limit >= 0.5,
    }
}

fn wrong_of_trend(threshold: &Threshold, trend: &Trend) -> u64 {
    let within = trend.count_up_to_ms(threshold.limit);
    if is_lower_bound(threshold) {
        within
    } else {
        trend.count() - within
    }
}

fn is_lower_bound(threshold: &Threshold) -> bool {
    matches!(
        threshold.operator,
        Operator::Greater | Operator::GreaterOrEqual
    )
}
