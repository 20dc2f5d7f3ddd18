//! k6's threshold grammar.
//!
//! ```text
//! threshold   = metric [ "{" tag { "," tag } "}" ] ":" assertion
//! tag         = key ":" value
//! assertion   = aggregation operator number [ unit ]
//! aggregation = "avg" | "min" | "max" | "med" | "p(" number ")" | "count" | "rate" | "value"
//! operator    = "<" | "<=" | ">" | ">=" | "==" | "===" | "!="
//! unit        = "us" | "ms" | "s" | "m" (trends, "ms" unless said) | "%" (rates)
//! ```
//!
//! Blanks may stand between any two words.

use std::fmt;

use thiserror::Error;

use crate::metrics::{self, AGGREGATIONS, Aggregation, Kind, Metric, TagFilter};

/// A parsed threshold: what must hold at the end of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// The metric that is judged.
    pub metric: Metric,
    /// Which of its series.
    pub filter: TagFilter,
    /// The number that is drawn from them.
    pub aggregation: Aggregation,
    /// How that number is compared.
    pub operator: Operator,
    /// With what: milliseconds for trends, a share for rates.
    pub limit: f64,
    /// The assertion as the user wrote it, without blanks.
    assertion: String,
}

/// How the measured number is compared with the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Operator {
    /// The comparison itself.
    #[must_use]
    pub fn holds(self, actual: f64, limit: f64) -> bool {
        match self {
            Self::Less => actual < limit,
            Self::LessOrEqual => actual <= limit,
            Self::Greater => actual > limit,
            Self::GreaterOrEqual => actual >= limit,
            Self::Equal => actual == limit,
            Self::NotEqual => actual != limit,
        }
    }
}

/// What is wrong with a threshold, and what would be right.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ParseError {
    /// No `:` between metric and assertion.
    #[error("'{0}' has no ':' between metric and assertion; write 'http_req_duration: p(95)<200'")]
    NoAssertion(String),
    /// The metric doesn't exist.
    #[error("unknown metric '{name}'; known are {known}")]
    UnknownMetric {
        /// As written.
        name: String,
        /// What there is.
        known: String,
    },
    /// A `{…}` that isn't a list of `key:value`.
    #[error("'{0}' is not a list of tags; write '{{name:5_create_order,status:201}}'")]
    BadTags(String),
    /// The metric has no such tag.
    #[error("{metric} has no tag '{key}'; {known}")]
    UnknownTag {
        /// The metric.
        metric: &'static str,
        /// The key as written.
        key: String,
        /// The tags that it has.
        known: String,
    },
    /// The assertion has no operator.
    #[error("'{0}' has no comparison; write one of < <= > >= == !=, as in 'p(95)<200'")]
    NoOperator(String),
    /// The aggregation doesn't exist.
    #[error("unknown aggregation '{0}'; known are {AGGREGATIONS}")]
    UnknownAggregation(String),
    /// The aggregation isn't one of this metric's kind.
    #[error("'{aggregation}' does not fit {metric}; it takes {fitting}")]
    WrongAggregation {
        /// As written.
        aggregation: String,
        /// The metric.
        metric: &'static str,
        /// What it takes.
        fitting: &'static str,
    },
    /// The limit is no number in a unit that fits.
    #[error("'{0}' is not a limit; write a number, with a unit if you like: 200, 200ms, 1.5s, 1%")]
    BadLimit(String),
}

/// Parses one threshold; `custom_trends` are metrics beside the built-in ones.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(text: &str, custom_trends: &[&'static str]) -> Result<Threshold, ParseError> {
    let no_assertion = || ParseError::NoAssertion(text.trim().to_owned());
    let (selector, assertion) = match text.find('}') {
        Some(brace) => {
            let (selector, rest) = text.split_at(brace + 1);
            (
                selector,
                rest.trim_start()
                    .strip_prefix(':')
                    .ok_or_else(no_assertion)?,
            )
        }
        None => text.split_once(':').ok_or_else(no_assertion)?,
    };
    let (name, tags) = match selector.split_once('{') {
        Some((name, tags)) => (name.trim(), Some(tags)),
        None => (selector.trim(), None),
    };
    let metric = metrics::find(name, custom_trends).ok_or_else(|| ParseError::UnknownMetric {
        name: name.to_owned(),
        known: known(custom_trends),
    })?;
    let filter = tags.map_or(Ok(TagFilter::default()), |tags| parse_tags(tags, metric))?;
    let assertion: String = assertion.split_whitespace().collect();
    let (aggregation, operator, limit) = parse_assertion(&assertion, metric)?;
    Ok(Threshold {
        metric,
        filter,
        aggregation,
        operator,
        limit,
        assertion,
    })
}

