//! Why it failed: for every crossed threshold and broken invariant, the explanation in words and
//! the evidence. Pure.

use super::cause::{Blame, Cause};
use super::document::Document;
use super::format::{cut, grouped, ms_unit, number, percent};
use super::measured::DURATION;
use super::second::SERVER_PARTS;
use super::series::{Row, Second, Slow, has};
use super::shares::{Shares, when};
use super::summary::FailureRow;
use crate::metrics::{Aggregation, Encoded, Kind, Trend};
use crate::shop::REQUESTS;
use crate::threshold::Threshold;

/// The longest part of an unexpected body that is repeated.
const BODY: usize = 160;
/// How many slow requests are shown.
const SLOWEST: usize = 5;

/// Why something didn't hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation {
    /// The threshold or invariant.
    pub subject: String,
    /// What, when, who and why: sentences in this order.
    pub sentences: Vec<String>,
    /// What slowed requests down, where that is the matter.
    pub cause: Option<Cause>,
    /// The slowest requests concerned.
    pub slowest: Vec<Slow>,
    /// Unexpected answers concerned.
    pub errors: Vec<FailureRow>,
}

/// Explains what didn't hold, the weightiest first: invariants, then thresholds.
#[must_use]
pub fn explain(document: &Document) -> Vec<Explanation> {
    let summary = &document.summary;
    let broken = summary.invariants.iter().filter(|row| !row.ok);
    let crossed = summary.thresholds.iter().filter(|row| !row.ok);
    let invariants = broken.map(|row| invariant(document, row));
    let thresholds = crossed.map(|row| match summary.threshold(&row.expression) {
        Some(threshold) => crossed_threshold(document, &threshold, row.actual),
        // Another version's: what it says stands in the reasons.
        None => Explanation {
            subject: row.expression.clone(),
            ..Explanation::default()
        },
    });
    invariants.chain(thresholds).collect()
}

fn crossed_threshold(
    document: &Document,
    threshold: &Threshold,
    actual: Option<f64>,
) -> Explanation {
    let mut explanation = Explanation {
        subject: threshold.to_string(),
        ..Explanation::default()
    };
    let Some(actual) = actual else {
        let sentence =
            "Nothing was measured that it applies to, and a threshold without data fails.";
        explanation.sentences.push(sentence.to_owned());
        return explanation;
    };
    match (threshold.metric.name, threshold.metric.kind) {
        ("http_req_failed" | "http_req_success" | "checks", _) => {
            failing(document, threshold, actual, &mut explanation);
        }
        (_, Kind::Trend) => slow(document, threshold, actual, &mut explanation),
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
                if document.summary.run.model != "open" {
                    explanation.sentences.push("Virtual users send the next request when the last one is answered, so slow answers mean fewer requests.".to_owned());
                }
                let all = &document.series.seconds;
                let blame = blame(all, &threshold.filter.0, |_| true);
                conclude(&blame, blame.cause(), &mut explanation);
            }
        }
    }
    explanation
}

/// What a trend is made of: the rows' metric, and the tags that they must have.
fn rows_of(threshold: &Threshold) -> (&str, Vec<(String, String)>) {
    let mut tags = threshold.filter.0.clone();
    let name = threshold.metric.name;
    let custom = REQUESTS.iter().find(|request| request.trend == Some(name));
    match custom {
        Some(request) => {
            tags.push(("name".to_owned(), request.name.to_owned()));
            (DURATION, tags)
        }
        None => (name, tags),
    }
}

