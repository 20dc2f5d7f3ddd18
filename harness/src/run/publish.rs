//! After the verdict: every report, where it belongs.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::missing::Missing;
use super::render::{Renderings, render};
use crate::compare::{COMPARISON_FILE, Comparison};
use crate::config::SummaryJson;
use crate::files::write_whole;
use crate::report::{RunResult, SUMMARY_FILE, fit_tables, write_json, write_terminal};
use crate::shown::pretty_json;
use crate::threshold::ExitCode;
use crate::tui::{columns, tell};

/// Writes every report; gives the exit code. What could not be written is told after the verdict.
pub(super) fn publish(result: &RunResult, directory: &Path) -> ExitCode {
    // Before anything is shown: a terminal may be slow, and a reader gone.
    let mut missing = Missing::default();
    let rendered = write_files(result, directory, &mut missing);
    show(result, &mut missing);
    let exit = missing.exit(result.judgement.exit);
    if exit != result.judgement.exit {
        let code = exit.code();
        tell(&format!(
            "exit code {code}: what was asked for was not written"
        ));
    }
    let summary = directory.join(SUMMARY_FILE);
    let first = rendered.first().unwrap_or(&summary);
    tell(&format!("report: {}", first.display()));
    exit
}

/// Writes the files; gives the reports among them.
fn write_files(result: &RunResult, directory: &Path, missing: &mut Missing) -> Vec<PathBuf> {
    let summary = |path: &Path, missing: &mut Missing| {
        let written = write_whole(path, |out| write_json(result, out));
        missing.note(path.display(), written);
    };
    summary(&directory.join(SUMMARY_FILE), missing);
    if let Some(comparison) = &result.comparison {
        let path = directory.join(COMPARISON_FILE);
        missing.note(path.display(), write_comparison_json(&path, comparison));
    }
    // From the files alone, so that an old run is rendered as it was.
    let rendered = match render(directory, &Renderings::default()) {
        Ok(rendered) => {
            missing.add(rendered.failed);
            rendered.written
        }
        Err(error) => {
            missing.add([format!("no reports: {error}")]);
            Vec::new()
        }
    };
    // Last, for it may be a pipe that nobody reads.
    if let Some(SummaryJson::File(path)) = &result.config.summary_json {
        summary(path, missing);
    }
    rendered
}

/// Shows the tables, and the summary as JSON where it goes to standard output.
fn show(result: &RunResult, missing: &mut Missing) {
    // Both strip what is only for a terminal when they are none, or NO_COLOR is set.
    if result.config.summary_json == Some(SummaryJson::Stdout) {
        let mut out = std::io::stdout().lock();
        let written = write_json(result, &mut out).and_then(|()| out.flush());
        missing.note("the summary as JSON", written);
        fit_tables(columns(&std::io::stderr()));
        let shown = write_terminal(result, anstream::stderr());
        missing.note("the summary on standard error", shown);
    } else {
        fit_tables(columns(&std::io::stdout()));
        let shown = write_terminal(result, anstream::stdout());
        let shown = shown.and_then(|()| std::io::stdout().flush());
        missing.note("the summary on standard output", shown);
    }
}

/// Writes a comparison for programs.
///
/// # Errors
/// The file system's.
pub fn write_comparison_json(path: &Path, comparison: &Comparison) -> std::io::Result<()> {
    write_whole(path, |out| {
        out.write_all(pretty_json(comparison)?.as_bytes())
    })
}
