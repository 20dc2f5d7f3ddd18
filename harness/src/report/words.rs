//! What every report says in the same words: the verdict, the SLA, what was measured. Pure.

use super::summary::{Summary, ThresholdRow};
use crate::format::{grouped, ms, ms_unit, number, plural};
use crate::metrics::Trend;
use crate::threshold::Verdict;

/// The verdict in a word.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Invalid => "INVALID",
    }
}

/// What the verdict means, in a sentence.
pub(super) fn headline(summary: &Summary) -> String {
    match summary.verdict {
        Verdict::Pass => {
            let (thresholds, invariants) = (summary.thresholds.len(), summary.invariants.len());
            format!("{}.", hold(thresholds, invariants))
        }
        Verdict::Fail => failed(summary),
        Verdict::Invalid => "This run says nothing about the server.".to_owned(),
    }
}

/// How many thresholds and invariants hold. A kind of which there were none is left out.
pub(super) fn hold(thresholds: usize, invariants: usize) -> String {
    let counts = [
        (thresholds, "threshold", "thresholds"),
        (invariants, "invariant", "invariants"),
    ];
    let some = counts.iter().filter(|(count, ..)| *count > 0);
    let some: Vec<String> = some
        .map(|(count, one, many)| plural(*count as u64, one, many))
        .collect();
    match (some.is_empty(), thresholds + invariants) {
        (true, _) => "no threshold and no invariant was checked".to_owned(),
        (false, 1) => format!("{} holds", some.join("")),
        (false, _) => format!("{} hold", some.join(" and ")),
    }
}

/// How many of what was asked for did not hold; or the first reason, where all of that did.
fn failed(summary: &Summary) -> String {
    let crossed = summary.thresholds.iter().filter(|row| !row.ok).count();
    let broken = summary.invariants.iter().filter(|row| !row.ok).count();
    let parts = [
        (crossed, summary.thresholds.len(), "thresholds crossed"),
        (broken, summary.invariants.len(), "invariants broken"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(wrong, ..)| *wrong > 0)
        .map(|(wrong, all, what)| format!("{wrong} of {all} {what}"))
        .collect();
    match (parts.is_empty(), summary.reasons.first()) {
        (true, Some(reason)) => format!("{reason}."),
        _ => format!("{}.", parts.join(", ")),
    }
}

/// The SLA on request durations: its words, and its limit in ms. One over all requests if there is one,
/// else one of certain stages or a scenario.
pub(super) fn sla(summary: &Summary) -> Option<(String, f64)> {
    let slas: Vec<_> = summary
        .thresholds
        .iter()
        .filter_map(|row| summary.threshold(&row.expression))
        .filter(|threshold| threshold.metric.name == "http_req_duration")
        .collect();
    let whole = slas.iter().find(|sla| sla.filter.0.is_empty());
    let part = |sla: &&crate::threshold::Threshold| {
        let mut keys = sla.filter.0.iter().map(|(key, _)| key.as_str());
        keys.all(|key| matches!(key, "stage" | "scenario"))
    };
    let sla = whole.or_else(|| slas.iter().find(part))?;
    let words = sla.to_string();
    let words = words
        .strip_prefix("http_req_duration")
        .unwrap_or(&words)
        .trim_start_matches(": ")
        .to_owned();
    Some((words, sla.limit))
}

/// A percentile with its unit. Nothing has none.
pub(super) fn percentile(of: &Trend, percent: f64) -> String {
    if of.is_empty() {
        "no requests".to_owned()
    } else {
        ms_unit(of.percentile_ms(percent))
    }
}

/// What is said of requests that were cut, each with its time so far: how many, and the shortest and
/// the longest, which took at least that long.
pub(super) fn cut_short(times: &Trend) -> [(&'static str, String); 3] {
    let least = |time| format!("≥ {}", ms(time));
    [
        ("count", grouped(times.count())),
        ("shortest", least(times.min_ms())),
        ("longest", least(times.max_ms())),
    ]
}

/// Shown instead of a missing number.
pub(super) const fn no_data(ok: bool) -> &'static str {
    if ok { "not sent" } else { "no data" }
}

/// What was measured, in the unit of its threshold.
pub(super) fn actual(summary: &Summary, row: &ThresholdRow) -> String {
    match (row.actual, summary.threshold(&row.expression)) {
        (None, _) => no_data(row.ok).to_owned(),
        (Some(value), Some(threshold)) => threshold.measured(value),
        (Some(value), None) => number(value),
    }
}
