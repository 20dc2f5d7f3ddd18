//! Explanations of made-up runs: what they say, and what they leave unsaid.

use super::super::evidence::BODY;
use super::super::{Document, Head, SERIES_VERSION, Second, Series, Tags};
use super::*;
use crate::metrics::Rate;
use crate::report::Summary;
use serde_json::json;

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn row<V>(metric: &str, of: &[(&str, &str)], value: V) -> Row<V> {
    Row {
        metric: metric.to_owned(),
        tags: tags(of),
        value,
    }
}

/// So many requests that took so long each.
fn requests(count: u64, ms: u64) -> Encoded {
    let mut trend = Trend::default();
    (0..count).for_each(|_| trend.record(std::time::Duration::from_millis(ms)));
    Encoded::whole(&trend)
}

const ORDER: [(&str, &str); 6] = [
    ("scenario", "rush"),
    ("persona", "impulse_buyer"),
    ("name", "5_create_order"),
    ("status", "201"),
    ("stage", "hold"),
    ("expected_response", "true"),
];

fn order(status: &'static str, expected: &'static str) -> [(&'static str, &'static str); 6] {
    let mut tags = ORDER;
    tags[3].1 = status;
    tags[5].1 = expected;
    tags
}

/// Three seconds; in the second one, what `seconds` puts there.
fn series(put: impl Fn(&mut Second)) -> Series {
    let second = |n: u64| {
        let mut second = Second {
            elapsed_ms: n * 1_000,
            length_ms: 1_000,
            stage: "hold".to_owned(),
            ..Second::default()
        };
        second.trends.push(row(DURATION, &ORDER, requests(10, 5)));
        if n == 2 {
            put(&mut second);
        }
        second
    };
    Series {
        head: Head {
            version: SERIES_VERSION,
            run_id: "r".to_owned(),
            stages: vec![],
        },
        seconds: (1..=3).map(second).collect(),
        cut: false,
    }
}

/// A run that failed by this.
fn document(failed: &serde_json::Value, series: Series) -> Document {
    let mut summary = json!({
        "version": 1, "verdict": "fail", "exit_code": 99, "reasons": [], "metrics": {},
        "run": {"id": "r", "duration_ms": 3_000, "model": "closed", "scenarios": [
            {"name": "rush", "executor": "constant-vus", "mix": "a=1", "vus_max": 1, "start_ms": 0, "end_ms": 3_000, "tags": {"team": "growth"}},
        ]},
        "thresholds": [], "checks": [], "invariants": [], "failures": [], "outputs": [],
    });
    for (key, value) in failed.as_object().expect("keys") {
        summary[key] = value.clone();
    }
    let summary: Summary = serde_json::from_value(summary).expect("a summary");
    Document::new(summary, series).expect("they fit")
}

/// The only explanation of a run that failed by this.
fn explained(failed: &serde_json::Value, series: Series) -> Explanation {
    let document = document(failed, series);
    let [explanation] = &document.explanations[..] else {
        panic!("{:?}", document.explanations);
    };
    explanation.clone()
}

fn threshold(expression: &str, actual: f64) -> serde_json::Value {
    json!([{"expression": expression, "ok": false, "actual": actual}])
}

#[test]
fn failed_requests_say_when_who_and_what_the_server_answered() {
    let body = format!("{{\"detail\":\"{}\"}}", "x".repeat(500));
    let failures = json!([
        {"name": "5_create_order", "status": 500, "sample": body},
        {"name": "0_get_userId", "status": 404, "sample": "another matter"},
    ]);
    let explanation = explained(
        &json!({"thresholds": threshold("http_req_failed: rate<1%", 0.1), "failures": failures}),
        series(|second| {
            second
                .trends
                .push(row(DURATION, &order("500", "false"), requests(4, 2)));
        }),
    );
    assert_eq!(
        explanation.sentences,
        [
            "It was 10.0 %, and less than 1.0 % was asked for.",
            "It began 1s into the run, in stage hold, and was so in 1 of 3 seconds, the last one at 1s.",
            "Of 4 failures, the largest shares: request 5_create_order (100 %), persona impulse_buyer (100 %), stage hold (100 %), status 500 (100 %).",
            "The server failed (5xx): its log says why.",
        ]
    );
    let [error] = &explanation.errors[..] else {
        panic!("{:?}", explanation.errors);
    };
    assert_eq!(
        (error.status, error.sample.chars().count()),
        (500, BODY + 1)
    );
    assert_eq!(explanation.cause, None, "a quick refusal is not slowness");
}