fn known(custom_trends: &[&'static str]) -> String {
    let names: Vec<_> = metrics::METRICS
        .iter()
        .map(|metric| metric.name)
        .chain(custom_trends.iter().copied())
        .collect();
    names.join(", ")
}

fn parse_tags(text: &str, metric: Metric) -> Result<TagFilter, ParseError> {
    let bad = || ParseError::BadTags(format!("{{{text}"));
    let inner = text.strip_suffix('}').ok_or_else(bad)?;
    let pair = |pair: &str| {
        let (key, value) = pair.split_once(':').ok_or_else(bad)?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || value.is_empty() {
            return Err(bad());
        }
        if !metric.tags.contains(&key) {
            let known = match metric.tags {
                [] => "it has none".to_owned(),
                tags => format!("it has {}", tags.join(", ")),
            };
            return Err(ParseError::UnknownTag {
                metric: metric.name,
                key: key.to_owned(),
                known,
            });
        }
        Ok((key.to_owned(), value.to_owned()))
    };
    inner
        .split(',')
        .map(pair)
        .collect::<Result<_, _>>()
        .map(TagFilter)
}

fn parse_assertion(text: &str, metric: Metric) -> Result<(Aggregation, Operator, f64), ParseError> {
    // Longer spellings first, so that `<=` isn't read as `<` and `=`.
    const OPERATORS: [(&str, Operator); 7] = [
        ("===", Operator::Equal),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    let (left, operator, right) = OPERATORS
        .iter()
        .find_map(|(spelling, operator)| {
            text.split_once(spelling)
                .map(|(left, right)| (left, *operator, right))
        })
        .ok_or_else(|| ParseError::NoOperator(text.to_owned()))?;
    let aggregation =
        parse_aggregation(left).ok_or_else(|| ParseError::UnknownAggregation(left.to_owned()))?;
    if !aggregation.fits(metric.kind) {
        return Err(ParseError::WrongAggregation {
            aggregation: left.to_owned(),
            metric: metric.name,
            fitting: fitting(metric.kind),
        });
    }
    let limit =
        parse_limit(right, metric.kind).ok_or_else(|| ParseError::BadLimit(right.to_owned()))?;
    Ok((aggregation, operator, limit))
}

fn fitting(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "count, rate",
        Kind::Gauge => "value",
        Kind::Rate => "rate",
        Kind::Trend => "avg, min, max, med, p(N)",
    }
}

fn parse_aggregation(text: &str) -> Option<Aggregation> {
    Some(match text {
        "avg" => Aggregation::Avg,
        "min" => Aggregation::Min,
        "max" => Aggregation::Max,
        "med" => Aggregation::Med,
        "count" => Aggregation::Count,
        "rate" => Aggregation::Rate,
        "value" => Aggregation::Value,
        _ => {
            let percent: f64 = text.strip_prefix("p(")?.strip_suffix(')')?.parse().ok()?;
            Aggregation::Percentile((0.0..=100.0).contains(&percent).then_some(percent)?)
        }
    })
}

fn parse_limit(text: &str, kind: Kind) -> Option<f64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    let number: f64 = digits
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    let factor = match (kind, &text[digits.len()..]) {
        (_, "") | (Kind::Trend, "ms") => 1.0,
        (Kind::Trend, "us") => 0.001,
        (Kind::Trend, "s") => 1_000.0,
        (Kind::Trend, "m") => 60_000.0,
        (Kind::Rate, "%") => 0.01,
        _ => return None,
    };
    Some(number * factor)
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}", self.metric.name, self.filter, self.assertion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRENDS: [&str; 1] = ["order_time"];

    fn parsed(text: &str) -> Threshold {
        parse(text, &TRENDS).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_part_of_the_grammar_is_read() {
        // (text, aggregation, operator, limit in ms or as a share)
        let rows = [
            (
                "http_req_duration: p(95)<200",
                Aggregation::Percentile(95.0),
                Operator::Less,
                200.0,
            ),
            (
                "http_req_duration:p(99.9) <= 1.5s",
                Aggregation::Percentile(99.9),
                Operator::LessOrEqual,
                1_500.0,
            ),
            (
                "order_time: avg < 200ms",
                Aggregation::Avg,
                Operator::Less,
                200.0,
            ),
            (
                "iteration_duration: max<1m",
                Aggregation::Max,
                Operator::Less,
                60_000.0,
            ),
            (
                "http_req_waiting: min>250us",
                Aggregation::Min,
                Operator::Greater,
                0.25,
            ),
            (
                "http_req_duration: med!=3",
                Aggregation::Med,
                Operator::NotEqual,
                3.0,
            ),
            (
                "http_reqs: count>=300",
                Aggregation::Count,
                Operator::GreaterOrEqual,
                300.0,
            ),
            (
                "http_reqs: rate>1800",
                Aggregation::Rate,
                Operator::Greater,
                1_800.0,
            ),
            (
                "http_req_failed: rate<1%",
                Aggregation::Rate,
                Operator::Less,
                0.01,
            ),
            (
                "checks: rate === 1",
                Aggregation::Rate,
                Operator::Equal,
                1.0,
            ),
            (
                "vus_max: value==300",
                Aggregation::Value,
                Operator::Equal,
                300.0,
            ),
        ];
        for (text, aggregation, operator, limit) in rows {
            let threshold = parsed(text);
            assert_eq!(
                (threshold.aggregation, threshold.operator, threshold.limit),
                (aggregation, operator, limit),
                "{text}"
            );
        }
    }

    #[test]
    fn tags_are_read_and_written_back() {
        let threshold = parsed("http_req_duration{name:5_create_order, status:201}: p(95) < 200");
        assert_eq!(
            threshold.filter.0,
            [
                ("name".to_owned(), "5_create_order".to_owned()),
                ("status".to_owned(), "201".to_owned())
            ]
        );
        assert_eq!(
            threshold.to_string(),
            "http_req_duration{name:5_create_order,status:201}: p(95)<200"
        );
    }

    #[test]
    fn every_mistake_is_named_with_its_mend() {
        let rows = [
            ("p(95)<200", "no ':' between metric and assertion"),
            (
                "http_req_duration{name:x} p(95)<200",
                "no ':' between metric and assertion",
            ),
            (
                "http_req_duraton: p(95)<200",
                "unknown metric 'http_req_duraton'; known are http_req_duration,",
            ),
            ("order_tim: p(95)<200", "order_time"),
            (
                "http_req_duration{name=x}: p(95)<200",
                "is not a list of tags",
            ),
            ("http_req_duration{}: p(95)<200", "is not a list of tags"),
            (
                "checks{name:x}: rate==1",
                "checks has no tag 'name'; it has scenario, check, stage",
            ),
            (
                "vus{stage:hold}: value>1",
                "vus has no tag 'stage'; it has none",
            ),
            ("http_req_duration: p(95)", "has no comparison"),
            (
                "http_req_duration: p95<200",
                "unknown aggregation 'p95'; known are avg, min",
            ),
            (
                "http_req_duration: p(101)<200",
                "unknown aggregation 'p(101)'",
            ),
            (
                "http_req_duration: rate<200",
                "'rate' does not fit http_req_duration; it takes avg, min, max, med, p(N)",
            ),
            ("http_req_duration: p(95)<fast", "'fast' is not a limit"),
            ("http_req_duration: p(95)<inf", "'inf' is not a limit"),
            ("http_req_failed: rate<10ms", "'10ms' is not a limit"),
            (
                "http_req_duration: p(95)=<200",
                "unknown aggregation 'p(95)='",
            ),
        ];
        for (text, expected) in rows {
            let error = parse(text, &TRENDS).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
