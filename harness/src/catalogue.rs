//! What a suite's reports need to know of its API, as data. It travels in `summary.json`, so that a
//! report of another suite, or of an older version, renders from its files alone.

use serde::{Deserialize, Serialize};

use crate::expected::Expected;

/// A part of the server's time, as the server names it in `Server-Timing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerPart {
    /// The name that the server gives it, such as `db`.
    pub name: &'static str,
    /// What people call it, such as `the database`.
    pub label: &'static str,
    /// Whether it is time spent waiting for a turn, which a slow part before it may have caused.
    pub is_queue: bool,
}

/// A suite has at most so many parts: each costs a histogram in every series of requests.
pub const MOST_PARTS: usize = 8;

/// What the metrics of the server's parts begin with.
pub const SERVER_TIMING: &str = "server_timing_";

/// The requests and parts of one suite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Catalogue {
    /// In the order in which reports list them.
    pub requests: Vec<RequestEntry>,
    /// In the order in which reports list them.
    pub server_parts: Vec<PartEntry>,
}

/// A request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEntry {
    /// Its name, such as `5_create_order`.
    pub name: String,
    /// Its method.
    #[serde(default)]
    pub method: String,
    /// The custom trend that its duration feeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<String>,
    /// Whether a persona plans it. A request that none plans, such as the set-up's, may come from
    /// any.
    #[serde(skip)]
    pub planned: bool,
    /// The check that its answers can be read.
    #[serde(skip)]
    pub readable: String,
    /// Which statuses are no failure.
    #[serde(skip)]
    pub expected: Expected,
    /// Whether only the set-up sends it.
    #[serde(skip)]
    pub set_up_only: bool,
    /// Whether it is never sent with the options of the run.
    #[serde(skip)]
    pub unsent: bool,
}

/// A part of the server's time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// The server's name of it.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// Whether it is time spent waiting for a turn.
    #[serde(default)]
    pub is_queue: bool,
}

impl PartEntry {
    /// The name of its metric.
    #[must_use]
    pub fn metric(&self) -> String {
        format!("{SERVER_TIMING}{}", self.name)
    }

    /// Its label without an article, for the heads of columns.
    #[must_use]
    pub fn title(&self) -> &str {
        let articles = ["the ", "a ", "an "];
        let bare = articles
            .iter()
            .find_map(|article| self.label.strip_prefix(article));
        bare.unwrap_or(&self.label)
    }
}

impl Catalogue {
    /// The custom trends, in the order of the requests that feed them.
    pub fn trends(&self) -> impl Iterator<Item = &str> {
        let mut seen: Vec<&str> = Vec::new();
        self.requests.iter().filter_map(move |request| {
            let trend = request.trend.as_deref()?;
            if seen.contains(&trend) {
                return None;
            }
            seen.push(trend);
            Some(trend)
        })
    }
}

#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
