//! A run as it lies in its directory: the summary, and the series beside it.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::series::{SERIES_FILE, Series, SeriesError};
use super::summary::{SUMMARY_FILE, Summary};
use super::version1::upgraded;
use super::whole;

/// Both files of a run.
#[derive(Debug)]
pub struct Record {
    /// The summary.
    pub summary: Summary,
    /// The series.
    pub series: Series,
    /// What the series lacks of the run, if it isn't whole.
    pub lack: Option<String>,
}

/// Why the files of a run can't be read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// A file can't be opened.
    #[error("{path} can't be read: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The summary is something else.
    #[error("{path} is not the summary of a run: {source}")]
    Summary {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The series is something else.
    #[error("{path}: {source}")]
    Series {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: SeriesError,
    },
    /// The series is another run's.
    #[error("{path} is of run {of}, and the summary of {run}: keep each run's files in a folder")]
    OfAnother {
        /// The series.
        path: PathBuf,
        /// Whose it is.
        of: String,
        /// Whose summary lies beside it.
        run: String,
    },
}

/// The summary at this path, or in this directory.
#[must_use]
pub fn summary_at(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(SUMMARY_FILE)
    } else {
        path.to_owned()
    }
}

impl Record {
    /// Reads `summary.json`, or the directory that it is in, and the series beside it.
    ///
    /// # Errors
    /// The file and what is wrong with it.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let path = summary_at(path);
        let summary = match serde_json::from_reader(open_file(&path)?) {
            Ok(summary) => upgraded(summary),
            Err(source) => return Err(RecordError::Summary { path, source }),
        };
        let path = path.with_file_name(SERIES_FILE);
        let series = read_series(&path)?;
        let (of, run) = (&series.head.run_id, &summary.run.id);
        if of != run {
            let (of, run) = (of.clone(), run.clone());
            return Err(RecordError::OfAnother { path, of, run });
        }
        let lack = whole::lack(&series, &summary);
        Ok(Self {
            summary,
            series,
            lack,
        })
    }
}

/// Reads a series.
///
/// # Errors
/// The file and what is wrong with it.
pub fn read_series(path: &Path) -> Result<Series, RecordError> {
    Series::read(open_file(path)?).map_err(|source| RecordError::Series {
        path: path.to_owned(),
        source,
    })
}

/// Opens a file of a run.
///
/// # Errors
/// The file and the system's reason.
pub fn open_file(path: &Path) -> Result<BufReader<File>, RecordError> {
    match File::open(path) {
        Ok(file) => Ok(BufReader::new(file)),
        Err(source) => Err(RecordError::Open {
            path: path.to_owned(),
            source,
        }),
    }
}
