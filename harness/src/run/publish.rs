//! After the verdict: every report, where it belongs.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::missing::Missing;
use super::render::{Rendered, Renderings, render};
use crate::compare::{COMPARISON_FILE, Comparison};
use crate::config::SummaryJson;
use crate::files::{link_beside, write_whole};
use crate::report::{RunResult, SUMMARY_FILE, fit_tables, write_json, write_terminal};
use crate::shown::pretty_json;
use crate::stdout;
use crate::threshold::ExitCode;
use crate::tui::{columns, tell};

/// What leads to the directory of the last run, beside it.
const LATEST: &str = "latest";

/// Writes every report; gives the exit code. What could not be written is told after the verdict.
pub(super) fn publish(result: &RunResult, directory: &Path) -> ExitCode {
    // Before anything is shown: a terminal may be slow, and a reader gone.
    let mut missing = Missing::default();
    let rendered = write_files(result, directory, &mut missing);
    // The last file, because it may be a pipe that is not read.
    write_named(result, &mut missing);
    show(result, &mut missing);
    let exit = missing.exit(result.judgement.exit);
    if exit != result.judgement.exit {
        let code = exit.code();
        tell(&format!(
            "exit code {code}: a report or output was not written"
        ));
    }
    if let Some(cause) = &rendered.cause {
        tell(&format!("cause: {cause}"));
    }
    name(&rendered.written, directory);
    exit
}

/// Leaves what was asked for of a run that never came to its load: its files, and the summary as
/// JSON. There are no tables to show.
///
/// Without a directory, only the summary is left where a flag asks for it.
pub(super) fn leave(result: &RunResult, directory: Option<&Path>) -> ExitCode {
    tell(&format!("error: {}", result.judgement.reasons.join("; ")));
    let mut missing = Missing::default();
    let rendered = match directory {
        Some(directory) => write_files(result, directory, &mut missing),
        None => Rendered::default(),
    };
    write_named(result, &mut missing);
    if result.config.summary_json == Some(SummaryJson::Stdout) {
        missing.note("the summary as JSON", show_json(result));
    }
    let exit = missing.exit(result.judgement.exit);
    if let Some(directory) = directory {
        name(&rendered.written, directory);
    }
    exit
}

/// Says where the report is, if any could be written.
fn name(rendered: &[PathBuf], directory: &Path) {
    if let Some(report) = report(rendered, directory) {
        tell(&format!("report: {}", report.display()));
    }
}

/// The first report, or else the summary that they are made from, if it is there.
fn report(rendered: &[PathBuf], directory: &Path) -> Option<PathBuf> {
    let summary = directory.join(SUMMARY_FILE);
    let first = rendered.first().cloned();
    first.or_else(|| summary.is_file().then_some(summary))
}

fn show_json(result: &RunResult) -> io::Result<()> {
    stdout::check()?;
    let mut out = io::stdout().lock();
    write_json(result, &mut out)?;
    out.flush()
}

/// Writes the summary into the file that a flag names.
fn write_named(result: &RunResult, missing: &mut Missing) {
    if let Some(SummaryJson::File(path)) = &result.config.summary_json {
        write_summary(result, path, missing);
    }
}

fn write_summary(result: &RunResult, path: &Path, missing: &mut Missing) {
    let written = write_whole(path, |out| write_json(result, out));
    missing.note(path.display(), written);
}

/// Writes the files of the run's directory; gives the reports among them.
fn write_files(result: &RunResult, directory: &Path, missing: &mut Missing) -> Rendered {
    write_summary(result, &directory.join(SUMMARY_FILE), missing);
    link_beside(directory, LATEST);
    if let Some(comparison) = &result.comparison {
        let path = directory.join(COMPARISON_FILE);
        missing.note(path.display(), write_comparison_json(&path, comparison));
    }
    // From the files alone, so that an old run is rendered as it was.
    match render(directory, &Renderings::default()) {
        Ok(mut rendered) => {
            missing.add(std::mem::take(&mut rendered.failed));
            rendered
        }
        Err(error) => {
            missing.add([format!("no reports: {error}")]);
            Rendered::default()
        }
    }
}

/// Shows the tables, and the summary as JSON where it goes to standard output.
fn show(result: &RunResult, missing: &mut Missing) {
    // Both strip what is only for a terminal when they are none, or NO_COLOR is set.
    if result.config.summary_json == Some(SummaryJson::Stdout) {
        missing.note("the summary as JSON", show_json(result));
        fit_tables(columns(&io::stderr()));
        let shown = write_terminal(result, anstream::stderr());
        missing.note("the summary on standard error", shown);
    } else {
        fit_tables(columns(&io::stdout()));
        let shown = stdout::check().and_then(|()| write_terminal(result, anstream::stdout()));
        let shown = shown.and_then(|()| io::stdout().flush());
        missing.note("the summary on standard output", shown);
    }
}

/// Writes a comparison for programs.
///
/// # Errors
/// The file system's.
pub fn write_comparison_json(path: &Path, comparison: &Comparison) -> io::Result<()> {
    write_whole(path, |out| {
        out.write_all(pretty_json(comparison)?.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_could_not_be_written_is_not_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let directory = directory.path();
        assert_eq!(report(&[], directory), None);
        let summary = directory.join(SUMMARY_FILE);
        std::fs::write(&summary, "{}").expect("a file");
        assert_eq!(report(&[], directory), Some(summary));
        let page = directory.join("report.html");
        let rendered = [page.clone()];
        assert_eq!(report(&rendered, directory), Some(page));
    }
}
