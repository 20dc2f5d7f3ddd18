//! Why it failed: for every crossed threshold and broken invariant, the explanation in words and
//! the evidence. Pure.

use super::cause::{Blame, Cause};
use super::evidence::Evidence;
use super::measured::DURATION;
use super::same_time::same_time;
use super::series::{Row, Second, Slow};
use super::shares::{Shares, when};
use super::summary::FailureRow;
use super::suspects::{Span, Stores, bad, spans, stores};
use crate::catalogue::RequestEntry;
use crate::format::{grouped, listed, ms_unit, number, percent};
use crate::invariant::Invariant;
use crate::metrics::{Aggregation, Encoded, Kind, Trend};
use crate::threshold::Threshold;

/// Why something didn't hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation {
    /// The threshold or invariant.
    pub subject: String,
    /// What, when, who and why: sentences in this order.
    pub sentences: Vec<String>,
    /// What slowed requests down, where that is the matter.
    pub cause: Option<Cause>,
    /// What changed in the stores at the same time.
    pub stores: Option<Stores>,
    /// The slowest requests concerned.
    pub slowest: Vec<Slow>,
    /// Unexpected answers concerned.
    pub errors: Vec<FailureRow>,
    /// The bad seconds, from and to in ms.
    pub(super) bad: Vec<(u64, u64)>,
}

/// Explains what didn't hold, the weightiest first: invariants, then thresholds.
#[must_use]
pub(super) fn explain(evidence: &Evidence<'_>) -> Vec<Explanation> {
    let summary = &evidence.summary;
    let broken = summary.invariants.iter().filter(|row| !row.ok);
    let crossed = summary.thresholds.iter().filter(|row| !row.ok);
    let invariants = broken.map(|row| invariant(evidence, row));
    let thresholds = crossed.map(|row| match summary.threshold(&row.expression) {
        Some(threshold) => crossed_threshold(evidence, &threshold, row.actual),
        // Another version's: what it says stands in the reasons.
        None => Explanation {
            subject: row.expression.clone(),
            ..Explanation::default()
        },
    });
    invariants.chain(thresholds).collect()
}

fn crossed_threshold(
    evidence: &Evidence<'_>,
    threshold: &Threshold,
    actual: Option<f64>,
) -> Explanation {
    let mut explanation = Explanation {
        subject: threshold.to_string(),
        ..Explanation::default()
    };
    let Some(actual) = actual else {
        let sentence = "It had no data, and a threshold without data fails.";
        explanation.sentences.push(sentence.to_owned());
        return explanation;
    };
    match (threshold.metric.name, threshold.metric.kind()) {
        (_, Kind::Rate) => {
            failing(evidence, threshold, actual, &mut explanation);
        }
        (_, Kind::Trend) => slow(evidence, threshold, actual, &mut explanation),
        (name, _) => {
            let sentence = format!(
                "{name} came to {}, and {} {} was asked for.",
                number(actual),
                threshold.operator.words(),
                number(threshold.limit)
            );
            explanation.sentences.push(sentence);
            if name == "http_reqs" || name == "iterations" {
                // At a rate, slow answers make no fewer requests: what was dropped stands in the reasons.
                if evidence.summary.run.model != "open" {
                    explanation.sentences.push("Virtual users send the next request when the last one is answered, so slow answers mean fewer requests.".to_owned());
                }
                let (parts, all) = (evidence.parts(), evidence.seconds);
                let blame = Blame::of(parts, all, &threshold.filter.0, |_| true);
                conclude(&blame, blame.cause(), &mut explanation);
                let slow = spans(all, &threshold.filter.0, |_| true);
                look_at_stores(evidence, &slow, &mut explanation);
                // It is about the whole run: no second of it is worse than another.
                explanation.bad.clear();
            }
        }
    }
    explanation
}

impl Explanation {
    /// What is to blame in one line: what is known of the stores, or else where the time went.
    #[must_use]
    pub fn first_cause(&self) -> Option<String> {
        let known = self.stores.as_ref().and_then(Stores::first_cause);
        known.or_else(|| self.cause.as_ref().map(ToString::to_string))
    }
}