fn slow(document: &Document, threshold: &Threshold, actual: f64, explanation: &mut Explanation) {
    let (metric, tags) = rows_of(threshold);
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
    for second in &document.series.seconds {
        let mut whole = Trend::default();
        for row in second.trends.iter().filter(|row| row.is(metric, &tags)) {
            let Ok(trend) = row.value.decode() else {
                continue;
            };
            who.add(row, trend.count() - trend.count_up_to_ms(limit));
            whole.merge(&trend);
        }
        seconds += u64::from(!whole.is_empty());
        if !whole.is_empty()
            && !threshold
                .operator
                .holds(aggregated(&whole, threshold.aggregation), limit)
        {
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
    if of_requests {
        let all = &document.series.seconds;
        let blame = blame(all, &tags, |slow| slow.duration > limit);
        explanation.slowest = slowest(document, &tags, limit);
        conclude(&blame, blame.cause(), explanation);
    } else {
        // One is slow by all of its requests, of which none needs to be slow by itself, and by what
        // the generator took in between.
        let blame = blame(over, &tags, |_| true);
        explanation.slowest = slowest(document, &tags, 0.0);
        conclude(&blame, blame.cause_of_iterations(), explanation);
    }
}

fn aggregated(trend: &Trend, aggregation: Aggregation) -> f64 {
    match aggregation {
        Aggregation::Avg => trend.avg_ms(),
        Aggregation::Min => trend.min_ms(),
        Aggregation::Max => trend.max_ms(),
        Aggregation::Percentile(percent) => trend.percentile_ms(percent),
        _ => trend.percentile_ms(50.0),
    }
}

/// Rates: requests or checks that failed.
fn failing(document: &Document, threshold: &Threshold, actual: f64, explanation: &mut Explanation) {
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
    for second in &document.series.seconds {
        let before = who.total;
        if checks {
            // Stages are no tag of these rows: a second is of one stage but for its edges.
            let wanted: Vec<_> = tags
                .iter()
                .filter(|(key, _)| key != "stage")
                .cloned()
                .collect();
            for row in second.rates.iter().filter(|row| row.is("checks", &wanted)) {
                who.add(row, row.value.fails);
            }
        } else {
            for row in second.trends.iter().filter(|row| row.is(DURATION, tags)) {
                who.add(row, failures(row, threshold.metric.name));
            }
        }
        if who.total > before {
            over.push(second);
        }
    }
    explanation
        .sentences
        .extend(when(&over, document.series.seconds.len() as u64));
    let what = if checks { "failed checks" } else { "failures" };
    explanation.sentences.extend(who.sentence(what));
    let failed = who.values("name");
    explanation.errors = errors(document, |row| {
        checks || failed.contains(&row.name.as_str())
    });
    if let Some(sentence) = meaning(&explanation.errors) {
        explanation.sentences.push(sentence);
    }
    if checks {
        return;
    }
    let mut unexpected = tags.clone();
    unexpected.push(("expected_response".to_owned(), "false".to_owned()));
    explanation.slowest = slowest(document, &unexpected, 0.0);
    // What was refused at once was not slow; what timed out was.
    if explanation.errors.iter().any(timed_out) {
        let blame = blame(&document.series.seconds, &unexpected, |_| true);
        conclude(&blame, blame.cause(), explanation);
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

fn invariant(document: &Document, row: &crate::audit::Invariant) -> Explanation {
    let mut sentences = vec![format!("Expected {}, found {}.", row.expected, row.actual)];
    sentences.extend(row.detail.clone());
    sentences.push(
        "The books are compared after the load, so they can't tell when it began.".to_owned(),
    );
    let topics = [
        ("order", "order"),
        ("coupon", "coupon"),
        ("claim", "coupon"),
        ("balance", "balance"),
        ("charge", "charge"),
        ("paid", "order"),
    ];
    let topics: Vec<_> = topics
        .iter()
        .filter(|(word, _)| row.name.contains(word))
        .map(|(_, name)| *name)
        .collect();
    let errors = errors(document, |failure| {
        topics.iter().any(|topic| failure.name.contains(topic))
    });
    let unexpected = document.measured.requests.iter().filter(|(name, group)| {
        group.failed > 0 && topics.iter().any(|topic| name.contains(topic))
    });
    let unexpected: Vec<_> = unexpected
        .map(|(name, group)| format!("{} of {name}", grouped(group.failed)))
        .collect();
    sentences.push(if unexpected.is_empty() {
        "No request that it is about was answered unexpectedly: the server said yes, and its books say otherwise.".to_owned()
    } else {
        format!("Unexpected answers to requests that it is about: {}.", unexpected.join(", "))
    });
    Explanation {
        subject: row.name.clone(),
        sentences,
        errors,
        ..Explanation::default()
    }
}

/// What the statuses of unexpected answers mean, for who has to look further.
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
                "The server refused what it should take (4xx): its body says why."
            }
            () => return None,
        }
        .to_owned(),
    )
}

