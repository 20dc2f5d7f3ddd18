//! Reports of made-up and of real runs: their size, their schema, and what a browser makes of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::metrics::{Encoded, Rate, Trend};
use harness::report::{
    Document, Head, MARKDOWN_LIMIT, Row, SERIES_VERSION, Second, Series, Slow, StageRow, Summary,
    Tags, write_html, write_junit, write_markdown,
};
use serde_json::Value;

use crate::browser;
use crate::program::{Run, stack};
use crate::series::run_directory;

const REQUESTS: [&str; 7] = [
    "0_get_userId",
    "1_charge_balance",
    "2_claim_coupon",
    "3_get_coupons",
    "4_get_top_products",
    "5_create_order",
    "6_get_balance",
];

fn tags<const N: usize>(pairs: [(&str, &str); N]) -> Tags {
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn row<V>(metric: &str, tags: Tags, value: V) -> Row<V> {
    Row {
        metric: metric.to_owned(),
        tags,
        value,
    }
}

fn trend(second: u64, request: u64) -> Trend {
    let mut trend = Trend::default();
    for n in 0..40 {
        let us = 400 + request * 700 + (n * 7_919 + second * 104_729) % (900 + 60 * (second % 97));
        trend.record(Duration::from_micros(us));
    }
    trend
}

fn stage_of(second: u64, seconds: u64) -> &'static str {
    match second * 10 / seconds {
        0 => "ramp_up",
        9 => "ramp_down",
        _ => "hold",
    }
}

/// A series that never was, of every second of so many.
fn made_up_series(seconds: u64) -> Series {
    let second = |n: u64| {
        let stage = stage_of(n, seconds);
        let failing = n * 2 / seconds == 1 && n.is_multiple_of(9);
        let mut second = Second {
            elapsed_ms: (n + 1) * 1_000,
            length_ms: 1_000,
            stage: stage.to_owned(),
            ..Second::default()
        };
        for (request, name) in (0..).zip(REQUESTS) {
            let bad = failing && name == "5_create_order";
            let status = if bad { "500" } else { "201" };
            let expected = if bad { "false" } else { "true" };
            let of = [
                ("persona", "impulse_buyer"),
                ("name", name),
                ("method", "POST"),
                ("status", status),
                ("stage", stage),
                ("expected_response", expected),
            ];
            let trend = trend(n, request);
            second
                .trends
                .push(row("http_req_duration", tags(of), Encoded::whole(&trend)));
            for part in ["queue", "db", "redis"] {
                let mut value = Encoded::numbers(&trend);
                value.sum *= 0.2;
                second.trends.push(row(
                    &format!("server_timing_{part}"),
                    tags([("name", name)]),
                    value,
                ));
            }
            second.slowest.push(Slow {
                tags: tags(of),
                duration: trend.max_ms(),
                at_ms: n * 1_000,
                vu: 7,
                server: BTreeMap::from([("db".to_owned(), trend.max_ms() * 0.9)]),
            });
        }
        second
            .trends
            .push(row("order_time", Tags::new(), Encoded::whole(&trend(n, 5))));
        second.rates.push(row(
            "checks",
            tags([("persona", "impulse_buyer"), ("check", "order 201")]),
            Rate {
                passes: 40,
                fails: 0,
            },
        ));
        for (metric, value) in [
            ("vus", 300.0),
            ("vus_target", 300.0),
            ("generator_cpu_percent", 40.0 + (n % 30) as f64),
            ("generator_machine_cpu_percent", 70.0),
            ("generator_memory_bytes", 9e7),
            ("generator_lag_ms", (n % 12) as f64),
        ] {
            second.gauges.push(row(metric, Tags::new(), value));
        }
        second
    };
    Series {
        head: Head {
            version: SERIES_VERSION,
            run_id: "made-up".to_owned(),
            stages: vec![],
        },
        seconds: (0..seconds).map(second).collect(),
        cut: false,
    }
}