/// Says what changed in the stores while these were under way.
fn look_at_stores(evidence: &Evidence<'_>, slow: &[Span], explanation: &mut Explanation) {
    explanation.bad = bad(evidence.seconds, slow);
    let is_generator = explanation.cause == Some(Cause::Generator);
    explanation.stores = stores(evidence.seconds, slow, is_generator);
    let sentences = explanation.stores.iter().flat_map(Stores::sentences);
    explanation.sentences.extend(sentences);
}

/// What a trend is made of: the rows' metric, and the tags that they must have.
fn rows_of<'a>(
    evidence: &Evidence<'_>,
    threshold: &'a Threshold,
) -> (&'a str, Vec<(String, String)>) {
    let mut tags = threshold.filter.0.clone();
    let name = threshold.metric.name;
    let feeds = |request: &&RequestEntry| request.trend.as_deref() == Some(name);
    let mut feeding = evidence.summary.catalogue.requests.iter().filter(feeds);
    match (feeding.next(), feeding.next()) {
        (Some(request), None) => {
            tags.push(("name".to_owned(), request.name.clone()));
            (DURATION, tags)
        }
        _ => (name, tags),
    }
}

fn slow(
    evidence: &Evidence<'_>,
    threshold: &Threshold,
    actual: f64,
    explanation: &mut Explanation,
) {
    let (metric, tags) = rows_of(evidence, threshold);
    let limit = threshold.limit;
    explanation.sentences.push(format!(
        "It was {}, and {} {} was asked for.",
        ms_unit(actual),
        threshold.operator.words(),
        ms_unit(limit)
    ));
    let mut over = Vec::new();
    let mut seconds = 0_u64;
    let mut who = Shares::default();
    for second in evidence.seconds {
        let rows = second.trends.iter().filter(|row| row.is(metric, &tags));
        let whole = slow_of(rows, limit, &mut who);
        let Some(actual) = aggregated(&whole, threshold.aggregation) else {
            continue;
        };
        seconds += 1;
        if !threshold.operator.holds(actual, limit) {
            over.push(second);
        }
    }
    explanation.sentences.extend(when(&over, seconds));
    let of_requests = metric == DURATION;
    let what = if of_requests {
        "requests"
    } else {
        "iterations"
    };
    explanation
        .sentences
        .extend(who.sentence(&format!("{what} above {}", ms_unit(limit))));
    let parts = evidence.parts();
    if of_requests {
        let all = evidence.seconds;
        let blame = Blame::of(parts, all, &tags, |slow| slow.duration > limit);
        explanation.slowest = evidence.slowest(&tags, limit);
        conclude(&blame, blame.cause(), explanation);
        let slow = spans(all, &tags, |slow| slow.duration > limit);
        look_at_stores(evidence, &slow, explanation);
    } else {
        // One is slow by all of its requests, of which none needs to be slow by itself, and by what
        // the generator took in between.
        let slow = whole(&over);
        let blame = Blame::of(parts, over, &tags, |_| true);
        explanation.slowest = evidence.slowest(&tags, 0.0);
        conclude(&blame, blame.cause_of_iterations(), explanation);
        look_at_stores(evidence, &slow, explanation);
    }
}

/// These seconds as spans.
fn whole(seconds: &[&Second]) -> Vec<Span> {
    let span = |second: &&Second| Span {
        from: second.elapsed_ms.saturating_sub(second.length_ms) as f64,
        to: second.elapsed_ms as f64,
    };
    seconds.iter().map(span).collect()
}

/// The sum of rows; `who` is told of what lies above the limit.
fn slow_of<'a>(
    rows: impl Iterator<Item = &'a Row<Encoded>>,
    limit: f64,
    who: &mut Shares,
) -> Trend {
    let mut whole = Trend::default();
    for row in rows {
        if let Ok(trend) = row.value.decode() {
            who.add(row, trend.count() - trend.count_up_to_ms(limit));
            whole.merge(&trend);
        }
    }
    whole
}

