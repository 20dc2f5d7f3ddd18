//! What a page says of made-up runs.

use super::series::{Row, Second, Series, Tags};
use super::summary::Summary;
use super::tests::result;
use super::*;
use crate::metrics::{Encoded, Trend};

/// The page and the Markdown of a summary and its seconds.
fn written(summary: Summary, seconds: Vec<Second>) -> [String; 2] {
    let mut series = Series::default();
    series.head.run_id.clone_from(&summary.run.id);
    series.seconds = seconds;
    let document = Document::new(summary, series).expect("they fit");
    let mut texts = [const { Vec::new() }; 2];
    let [page, markdown] = &mut texts;
    write_html(&document, page).expect("memory");
    write_markdown(&document, markdown).expect("memory");
    texts.map(|text| String::from_utf8(text).expect("text"))
}

/// A row of requests with this status that took `ms` each.
fn requests(name: &str, status: &str, count: u32, ms: u64) -> Row<Encoded> {
    let mut trend = Trend::default();
    (0..count).for_each(|_| trend.record(Duration::from_millis(ms)));
    let failed = !status.starts_with('2');
    let tags = [
        ("scenario", "default"),
        ("persona", "impulse_buyer"),
        ("name", name),
        ("method", "POST"),
        ("status", status),
        ("stage", "hold"),
        ("expected_response", if failed { "false" } else { "true" }),
    ];
    Row {
        metric: "http_req_duration".to_owned(),
        tags: tags
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        value: Encoded::whole(&trend),
    }
}

/// The second from `n` to `n + 1`.
fn second(n: u64, trends: Vec<Row<Encoded>>) -> Second {
    let gauge = |metric: &str, value| Row {
        metric: metric.to_owned(),
        tags: Tags::new(),
        value,
    };
    Second {
        elapsed_ms: (n + 1) * 1_000,
        length_ms: 1_000,
        stage: "hold".to_owned(),
        trends,
        gauges: vec![gauge("vus", 3.0), gauge("vus_target", 40.0)],
        ..Second::default()
    }
}

#[test]
fn a_run_is_titled_by_its_name_and_never_by_what_it_has_instead_of_one() {
    let mut summary = summary(&result());
    assert_eq!(summary.run.profile, "custom");
    let titled = |summary: &Summary| written(summary.clone(), Vec::new());
    let [page, markdown] = titled(&summary);
    assert!(page.contains("</span> up to 5 VUs for 10s</h1>"), "{page}");
    assert!(markdown.contains("FAIL · up to 5 VUs for 10s\n"), "{markdown}");
    summary.run.name = Some("evening".to_owned());
    let [page, markdown] = titled(&summary);
    assert!(page.contains("</span> evening</h1>") && page.contains("<title>FAIL · evening · "));
    assert!(markdown.contains("FAIL · evening\n"));
}

#[test]
fn what_was_not_measured_or_checked_is_no_zero() {
    let mut summary = summary(&result());
    summary.invariants.clear();
    summary.checks.clear();
    let [page, markdown] = written(summary, Vec::new());
    let tile = "<span class=\"label\">p95</span><b>no requests</b>";
    assert!(page.contains(tile) && !page.contains("0.00 ms"), "{page}");
    for said in [
        "| no requests | no requests |",
        "**Invariants**: none was checked.",
        "**Checks**: none was checked.",
    ] {
        assert!(markdown.contains(said), "{said} in {markdown}");
    }
    assert!(!markdown.contains("0 of 0"), "{markdown}");
}

#[test]
fn a_rate_wants_iterations_and_no_number_of_vus() {
    let mut summary = summary(&result());
    summary.run.vus_max = 40;
    let seconds = || vec![second(0, vec![requests("5_create_order", "201", 9, 5)])];
    let [closed, _] = written(summary.clone(), seconds());
    assert!(closed.contains("3 active\n40 wanted") && closed.contains("</i>target</li>"));
    summary.run.model = "open".to_owned();
    let [open, _] = written(summary, seconds());
    assert!(open.contains("<p>active, of 40 that there are</p>"), "{open}");
    assert!(!open.contains("40 wanted") && !open.contains("</i>target</li>"));
}

#[test]
fn every_unexpected_answer_is_shown() {
    let mut summary = summary(&result());
    let rows = (500..530).map(|status| FailureRow {
        name: "5_create_order".to_owned(),
        status,
        sample: format!("body of {status}"),
    });
    summary.failures = rows.collect();
    let failing = vec![requests("5_create_order", "500", 9, 5)];
    summary.thresholds[0].expression = "http_req_failed: rate<0.01".to_owned();
    let [page, markdown] = written(summary, vec![second(0, failing)]);
    let shown = (500..530).filter(|status| page.contains(&format!("body of {status}")));
    assert_eq!(shown.count(), 30);
    let shown = (500..530).filter(|status| markdown.contains(&format!("body of {status}")));
    assert_eq!(shown.count(), 20);
    assert!(markdown.contains("_and 10 more requests and statuses, in report.html_"));
}
