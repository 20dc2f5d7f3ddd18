//! k6's threshold grammar, with windows and in one text.
//!
//! ```text
//! threshold   = metric [ "{" tag { "," tag } "}" ] ":" assertion [ window ] [ abort ]
//! tag         = key ":" [ "!" ] value
//! window      = "over" duration
//! abort       = "abort_on_fail" [ "delay=" duration ]
//! assertion   = aggregation operator number [ unit ]
//! aggregation = "avg" | "min" | "max" | "med" | "p(" number ")" | "count" | "rate" | "value"
//! operator    = "<" | "<=" | ">" | ">=" | "==" | "===" | "!="
//! unit        = "us" | "ms" | "s" | "m" (trends, "ms" unless said) | "%" (rates)
//! ```
//!
//! Blanks may stand between any two words. A tag's value with a `!` takes what has another one:
//! `{stage:!ramp_up}` leaves the ramp out.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::catalogue::{Catalogue, RequestEntry};
use crate::decimal::shifted;
use crate::format::did_you_mean;
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
    /// Over which the assertion must hold, wherever it lies; the whole run without one.
    pub window: Option<Duration>,
    /// From when on a crossing ends the run, if one does.
    pub abort_after: Option<Duration>,
    /// Whether a run without data holds it: what it is about need not happen.
    pub optional: bool,
    /// The assertion as the user wrote it, without blanks.
    assertion: String,
}

/// What there is beside the built-in metrics and tags.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What is known of the API.
    pub catalogue: &'a Catalogue,
    /// Tags of the user's own.
    pub tags: &'a [String],
}

impl Threshold {
    /// Has durations around its limit measured to the microsecond from now on, so that it is judged
    /// exactly.
    pub(crate) fn measure_exactly(&self) {
        if self.metric.kind() == Kind::Trend {
            metrics::exact_around(self.limit);
        }
    }

    /// The same threshold about a scenario only.
    ///
    /// # Errors
    /// When its metric isn't told apart by scenario.
    pub fn of_scenario(mut self, scenario: &str) -> Result<Self, ParseError> {
        if !self.metric.tags.contains(&"scenario") {
            return Err(unknown_tag(self.metric, "scenario", &[]));
        }
        if !self.filter.0.iter().any(|(key, _)| key == "scenario") {
            let pair = ("scenario".to_owned(), scenario.to_owned());
            self.filter.0.insert(0, pair);
        }
        Ok(self)
    }

    /// The same threshold about the requests of this name only.
    #[must_use]
    pub fn of_request(mut self, name: &str, optional: bool) -> Self {
        self.filter.0.push(("name".to_owned(), name.to_owned()));
        self.optional = optional;
        self
    }
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
    /// In words, before the limit.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Less => "less than",
            Self::LessOrEqual => "at most",
            Self::Greater => "more than",
            Self::GreaterOrEqual => "at least",
            Self::Equal => "exactly",
            Self::NotEqual => "anything but",
        }
    }

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
    #[error("unknown metric '{name}'; {known}")]
    UnknownMetric {
        /// As written.
        name: String,
        /// What there is.
        known: String,
    },
    /// A `{…}` that isn't a list of `key:value`.
    #[error("'{0}' is not a list of tags; write '{{method:GET,status:200}}'")]
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
    /// What follows the assertion is neither a window nor an abort.
    #[error(
        "'{0}' can't follow an assertion; write 'over 10s', 'abort_on_fail' or 'abort_on_fail delay=30s'"
    )]
    BadSuffix(String),
    /// The window isn't whole seconds.
    #[error("'{0}' is not a window; write whole seconds up to 5m, as in 'over 10s'")]
    BadWindow(String),
    /// The metric has no values of a second.
    #[error("{0} has no value of its own for a window; leave 'over' out")]
    NoWindow(&'static str),
}

/// Parses a threshold on built-in metrics and tags, and on these custom trends.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse(text: &str, trends: &[&str]) -> Result<Threshold, ParseError> {
    let request = |trend: &&str| RequestEntry {
        trend: Some((*trend).to_owned()),
        ..RequestEntry::default()
    };
    let catalogue = Catalogue {
        requests: trends.iter().map(request).collect(),
        ..Catalogue::default()
    };
    let known = Known {
        catalogue: &catalogue,
        tags: &[],
    };
    parse_knowing(text, known)
}

/// Parses one threshold, with everything that there is beside the built-in.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn parse_knowing(text: &str, known: Known<'_>) -> Result<Threshold, ParseError> {
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
    let metric = metrics::find(name, known.catalogue).ok_or_else(|| ParseError::UnknownMetric {
        name: name.to_owned(),
        known: names(name, known.catalogue),
    })?;
    let filter = tags.map_or(Ok(TagFilter::default()), |tags| {
        parse_tags(tags, metric, known.tags)
    })?;
    let mut words = assertion.split_whitespace().peekable();
    let mut assertion = String::new();
    while let Some(word) = words.next_if(|word| !SUFFIXES.contains(word)) {
        assertion += word;
    }
    let (aggregation, operator, limit) = parse_assertion(&assertion, metric)?;
    let suffix: Vec<&str> = words.collect();
    let (window, abort_after) = parse_suffix(&suffix)?;
    if window.is_some() && metric.kind() == Kind::Gauge {
        return Err(ParseError::NoWindow(metric.name));
    }
    Ok(Threshold {
        metric,
        filter,
        aggregation,
        operator,
        limit,
        window,
        abort_after,
        optional: false,
        assertion,
    })
}

