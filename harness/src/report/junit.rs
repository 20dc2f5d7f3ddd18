//! JUnit XML: a test case for the verdict, and one for each threshold, invariant and check.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::document::Document;
use super::summary::{Summary, Value};
use super::title::title;
use super::words::{actual, headline, verdict};
use crate::compare::Comparison;
use crate::format::plural;
use crate::shown::visible;
use crate::threshold::{ExitCode, Verdict};

/// Writes the document.
///
/// # Errors
/// The writer's.
pub fn write_junit(document: &Document, mut out: impl Write) -> io::Result<()> {
    let summary = &document.summary;
    let mut report = Report::new("loadtest");
    report.set_time(Duration::from_millis(summary.run.duration_ms));
    let why = |subject: &str| {
        let found = document
            .explanations
            .iter()
            .find(|explanation| explanation.subject == subject);
        found.map_or_else(String::new, |explanation| explanation.sentences.join("\n"))
    };
    report.add_test_suite(suite("run", [judged(document)]));
    let thresholds = summary.thresholds.iter().map(|row| {
        let message = format!("was {}", actual(summary, row));
        let (name, why) = (&row.expression, why(&row.expression));
        let mut case = case("thresholds", name, row.ok, &message, &why);
        // Of a run that sent nothing, the verdict is the one error.
        if !row.ok && nothing_sent(summary) {
            case.status = TestCaseStatus::skipped();
            case.status.set_message("nothing was measured");
        }
        case
    });
    report.add_test_suite(suite("thresholds", thresholds));
    let invariants = summary.invariants.iter().map(|row| {
        let message = format!("expected {}, was {}", row.expected, row.was());
        case("invariants", &row.name, row.ok, &message, &why(&row.name))
    });
    report.add_test_suite(suite("invariants", invariants));
    report.add_test_suite(suite("checks", checks(summary)));
    if let Some(comparison) = &document.comparison {
        let compared = compared(summary, comparison);
        report.add_test_suite(suite("baseline", [compared]));
    }
    let text = report.to_string().map_err(io::Error::other)?;
    out.write_all(visible(&text).as_bytes())
}

fn nothing_sent(summary: &Summary) -> bool {
    matches!(
        summary.metrics.get("http_reqs"),
        Some(Value::Counter { count: 0, .. })
    )
}

fn checks(summary: &Summary) -> impl Iterator<Item = TestCase> {
    let tolerated = summary.tolerates_failed_checks();
    summary.checks.iter().map(move |row| {
        let message = format!(
            "failed {} of {}",
            row.fails,
            plural(row.passes + row.fails, "time", "times")
        );
        case(
            "checks",
            &format!("{}: {}", row.who(), row.name),
            row.fails == 0 || tolerated,
            &message,
            "",
        )
    })
}

fn compared(summary: &Summary, comparison: &Comparison) -> TestCase {
    let regressed = summary.exit_code == ExitCode::Regressed.code();
    let message = format!("{}: {}", comparison.base, comparison.change.words());
    let why = summary.reasons.join("\n");
    let mut case = case("baseline", "no regression", !regressed, &message, &why);
    if let Some(refused) = comparison.refused() {
        case.status = TestCaseStatus::skipped();
        case.status.set_message(refused);
    }
    case
}

/// An invalid run is an error and no failure: nothing was tested.
fn judged(document: &Document) -> TestCase {
    let summary = &document.summary;
    let mut status = match summary.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Invalid => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    if summary.verdict != Verdict::Pass {
        status.set_type(verdict(summary.verdict).to_lowercase());
        status.set_message(headline(summary));
        status.set_description(visible(&summary.reasons.join("\n")).as_ref());
    }
    let name = format!("verdict of {}", title(&summary.run));
    let mut case = TestCase::new(visible(&name).as_ref(), status);
    case.set_classname("loadtest.run");
    case.set_time(Duration::from_millis(summary.run.duration_ms));
    case
}

fn suite(name: &str, cases: impl IntoIterator<Item = TestCase>) -> TestSuite {
    let mut suite = TestSuite::new(format!("loadtest.{name}"));
    suite.add_test_cases(cases);
    suite
}

fn case(kind: &str, name: &str, ok: bool, message: &str, why: &str) -> TestCase {
    // Here already: of an escape sequence the library would leave nothing to see.
    let message = visible(message);
    let mut status = TestCaseStatus::success();
    if !ok {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type(kind);
        status.set_message(message.as_ref());
        status.set_description(visible(why).as_ref());
    }
    let mut case = TestCase::new(visible(name).as_ref(), status);
    case.set_classname(format!("loadtest.{kind}"));
    case.set_system_out(message.as_ref());
    case
}
