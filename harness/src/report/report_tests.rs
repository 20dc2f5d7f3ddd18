//! Reports of one made-up run, compared with what they are known to look like.

use std::time::UNIX_EPOCH;

use super::*;
use crate::config::{self, Field, Inputs, Layer};
use crate::failing::Faults;
use crate::fidelity::RequestShare;
use crate::health::{Health, Resources};
use crate::invariant::{Amount, Invariant};
use crate::metrics::{CheckCounts, CheckTags, IterationTags, Method, Phase, Proto, RequestTags};
use crate::output::Account;
use crate::threshold::{Evidence, Limits, evaluate, judge};

const PERSONA: &str = "impulse_buyer";
const SCENARIO: &str = "default";

fn config() -> RunConfig {
    let mut flags = Layer::default();
    for (key, text) in [("stages", "hold=10s:5"), ("start_vus", "5"), ("seed", "7")] {
        flags.set_flag(Field::of_key(key).expect(key), vec![text.to_owned()]);
    }
    let order = "http_req_duration{name:5_create_order}: p(95)<20";
    flags.set_flag(
        Field::of_key("thresholds").expect("a field"),
        vec![order.to_owned()],
    );
    let inputs = Inputs {
        flags,
        variables: vec![],
    };
    config::load(&crate::fixture::outline(), inputs).expect("a good configuration")
}

fn snapshot(config: &RunConfig) -> Snapshot {
    let mut snapshot = Snapshot {
        names: config.names(),
        duration: Duration::from_secs(10),
        ..Snapshot::default()
    };
    let order = RequestTags {
        scenario: SCENARIO,
        persona: PERSONA,
        name: "5_create_order",
        method: Method::Post,
        status: 201,
        stage: 0,
        expected: true,
        trend: Some("order_time"),
        proto: Proto::Http1,
    };
    for (tags, count, ms) in [
        (order, 90, 10),
        (
            RequestTags {
                status: 500,
                expected: false,
                ..order
            },
            10,
            250,
        ),
    ] {
        let series = snapshot.requests.entry(tags).or_default();
        for _ in 0..count {
            series.record(Phase::Duration, Duration::from_millis(ms));
            series.record(Phase::Waiting, Duration::from_millis(ms));
        }
        series.bytes_sent += 100 * count;
    }
    let iterations = snapshot
        .iterations
        .entry(IterationTags {
            scenario: SCENARIO,
            persona: PERSONA,
            stage: 0,
        })
        .or_default();
    (0..99).for_each(|_| iterations.duration.record(Duration::from_millis(1_000)));
    iterations.interrupted = 1;
    let check = CheckTags {
        scenario: SCENARIO,
        persona: PERSONA,
        check: "order 201",
        stage: 0,
    };
    snapshot.checks.insert(
        check,
        CheckCounts {
            passes: 90,
            fails: 10,
        },
    );
    snapshot.vus.set(5);
    snapshot.vus_max.set(5);
    snapshot
}

