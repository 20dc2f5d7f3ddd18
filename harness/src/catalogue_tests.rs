//! A suite whose server names other parts than the shop's: everything follows from its catalogue.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::health::Health;
use crate::metrics::{self, Method, Names, Phase, Proto, RequestTags, Slowest, Snapshot};
use crate::output::Rows;
use crate::report::{
    Document, Head, SERIES_VERSION, Second, Series, Summary, write_html, write_markdown,
};
use crate::sampler::Tick;
use crate::threshold::{Known, evaluate, parse_knowing};

const MS: Duration = Duration::from_millis(1);

fn catalogue() -> Catalogue {
    let part = |name: &str, label: &str| PartEntry {
        name: name.to_owned(),
        label: label.to_owned(),
        is_queue: name == "pool",
    };
    Catalogue {
        requests: vec![],
        server_parts: vec![part("lock", "a lock"), part("pool", "the connection pool")],
    }
}

/// One order of 900 ms, of which the server waited 800 ms for a lock.
fn snapshot(catalogue: Catalogue) -> Snapshot {
    let names = Names {
        stages: ["hold".to_owned()].into(),
        catalogue: catalogue.into(),
        ..Names::default()
    };
    let mut snapshot = Snapshot {
        names,
        duration: Duration::from_secs(1),
        ..Snapshot::default()
    };
    let tags = RequestTags {
        scenario: "a",
        persona: "a",
        name: "order",
        method: Method::Post,
        status: 201,
        stage: 0,
        expected: true,
        trend: None,
        proto: Proto::Http1,
    };
    let series = snapshot.requests.entry(tags).or_default();
    series.record(Phase::Duration, 900 * MS);
    series.record_part(0, 800 * MS);
    series.record_part(1, 40 * MS);
    let mut server = [None; MOST_PARTS];
    (server[0], server[1]) = (Some(800 * MS), Some(40 * MS));
    series.slowest = Some(Slowest {
        duration: 900 * MS,
        vu: 3,
        at: 950 * MS,
        server,
    });
    snapshot
}

fn tick(snapshot: &Snapshot) -> Tick<'_> {
    Tick {
        time_ms: 0,
        elapsed: Duration::from_secs(1),
        stage: "hold",
        stages: &[0],
        target: 1,
        second: snapshot,
        total: snapshot,
    }
}

/// The run, with a threshold that it crossed.
fn document(catalogue: &Catalogue) -> Document {
    let snapshot = snapshot(catalogue.clone());
    let summary = json!({
        "version": 2, "verdict": "fail", "exit_code": 99, "reasons": [], "metrics": {},
        "catalogue": catalogue,
        "run": {"id": "r", "duration_ms": 1_000, "model": "closed"},
        "thresholds": [{"expression": "http_req_duration: max<500", "ok": false, "actual": 900.0}],
        "checks": [], "invariants": [], "failures": [], "outputs": [],
    });
    let summary: Summary = serde_json::from_value(summary).expect("a summary");
    let series = Series {
        head: Head {
            version: SERIES_VERSION,
            run_id: "r".to_owned(),
            stages: vec!["hold".to_owned()],
        },
        seconds: vec![Second::of(&tick(&snapshot), &Health::default())],
        cut: false,
    };
    Document::new(summary, series).expect("they fit together")
}

fn html(document: &Document) -> String {
    let mut page = Vec::new();
    write_html(document, &mut page).expect("memory can be written");
    String::from_utf8(page).expect("text")
}

#[test]
fn every_part_is_a_metric_behind_the_other_ones_of_requests() {
    let names: Vec<_> = metrics::all(&catalogue())
        .map(|metric| metric.name)
        .skip_while(|name| *name != "data_received")
        .take(4)
        .collect();
    let expected = [
        "data_received",
        "server_timing_lock",
        "server_timing_pool",
        "iterations",
    ];
    assert_eq!(names, expected);
    assert_eq!(metrics::find("server_timing_db", &catalogue()), None);
}

