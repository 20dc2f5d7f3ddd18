//! Draws a threshold's number from snapshots. Pure: no clock, no I/O.

use std::time::Duration;

use super::crossing::Crossing;
use super::parse::{Operator, Threshold};
use crate::metrics::{Aggregation, Kind, Of, Rate, Snapshot, Trend};

/// How a threshold came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The threshold.
    pub threshold: Threshold,
    /// What was measured, nothing without data: milliseconds for trends, a share for rates. With
    /// a window, that of the worst one.
    pub actual: Option<f64>,
    /// Whether it holds. Without data only an optional one does.
    pub ok: bool,
    /// When it was crossed and by what, if it was.
    pub crossing: Option<Crossing>,
    /// Whether it doesn't hold yet, and still may: nothing is crossed then.
    pub open: bool,
}

impl Outcome {
    /// The outcome of a threshold with this number.
    #[must_use]
    pub fn of(threshold: &Threshold, actual: Option<f64>) -> Self {
        let holds = |actual| threshold.operator.holds(actual, threshold.limit);
        Self {
            threshold: threshold.clone(),
            actual,
            ok: actual.map_or(threshold.optional, holds),
            crossing: None,
            open: false,
        }
    }

    /// Whether there is a number, and it is on the wrong side for good or as far as anybody knows.
    #[must_use]
    pub const fn is_crossed(&self) -> bool {
        !self.ok && !self.open && self.actual.is_some()
    }
}

/// Whether a number that is beyond its limit may come within it just because the run goes on: a
/// count and a maximum only grow, a minimum only falls, and a gauge counts at the end.
///
/// ```text
///               >  >=       <  <=         ==               !=
/// count, max    yes         no            while below      yes
/// rate of one   yes         as in k6: no  yes              yes
/// value         yes         as in k6: no  yes              yes
/// min           no          yes           while above      yes
/// other times   yes         as in k6: no  no               no
/// shares        as in k6: no no           no               no
/// ```
///
/// A share of checks or failures, a mean and a percentile say of the samples that there are what
/// they will say of all, so they are judged as they come. But who asks that something takes long
/// asks it of the whole run.
pub(super) fn may_still_hold(threshold: &Threshold, actual: f64) -> bool {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let (falls, drifts) = match (threshold.metric.kind(), threshold.aggregation) {
        (Kind::Counter, Aggregation::Count) | (Kind::Trend, Aggregation::Max) => (false, false),
        (Kind::Counter | Kind::Gauge, _) => (false, true),
        (Kind::Trend, Aggregation::Min) => (true, false),
        (Kind::Trend, _) => {
            return matches!(threshold.operator, Greater | GreaterOrEqual);
        }
        _ => return false,
    };
    match threshold.operator {
        Greater | GreaterOrEqual => !falls,
        Less | LessOrEqual => falls,
        NotEqual => true,
        Equal => drifts || (actual < threshold.limit) != falls,
    }
}

/// Judges every threshold over the whole of a snapshot.
#[must_use]
pub fn evaluate(thresholds: &[Threshold], snapshot: &Snapshot) -> Vec<Outcome> {
    let whole = |threshold: &Threshold| {
        let actual = Gathered::from(threshold, snapshot).draw(threshold, snapshot.duration);
        Outcome::of(threshold, actual)
    };
    thresholds.iter().map(whole).collect()
}

/// What a threshold is about, of some time; times that follow each other can be merged.
#[derive(Debug, Clone)]
pub(super) enum Gathered {
    Trend(Box<Trend>),
    Count(u64),
    Rate(Rate),
    Gauge(u64),
}

impl Gathered {
    pub(super) fn from(threshold: &Threshold, snapshot: &Snapshot) -> Self {
        let filter = &threshold.filter;
        match threshold.metric.of {
            Of::Trend(of) => Self::Trend(Box::new(snapshot.trend(of, filter))),
            Of::Counter(counter) => Self::Count(snapshot.counter(counter, filter)),
            Of::Rate(of) => Self::Rate(snapshot.rate(of, filter)),
            Of::Gauge(of) => Self::Gauge(snapshot.gauge(of).value),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Trend(mine), Self::Trend(theirs)) => mine.merge(theirs),
            (Self::Count(mine), Self::Count(theirs)) => *mine += theirs,
            (Self::Rate(mine), Self::Rate(theirs)) => {
                mine.passes += theirs.passes;
                mine.fails += theirs.fails;
            }
            (mine, theirs) => mine.clone_from(theirs),
        }
    }

    /// The threshold's number, nothing without data. `duration` is the time that was gathered over.
    pub(super) fn draw(&self, threshold: &Threshold, duration: Duration) -> Option<f64> {
        match self {
            Self::Trend(trend) => (!trend.is_empty()).then(|| match threshold.aggregation {
                Aggregation::Avg => trend.avg_ms(),
                Aggregation::Min => trend.min_ms(),
                Aggregation::Max => trend.max_ms(),
                Aggregation::Percentile(percent) => trend.percentile_ms(percent),
                _ => trend.percentile_ms(50.0),
            }),
            Self::Count(count) => match threshold.aggregation {
                Aggregation::Rate => {
                    let seconds = duration.as_secs_f64();
                    (seconds > 0.0).then(|| *count as f64 / seconds)
                }
                _ => Some(*count as f64),
            },
            Self::Rate(rate) => rate.share(),
            Self::Gauge(value) => Some(*value as f64),
        }
    }
}

