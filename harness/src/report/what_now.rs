//! What to look at first when a run has failed: one sentence, with a place in the report. Pure.

use std::time::{Duration, SystemTime};

use super::cause::Cause;
use super::document::Document;
use super::explain::Explanation;
use super::summary::Summary;
use crate::format::{clock, cut, grouped};
use crate::threshold::Verdict;

/// The first thing to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WhatNow {
    pub(super) sentence: String,
    /// A section of the page: its anchor and its title.
    pub(super) place: (&'static str, &'static str),
}

const FAILURES: (&str, &str) = ("failures", "Failures");
const WHY: (&str, &str) = ("why", "Why it failed");
const INVARIANTS: (&str, &str) = ("invariants", "Invariants");
const CHECKS: (&str, &str) = ("checks", "Checks");
const BASELINE: (&str, &str) = ("baseline", "Compared with the baseline");

/// What to look at first after a failed run, the weightiest: what the books say, what failed, what
/// was slow, what was checked in vain, what became worse.
pub(super) fn what_now(document: &Document) -> Option<WhatNow> {
    let summary = &document.summary;
    if summary.verdict != Verdict::Fail {
        return None;
    }
    let slow = || {
        document
            .explanations
            .iter()
            .find_map(|one| slow(summary, one))
    };
    broken(summary)
        .or_else(|| failing(document))
        .or_else(slow)
        .or_else(|| checked(summary))
        .or_else(|| worse(document))
}

fn broken(summary: &Summary) -> Option<WhatNow> {
    let row = summary.invariants.iter().find(|row| !row.ok)?;
    Some(WhatNow {
        sentence: format!(
            "Find out what the server did twice or not at all: {} should have been {} and was {}.",
            row.name,
            row.expected,
            row.was()
        ),
        place: INVARIANTS,
    })
}

/// The most frequent failure, with the time for the server's log.
fn failing(document: &Document) -> Option<WhatNow> {
    let points = || document.measured.points.iter();
    let mut counts = std::collections::BTreeMap::new();
    for (key, count) in points().flat_map(|point| &point.failures) {
        *counts.entry(key).or_insert(0_u64) += count;
    }
    let (key, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let [name, status] = key;
    let mut failing = points().filter(|point| point.failures.contains_key(key));
    let first = failing.next()?;
    let last = failing.next_back().unwrap_or(first);
    let summary = &document.summary;
    let when = span(summary, first.from_ms, last.to_ms);
    let requests = document.measured.requests.get(name);
    let all = grouped(requests.map_or(count, |group| group.trend.count()));
    let count = grouped(count);
    let sentence = if status == "0" {
        format!(
            "Check whether the server was up and could be reached {when}: {count} of {all} {name} had no answer."
        )
    } else {
        format!(
            "Look in the server's log for {name} {when}: {count} of {all} were answered {status}."
        )
    };
    Some(WhatNow {
        sentence,
        place: FAILURES,
    })
}

/// What slowed requests down.
fn slow(summary: &Summary, explanation: &Explanation) -> Option<WhatNow> {
    let cause = explanation.cause.as_ref()?;
    let slowest = explanation.slowest.first();
    let when = slowest.map_or_else(String::new, |slow| {
        format!(" {}", moment(summary, slow.at_ms))
    });
    let sentence = match cause {
        Cause::Store(label) => {
            format!("Look at what {label} did{when}: the slow requests waited for it.")
        }
        Cause::Queue(label) => format!(
            "The server was sent more than it can handle: requests waited ({label}){when}. Send less or give it more; `{} capacity` finds the largest load that holds.",
            program(summary)
        ),
        Cause::Handler | Cause::Server | Cause::Unknown => {
            format!("Look at the server's own CPU and code, and at the network{when}: {cause}.")
        }
        Cause::Generator => format!(
            "The generator had no CPU{when}: run it on another machine than the server, or with fewer virtual users."
        ),
    };
    Some(WhatNow {
        sentence,
        place: WHY,
    })
}

fn checked(summary: &Summary) -> Option<WhatNow> {
    if summary.tolerates_failed_checks() {
        return None;
    }
    let row = summary.checks.iter().max_by_key(|row| row.fails)?;
    (row.fails > 0).then(|| WhatNow {
        sentence: format!(
            "Look at the answers that fail the check “{}” of {}: {} of {} did.",
            cut(&row.name, 120),
            row.who(),
            grouped(row.fails),
            grouped(row.fails + row.passes)
        ),
        place: CHECKS,
    })
}

fn worse(document: &Document) -> Option<WhatNow> {
    document.comparison.as_ref()?;
    Some(WhatNow {
        sentence: "Look at what changed in the server since the baseline.".to_owned(),
        place: BASELINE,
    })
}

fn program(summary: &Summary) -> &str {
    summary.run.command.split(' ').next().unwrap_or_default()
}

/// `at 12s (18:51:05 UTC)`.
fn moment(summary: &Summary, at_ms: u64) -> String {
    let day = of_day(summary, at_ms).map(|time| format!(" ({time} UTC)"));
    format!("at {}{}", clock(at_ms), day.unwrap_or_default())
}

/// `from 18:51:05 to 18:51:09 UTC`.
fn span(summary: &Summary, from_ms: u64, to_ms: u64) -> String {
    match of_day(summary, from_ms).zip(of_day(summary, to_ms)) {
        Some((from, to)) => format!("from {from} to {to} UTC"),
        None => format!("from {} to {}", clock(from_ms), clock(to_ms)),
    }
}

/// The time of day of a moment of the run, as logs have it.
fn of_day(summary: &Summary, at_ms: u64) -> Option<String> {
    let began: SystemTime = humantime::parse_rfc3339(&summary.run.started_at).ok()?;
    let at = began.checked_add(Duration::from_millis(at_ms))?;
    let text = humantime::format_rfc3339_seconds(at).to_string();
    let (_, time) = text.split_once('T')?;
    Some(time.trim_end_matches('Z').to_owned())
}
