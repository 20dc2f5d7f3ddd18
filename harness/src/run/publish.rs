//! After the verdict: every report, where it belongs.

use std::io::Write;
use std::path::Path;

use super::render::{Renderings, render};
use crate::compare::{COMPARISON_FILE, Comparison};
use crate::config::SummaryJson;
use crate::files::write_whole;
use crate::report::{RunResult, SUMMARY_FILE, write_json, write_terminal};
use crate::shown::pretty_json;
use crate::threshold::ExitCode;

/// Writes every report; gives the exit code, which a report that can't be written doesn't hide.
pub(super) fn publish(result: &RunResult, directory: &Path) -> ExitCode {
    let summary = directory.join(SUMMARY_FILE);
    let mut files = vec![summary.clone()];
    let mut tables_to_stderr = false;
    match &result.config.summary_json {
        Some(SummaryJson::File(path)) => files.push(path.clone()),
        Some(SummaryJson::Stdout) => tables_to_stderr = true,
        None => {}
    }
    // Both strip what is only for a terminal when they are none, or NO_COLOR is set.
    let shown = if tables_to_stderr {
        write_terminal(result, anstream::stderr())
            .and_then(|()| write_json(result, std::io::stdout().lock()))
    } else {
        write_terminal(result, anstream::stdout())
    };
    if let Err(error) = shown {
        tracing::warn!(%error, "the summary could not be shown");
    }
    for path in files {
        if let Err(error) = write_whole(&path, |out| write_json(result, out)) {
            tell(&format!(
                "error: {} could not be written: {error}",
                path.display()
            ));
        }
    }
    if let Some(comparison) = &result.comparison {
        let path = directory.join(COMPARISON_FILE);
        if let Err(error) = write_comparison_json(&path, comparison) {
            tell(&format!(
                "error: {} could not be written: {error}",
                path.display()
            ));
        }
    }
    // From the files alone, so that an old run is rendered as it was.
    let rendered = render(directory, &Renderings::default()).unwrap_or_else(|error| {
        tell(&format!("error: no reports: {error}"));
        Vec::new()
    });
    let first = rendered.first().unwrap_or(&summary);
    tell(&format!("report: {}", first.display()));
    result.judgement.exit
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