impl Operator {
    /// Whether `new` is further from holding than `old`.
    pub(super) fn is_worse(self, new: f64, old: f64, limit: f64) -> bool {
        match self {
            Self::Less | Self::LessOrEqual => new > old,
            Self::Greater | Self::GreaterOrEqual => new < old,
            Self::Equal | Self::NotEqual => self.holds(old, limit) && !self.holds(new, limit),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::parse::parse;
    use super::*;
    use crate::metrics::{
        CheckCounts, CheckTags, Method, Names, Phase, Proto, RequestSeries, RequestTags,
    };

    fn snapshot() -> Snapshot {
        let mut snapshot = Snapshot {
            names: Names {
                stages: ["ramp_up".to_owned(), "hold".to_owned()].into(),
                ..Names::default()
            },
            duration: Duration::from_secs(10),
            ..Snapshot::default()
        };
        for (stage, ms) in [(0, 500), (1, 100)] {
            let tags = RequestTags {
                scenario: "impulse_buyer",
                persona: "impulse_buyer",
                name: "5_create_order",
                method: Method::Post,
                status: 201,
                stage,
                expected: true,
                trend: Some("order_time"),
                proto: Proto::Http1,
            };
            let series = snapshot.requests.entry(tags).or_default();
            for _ in 0..50 {
                series.record(Phase::Duration, Duration::from_millis(ms));
            }
        }
        let check = CheckTags {
            scenario: "impulse_buyer",
            persona: "impulse_buyer",
            check: "order 201",
            stage: 1,
        };
        snapshot.checks.insert(
            check,
            CheckCounts {
                passes: 99,
                fails: 1,
            },
        );
        snapshot
    }

    #[test]
    fn thresholds_are_judged_by_what_was_measured() {
        let rows = [
            ("http_req_duration: p(95)<200", Some(500.0), false),
            (
                "http_req_duration{stage:hold}: p(95)<200",
                Some(100.0),
                true,
            ),
            ("order_time: avg<=300", Some(300.0), true),
            ("http_reqs: count==100", Some(100.0), true),
            ("http_reqs: rate>10", Some(10.0), false),
            ("http_req_failed: rate==0", Some(0.0), true),
            ("checks: rate==1", Some(0.99), false),
            ("checks{check:order 201}: rate>=0.99", Some(0.99), true),
            ("http_req_duration{name:nobody}: p(95)<200", None, false),
            ("http_req_failed{name:nobody}: rate==0", None, false),
            ("iteration_duration: max<1s", None, false),
        ];
        let trends = ["order_time"];
        for (text, actual, ok) in rows {
            let threshold = parse(text, &trends).expect(text);
            let outcome = evaluate(&[threshold], &snapshot()).remove(0);
            assert_eq!((outcome.actual, outcome.ok), (actual, ok), "{text}");
        }
    }

    /// Each row: a threshold, a number on its wrong side, and whether the run's going on may mend it.
    #[test]
    fn what_only_grows_may_still_be_reached() {
        let rows = [
            ("http_reqs: count>100", 0.0, true),
            ("http_reqs: count>=100", 99.0, true),
            ("http_reqs: count<100", 100.0, false),
            ("http_reqs: count<=100", 101.0, false),
            ("http_reqs: count==100", 99.0, true),
            ("http_reqs: count==100", 101.0, false),
            ("http_reqs: count!=0", 0.0, true),
            ("iterations: rate>5", 0.1, true),
            ("iterations: rate<5", 5.1, false),
            ("iterations: rate==5", 5.1, true),
            ("data_received: count>1", 0.0, true),
            ("dropped_iterations: count==0", 1.0, false),
            ("vus: value>=10", 1.0, true),
            ("vus: value<10", 11.0, false),
            ("vus: value==10", 11.0, true),
            ("http_req_duration: max>100", 5.0, true),
            ("http_req_duration: max<100", 101.0, false),
            ("http_req_duration: max==100", 101.0, false),
            ("http_req_duration: min<100", 101.0, true),
            ("http_req_duration: min>100", 5.0, false),
            ("http_req_duration: min==100", 101.0, true),
            ("http_req_duration: min==100", 99.0, false),
            ("http_req_duration: p(95)>100", 5.0, true),
            ("http_req_duration: avg>=100", 5.0, true),
            ("http_req_duration: p(95)<100", 101.0, false),
            ("http_req_duration: avg<100", 101.0, false),
            ("http_req_duration: med!=0", 0.0, false),
            ("checks: rate>0.95", 0.9, false),
            ("checks: rate!=1", 1.0, false),
            ("http_req_failed: rate<1%", 0.02, false),
        ];
        for (text, actual, open) in rows {
            let threshold = parse(text, &[]).expect(text);
            let holds = threshold.operator.holds(actual, threshold.limit);
            assert!(!holds, "{text} at {actual}: the row says nothing");
            assert_eq!(
                may_still_hold(&threshold, actual),
                open,
                "{text} at {actual}"
            );
        }
    }

    #[test]
    fn a_share_is_compared_with_what_was_written() {
        let rows = [
            ("rate>=95%", 95, true),
            ("rate<95%", 95, false),
            ("rate==95%", 95, true),
            ("rate>95%", 95, false),
            ("rate<=95%", 95, true),
            ("rate>=0.95", 95, true),
            ("rate>=95%", 94, false),
            ("rate<95%", 94, true),
            ("rate>=7%", 7, true),
            ("rate<=29%", 29, true),
            ("rate<=57%", 57, true),
        ];
        for (assertion, passes, ok) in rows {
            let mut snapshot = snapshot();
            let fails = 100 - passes;
            snapshot.checks.values_mut().for_each(|counts| {
                *counts = CheckCounts { passes, fails };
            });
            let threshold = parse(&format!("checks: {assertion}"), &[]).expect(assertion);
            let outcome = evaluate(&[threshold], &snapshot).remove(0);
            assert_eq!(outcome.ok, ok, "{assertion} at {passes} of 100");
        }
    }

    /// Each row: an assertion, durations in µs with how many of them, what is measured, and whether
    /// the assertion holds.
    #[test]
    fn a_percentile_is_exact_at_its_limit() {
        type Row = (&'static str, &'static [(u64, u32)], f64, bool);
        let rows: [Row; 9] = [
            ("p(95)<200", &[(199_950, 100)], 199.95, true),
            ("p(95)<200", &[(199_950, 95), (500_000, 5)], 199.95, true),
            ("p(95)<200", &[(200_000, 100)], 200.0, false),
            ("p(95)<=200", &[(200_000, 95), (900_000, 5)], 200.0, true),
            ("p(95)<=200", &[(200_000, 94), (200_001, 6)], 200.001, false),
            (
                "med<=1.5s",
                &[(1_500_000, 2), (1_500_100, 2)],
                1_500.0,
                true,
            ),
            ("p(95)<0.1m", &[(5_999_999, 100)], 5_999.999, true),
            ("p(95)<=0.1m", &[(6_000_000, 100)], 6_000.0, true),
            ("p(95)>=250us", &[(250, 100)], 0.25, true),
        ];
        for (assertion, durations, actual, ok) in rows {
            let threshold = parse(&format!("http_req_duration: {assertion}"), &[]);
            let threshold = threshold.expect(assertion);
            threshold.measure_exactly();
            let mut snapshot = snapshot();
            let tags = *snapshot.requests.keys().next().expect("a series");
            let mut series = RequestSeries::default();
            for (us, times) in durations {
                for _ in 0..*times {
                    series.record(Phase::Duration, Duration::from_micros(*us));
                }
            }
            snapshot.requests = std::iter::once((tags, series)).collect();
            let outcome = evaluate(&[threshold], &snapshot).remove(0);
            assert_eq!(
                (outcome.actual, outcome.ok),
                (Some(actual), ok),
                "{assertion}"
            );
        }
    }

    #[test]
    fn what_need_not_be_sent_holds_without_data_and_is_judged_with_it() {
        let rows = [
            ("nobody", true, None, true),
            ("nobody", false, None, false),
            ("5_create_order", true, Some(500.0), false),
            ("5_create_order", false, Some(500.0), false),
        ];
        let total = parse("http_req_duration: p(95)<200", &[]).expect("a threshold");
        for (name, optional, actual, ok) in rows {
            let threshold = total.clone().of_request(name, optional);
            let text = format!("http_req_duration{{name:{name}}}: p(95)<200");
            assert_eq!(threshold.to_string(), text);
            let outcome = evaluate(&[threshold], &snapshot()).remove(0);
            assert_eq!(
                (outcome.actual, outcome.ok),
                (actual, ok),
                "{name} {optional}"
            );
        }
    }
}