fn errors(document: &Document, concerned: impl Fn(&FailureRow) -> bool) -> Vec<FailureRow> {
    let concerned = document
        .summary
        .failures
        .iter()
        .filter(|row| concerned(row));
    concerned
        .map(|row| FailureRow {
            sample: cut(&row.sample, BODY),
            ..row.clone()
        })
        .take(SLOWEST)
        .collect()
}

fn slowest(document: &Document, tags: &[(String, String)], above: f64) -> Vec<Slow> {
    let mut slowest: Vec<Slow> = Vec::new();
    let all = document
        .series
        .seconds
        .iter()
        .flat_map(|second| &second.slowest);
    for slow in all.filter(|slow| slow.duration > above && has(&slow.tags, tags)) {
        let at = slowest.partition_point(|other| other.duration >= slow.duration);
        if at < SLOWEST {
            slowest.insert(at, slow.clone());
            slowest.truncate(SLOWEST);
        }
    }
    slowest
}

fn blame<'a>(
    seconds: impl IntoIterator<Item = &'a Second>,
    tags: &[(String, String)],
    concerned: impl Fn(&Slow) -> bool,
) -> Blame {
    let mut blame = Blame::default();
    for second in seconds {
        let lag = second
            .gauges
            .iter()
            .find(|row| row.metric == "generator_lag_ms")
            .map_or(0.0, |row| row.value);
        let slow = second.slowest.iter();
        for slow in slow.filter(|slow| has(&slow.tags, tags) && concerned(slow)) {
            blame.add(slow, lag);
            let name = slow.tags.get("name").map_or("", String::as_str);
            for (part, (_, of)) in SERVER_PARTS.iter().enumerate() {
                let metric = format!("server_timing_{of}");
                let mut rows = second.trends.iter();
                if let Some(row) = rows.find(|row| row.metric == metric && row.tag("name") == name)
                {
                    blame.note_longest(part, row.value.max);
                }
            }
        }
    }
    blame
}

fn conclude(blame: &Blame, cause: Option<Cause>, explanation: &mut Explanation) {
    let Some(cause) = cause else { return };
    let parts = SERVER_PARTS
        .iter()
        .zip(blame.parts)
        .map(|((_, name), part)| (*name, part));
    let mut parts: Vec<_> = parts.chain([("elsewhere", blame.rest())]).collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let parts: Vec<_> = parts
        .iter()
        .map(|(name, part)| format!("{name} {}", percent(blame.share(*part))))
        .collect();
    let because = match cause {
        Cause::Database => {
            "what the slow requests waited for was PostgreSQL, or the batch before them that waited for it"
        }
        Cause::Redis => {
            "what the slow requests waited for was Redis, or the batch before them that waited for it"
        }
        Cause::Queue => {
            "requests waited for batches before them, although the stores answered quickly: more came than it can take"
        }
        Cause::Handler => {
            "the time is in none of queue, db and redis, and the generator's timers were in time"
        }
        Cause::Generator => {
            "the server's own times were short, and the generator's timers were late: it had no CPU, and a server on the same machine hadn't either"
        }
        Cause::Unknown => "nothing says where the time went",
    };
    explanation.sentences.push(format!(
        "Cause: {cause}: {because}. Time of the slowest requests of each second: {}. In the same seconds, requests like these took at most {} in the queue, {} in the database and {} in Redis, and the generator's timers were late by {}.",
        parts.join(", "),
        ms_unit(blame.longest[0]),
        ms_unit(blame.longest[1]),
        ms_unit(blame.longest[2]),
        ms_unit(blame.mean_lag())
    ));
    explanation.cause = Some(cause);
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
