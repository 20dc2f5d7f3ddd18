//! Whether the tags of a threshold occur together. Each may occur, but perhaps no series has all.

use super::occurring::{Values, may_send};
use super::outcome::{CUT, Pairs, outcomes, wanted};
use super::scenario::{Scenario, plan};
use crate::catalogue::RequestEntry;
use crate::metrics::{Counter, Of, Proto, SET_UP};
use crate::persona::Role;
use crate::threshold::Threshold;

/// What may be measured: a request, a check or an iteration of somebody in a stage.
pub(super) struct Series<'a> {
    scenario: &'static str,
    /// Nobody where the set-up does it.
    role: Option<Role>,
    stage: String,
    pub(super) request: Option<&'a RequestEntry>,
    check: Option<&'a str>,
}

impl Series<'_> {
    fn persona(&self) -> &'static str {
        self.role.as_ref().map_or(SET_UP, |role| role.name)
    }
}

/// Refuses a threshold whose tags no series has together.
///
/// # Errors
/// Two of them that exclude each other, or that all of them do.
pub(super) fn refuse_apart(
    values: &Values<'_>,
    threshold: &Threshold,
    scenarios: &[Scenario],
) -> Result<(), String> {
    let all = all_series(values, threshold, scenarios);
    let found = |pairs: &Pairs<'_>| {
        let mut all = all.iter();
        all.any(|series| takes(values, threshold.metric.of, series, pairs))
    };
    let pairs: Pairs<'_> = threshold.filter.0.iter().collect();
    if found(&pairs) {
        return Ok(());
    }
    for (at, one) in pairs.iter().enumerate() {
        for other in &pairs[at + 1..] {
            if !found(&vec![*one, *other]) {
                return Err(apart(values, &all, one, other));
            }
        }
    }
    let metric = threshold.metric.name;
    Err(match &pairs[..] {
        [] => format!("{metric} has no data in this run"),
        [(key, value)] => format!("nothing in {metric} has {key}:{value}"),
        _ => format!("nothing in {metric} has all of {}", threshold.filter),
    })
}

