//! Reads a run's summary and series again, and renders them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::prepare::{Refusal, check_file};
use crate::compare::COMPARISON_FILE;
use crate::files::{directory_of, write_whole};
use crate::report::{
    Document, DocumentError, Explanation, Record, RecordError, open_file, summary_at, write_html,
    write_junit, write_markdown,
};

/// The reports that are rendered from a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Renderings {
    /// The page.
    pub html: Option<PathBuf>,
    /// The Markdown.
    pub markdown: Option<PathBuf>,
    /// The JUnit XML.
    pub junit: Option<PathBuf>,
}

impl Renderings {
    /// Finds out whether those that are named can be written.
    ///
    /// # Errors
    /// Which flag names one that can't, and why.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let named = [
            ("--html", &self.html),
            ("--md", &self.markdown),
            ("--junit", &self.junit),
        ];
        let mut named = named
            .iter()
            .filter_map(|(flag, path)| Some((flag, path.as_ref()?)));
        named.try_for_each(|(flag, path)| check_file(flag, path))
    }

    /// All of them, where every run leaves them.
    fn beside(summary: &Path) -> Self {
        let beside = |name: &str| Some(directory_of(summary).join(name));
        Self {
            html: beside("report.html"),
            markdown: beside("report.md"),
            junit: beside("junit.xml"),
        }
    }
}

/// Why a run can't be rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// Its files can't be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The comparison is something else.
    #[error("{path} is not the comparison of a run: {source}")]
    Comparison {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// They don't fit together.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A report can't be written.
    #[error("{path} can't be written: {source}")]
    Write {
        /// The report.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What became of the reports.
#[derive(Debug, Default)]
pub struct Rendered {
    /// Those that were written.
    pub written: Vec<PathBuf>,
    /// Why others were not.
    pub failed: Vec<RenderError>,
    /// What the series lacks of the run, if it isn't whole: reports of it are made all the same.
    pub lack: Option<String>,
    /// What is first to blame, if something failed and that is known.
    pub cause: Option<String>,
}

/// Renders the run of this summary, or of the summary in this directory; its series lies beside
/// it. Writes those that are named, or all of them beside the summary. One that can't be written
/// costs no other.
///
/// # Errors
/// What can't be read or doesn't fit together.
pub fn render(run: &Path, named: &Renderings) -> Result<Rendered, RenderError> {
    let summary = summary_at(run);
    let renderings = if *named == Renderings::default() {
        Renderings::beside(&summary)
    } else {
        named.clone()
    };
    let document = read(&summary)?;
    let mut rendered = Rendered {
        lack: document.lack.clone(),
        cause: document
            .explanations
            .iter()
            .find_map(Explanation::first_cause),
        ..Rendered::default()
    };
    let reports: [(&Option<PathBuf>, Report); 3] = [
        (&renderings.html, |document, out| write_html(document, out)),
        (&renderings.markdown, |document, out| {
            write_markdown(document, out)
        }),
        (&renderings.junit, |document, out| {
            write_junit(document, out)
        }),
    ];
    for (path, report) in reports {
        if let Some(path) = path {
            let write = |out: &mut dyn Write| report(&document, out);
            let path = path.clone();
            match write_whole(&path, write) {
                Ok(()) => rendered.written.push(path),
                Err(source) => rendered.failed.push(RenderError::Write { path, source }),
            }
        }
    }
    Ok(rendered)
}

type Report = fn(&Document, &mut dyn Write) -> io::Result<()>;

/// The run of a summary.
fn read(path: &Path) -> Result<Document, RenderError> {
    let Record {
        summary,
        series,
        lack,
    } = Record::read(path)?;
    let mut document = Document::new(summary, series)?;
    document.lack = lack;
    let compared = path.with_file_name(COMPARISON_FILE);
    if compared.exists() {
        let comparison = serde_json::from_reader(open_file(&compared)?);
        document.comparison = Some(comparison.map_err(|source| RenderError::Comparison {
            path: compared,
            source,
        })?);
    }
    Ok(document)
}
