//! Tags: the dimensions a series is told apart by. Their values come from fixed sets, never from
//! URLs or answers, so the number of series is bounded by construction.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::catalogue::Catalogue;

/// What a run's only scenario is called if it has no name, as in k6.
pub const DEFAULT_SCENARIO: &str = "default";

/// Who did something, for people: the persona, with its scenario where that has a name.
#[must_use]
pub fn who(scenario: &str, persona: &str) -> String {
    match scenario {
        DEFAULT_SCENARIO => persona.to_owned(),
        _ if scenario == persona => persona.to_owned(),
        _ => format!("{persona} of {scenario}"),
    }
}

/// A name that the user chose, for tags: they are copied with every sample, so it lives as long as
/// the process. Each different one is kept once.
#[must_use]
pub fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock();
    if let Some(known) = names.get(name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(kept);
    kept
}

/// The methods of HTTP (RFC 9110, 9.3, and RFC 5789).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `CONNECT`
    Connect,
    /// `OPTIONS`
    Options,
    /// `TRACE`
    Trace,
    /// `PATCH`
    Patch,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Get,
        Self::Head,
        Self::Post,
        Self::Put,
        Self::Delete,
        Self::Connect,
        Self::Options,
        Self::Trace,
        Self::Patch,
    ];

    /// The method as it stands in the request line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
        }
    }

    /// Whether a request with it says that its content is empty, too (RFC 9110, 8.6).
    pub(crate) const fn expects_content(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

/// The version of HTTP that a request was sent with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Proto {
    /// `HTTP/1.1`
    #[default]
    Http1,
    /// `HTTP/2.0`
    Http2,
}

impl Proto {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Http1, Self::Http2];

    /// Its name as k6 writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2.0",
        }
    }
}

/// What tells one series of requests from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestTags {
    /// Name of the scenario; the persona's where a run has only one scenario and no name for it.
    pub scenario: &'static str,
    /// Name of the persona.
    pub persona: &'static str,
    /// The request's fixed name, such as `5_create_order`.
    pub name: &'static str,
    /// Its method.
    pub method: Method,
    /// The answer's status; 0 when there was none (refused, reset, timed out).
    pub status: u16,
    /// Index of the stage in which the request was sent.
    pub stage: u16,
    /// Whether the request declared this status as expected; true for a request that was cut.
    pub expected: bool,
    /// The custom trend that requests of this name feed, such as `order_time`.
    pub trend: Option<&'static str>,
    /// The version of HTTP; where there was no connection, the one that was wanted.
    pub proto: Proto,
}

impl RequestTags {
    /// Whether they are of requests that were cut before their answer was there. They have no
    /// status, and are no failure.
    #[must_use]
    pub const fn is_interrupted(&self) -> bool {
        self.status == 0 && self.expected
    }
}

/// What tells one series of iterations from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IterationTags {
    /// Name of the scenario.
    pub scenario: &'static str,
    /// Name of the persona.
    pub persona: &'static str,
    /// Index of the stage in which the iteration started.
    pub stage: u16,
}

/// What tells one check from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckTags {
    /// Name of the scenario.
    pub scenario: &'static str,
    /// Name of the persona.
    pub persona: &'static str,
    /// What is asserted, such as `order 201`.
    pub check: &'static str,
    /// Index of the stage in which it was asserted.
    pub stage: u16,
}

/// `{key:value,…}` of a threshold: every pair must hold. The empty filter takes every series. A
/// value that begins with `!` takes what has another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagFilter(pub Vec<(String, String)>);