pub(super) fn result() -> RunResult {
    let config = config();
    let snapshot = snapshot(&config);
    let thresholds = evaluate(&config.thresholds, &snapshot);
    let invariant = |name: &str, expected, actual, ok, detail: Option<&str>| Invariant {
        name: name.to_owned(),
        expected,
        actual,
        ok,
        detail: detail.map(str::to_owned),
        requests: vec![],
    };
    let invariants = vec![
        invariant(
            "orders = acknowledged",
            Amount::Between { from: 90, to: 100 },
            95,
            true,
            None,
        ),
        invariant(
            "coupons issued ≤ quantity",
            Amount::AtMost { at_most: 100 },
            101,
            false,
            Some("policy 1: 21 issued of 20"),
        ),
    ];
    let broken = vec![invariants[1].to_string()];
    let judgement = judge(&Evidence {
        thresholds: &thresholds,
        broken_invariants: &broken,
        error: None,
        unaudited: None,
        faults: &Faults::NONE,
        refused: None,
        iterations: 99,
        interrupted: 1,
        limits: &Limits::default(),
        requests: 100,
        signalled: false,
        aborted: None,
        saturated: &[],
        stands: false,
        idle: &[],
        doubts: &["1 of 99 iterations was odd".to_owned()],
        mix: &[],
    });
    let resources = Resources {
        cores: 2.0,
        fds: 1_024,
    };
    let mut health = HealthLog::new(resources, &config.limits);
    health.note(&Health {
        at_ms: 1_000,
        cpu_percent: 12.5,
        ..Health::default()
    });
    RunResult {
        id: "20261123-182557-custom-3fa9".to_owned(),
        config,
        host: "http://127.0.0.1:8080".to_owned(),
        started_at: UNIX_EPOCH + Duration::from_secs(1_795_458_357),
        duration: Duration::from_secs(10),
        snapshot,
        unfit: false,
        arrivals: vec![Some(executor::Account {
            scheduled: 120,
            started: 100,
            dropped: 20,
        })],
        thresholds,
        invariants,
        failures: vec![(
            "5_create_order",
            500,
            "{\"title\":\"Internal\u{1b}[31m Server Error\"}".to_owned(),
        )],
        comparison: None,
        generator: Generator {
            host: "bench".to_owned(),
            platform: "linux x86_64".to_owned(),
            cpus: 2,
            cpu: "A processor".to_owned(),
            memory_bytes: 1 << 34,
        },
        outputs: vec![Account {
            name: "influxdb=http://localhost:8086/k6".to_owned(),
            produced: 100,
            delivered: 90,
            spooled: 10,
            spool: Some("reports/x/spool-1.lp".to_owned()),
            error: Some("timed out".to_owned()),
            ..Account::default()
        }],
        mix: vec![PersonaShare {
            scenario: "default".to_owned(),
            persona: PERSONA,
            planned: 1.0,
            achieved: 1.0,
            iterations: 99,
            requests: vec![RequestShare {
                name: "5_create_order",
                least: 1,
                most: 1,
                achieved: 1.0,
                drift: 0.0,
            }],
        }],
        unknown_outcomes: 2,
        health,
        workers: Vec::new(),
        warnings: vec!["the machine was busy".to_owned()],
        judgement,
    }
}

#[test]
fn tables_for_people() {
    let mut out = anstream::StripStream::new(Vec::new());
    write_terminal(&result(), &mut out).expect("memory can be written");
    insta::assert_snapshot!(String::from_utf8(out.into_inner()).expect("text"));
}

/// What holds is a line, unless it is asked for.
#[test]
fn with_full_what_holds_is_listed_too() {
    let shown = |full: bool| {
        let mut result = result();
        result.config.full = full;
        let mut out = anstream::StripStream::new(Vec::new());
        write_terminal(&result, &mut out).expect("memory can be written");
        String::from_utf8(out.into_inner()).expect("text")
    };
    let (short, full) = (shown(false), shown(true));
    let line = "✓ 1 of 2 invariants hold; --full lists them";
    assert!(short.contains(line) && !short.contains("orders = acknowledged"));
    let broken = full.find("✗ │ coupons issued").expect("listed");
    let held = full.find("✓ │ orders = acknowledged").expect("listed");
    assert!(broken < held && !full.contains("--full"), "{full}");
}

#[test]
fn json_for_programs() {
    let mut out = Vec::new();
    write_json(&result(), &mut out).expect("memory can be written");
    insta::assert_snapshot!(String::from_utf8(out).expect("text"));
}

#[test]
fn the_plan() {
    let mut out = Vec::new();
    write_plan(&config(), &mut out).expect("memory can be written");
    insta::assert_snapshot!(String::from_utf8(out).expect("text"));
}

