//! Renders an outcome: tables for people, JSON for programs. Each report writes to a writer.

mod cause;
mod charts;
mod comparison;
mod document;
mod errors;
mod evidence;
mod explain;
mod following;
mod heatmap;
mod html;
mod json;
mod junit;
mod limits;
mod live;
mod markdown;
mod measured;
mod multiples;
mod phases;
mod plan;
mod plot;
mod policy;
mod rates;
mod record;
mod same_time;
mod second;
mod series;
mod shares;
mod store_charts;
mod strips;
mod subject;
mod summary;
mod suspects;
pub(crate) mod table;
mod tables;
mod terminal;
mod timetable;
mod title;
mod version1;
mod what_now;
mod whole;
mod words;
mod worker_strips;
mod workers;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

use std::time::{Duration, SystemTime};

pub use cause::Cause;
pub use comparison::write_comparison;
pub use document::{Document, DocumentError};
pub use explain::Explanation;
pub use following::{Following, Read};
pub use html::write_html;
pub use json::{planned, summary, write_json};
pub use junit::write_junit;
pub use live::Live;
pub use markdown::{MARKDOWN_LIMIT, write_markdown};
pub use plan::write_plan;
pub use record::{Record, RecordError, open_file, read_series, summary_at};
pub use same_time::same_time;
pub use series::{
    Head, Row, SERIES_FILE, SERIES_VERSION, Second, Series, SeriesError, Slow, Tags, has,
};
pub use subject::{PRIVATE_STACK, Recorded, RecordedError, misfits};
pub use summary::{
    CheckRow, FailureRow, Generator, Run, SUMMARY_FILE, SUMMARY_VERSION, StageRow, Summary,
    ThresholdRow, Value,
};
pub use suspects::{Stores, Suspect};
pub use table::fit_tables;
pub use terminal::write_terminal;
pub(crate) use title::title_of;
pub use worker_strips::worker_gauges;

use crate::compare::Comparison;
use crate::config::RunConfig;
use crate::diagnosis::HealthLog;
use crate::executor;
use crate::fidelity::PersonaShare;
use crate::fleet::Worker;
use crate::invariant::Invariant;
use crate::metrics::Snapshot;
use crate::output::Account;
use crate::threshold::{Judgement, Outcome};

/// Everything that reports are made from.
#[derive(Debug)]
pub struct RunResult {
    /// Unique name of the run.
    pub id: String,
    /// What was asked for.
    pub config: RunConfig,
    /// The address that was tested.
    pub host: String,
    /// When the run began.
    pub started_at: SystemTime,
    /// From the first iteration's start to the last one's end.
    pub duration: Duration,
    /// What was measured.
    pub snapshot: Snapshot,
    /// Whether the generator was not fit, so that times and rates say nothing.
    pub unfit: bool,
    /// What became of the arrivals, by scenario, in the open model.
    pub arrivals: Vec<Option<executor::Account>>,
    /// How the thresholds came out.
    pub thresholds: Vec<Outcome>,
    /// How the invariants came out.
    pub invariants: Vec<Invariant>,
    /// The first unexpected answer of each request name and status.
    pub failures: Vec<(&'static str, u16, String)>,
    /// Where the load came from.
    pub generator: Generator,
    /// How it compares with its baseline, if it has one.
    pub comparison: Option<Comparison>,
    /// What became of the rows of every output.
    pub outputs: Vec<Account>,
    /// Planned and achieved shares of every persona.
    pub mix: Vec<PersonaShare>,
    /// Operations with an unknown outcome.
    pub unknown_outcomes: u64,
    /// How the generator was doing.
    pub health: HealthLog,
    /// The workers, if the load was made on several machines.
    pub workers: Vec<Worker>,
    /// What is worth knowing though it makes no verdict.
    pub warnings: Vec<String>,
    /// The verdict.
    pub judgement: Judgement,
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "page_tests.rs"]
mod page_tests;
