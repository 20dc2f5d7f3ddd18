//! Tags: the dimensions a series is told apart by. Their values come from fixed sets, never from
//! URLs or answers, so the number of series is bounded by construction.

use std::fmt;

/// The HTTP methods that the shop's API uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
}

impl Method {
    /// The method as it stands in the request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What tells one series of requests from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestTags {
    /// Name of the persona.
    pub scenario: &'static str,
    /// The request's fixed name, such as `5_create_order`.
    pub name: &'static str,
    /// Its method.
    pub method: Method,
    /// The answer's status; 0 when there was none (refused, reset, timed out).
    pub status: u16,
    /// Index of the stage in which the request was sent.
    pub stage: u16,
    /// Whether the request declared this status as expected.
    pub expected: bool,
    /// The custom trend that requests of this name feed, such as `order_time`.
    pub trend: Option<&'static str>,
}

/// What tells one series of iterations from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IterationTags {
    /// Name of the persona.
    pub scenario: &'static str,
    /// Index of the stage in which the iteration started.
    pub stage: u16,
}

/// What tells one check from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckTags {
    /// Name of the persona.
    pub scenario: &'static str,
    /// What is asserted, such as `order 201`.
    pub check: &'static str,
    /// Index of the stage in which it was asserted.
    pub stage: u16,
}

/// `{key:value,…}` of a threshold: every pair must hold. The empty filter takes every series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagFilter(pub Vec<(String, String)>);

impl TagFilter {
    /// Whether a series of requests passes; `stages` are the stages' names by index.
    #[must_use]
    pub fn takes_request(&self, tags: &RequestTags, stages: &[String]) -> bool {
        self.all(|key, value| match key {
            "scenario" => tags.scenario == value,
            "name" => tags.name == value,
            "method" => tags.method.as_str() == value,
            "status" => value.parse() == Ok(tags.status),
            "stage" => stage_is(stages, tags.stage, value),
            "expected_response" => value.parse() == Ok(tags.expected),
            _ => false,
        })
    }

    /// Whether a series of iterations passes.
    #[must_use]
    pub fn takes_iteration(&self, tags: &IterationTags, stages: &[String]) -> bool {
        self.all(|key, value| match key {
            "scenario" => tags.scenario == value,
            "stage" => stage_is(stages, tags.stage, value),
            _ => false,
        })
    }

    /// Whether a check passes.
    #[must_use]
    pub fn takes_check(&self, tags: &CheckTags, stages: &[String]) -> bool {
        self.all(|key, value| match key {
            "scenario" => tags.scenario == value,
            "check" => tags.check == value,
            "stage" => stage_is(stages, tags.stage, value),
            _ => false,
        })
    }

    fn all(&self, holds: impl Fn(&str, &str) -> bool) -> bool {
        self.0.iter().all(|(key, value)| holds(key, value))
    }
}

impl fmt::Display for TagFilter {
    /// Nothing for the empty filter, else `{key:value,…}` as k6 writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(key, value)| format!("{key}:{value}"))
            .collect();
        write!(f, "{{{}}}", pairs.join(","))
    }
}

fn stage_is(stages: &[String], index: u16, name: &str) -> bool {
    stages
        .get(usize::from(index))
        .is_some_and(|stage| stage == name)
}
