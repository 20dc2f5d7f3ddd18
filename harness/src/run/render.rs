//! Reads a run's summary and series again, and renders them.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::prepare::directory_of;
use crate::compare::COMPARISON_FILE;
use crate::report::{
    Document, DocumentError, SERIES_FILE, Series, SeriesError, Summary, write_html, write_junit,
    write_markdown,
};

/// The summary's name in a run's directory.
pub(super) const SUMMARY_FILE: &str = "summary.json";

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
    /// A file can't be read.
    #[error("{path} can't be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The summary is something else.
    #[error("{path} is not the summary of a run: {source}")]
    Summary {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The comparison is something else.
    #[error("{path} is not the comparison of a run: {source}")]
    Comparison {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The series is something else.
    #[error("{path}: {source}")]
    Series {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SeriesError,
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

/// Renders the run of this summary, or of the summary in this directory; its series lies beside
/// it. Gives the files that were written: those named, or all of them beside the summary.
///
/// # Errors
/// What can't be read, doesn't fit together, or can't be written.
pub fn render(run: &Path, named: &Renderings) -> Result<Vec<PathBuf>, RenderError> {
    let summary = if run.is_dir() {
        run.join(SUMMARY_FILE)
    } else {
        run.to_owned()
    };
    let renderings = if *named == Renderings::default() {
        Renderings::beside(&summary)
    } else {
        named.clone()
    };
    let document = read(&summary)?;
    let mut written = Vec::new();
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
            write_whole(path, write).map_err(|source| RenderError::Write {
                path: path.clone(),
                source,
            })?;
            written.push(path.clone());
        }
    }
    Ok(written)
}

type Report = fn(&Document, &mut dyn Write) -> io::Result<()>;

/// The run of a summary.
fn read(path: &Path) -> Result<Document, RenderError> {
    let open = |path: &Path| {
        File::open(path)
            .map(BufReader::new)
            .map_err(|source| RenderError::Read {
                path: path.to_owned(),
                source,
            })
    };
    let summary: Summary =
        serde_json::from_reader(open(path)?).map_err(|source| RenderError::Summary {
            path: path.to_owned(),
            source,
        })?;
    let beside = directory_of(path).join(SERIES_FILE);
    let series = Series::read(open(&beside)?).map_err(|source| RenderError::Series {
        path: beside,
        source,
    })?;
    let mut document = Document::new(summary, series)?;
    let compared = directory_of(path).join(COMPARISON_FILE);
    if compared.exists() {
        let comparison = serde_json::from_reader(open(&compared)?);
        document.comparison = Some(comparison.map_err(|source| RenderError::Comparison {
            path: compared,
            source,
        })?);
    }
    Ok(document)
}

/// Writes a file whole or not at all.
pub(super) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory_of(path))?;
    let mut out = BufWriter::new(&mut file);
    write(&mut out)?;
    out.flush()?;
    drop(out);
    readable(file.as_file())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// A temporary file is its owner's alone, and a report is for others as well: who serves a CI's
/// artefacts is another user.
#[cfg(unix)]
fn readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> io::Result<()> {
    Ok(())
}