/// What a user, a server or a config file may have put into a name or a body.
const NASTY: &str =
    "\"><script>alert('x')</script>&amp;<img src=http://127.0.0.1:9/x>|`*_ \u{1b}[31m]]>";

fn made_up_summary(seconds: u64) -> Summary {
    let at = |share: u64| seconds * 100 * share;
    let stages =
        [("ramp_up", 0, 1), ("hold", 1, 9), ("ramp_down", 9, 10)].map(|(name, from, to)| {
            StageRow {
                scenario: None,
                name: name.to_owned(),
                start_ms: at(from),
                end_ms: at(to),
                from: 300,
                to: 300,
                load: "300".to_owned(),
            }
        });
    let summary = serde_json::json!({
        "version": 1, "verdict": "fail", "exit_code": 99, "reasons": [format!("threshold crossed: {NASTY}")],
        "run": {"id": "made-up", "profile": NASTY, "host": NASTY, "duration_ms": seconds * 1_000, "vus_max": 300, "stages": stages,
            "settings": [{"key": "host", "values": [NASTY], "source": NASTY, "from_profile": false}], "command": format!("loadtest --host '{NASTY}'")},
        "metrics": {NASTY: {"count": 1, "rate": 2.0}},
        "thresholds": [{"expression": "http_req_duration: p(95)<4", "ok": false, "actual": 5.5}, {"expression": "http_req_failed: rate<1%", "ok": false, "actual": 0.2}, {"expression": "checks: rate==1", "ok": true, "actual": 1.0}],
        "checks": [{"name": NASTY, "scenario": "impulse_buyer", "passes": 1, "fails": 2}],
        "invariants": [{"name": format!("orders {NASTY}"), "expected": {"at_most": 100}, "actual": 101, "ok": false, "detail": NASTY}],
        "failures": [{"name": "5_create_order", "status": 500, "sample": NASTY.repeat(200)}],
        "outputs": [{"name": NASTY, "produced": 2, "delivered": 1, "spooled": 0, "lost": 1, "error": NASTY}],
    });
    serde_json::from_value(summary).expect("a summary")
}

fn html(document: &Document) -> String {
    let mut html = Vec::new();
    write_html(document, &mut html).expect("memory can be written");
    String::from_utf8(html).expect("text")
}