/// What a trend comes to, if it has samples.
fn aggregated(trend: &Trend, aggregation: Aggregation) -> Option<f64> {
    (!trend.is_empty()).then(|| match aggregation {
        Aggregation::Avg => trend.avg_ms(),
        Aggregation::Min => trend.min_ms(),
        Aggregation::Max => trend.max_ms(),
        Aggregation::Percentile(percent) => trend.percentile_ms(percent),
        _ => trend.percentile_ms(50.0),
    })
}

/// Rates: requests or checks that failed.
fn failing(
    evidence: &Evidence<'_>,
    threshold: &Threshold,
    actual: f64,
    explanation: &mut Explanation,
) {
    let checks = threshold.metric.name == "checks";
    let tags = &threshold.filter.0;
    explanation.sentences.push(format!(
        "It was {}, and {} {} was asked for.",
        percent(actual),
        threshold.operator.words(),
        percent(threshold.limit)
    ));
    let mut over = Vec::new();
    let mut who = Shares::default();
    for second in evidence.seconds {
        let before = who.total;
        add_failures(second, threshold, &mut who);
        if who.total > before {
            over.push(second);
        }
    }
    explanation
        .sentences
        .extend(when(&over, evidence.seconds.len() as u64));
    let what = if checks { "failed checks" } else { "failures" };
    explanation.sentences.extend(who.sentence(what));
    let failed = who.values("name");
    explanation.errors = evidence.errors(|row| checks || failed.contains(&row.name.as_str()));
    if let Some(sentence) = meaning(&explanation.errors) {
        explanation.sentences.push(sentence);
    }
    explanation
        .sentences
        .extend(same_times(evidence, &explanation.errors));
    if checks {
        // Nobody knows how long the request took that failed one, but in which second that was.
        look_at_stores(evidence, &whole(&over), explanation);
        return;
    }
    let mut unexpected = tags.clone();
    unexpected.push(("expected_response".to_owned(), "false".to_owned()));
    explanation.slowest = evidence.slowest(&unexpected, 0.0);
    // What was refused at once was not slow; what timed out was.
    if explanation.errors.iter().any(timed_out) {
        let blame = Blame::of(evidence.parts(), evidence.seconds, &unexpected, |_| true);
        conclude(&blame, blame.cause(), explanation);
    }
    let slow = spans(evidence.seconds, &unexpected, |_| true);
    look_at_stores(evidence, &slow, explanation);
}

/// Which of these requests' failures look like a time-out behind the API.
fn same_times(evidence: &Evidence<'_>, errors: &[FailureRow]) -> Vec<String> {
    let mut names: Vec<&str> = errors.iter().map(|row| row.name.as_str()).collect();
    names.dedup();
    let said = names.into_iter().filter_map(|name| {
        let times = |expected: &str| {
            let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
            let tags = [
                tag("name", name),
                tag("expected_response", expected),
                tag("status", "!0"),
            ];
            let rows = evidence.seconds.iter().flat_map(|second| &second.trends);
            let mut times = Trend::default();
            for row in rows.filter(|row| row.is(DURATION, &tags)) {
                row.value.add_to(&mut times).ok()?;
            }
            Some(times)
        };
        same_time(name, &times("false")?, &times("true")?)
    });
    said.map(|said| format!("{said}.")).collect()
}

/// Adds what failed in a second.
fn add_failures(second: &Second, threshold: &Threshold, who: &mut Shares) {
    let (name, tags) = (threshold.metric.name, &threshold.filter.0);
    if name != "checks" {
        for row in second.trends.iter().filter(|row| row.is(DURATION, tags)) {
            who.add(row, failures(row, name));
        }
        return;
    }
    // Stages are no tag of these rows: a second is of one stage but for its edges.
    let wanted = tags.iter().filter(|(key, _)| key != "stage");
    let wanted: Vec<_> = wanted.cloned().collect();
    for row in second.rates.iter().filter(|row| row.is("checks", &wanted)) {
        who.add(row, row.value.fails);
    }
}

