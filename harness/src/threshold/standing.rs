//! Which crossed thresholds count although the generator was overloaded. Pure.
//!
//! An overloaded generator measures long times, sends less and runs into its own time-outs. It
//! can't make a server answer 503, or send a wrong answer. So thresholds on times, rates per second
//! and lower limits of counts don't count then; thresholds on answers that arrived do:
//!
//! | threshold on | stands if it is crossed |
//! | --- | --- |
//! | `http_req_failed`, `http_req_success` | by the requests that were answered |
//! | `http_reqs: count<…` | by the requests that were answered |
//! | `checks` | by the part of the failures that answered requests have among all failed ones |
//! | times, `rate` of a count, `count>…`, anything else | never |
//!
//! Time-outs are left out, and connections that failed: a generator without CPU reads an answer too
//! late that came in time, and one without ports can't ask at all. They look the same
//! as a server that is silent. Checks don't say which request they were about, so a part of their
//! failures is estimated: a server whose answers are most of the failures isn't excused by one
//! time-out.

use super::evaluate::{Outcome, evaluate};
use super::parse::{Operator, Threshold};
use crate::metrics::{Aggregation, Counter, Of, RateOf, Snapshot, TagFilter};

/// Whether any of these outcomes of a run would be the same with a generator that was fit.
#[must_use]
pub fn any_stands(outcomes: &[Outcome], snapshot: &Snapshot) -> bool {
    let crossed = outcomes.iter().filter(|outcome| outcome.is_crossed());
    let of_answers = crossed.filter(|outcome| is_of_answers(&outcome.threshold));
    let of_answers: Vec<&Outcome> = of_answers.collect();
    if of_answers.is_empty() {
        return false;
    }
    let all = TagFilter::default();
    let answered = answered(snapshot);
    let silent = snapshot.failed(&all) > answered.failed(&all);
    of_answers.iter().any(|outcome| {
        let threshold = &outcome.threshold;
        // The seconds of a window are gone, so it can't be drawn again.
        if threshold.window.is_some() {
            return !silent;
        }
        let again = evaluate(std::slice::from_ref(threshold), &answered);
        again.iter().all(Outcome::is_crossed)
    })
}

/// Whether it is about what was answered, and not about how fast or how much.
fn is_of_answers(threshold: &Threshold) -> bool {
    let is_upper = matches!(threshold.operator, Operator::Less | Operator::LessOrEqual);
    match threshold.metric.of {
        Of::Rate(RateOf::Failed | RateOf::Success | RateOf::Checks) => true,
        Of::Counter(Counter::Requests) => is_upper && threshold.aggregation == Aggregation::Count,
        _ => false,
    }
}

/// The same run as if what failed without an answer had never been sent.
fn answered(snapshot: &Snapshot) -> Snapshot {
    let all = TagFilter::default();
    let mut answered = snapshot.clone();
    answered
        .requests
        .retain(|tags, _| tags.expected || tags.status != 0);
    let (rest, failed) = (answered.failed(&all), snapshot.failed(&all));
    if rest < failed {
        for counts in answered.checks.values_mut() {
            let part = u128::from(counts.fails) * u128::from(rest) / u128::from(failed);
            counts.fails = u64::try_from(part).unwrap_or(counts.fails);
        }
    }
    answered
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::parse::parse;
    use super::*;
    use crate::metrics::{CheckCounts, CheckTags, Method, Phase, Proto, RequestTags};

    /// A run of requests by status and of checks, with 900 good ones of 300 ms.
    fn snapshot(failed: &[(u16, u64)], fails: u64) -> Snapshot {
        let mut snapshot = Snapshot {
            duration: Duration::from_secs(10),
            ..Snapshot::default()
        };
        for (status, count) in [(200, 900)].iter().chain(failed).copied() {
            let tags = RequestTags {
                scenario: "x",
                persona: "x",
                name: "order",
                method: Method::Post,
                status,
                stage: 0,
                expected: status == 200,
                trend: None,
                proto: Proto::Http1,
            };
            let series = snapshot.requests.entry(tags).or_default();
            (0..count).for_each(|_| series.record(Phase::Duration, Duration::from_millis(300)));
        }
        let check = CheckTags {
            scenario: "x",
            persona: "x",
            check: "order 201",
            stage: 0,
        };
        let passes = 900;
        snapshot.checks.insert(check, CheckCounts { passes, fails });
        snapshot
    }

    fn stands(text: &str, snapshot: &Snapshot) -> bool {
        let threshold = parse(text, &[]).expect(text);
        let outcomes = evaluate(&[threshold], snapshot);
        assert!(outcomes[0].is_crossed(), "{text}");
        any_stands(&outcomes, snapshot)
    }

    #[test]
    fn what_was_answered_stands_and_times_and_silence_do_not() {
        let busy = snapshot(&[(503, 100)], 100);
        let silent = snapshot(&[(0, 100)], 100);
        let both = snapshot(&[(503, 60), (0, 40)], 100);
        // (threshold, of a run with 503, with time-outs alone, with both)
        let rows = [
            ("http_req_failed: rate<5%", [true, false, true]),
            ("http_req_failed: rate<6.5%", [true, false, false]),
            ("http_req_success: rate>=95%", [true, false, true]),
            (
                "http_reqs{expected_response:false}: count<50",
                [true, false, true],
            ),
            ("checks: rate==1", [true, false, true]),
            ("checks: rate>93.7%", [true, false, false]),
            ("http_req_failed: rate<5% over 10s", [true, false, false]),
            ("http_req_duration: p(95)<200", [false; 3]),
            ("http_reqs: rate>500", [false; 3]),
            ("http_reqs: count>5000", [false; 3]),
            ("iterations: count>10", [false; 3]),
        ];
        for (text, expected) in rows {
            let found = [&busy, &silent, &both].map(|snapshot| stands(text, snapshot));
            assert_eq!(found, expected, "{text}");
        }
    }

    /// An answer with the right status and the wrong content.
    #[test]
    fn a_check_that_fails_beside_no_failed_request_stands() {
        assert!(stands("checks: rate==1", &snapshot(&[], 1)));
        assert!(!stands("checks: rate==1", &snapshot(&[(0, 5)], 1)));
    }

    #[test]
    fn what_holds_or_has_no_data_does_not_stand() {
        let snapshot = snapshot(&[(503, 100)], 0);
        for text in ["http_req_failed: rate<50%", "checks{check:other}: rate==1"] {
            let outcomes = evaluate(&[parse(text, &[]).expect(text)], &snapshot);
            assert!(!any_stands(&outcomes, &snapshot), "{text}");
        }
    }
}
