//! Properties that hold for the files of a run, however they were changed, for fuzzing.

use super::document::Document;
use super::html::write_html;
use super::junit::write_junit;
use super::markdown::write_markdown;
use super::series::Series;
use super::subject::Recorded;
use super::summary::Summary;
use super::version1::upgraded;
use super::whole;
use crate::compare::{Rule, compare};

/// A series: what was read is written as what is read again.
pub fn series(data: &[u8]) {
    let Ok(series) = Series::read(data) else {
        return;
    };
    let mut text = serde_json::to_string(&series.head).expect("plain") + "\n";
    for second in &series.seconds {
        text += &serde_json::to_string(second).expect("plain");
        text.push('\n');
        for row in &second.trends {
            let Ok(trend) = row.value.decode() else {
                continue;
            };
            assert!(trend.is_empty() || trend.percentile_ms(50.0) <= trend.percentile_ms(99.0));
        }
    }
    let again = Series::read(text.as_bytes()).expect("its own text");
    assert_eq!(again.head, series.head);
    assert_eq!(again.seconds.len(), series.seconds.len());
    assert!(!again.cut);
}

/// A summary on the first line, and the series behind it: reports are made of them, or it is said
/// why not. What is compared with itself has not changed.
pub fn report(data: &[u8]) {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (summary, series) = data.split_at(end + 1);
    let Ok(summary) = serde_json::from_slice::<Summary>(summary) else {
        return;
    };
    let Ok(series) = Series::read(series) else {
        return;
    };
    compared(upgraded(summary.clone()), series.clone());
    let Ok(document) = Document::new(summary, series) else {
        return;
    };
    let mut page = Vec::new();
    write_html(&document, &mut page).expect("memory can be written");
    let page = String::from_utf8(page).expect("text");
    assert!(!page.contains("<script"), "{page}");
    write_markdown(&document, std::io::sink()).expect("nothing is written");
    write_junit(&document, std::io::sink()).expect("nothing is written");
}

fn compared(summary: Summary, series: Series) {
    let _ = whole::lack(&series, &summary);
    let recorded = Recorded {
        run: summary.run,
        catalogue: summary.catalogue,
        verdict: summary.verdict,
        series,
        lack: None,
        unfit: summary.unfit,
    };
    if let Ok(subject) = recorded.subject() {
        let comparison = compare(&subject, &subject, Vec::new(), Rule::default());
        assert_eq!(comparison.regressions(0.0), Vec::<String>::new());
    }
}