/// The page, by a real browser, on a phone and on a desk: nothing asked of anybody, nothing
/// complained about, every chart has marks, and every text has room.
fn holds_in_a_browser(html: &str) -> Value {
    let seen = browser::look(html, &[390, 768, 1_440]);
    assert_eq!(seen.console, Vec::<String>::new());
    assert_eq!(seen.requests, Vec::<String>::new());
    for page in seen.pages.as_array().expect("a list") {
        let width = &page["width"];
        assert_eq!(page["overflow"], 0, "wider than its {width} px");
        assert_eq!(page["overlaps"], serde_json::json!([]), "at {width} px");
        assert_eq!(page["outside"], serde_json::json!([]), "at {width} px");
        assert_eq!(
            page["bare"],
            serde_json::json!([]),
            "charts without marks at {width} px"
        );
    }
    seen.pages
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_runs_page_holds_in_a_browser() {
    let stack = stack().await;
    let args = "--stage up=2s:10 --stage hold=3s:10 --mix a=60,b=30,c=10 --coupon-wait 100ms --sla p(95)<0.01";
    let mut run = Run::against(stack.base_url(), args);
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(ran.code, 99, "{}\n{}", ran.stdout, ran.stderr);
    let directory = run_directory(reports.path());
    let page = std::fs::read_to_string(directory.join("report.html")).expect("a report");
    let pages = holds_in_a_browser(&page);
    has_every_chart(&pages[0]);
    renders_again_exactly(&directory).await;
    accepted_by_the_schema(&std::fs::read(directory.join("junit.xml")).expect("a report"));
}

/// The charts of a run of all personas with two stages and an SLA, by their names.
fn has_every_chart(page: &Value) {
    let charts = page["charts"].as_array().expect("a list");
    let names = charts.iter().map(|name| name.as_str().expect("a name"));
    // A request's row has its numbers behind its name.
    let (rows, plots): (Vec<_>, Vec<_>) = names.partition(|name| name.contains(": "));
    // What is sent in several seconds has a chart of its own.
    let (requests, plots): (Vec<_>, Vec<_>) = plots
        .into_iter()
        .partition(|name| name.starts_with(|first: char| first.is_ascii_digit()));
    assert!(requests.len() >= 7, "{requests:?}");
    let expected = [
        "Response time",
        "Requests and failures",
        "Virtual users",
        "Latency heatmap",
        "Where a request's time goes",
        "Phases over time",
        "CPU of the generator",
        "CPU of its machine",
        "Timers late by",
        "Memory",
        "charge_balance_time",
        "coupon_check_time",
        "coupon_issue_time",
        "get_top5_time",
        "iteration_duration",
        "order_time",
    ];
    assert_eq!(plots, expected);
    // The distribution, the server's part of it, and the phases.
    for request in REQUESTS {
        let of = rows.iter().filter(|row| row.starts_with(request)).count();
        assert_eq!(of, 3, "{request}: {rows:?}");
    }
    assert_eq!(
        (&page["bands"], &page["limits"]),
        (&2.into(), &1.into()),
        "stage bands and SLA lines"
    );
}

/// `loadtest report` makes the same files from the run's files alone, elsewhere as well.
async fn renders_again_exactly(directory: &Path) {
    let elsewhere = tempfile::tempdir().expect("a directory");
    let to = |name: &str| elsewhere.path().join(name).display().to_string();
    let args = format!(
        "report {} --html {} --md {} --junit {}",
        directory.join("summary.json").display(),
        to("report.html"),
        to("report.md"),
        to("junit.xml")
    );
    let ran = Run::bare(&args).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for name in ["report.html", "report.md", "junit.xml"] {
        let both =
            [directory, elsewhere.path()].map(|place| std::fs::read(place.join(name)).expect(name));
        assert!(both[0] == both[1], "{name} differs");
    }
}

/// The run that is kept in the repository is rendered as this program renders it.
#[tokio::test]
async fn the_sample_is_up_to_date() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/sample");
    renders_again_exactly(&sample).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_run_is_refused_by_name() {
    let empty = tempfile::tempdir().expect("a directory");
    let ran = Run::bare(&format!("report {}", empty.path().display())).await;
    assert_eq!(ran.code, 104);
    assert!(
        ran.stderr.contains("summary.json can't be read"),
        "{}",
        ran.stderr
    );
    std::fs::write(empty.path().join("summary.json"), "{}").expect("writable");
    let ran = Run::bare(&format!("report {}", empty.path().display())).await;
    assert_eq!(ran.code, 104);
    assert!(
        ran.stderr.contains("is not the summary of a run"),
        "{}",
        ran.stderr
    );
}

/// Two hours, and names and bodies that would be markup if they were let.
#[test]
fn two_hours_are_a_small_page_and_nothing_in_them_is_markup() {
    const TWO_HOURS: u64 = 7_200;
    let document =
        Document::new(made_up_summary(TWO_HOURS), made_up_series(TWO_HOURS)).expect("they fit");
    let page = html(&document);
    assert!(page.len() < 5_000_000, "{} bytes", page.len());
    assert!(
        !page.contains("<script") && !page.contains("<img"),
        "markup of a stranger"
    );
    holds_in_a_browser(&page);
    let mut markdown = Vec::new();
    write_markdown(&document, &mut markdown).expect("memory can be written");
    let markdown = String::from_utf8(markdown).expect("text");
    let outside = outside_of_code(&markdown);
    assert!(
        !outside.contains("<script") && !outside.contains("<img"),
        "{markdown}"
    );
    let mut junit = Vec::new();
    write_junit(&document, &mut junit).expect("memory can be written");
    accepted_by_the_schema(&junit);
}

/// ```sh
/// cargo test -p loadtest --test it two_hours -- --include-ignored --nocapture
/// ```
#[test]
#[ignore = "times a browser: needs a machine that does nothing else"]
fn two_hours_open_in_less_than_a_second() {
    let document = Document::new(made_up_summary(7_200), made_up_series(7_200)).expect("they fit");
    let page = html(&document);
    let took = browser::opens_in(&page);
    println!("{} bytes open in {} ms", page.len(), took.as_millis());
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// Markdown without its code, where nothing is markup: it begins with some backticks and ends with
/// as many.
fn outside_of_code(markdown: &str) -> String {
    let (mut outside, mut rest) = (String::new(), markdown);
    while let Some(at) = rest.find('`') {
        outside.push_str(&rest[..at]);
        let fence = rest[at..].chars().take_while(|c| *c == '`').count();
        rest = &rest[at + fence..];
        let mut end = 0;
        while let Some(next) = rest[end..].find('`') {
            let run = rest[end + next..].chars().take_while(|c| *c == '`').count();
            end += next + run;
            if run == fence {
                break;
            }
        }
        assert!(end > 0, "code without an end: {rest}");
        rest = &rest[end..];
    }
    outside + rest
}

/// Thousands of everything: what is too much is left out, and said.
#[test]
fn markdown_fits_a_comment_whatever_happens() {
    let mut summary = made_up_summary(10);
    let invariant = summary.invariants[0].clone();
    summary.invariants = vec![invariant; 5_000];
    summary.reasons = vec![NASTY.repeat(50); 5_000];
    summary.thresholds = vec![summary.thresholds[0].clone(); 300];
    let document = Document::new(summary, made_up_series(10)).expect("they fit");
    let mut markdown = Vec::new();
    write_markdown(&document, &mut markdown).expect("memory can be written");
    assert!(markdown.len() <= MARKDOWN_LIMIT, "{} bytes", markdown.len());
    let markdown = String::from_utf8(markdown).expect("text");
    for kept in [
        "## ❌ FAIL",
        "- _and ",
        "| p95 | p99 |",
        "More is in report.html",
    ] {
        assert!(markdown.contains(kept), "{kept}");
    }
}

/// A case for the verdict and for each threshold, invariant and check; what thresholds let fail is no
/// failure, and texts are texts.
#[test]
fn junit_has_a_case_for_everything_that_was_judged() {
    let counted = |summary: Summary| {
        let mut junit = Vec::new();
        let document = Document::new(summary, made_up_series(10)).expect("they fit");
        write_junit(&document, &mut junit).expect("memory can be written");
        accepted_by_the_schema(&junit);
        let junit = String::from_utf8(junit).expect("text");
        [
            "<testcase ",
            "<failure ",
            "classname=\"loadtest.thresholds\"",
            "classname=\"loadtest.invariants\"",
            "classname=\"loadtest.checks\"",
            "<script",
        ]
        .map(|text| junit.matches(text).count())
    };
    // The threshold on checks is said to hold in what is made up, so the one that failed may.
    let tolerant = made_up_summary(10);
    let mut strict = tolerant.clone();
    strict.thresholds[2].ok = false;
    assert_eq!(counted(tolerant), [6, 4, 3, 1, 1, 0]);
    assert_eq!(counted(strict), [6, 6, 3, 1, 1, 0]);
}

/// The JUnit rules that CI systems have in common, checked by libxml2.
pub(crate) fn accepted_by_the_schema(junit: &[u8]) {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("junit.xml");
    std::fs::write(&file, junit).expect("writable");
    let schema: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/it/junit.xsd"]
        .iter()
        .collect();
    let checked = std::process::Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .args([&schema, &file])
        .output()
        .expect("xmllint is there: make test installs libxml2-utils");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(
        checked.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(junit)
    );
}
