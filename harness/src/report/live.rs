//! What the page of a run that goes on has beside its report: how far it is, a bar with the button
//! that stops it, and the script that renews the page. Pure.

use std::time::Duration;

use askama::Template;

use crate::format::{clock, plural};
use crate::threshold::Outcome;

/// What the page has in addition to the report's style.
pub(super) const STYLE: &str = include_str!("../../templates/live.css");

/// What renews it.
pub(super) const SCRIPT: &str = include_str!("../../templates/live.js");

/// A run that goes on, as far as it is.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// How long it has gone on.
    pub elapsed: Duration,
    /// When its load ends, if that is a time.
    pub end: Option<Duration>,
    /// The stage that it is in.
    pub stage: String,
    /// How its thresholds would come out if it ended now.
    pub outcomes: Vec<Outcome>,
    /// Whether it has been told to stop.
    pub stopping: bool,
    /// Where its report will lie.
    pub report: String,
}

#[derive(Template)]
#[template(path = "live.html")]
struct Bar<'a> {
    report: &'a str,
    script: &'static str,
}

impl Live {
    /// The state in a word, in the verdict's place.
    pub(super) const fn word(&self) -> &'static str {
        if self.stopping { "STOPPING" } else { "RUNNING" }
    }

    pub(super) fn headline(&self) -> String {
        if self.elapsed.is_zero() {
            return "The load has not begun.".to_owned();
        }
        let crossed = self.outcomes.iter().filter(|one| one.is_crossed()).count();
        let all = plural(self.outcomes.len() as u64, "threshold", "thresholds");
        let time = |time: Duration| clock(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let of = match self.end {
            Some(end) if self.elapsed < end => format!(" of {}", time(end)),
            _ => String::new(),
        };
        format!(
            "{}{of}, stage {}: {crossed} of {all} crossed so far.",
            time(self.elapsed),
            self.stage
        )
    }

    /// Whether nobody can say yet how the threshold comes out: there is no data, or the rest of the
    /// run may mend it.
    pub(super) fn is_undecided(&self, expression: &str) -> bool {
        let undecided = |one: &&Outcome| !one.ok && !one.is_crossed();
        let mut undecided = self.outcomes.iter().filter(undecided);
        undecided.any(|one| one.threshold.to_string() == expression)
    }

    pub(super) fn bar(&self) -> askama::Result<String> {
        let script = SCRIPT;
        let report = &self.report;
        Bar { report, script }.render()
    }
}