/// What ends an assertion.
const SUFFIXES: [&str; 2] = ["over", "abort_on_fail"];

/// The window and from when on a crossing ends the run.
fn parse_suffix(words: &[&str]) -> Result<(Option<Duration>, Option<Duration>), ParseError> {
    let (window, rest) = match words {
        ["over", window, rest @ ..] => (Some(parse_window(window)?), rest),
        rest => (None, rest),
    };
    let abort_after = match rest {
        [] => None,
        ["abort_on_fail"] => Some(Duration::ZERO),
        ["abort_on_fail", delay] => {
            let parsed = delay
                .strip_prefix("delay=")
                .and_then(|delay| humantime::parse_duration(delay).ok());
            Some(parsed.ok_or_else(|| ParseError::BadSuffix(words.join(" ")))?)
        }
        _ => return Err(ParseError::BadSuffix(words.join(" "))),
    };
    Ok((window, abort_after))
}

/// Its seconds are kept: a longer window would cost memory.
const LONGEST_WINDOW: Duration = Duration::from_secs(300);

fn parse_window(text: &str) -> Result<Duration, ParseError> {
    let window = humantime::parse_duration(text).ok();
    window
        .filter(|window| window.subsec_nanos() == 0 && !window.is_zero())
        .filter(|window| *window <= LONGEST_WINDOW)
        .ok_or_else(|| ParseError::BadWindow(text.to_owned()))
}

fn names(name: &str, catalogue: &Catalogue) -> String {
    let names: Vec<_> = metrics::all(catalogue).map(|metric| metric.name).collect();
    let near = did_you_mean(name, names.iter().copied());
    format!("{near}known are {}", names.join(", "))
}

fn unknown_tag(metric: Metric, key: &str, own: &[String]) -> ParseError {
    let known = match metric.tags {
        [] => "it has none".to_owned(),
        tags => {
            let own = own.iter().map(String::as_str);
            let tags: Vec<&str> = tags.iter().copied().chain(own).collect();
            let near = did_you_mean(key, tags.iter().copied());
            format!("{near}it has {}", tags.join(", "))
        }
    };
    ParseError::UnknownTag {
        metric: metric.name,
        key: key.to_owned(),
        known,
    }
}

fn parse_tags(text: &str, metric: Metric, own: &[String]) -> Result<TagFilter, ParseError> {
    let bad = || ParseError::BadTags(format!("{{{text}"));
    let inner = text.strip_suffix('}').ok_or_else(bad)?;
    let pair = |pair: &str| {
        let (key, value) = pair.split_once(':').ok_or_else(bad)?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || value.trim_start_matches('!').is_empty() {
            return Err(bad());
        }
        // What has a scenario has the scenario's own tags.
        let is_own = metric.tags.contains(&"scenario") && own.iter().any(|own| own == key);
        if !metric.tags.contains(&key) && !is_own {
            return Err(unknown_tag(metric, key, own));
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
    if !aggregation.fits(metric.kind()) {
        return Err(ParseError::WrongAggregation {
            aggregation: left.to_owned(),
            metric: metric.name,
            fitting: fitting(metric.kind()),
        });
    }
    let limit =
        parse_limit(right, metric.kind()).ok_or_else(|| ParseError::BadLimit(right.to_owned()))?;
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
    let exponent = match (kind, &text[digits.len()..]) {
        (_, "") | (Kind::Trend, "ms") => 0,
        (Kind::Trend, "us") => -3,
        (Kind::Trend, "s") => 3,
        (Kind::Rate, "%") => -2,
        (Kind::Trend, "m") => return Some(whole_nanoseconds(60.0 * shifted(digits, 3)?)),
        _ => return None,
    };
    shifted(digits, exponent)
}

/// The nearest duration in ms that is whole nanoseconds: what a product is off by is far less.
fn whole_nanoseconds(ms: f64) -> f64 {
    (ms * 1e6).round() / 1e6
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}", self.metric.name, self.filter, self.assertion)?;
        if let Some(window) = self.window {
            write!(f, " over {}", one_word(window))?;
        }
        match self.abort_after {
            None => Ok(()),
            Some(Duration::ZERO) => write!(f, " abort_on_fail"),
            Some(delay) => write!(f, " abort_on_fail delay={}", one_word(delay)),
        }
    }
}

/// A duration as it may stand in a threshold: `1m30s`, not `1m 30s`.
fn one_word(duration: Duration) -> String {
    let words = humantime::format_duration(duration);
    words.to_string().replace(' ', "")
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
