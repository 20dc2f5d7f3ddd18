//! What the live page has in addition to the report: how far the run is, a bar with the button that
//! stops it, and the script that renews the page. Pure.

use std::time::Duration;

use askama::Template;

use crate::format::{clock, plural};
use crate::threshold::Outcome;

/// What the page has in addition to the report's style.
pub(super) const STYLE: &str = include_str!("../../templates/live.css");

/// What renews it.
pub(super) const SCRIPT: &str = include_str!("../../templates/live.js");

/// A run that goes on, as far as it is.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// How long it has gone on.
    pub elapsed: Duration,
    /// When its load ends, if that is a time.
    pub end: Option<Duration>,
    /// The stage that it is in.
    pub stage: String,
    /// How its thresholds would come out if it ended now.
    pub outcomes: Vec<Outcome>,
    /// Whether it has been told to stop.
    pub stopping: bool,
    /// Where its report will lie.
    pub report: String,
}

#[derive(Template)]
#[template(path = "live.html")]
struct Bar<'a> {
    report: &'a str,
    script: &'static str,
}

impl Live {
    /// The state in a word, in the verdict's place.
    pub(super) const fn word(&self) -> &'static str {
        if self.stopping { "STOPPING" } else { "RUNNING" }
    }

    pub(super) fn headline(&self) -> String {
        if self.elapsed.is_zero() {
            return "The load has not begun.".to_owned();
        }
        let crossed = self.outcomes.iter().filter(|one| one.is_crossed()).count();
        let all = plural(self.outcomes.len() as u64, "threshold", "thresholds");
        let time = |time: Duration| clock(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        let of = match self.end {
            Some(end) if self.elapsed < end => format!(" of {}", time(end)),
            _ => String::new(),
        };
        format!(
            "{}{of}, stage {}: {crossed} of {all} crossed so far.",
            time(self.elapsed),
            self.stage
        )
    }

    /// Whether the threshold can't be judged yet: there is no data, or it may still hold at the
    /// end.
    pub(super) fn is_undecided(&self, expression: &str) -> bool {
        let undecided = |one: &&Outcome| !one.ok && !one.is_crossed();
        let mut undecided = self.outcomes.iter().filter(undecided);
        undecided.any(|one| one.threshold.to_string() == expression)
    }

    pub(super) fn bar(&self) -> askama::Result<String> {
        let script = SCRIPT;
        let report = &self.report;
        Bar { report, script }.render()
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::Document;
    use super::super::html::write_html;
    use super::super::record::Record;
    use super::*;

    fn document() -> Document {
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../reports/sample");
        let record = Record::read(sample.as_ref()).expect("a run");
        Document::new(record.summary, record.series).expect("they fit")
    }

    fn page(document: &Document) -> String {
        let mut page = Vec::new();
        write_html(document, &mut page).expect("memory");
        String::from_utf8(page).expect("text")
    }

    /// As far as the run of the repository was, with these numbers for its first two thresholds.
    fn live(document: &Document, numbers: [Option<f64>; 2]) -> Live {
        let rows = document.summary.thresholds.iter().zip(numbers);
        let outcomes = rows.map(|(row, actual)| {
            let threshold = document.summary.threshold(&row.expression);
            Outcome::of(&threshold.expect("well-formed"), actual)
        });
        Live {
            elapsed: Duration::from_secs(75),
            end: Some(Duration::from_secs(90)),
            stage: "hold".to_owned(),
            outcomes: outcomes.collect(),
            stopping: false,
            report: "reports/run/report.html".to_owned(),
        }
    }

    #[test]
    fn only_the_page_of_a_run_that_goes_on_has_a_script() {
        let mut document = document();
        let ended = page(&document);
        document.live = Some(live(&document, [Some(1.0), None]));
        let going = page(&document);
        for (text, of_ended, of_going) in [
            ("<script>", false, true),
            ("script-src 'sha256-", false, true),
            ("connect-src 'self'", false, true),
            ("data-report=\"reports/run/report.html\"", false, true),
            ("<span class=\"verdict\">RUNNING</span>", false, true),
            ("exit code", true, false),
            ("<td class=\"mark-cell\">…</td>", false, true),
            ("<h2>Requests</h2>", true, true),
        ] {
            assert_eq!(ended.contains(text), of_ended, "at the end: {text}");
            assert_eq!(going.contains(text), of_going, "while it goes on: {text}");
        }
        let stopping = live(&document, [None, None]);
        document.live = Some(Live {
            stopping: true,
            ..stopping
        });
        assert!(page(&document).contains("<header class=\"STOPPING\">"));
    }

    #[test]
    fn the_headline_says_how_far_the_run_is() {
        let document = document();
        let all = document.summary.thresholds.len().min(2);
        let crossed = live(&document, [Some(1e9), Some(1e9)]);
        let expected =
            format!("1m15s of 1m30s, stage hold: {all} of {all} thresholds crossed so far.");
        assert_eq!(crossed.headline(), expected);
        assert!(!crossed.is_undecided(&document.summary.thresholds[0].expression));
        let nothing = live(&document, [None, None]);
        assert!(nothing.is_undecided(&document.summary.thresholds[0].expression));
        let begins = Live {
            elapsed: Duration::ZERO,
            ..nothing
        };
        assert_eq!(begins.headline(), "The load has not begun.");
    }
}
