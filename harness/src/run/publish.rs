//! After the verdict: every report, where it belongs.

use std::io::Write;
use std::path::Path;

use super::render::{Rendered, Renderings, render};
use crate::compare::{COMPARISON_FILE, Comparison};
use crate::config::SummaryJson;
use crate::files::write_whole;
use crate::report::{RunResult, SUMMARY_FILE, fit_tables, write_json, write_terminal};
use crate::shown::pretty_json;
use crate::threshold::ExitCode;
use crate::tui::columns;

/// Writes every report; gives the exit code. What could not be written is told after the verdict.
pub(super) fn publish(result: &RunResult, directory: &Path) -> ExitCode {
    // Before anything is shown: a terminal may be slow, and a reader gone.
    let mut missing = Vec::new();
    let rendered = write_files(result, directory, &mut missing);
    show(result, &mut missing);
    let exit = unwritten(result.judgement.exit, &missing);
    for error in &missing {
        tell(&format!("error: {error}"));
    }
    if exit != result.judgement.exit {
        let code = exit.code();
        tell(&format!(
            "exit code {code}: what was asked for was not written"
        ));
    }
    let summary = directory.join(SUMMARY_FILE);
    let first = rendered.written.first().unwrap_or(&summary);
    tell(&format!("report: {}", first.display()));
    exit
}

/// The exit code of a run of which not everything was written that was asked for: it doesn't pass.
/// A run that failed has failed, and its code says so.
pub fn unwritten(exit: ExitCode, missing: &[String]) -> ExitCode {
    match exit {
        ExitCode::Pass if !missing.is_empty() => ExitCode::Invalid,
        exit => exit,
    }
}

fn write_files(result: &RunResult, directory: &Path, missing: &mut Vec<String>) -> Rendered {
    let mut note = |path: &Path, written: std::io::Result<()>| {
        if let Err(error) = written {
            let path = path.display();
            missing.push(format!("{path} could not be written: {error}"));
        }
    };
    let own = directory.join(SUMMARY_FILE);
    let mut files = vec![&own];
    if let Some(SummaryJson::File(path)) = &result.config.summary_json {
        files.push(path);
    }
    for path in files {
        note(path, write_whole(path, |out| write_json(result, out)));
    }
    if let Some(comparison) = &result.comparison {
        let path = directory.join(COMPARISON_FILE);
        note(&path, write_comparison_json(&path, comparison));
    }
    // From the files alone, so that an old run is rendered as it was.
    match render(directory, &Renderings::default()) {
        Ok(rendered) => {
            missing.extend(rendered.failed.iter().map(ToString::to_string));
            rendered
        }
        Err(error) => {
            missing.push(format!("no reports: {error}"));
            Rendered::default()
        }
    }
}

/// Shows the tables, and the summary as JSON where it goes to standard output.
fn show(result: &RunResult, missing: &mut Vec<String>) {
    let mut note = |what: &str, written: std::io::Result<()>| {
        if let Err(error) = written {
            missing.push(format!("{what} could not be written: {error}"));
        }
    };
    // Both strip what is only for a terminal when they are none, or NO_COLOR is set.
    if result.config.summary_json == Some(SummaryJson::Stdout) {
        let mut out = std::io::stdout().lock();
        let written = write_json(result, &mut out).and_then(|()| out.flush());
        note("the summary as JSON", written);
        fit_tables(columns(&std::io::stderr()));
        let shown = write_terminal(result, anstream::stderr());
        note("the summary on standard error", shown);
    } else {
        fit_tables(columns(&std::io::stdout()));
        let shown = write_terminal(result, anstream::stdout());
        let shown = shown.and_then(|()| std::io::stdout().flush());
        note("the summary on standard output", shown);
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

/// A line on standard error, once the live view is closed.
pub(super) fn tell(line: &str) {
    // Nobody is left to read it when standard error is closed.
    let _ = crate::tui::Log.write_all(format!("{line}\n").as_bytes());
}