/// A name, a reason, a warning and a sample that would act on a terminal, a browser or a reader of
/// XML, if they were written as they are.
#[test]
fn nothing_from_outside_acts_in_a_report() {
    const HOSTILE: &str =
        "\u{1b}[31m\u{9b}\u{202e}\u{fffe}\u{2028}\u{200b}]]></script><b>|\r\nhttp://u:hunter2@h";
    let mut result = result();
    result.judgement.reasons.push(HOSTILE.to_owned());
    result.warnings.push(HOSTILE.to_owned());
    result.invariants[0].name = HOSTILE.to_owned();
    result.invariants[0].ok = false;
    result.failures[0].2 = HOSTILE.to_owned();
    let mut series = Series::default();
    series.head.run_id.clone_from(&result.id);
    let document = Document::new(summary(&result), series).expect("they fit");
    let mut texts = [const { Vec::new() }; 5];
    let [terminal, json, page, markdown, junit] = &mut texts;
    write_terminal(&result, anstream::StripStream::new(terminal)).expect("memory");
    write_json(&result, json).expect("memory");
    write_html(&document, page).expect("memory");
    write_markdown(&document, markdown).expect("memory");
    write_junit(&document, junit).expect("memory");
    let [terminal, json, page, markdown, junit] =
        texts.map(|text| String::from_utf8(text).expect("text"));
    for text in [&terminal, &json, &page, &markdown, &junit] {
        let raw = |c: char| "\u{1b}\u{9b}\u{202e}\u{fffe}\u{2028}\u{200b}\r".contains(c);
        assert!(!text.contains(raw) && !text.contains("hunter2"), "{text}");
    }
    assert!(json.contains("\\u001b[31m\\u009b\\u202e\\ufffe\\u2028\\u200b]]></script>"));
    let seen = "␛[31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}]]";
    for (text, expected) in [
        (&terminal, format!("{seen}></script><b>|␍")),
        (&page, format!("{seen}&#62;&#60;/script&#62;&#60;b&#62;|")),
        (&junit, format!("{seen}&gt;&lt;/script&gt;&lt;b&gt;|␍")),
        (
            &markdown,
            "\\]\\]&gt;&lt;/script&gt;&lt;b&gt;\\| http<!-- -->://".to_owned(),
        ),
    ] {
        assert!(text.contains(&expected), "{expected} in {text}");
    }
}

/// A request that was cut is told in every report, with its time so far, from the files alone.
#[test]
fn requests_that_were_cut_are_in_every_report() {
    let mut result = result();
    let known = *result.snapshot.requests.keys().next().expect("a series");
    let cut = RequestTags {
        status: 0,
        expected: true,
        ..known
    };
    for ms in [1_250, 9_000] {
        let series = result.snapshot.requests.entry(cut).or_default();
        series.record(Phase::Duration, Duration::from_millis(ms));
    }
    let tick = crate::sampler::Tick {
        elapsed: Duration::from_secs(10),
        time_ms: 0,
        stage: "main",
        stages: &[0],
        target: 1,
        second: &result.snapshot,
        total: &result.snapshot,
    };
    let mut series = Series::default();
    series.head.run_id.clone_from(&result.id);
    series.seconds.push(Second::of(&tick, &Health::default()));
    let document = Document::new(summary(&result), series).expect("they fit");
    let mut texts = [const { Vec::new() }; 3];
    let [terminal, page, markdown] = &mut texts;
    write_terminal(&result, anstream::StripStream::new(terminal)).expect("memory");
    write_html(&document, page).expect("memory");
    write_markdown(&document, markdown).expect("memory");
    let [terminal, page, markdown] = texts.map(|text| String::from_utf8(text).expect("text"));
    for text in [&terminal, &page, &markdown] {
        let (_, after) = text.split_once("Cut before their answer").expect("a table");
        let words: Vec<&str> = after
            .split(['│', '|', '<', '>', '\n', '`'])
            .map(str::trim)
            .filter(|word| *word == "2" || *word == known.name || word.starts_with('≥'))
            .take(4)
            .collect();
        assert_eq!(words, [known.name, "2", "≥ 1,250", "≥ 9,000"], "{after}");
    }
    // Nothing is said where nothing was cut.
    let mut none = Vec::new();
    let mut series = document.series;
    series.seconds.clear();
    let document = Document::new(document.summary, series).expect("they fit");
    write_markdown(&document, &mut none).expect("memory");
    assert!(
        !String::from_utf8(none)
            .expect("text")
            .contains("Cut before")
    );
}