/// What series are called beside their own tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Names of the stages, by the index in the tags.
    pub stages: Arc<[String]>,
    /// Key and value of the user's own tags, by scenario.
    pub scenario_tags: Arc<[(&'static str, String, String)]>,
    /// Key and value of the user's tags of the whole run.
    pub run_tags: Arc<[(String, String)]>,
    /// What is known of the API.
    pub catalogue: Arc<Catalogue>,
    /// Whether requests may be of different versions of HTTP, so that it has to be said of which.
    pub protos: bool,
}

impl TagFilter {
    /// Takes what has this value of this tag.
    #[must_use]
    pub fn of(key: &str, value: &str) -> Self {
        Self(vec![(key.to_owned(), value.to_owned())])
    }

    /// Whether a series of requests passes.
    #[must_use]
    pub fn takes_request(&self, tags: &RequestTags, names: &Names) -> bool {
        self.all(|key, value| match key {
            "scenario" => tags.scenario == value,
            "persona" => tags.persona == value,
            "name" => tags.name == value,
            "method" => tags.method.as_str() == value,
            "status" => value.parse() == Ok(tags.status),
            "stage" => names.stage_is(tags.stage, value),
            "expected_response" => value.parse() == Ok(tags.expected),
            "proto" => tags.proto.as_str() == value,
            own => names.has(tags.scenario, own, value),
        })
    }

    /// Whether a series of iterations passes.
    #[must_use]
    pub fn takes_iteration(&self, tags: &IterationTags, names: &Names) -> bool {
        self.all(|key, value| match key {
            "scenario" => tags.scenario == value,
            "persona" => tags.persona == value,
            "stage" => names.stage_is(tags.stage, value),
            own => names.has(tags.scenario, own, value),
        })
    }

    /// Whether a check passes.
    #[must_use]
    pub fn takes_check(&self, tags: &CheckTags, names: &Names) -> bool {
        self.all(|key, value| match key {
            "scenario" => tags.scenario == value,
            "persona" => tags.persona == value,
            "check" => tags.check == value,
            "stage" => names.stage_is(tags.stage, value),
            own => names.has(tags.scenario, own, value),
        })
    }

    /// Whether a stage passes, as far as the filter asks for stages.
    #[must_use]
    pub fn takes_stage(&self, scenario: Option<&str>, stage: &str) -> bool {
        let known = |(key, _): &&(String, String)| matches!(key.as_str(), "stage" | "scenario");
        let asked = Self(self.0.iter().filter(known).cloned().collect());
        asked.all(|key, value| match key {
            "stage" => stage == value,
            _ => scenario.is_none_or(|scenario| scenario == value),
        })
    }

    fn all(&self, holds: impl Fn(&str, &str) -> bool) -> bool {
        self.0
            .iter()
            .all(|(key, value)| match value.strip_prefix('!') {
                Some(other) => !holds(key, other),
                None => holds(key, value),
            })
    }
}

impl Names {
    fn stage_is(&self, index: u16, name: &str) -> bool {
        self.stages
            .get(usize::from(index))
            .is_some_and(|stage| stage == name)
    }

    /// Whether what a scenario has is tagged so by the user.
    pub(crate) fn has(&self, scenario: &str, key: &str, value: &str) -> bool {
        self.values_of(scenario, key).any(|known| known == value)
    }

    /// The values of a tag of the user's own in a scenario.
    pub(crate) fn values_of(&self, scenario: &str, key: &str) -> impl Iterator<Item = &str> {
        let of_scenario = self.scenario_tags.iter();
        let of_scenario = of_scenario.filter(move |(of, ..)| *of == scenario);
        let of_scenario = of_scenario.map(|(_, own, is)| (own, is));
        let of_run = self.run_tags.iter().map(|(own, is)| (own, is));
        let all = of_scenario.chain(of_run);
        all.filter_map(move |(own, is)| (own == key).then_some(is.as_str()))
    }

    /// The keys of the user's own tags.
    #[must_use]
    pub fn own_tags(&self) -> Vec<String> {
        let of_scenarios = self.scenario_tags.iter().map(|(_, key, _)| key);
        let of_run = self.run_tags.iter().map(|(key, _)| key);
        of_scenarios.chain(of_run).cloned().collect()
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
