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
    show(result, &mut missing);
    let exit = missing.exit(result.judgement.exit);
    if exit != result.judgement.exit {
        let code = exit.code();
        tell(&format!(
            "exit code {code}: what was asked for was not written"
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
pub(super) fn leave(result: &RunResult, directory: &Path) -> ExitCode {
    tell(&format!("error: {}", result.judgement.reasons.join("; ")));
    let mut missing = Missing::default();
    let rendered = write_files(result, directory, &mut missing);
    if result.config.summary_json == Some(SummaryJson::Stdout) {
        missing.note("the summary as JSON", show_json(result));
    }
    let exit = missing.exit(result.judgement.exit);
    name(&rendered.written, directory);
    exit
}

/// Says where the report is.
fn name(rendered: &[PathBuf], directory: &Path) {
    let summary = directory.join(SUMMARY_FILE);
    let first = rendered.first().unwrap_or(&summary);
    tell(&format!("report: {}", first.display()));
}

fn show_json(result: &RunResult) -> io::Result<()> {
    stdout::check()?;
    let mut out = io::stdout().lock();
    write_json(result, &mut out)?;
    out.flush()
}

/// Writes the files; gives the reports among them.
fn write_files(result: &RunResult, directory: &Path, missing: &mut Missing) -> Rendered {
    let summary = |path: &Path, missing: &mut Missing| {
        let written = write_whole(path, |out| write_json(result, out));
        missing.note(path.display(), written);
    };
    summary(&directory.join(SUMMARY_FILE), missing);
    link_beside(directory, LATEST);
    if let Some(comparison) = &result.comparison {
        let path = directory.join(COMPARISON_FILE);
        missing.note(path.display(), write_comparison_json(&path, comparison));
    }
    // From the files alone, so that an old run is rendered as it was.
    let rendered = match render(directory, &Renderings::default()) {
        Ok(mut rendered) => {
            missing.add(std::mem::take(&mut rendered.failed));
            rendered
        }
        Err(error) => {
            missing.add([format!("no reports: {error}")]);
            Rendered::default()
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