fn timed_out(row: &FailureRow) -> bool {
    row.status == 0 && row.sample.contains("timed out")
}

fn failures(row: &Row<Encoded>, metric: &str) -> u64 {
    let failed = match metric {
        "http_req_failed" => row.tag("expected_response") == "false",
        _ => !row
            .tag("status")
            .parse()
            .is_ok_and(|status: u16| (1..400).contains(&status)),
    };
    if failed { row.value.count } else { 0 }
}

fn invariant(evidence: &Evidence<'_>, row: &Invariant) -> Explanation {
    let mut sentences = vec![format!("Expected {}, found {}.", row.expected, row.was())];
    sentences.extend(row.detail.clone());
    sentences.push(
        "It is checked only after the load, so the time at which it began is unknown.".to_owned(),
    );
    let errors = evidence.errors(|failure| row.requests.contains(&failure.name));
    sentences.extend(same_times(evidence, &errors));
    let unexpected = evidence
        .measured
        .requests
        .iter()
        .filter(|(name, group)| group.failed > 0 && row.requests.contains(*name));
    let unexpected: Vec<_> = unexpected
        .map(|(name, group)| format!("{} of {name}", grouped(group.failed)))
        .collect();
    sentences.push(if unexpected.is_empty() {
        "No request behind this rule had an unexpected answer: the server confirmed them, but its data differs.".to_owned()
    } else {
        format!("Unexpected answers to the requests behind this rule: {}.", unexpected.join(", "))
    });
    Explanation {
        subject: row.name.clone(),
        sentences,
        errors,
        ..Explanation::default()
    }
}

/// What the statuses of unexpected answers mean, and where to look next.
fn meaning(errors: &[FailureRow]) -> Option<String> {
    let any =
        |statuses: std::ops::Range<u16>| errors.iter().any(|row| statuses.contains(&row.status));
    Some(
        match () {
            () if any(500..600) => "The server failed (5xx): its log says why.",
            () if errors.iter().any(timed_out) => "The server did not answer within the time-out.",
            () if any(0..1) => {
                "There was no answer: the server could not be reached, or closed the connection."
            }
            () if any(400..500) => {
                "The server refused a request that it should accept (4xx): the answer's body says why."
            }
            () => return None,
        }
        .to_owned(),
    )
}

fn conclude(blame: &Blame<'_>, cause: Option<Cause>, explanation: &mut Explanation) {
    let Some(cause) = cause else { return };
    let because = cause.because(blame.known);
    let late = format!(
        "the generator's timers were late by {}",
        ms_unit(blame.mean_lag())
    );
    explanation.sentences.push(match longest(blame) {
        Some(longest) => format!(
            "Cause: {cause}: {because}. Time of the slowest requests of each second: {}. In the same seconds, requests like these took at most {longest}, and {late}.",
            shares(blame)
        ),
        None => format!("Cause: {cause}: {because}. In the same seconds, {late}."),
    });
    explanation.cause = Some(cause);
}

/// The parts' shares of the time of the slowest requests, the largest first.
fn shares(blame: &Blame<'_>) -> String {
    let names = blame.known.iter().map(|part| part.name.as_str());
    let parts = names.zip(blame.parts.iter().copied());
    let mut parts: Vec<_> = parts.chain([("elsewhere", blame.rest())]).collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let share = |(name, part): &(&str, f64)| format!("{name} {}", percent(blame.share(*part)));
    parts.iter().map(share).collect::<Vec<_>>().join(", ")
}

/// The longest of each part in a single request, if there are parts.
fn longest(blame: &Blame<'_>) -> Option<String> {
    let parts = blame.known.iter().zip(&blame.longest);
    let parts = parts.map(|(part, ms)| format!("{} in {}", ms_unit(*ms), part.label));
    (!blame.known.is_empty()).then(|| listed(parts, "and"))
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