/// What is said of two pairs: what the one has where it is.
fn apart(
    values: &Values<'_>,
    all: &[Series<'_>],
    one: &(String, String),
    other: &(String, String),
) -> String {
    let told = |(key, value): &(String, String)| format!("{key}:{value}");
    let reasons = [(one, other), (other, one)].map(|(one, of)| reason(values, all, one, of));
    let why = reasons.into_iter().flatten().min_by_key(String::len);
    let why = why.map_or(String::new(), |why| format!(": {why}"));
    format!("nothing has both {} and {}{why}", told(one), told(other))
}

/// Which methods a request has, which requests a persona sends, and so on.
fn reason(
    values: &Values<'_>,
    all: &[Series<'_>],
    (key, value): &(String, String),
    (of, _): &(String, String),
) -> Option<String> {
    if value.starts_with('!') || key == of {
        return None;
    }
    if key == "status" && of == "expected_response" {
        return Some(format!(
            "no request expects {value}, so that it is a failure"
        ));
    }
    let here = all.iter().filter(|series| {
        let pair = (key.clone(), value.clone());
        takes(values, Of::Counter(Counter::Requests), series, &vec![&pair])
    });
    let mut known: Vec<String> = Vec::new();
    for series in here {
        let has = match of.as_str() {
            "scenario" => Some(series.scenario.to_owned()),
            "persona" => Some(series.persona().to_owned()),
            "stage" => Some(series.stage.clone()),
            "name" => series.request.map(|request| request.name.clone()),
            "method" => series.request.map(|request| request.method.clone()),
            "check" => series.check.map(str::to_owned),
            _ => None,
        };
        known.extend(has.filter(|has| !known.contains(has)));
    }
    let known = Some(known.join(", ")).filter(|known| !known.is_empty());
    known.map(|known| format!("with {key}:{value}, {of} is {known}"))
}

/// Whether a series passes these pairs, as far as anybody knows before the load.
pub(super) fn takes(values: &Values<'_>, of: Of, series: &Series<'_>, pairs: &Pairs<'_>) -> bool {
    let each = |(key, text): &(String, String)| match text.strip_prefix('!') {
        Some(value) => has(values, series, key, value) != Some(true),
        None => has(values, series, key, text) != Some(false),
    };
    pairs.iter().all(|pair| each(pair)) && has_status(values, of, series, pairs)
}

/// Whether a series has this tag; nothing where it may have it or not.
fn has(values: &Values<'_>, series: &Series<'_>, key: &str, value: &str) -> Option<bool> {
    let Series { request, check, .. } = series;
    match key {
        "scenario" => Some(series.scenario == value),
        "persona" => Some(series.persona() == value),
        "stage" => Some(series.stage == value),
        "name" => request.map(|request| request.name == value),
        "method" => request
            .filter(|request| !values.occurring.redirects && !request.method.is_empty())
            .map(|request| request.method == value),
        "check" => check.map(|check| check == value),
        "proto" => match values.protos {
            [only] => Some(only.as_str() == value),
            several => several
                .iter()
                .all(|one: &Proto| one.as_str() != value)
                .then_some(false),
        },
        "status" | "expected_response" => None,
        own => Some(values.occurring.names.has(series.scenario, own, value)),
    }
}

/// Whether there is a status that these pairs and the request's own expectation leave.
fn has_status(values: &Values<'_>, of: Of, series: &Series<'_>, pairs: &Pairs<'_>) -> bool {
    let Some(request) = series.request else {
        return true;
    };
    // A request that was cut has no status, and it is unknown which one it would have had.
    if of == Of::Counter(Counter::RequestsInterrupted) {
        return wanted(pairs, CUT);
    }
    outcomes(values, request).any(|outcome| wanted(pairs, outcome))
}

/// Everything that may be measured of a metric.
pub(super) fn all_series<'a>(
    values: &'a Values<'_>,
    threshold: &Threshold,
    scenarios: &[Scenario],
) -> Vec<Series<'a>> {
    let plan = plan(scenarios);
    let spans = plan.spans();
    let mut who: Vec<(&'static str, Option<Role>, Vec<String>)> = Vec::new();
    for (number, scenario) in scenarios.iter().enumerate() {
        let here = spans.iter().filter(|span| span.part == number);
        let stages: Vec<String> = here.map(|span| span.name.to_owned()).collect();
        let roles = scenario.mix.shares().map(|(role, _)| role);
        who.extend(roles.map(|role| (scenario.label(), Some(role), stages.clone())));
    }
    let tags = threshold.metric.tags;
    if tags.contains(&"name") || tags.contains(&"check") {
        let first = spans.first().map(|span| span.name.to_owned());
        who.push((SET_UP, None, first.into_iter().collect()));
    }
    let mut all = Vec::new();
    for (scenario, role, stages) in who {
        let subjects = subjects(values, threshold, role);
        for stage in stages {
            all.extend(subjects.iter().map(|(request, check)| Series {
                scenario,
                role,
                stage: stage.clone(),
                request: *request,
                check: *check,
            }));
        }
    }
    all
}

/// The requests that somebody sends, or the checks that somebody makes; nothing in particular
/// where the metric has neither.
fn subjects<'a>(
    values: &'a Values<'_>,
    threshold: &Threshold,
    role: Option<Role>,
) -> Vec<(Option<&'a RequestEntry>, Option<&'a str>)> {
    let of_persona = |request: &RequestEntry| {
        !request.unsent && role.is_none_or(|role| may_send(&role, request))
    };
    let requests = values.occurring.names.catalogue.requests.iter();
    let tags = threshold.metric.tags;
    if tags.contains(&"name") {
        let feeds = |request: &&RequestEntry| values.feeds(threshold, request);
        let sent = requests.filter(feeds).filter(|request| of_persona(request));
        return sent.map(|request| (Some(request), None)).collect();
    }
    let checks = &values.occurring.checks;
    if !tags.contains(&"check") || checks.is_empty() {
        return vec![(None, None)];
    }
    let sent: Vec<&RequestEntry> = requests.filter(|request| of_persona(request)).collect();
    let readable = sent.iter().map(|request| request.readable.as_str());
    let readable = readable.filter(|check| !check.is_empty());
    let own = checks.iter().filter(|check| {
        let is_sent = |name: &&str| sent.iter().any(|request| request.name == **name);
        check.requests.is_empty() || check.requests.iter().any(is_sent)
    });
    let own = own.map(|check| check.name);
    own.chain(readable)
        .map(|check| (None, Some(check)))
        .collect()
}

#[cfg(test)]
#[path = "together_tests.rs"]
mod tests;