#[test]
fn requests_that_timed_out_have_a_cause() {
    let lost = order("0", "false");
    let explanation = explained(
        &json!({
            "thresholds": threshold("http_req_failed{scenario:rush}: rate==0", 0.1),
            "failures": [{"name": "5_create_order", "status": 0, "sample": "timed out after 60s"}],
        }),
        series(|second| {
            second
                .trends
                .push(row(DURATION, &lost, requests(1, 60_000)));
            second.slowest.push(Slow {
                tags: tags(&lost),
                duration: 60_000.0,
                at_ms: 1_500,
                vu: 3,
                server: [("db".to_owned(), 59_000.0)].into(),
            });
        }),
    );
    assert_eq!(
        explanation.cause,
        Some(Cause::Store("the database".to_owned()))
    );
    assert_eq!(explanation.slowest.len(), 1);
    assert!(
        explanation.sentences[2].contains("status none (no answer) (100 %)"),
        "{:?}",
        explanation.sentences
    );
}

#[test]
fn failed_checks_say_which() {
    let of = [("scenario", "rush"), ("persona", "impulse_buyer")];
    let explanation = explained(
        &json!({"thresholds": threshold("checks{stage:hold}: rate==1", 0.9)}),
        series(|second| {
            for (check, fails) in [("order 201", 0), ("balance is right", 3)] {
                let of = [of[0], of[1], ("check", check)];
                second
                    .rates
                    .push(row("checks", &of, Rate { passes: 10, fails }));
            }
        }),
    );
    assert_eq!(
        explanation.sentences[1..],
        [
            "It began 1s into the run, in stage hold, and was so in 1 of 3 seconds, the last one at 1s.",
            "Of 3 failed checks, the largest shares: check balance is right (100 %), persona impulse_buyer (100 %).",
        ]
    );
}

#[test]
fn a_broken_invariant_says_what_the_answers_to_its_requests_were() {
    let invariant = json!([{"name": "orders = acknowledged", "expected": 10, "actual": 9, "ok": false, "detail": "one is missing"}]);
    let explanation = explained(&json!({"invariants": invariant}), series(|_| {}));
    assert_eq!(
        explanation.sentences[..2],
        ["Expected 10, found 9.", "one is missing"]
    );
    assert!(
        explanation.sentences[3].contains("the server confirmed them, but its data differs"),
        "{:?}",
        explanation.sentences
    );
}

#[test]
fn a_threshold_on_the_users_own_tag_is_explained_by_its_scenario() {
    let slow = |second: &mut Second| {
        second.trends.push(row(DURATION, &ORDER, requests(5, 300)));
        let other = [("scenario", "other"), ("name", "0_get_userId")];
        second.trends.push(row(DURATION, &other, requests(50, 900)));
    };
    let explanation = explained(
        &json!({"thresholds": threshold("http_req_duration{team:growth}: p(95)<200", 300.0)}),
        series(slow),
    );
    assert_eq!(
        explanation.sentences[2],
        "Of 5 requests above 200 ms, the largest shares: request 5_create_order (100 %), persona impulse_buyer (100 %), stage hold (100 %), status 201 (100 %)."
    );
}

#[test]
fn iterations_are_called_iterations() {
    let of = [
        ("scenario", "rush"),
        ("persona", "impulse_buyer"),
        ("stage", "hold"),
    ];
    let explanation = explained(
        &json!({"thresholds": threshold("iteration_duration: p(95)<1s", 3_000.0)}),
        series(|second| {
            second
                .trends
                .push(row("iteration_duration", &of, requests(4, 3_000)));
        }),
    );
    assert!(
        explanation.sentences[2].starts_with("Of 4 iterations above 1,000 ms, "),
        "{:?}",
        explanation.sentences
    );
}

/// A full pool, and a stranger's labels, in every report.
#[test]
fn what_changed_in_the_stores_is_in_every_report_and_acts_in_none() {
    let slow = series(|second| {
        second.slowest.push(Slow {
            tags: tags(&ORDER),
            duration: 900.0,
            at_ms: 1_950,
            ..Slow::default()
        });
        let of = [("probe", "app"), ("of", "pool=<b>\u{1b}[31m|`x`")];
        let waiting = row("hikaricp_connections_pending", &of, 212.0);
        second.probes.push(waiting);
    });
    let failed = json!({"thresholds": threshold("http_req_duration: max<200", 900.0)});
    let document = document(&failed, slow);
    let cause = document.explanations[0].first_cause().expect("a full pool");
    let expected = "a full connection pool: threads that wait for a connection of the pool pool=";
    assert!(
        cause.starts_with(expected) && cause.ends_with(" 212 (app)"),
        "{cause}"
    );
    let (mut html, mut markdown) = (Vec::new(), Vec::new());
    crate::report::write_html(&document, &mut html).expect("to memory");
    crate::report::write_markdown(&document, &mut markdown).expect("to memory");
    let [html, markdown] = [html, markdown].map(|text| String::from_utf8(text).expect("text"));
    for part in [
        "<h2>The stores</h2>",
        "What changed in the stores: 2 good seconds",
        ">212<",
    ] {
        assert!(html.contains(part), "no {part}");
    }
    assert!(
        markdown.contains("First cause: a full connection pool"),
        "{markdown}"
    );
    assert!(markdown.contains("| `app` |"), "{markdown}");
    assert!(!html.contains("pool=<b>"), "{html}");
    for text in [&html, &markdown] {
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