#[test]
fn a_threshold_on_a_part_is_judged() {
    let catalogue = catalogue();
    let parsed = |text: &str| {
        let known = Known {
            catalogue: &catalogue,
            tags: &[],
        };
        parse_knowing(text, known)
    };
    let thresholds = [
        "server_timing_lock: max<500",
        "server_timing_pool{name:order}: max<500",
    ];
    let thresholds = thresholds.map(|text| parsed(text).expect(text));
    let outcomes = evaluate(&thresholds, &snapshot(catalogue.clone()));
    let outcomes: Vec<_> = outcomes.iter().map(|one| (one.ok, one.actual)).collect();
    assert_eq!(outcomes, [(false, Some(800.0)), (true, Some(40.0))]);
    assert!(parsed("server_timing_db: max<500").is_err());
}

#[test]
fn a_second_and_its_rows_name_the_parts() {
    let snapshot = snapshot(catalogue());
    let second = Second::of(&tick(&snapshot), &Health::default());
    let rows = second
        .trends
        .iter()
        .map(|row| (row.metric.as_str(), row.value.sum));
    let rows: Vec<_> = rows.collect();
    let expected = [
        ("http_req_duration", 900.0),
        ("server_timing_lock", 800.0),
        ("server_timing_pool", 40.0),
    ];
    assert_eq!(rows, expected);
    let server = [("lock".to_owned(), 800.0), ("pool".to_owned(), 40.0)];
    assert_eq!(second.slowest[0].server, server.into());
    let rows = Rows {
        run_id: "r".to_owned(),
        instance: "host".to_owned(),
        tags: vec![],
    };
    let points = rows.second(&tick(&snapshot), &[], &Health::default());
    let timing = points
        .iter()
        .filter(|point| point.measurement == "server_timing");
    let parts = timing.flat_map(|point| point.tags.iter().filter(|(key, _)| *key == "part"));
    let parts: Vec<_> = parts.map(|(_, value)| value.as_ref()).collect();
    assert_eq!(parts, ["lock", "pool"]);
}

#[test]
fn a_report_explains_by_the_parts_and_shows_them() {
    let document = document(&catalogue());
    let [explanation] = &document.explanations[..] else {
        panic!("{:?}", document.explanations);
    };
    let because = "Cause: a lock: what the slow requests waited for was a lock, or the batch before them \
        that waited for it. Time of the slowest requests of each second: lock 88.9 %, elsewhere 6.7 %, \
        pool 4.4 %. In the same seconds, requests like these took at most 800 ms in a lock and 40.0 ms \
        in the connection pool, and the generator's timers were late by 0.00 ms.";
    assert_eq!(explanation.sentences.last().expect("one"), because);
    let mut markdown = Vec::new();
    write_markdown(&document, &mut markdown).expect("memory can be written");
    let markdown = String::from_utf8(markdown).expect("text");
    let table = "| slowest (ms) | took | lock | pool | at | stage | status | VU |\n\
        | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |\n\
        | `order` | 900 | 800 | 40.0 | 0s | `hold` | `201` | 3 |\n";
    assert!(markdown.contains(table), "{markdown}");
    let page = html(&document);
    for text in [
        "<th class=\"n\">lock</th><th class=\"n\">connection pool</th>",
        "<td class=\"n\" data-l=\"lock\">800</td><td class=\"n\" data-l=\"connection pool\">40.0</td>",
        "<i class=\"key part1\"></i>lock</span> <span class=\"one\"><i class=\"key part2\"></i>connection pool</span>",
        "lock 800 ms · connection pool 40.0 ms · handler, network, generator 60.0 ms",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
}

#[test]
fn a_suite_without_parts_has_no_section_on_them() {
    let document = document(&Catalogue::default());
    let sentences = &document.explanations[0].sentences;
    let because = "Cause: the server, or the network: the suite names no parts of the server's time, and \
        the generator's timers were in time. In the same seconds, the generator's timers were late by 0.00 ms.";
    assert_eq!(sentences.last().expect("one"), because);
    let page = html(&document);
    assert!(
        page.contains("<th class=\"n\">took</th><th>at</th>"),
        "{page}"
    );
    assert!(!page.contains("The server's time"), "{page}");
}
