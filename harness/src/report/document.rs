//! What reports are rendered from: the summary and the series of a run, and nothing else, so that
//! an old run is rendered as it was.

use thiserror::Error;

use super::evidence::Evidence;
use super::explain::{Explanation, explain};
use super::live::Live;
use super::measured::Measured;
use super::series::Series;
use super::summary::{SUMMARY_VERSION, Summary};
use super::version1::upgraded;
use crate::compare::Comparison;
use crate::metrics::Broken;

/// A run, read and added up.
#[derive(Debug)]
pub struct Document {
    /// The summary.
    pub summary: Summary,
    /// The series.
    pub series: Series,
    /// What the series lacks of the run, if it isn't whole.
    pub lack: Option<String>,
    /// How far it is, if it goes on.
    pub live: Option<Live>,
    /// How it compares with its baseline, if it had one.
    pub comparison: Option<Comparison>,
    pub(super) measured: Measured,
    /// Why it failed, if it did.
    pub explanations: Vec<Explanation>,
}

/// Why a run can't be rendered.
#[derive(Debug, Error)]
pub enum DocumentError {
    /// A histogram is broken.
    #[error("the series can't be read: {0}")]
    Series(#[from] Broken),
    /// From another version of this program.
    #[error("the summary is of version {0}; this program reads version {SUMMARY_VERSION}")]
    Version(u32),
    /// Of two runs.
    #[error("the series is of the run {0}, the summary of another one")]
    Stranger(String),
}

impl Document {
    /// Adds a run up and explains it.
    ///
    /// # Errors
    /// What doesn't fit together.
    pub fn new(summary: Summary, mut series: Series) -> Result<Self, DocumentError> {
        if !(1..=SUMMARY_VERSION).contains(&summary.version) {
            return Err(DocumentError::Version(summary.version));
        }
        let summary = upgraded(summary);
        if series.head.run_id != summary.run.id {
            return Err(DocumentError::Stranger(series.head.run_id));
        }
        series.add_tags(None, &summary.run.tags);
        for scenario in &summary.run.scenarios {
            series.add_tags(Some(&scenario.name), &scenario.tags);
        }
        let measured = Measured::of(&series, &summary.catalogue)?;
        let explanations = explain(&Evidence {
            summary: &summary,
            seconds: &series.seconds,
            measured: &measured,
        });
        Ok(Self {
            summary,
            series,
            lack: None,
            live: None,
            comparison: None,
            measured,
            explanations,
        })
    }
}
