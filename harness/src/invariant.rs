//! A business rule that was checked after the load, and its result.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::format::grouped_signed;
use crate::vu::Request;

/// What a rule expects, or what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    /// Exactly this amount.
    Exactly(i64),
    /// Anything between: some outcomes are unknown.
    Between {
        /// The least.
        from: i64,
        /// The most.
        to: i64,
    },
    /// This amount or less.
    AtMost {
        /// The most.
        at_most: i64,
    },
    /// This amount or more.
    AtLeast {
        /// The least.
        at_least: i64,
    },
}

impl Amount {
    /// Anything from `from` to `to`, both included.
    #[must_use]
    pub fn between(from: i64, to: i64) -> Self {
        if from == to {
            Self::Exactly(from)
        } else {
            Self::Between { from, to }
        }
    }

    /// Whether this amount is as expected.
    #[must_use]
    pub fn takes(self, actual: i64) -> bool {
        match self {
            Self::Exactly(amount) => actual == amount,
            Self::Between { from, to } => (from..=to).contains(&actual),
            Self::AtMost { at_most } => actual <= at_most,
            Self::AtLeast { at_least } => actual >= at_least,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Exactly(amount) => write!(f, "{}", grouped_signed(amount)),
            Self::Between { from, to } => {
                write!(f, "{} to {}", grouped_signed(from), grouped_signed(to))
            }
            Self::AtMost { at_most } => write!(f, "≤ {}", grouped_signed(at_most)),
            Self::AtLeast { at_least } => write!(f, "≥ {}", grouped_signed(at_least)),
        }
    }
}

/// A rule and its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invariant {
    /// The rule.
    pub name: String,
    /// What it expects.
    pub expected: Amount,
    /// What was found.
    pub actual: i64,
    /// Whether it holds.
    pub ok: bool,
    /// Examples of where it doesn't hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Names of the requests that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<String>,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (expected {}, was {})",
            self.name,
            self.expected,
            self.was()
        )?;
        self.detail
            .as_ref()
            .map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

impl Invariant {
    /// A rule, judged.
    #[must_use]
    pub fn new(name: &str, expected: Amount, actual: i64) -> Self {
        Self {
            name: name.to_owned(),
            expected,
            actual,
            ok: expected.takes(actual),
            detail: None,
            requests: Vec::new(),
        }
    }

    /// What was found, for people.
    pub(crate) fn was(&self) -> String {
        grouped_signed(self.actual)
    }

    /// The requests that it is about: a report shows their unexpected answers beside a broken rule.
    #[must_use]
    pub fn about(mut self, requests: &[&'static Request]) -> Self {
        self.requests = requests.iter().map(|one| one.name.to_owned()).collect();
        self
    }

    /// Also broken if there are single cases that break it. Three of them are shown.
    #[must_use]
    pub fn with_cases(mut self, broken: &[String]) -> Self {
        if !broken.is_empty() {
            const SHOWN: usize = 3;
            let more = broken.len().saturating_sub(SHOWN);
            let more = if more > 0 {
                format!("; and {more} more")
            } else {
                String::new()
            };
            self.ok = false;
            self.detail = Some(
                broken
                    .iter()
                    .take(SHOWN)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join("; ")
                    + &more,
            );
        }
        self
    }
}
