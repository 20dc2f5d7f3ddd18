//! The outcome of made-up searches, as people and programs see it.

use super::super::pace::tests::kept;
use super::super::trial::tests::{trial, unkept};
use super::*;

fn shown(by: By, trials: Vec<Trial>) -> String {
    let outcome = Capacity {
        by,
        thresholds: vec!["http_req_duration{stage:hold}: p(95)<200".to_owned()],
        capacity: Some(100),
        at_least: false,
        saturated: vec!["the generator".to_owned()],
        ended: None,
        trials,
    };
    text(&outcome)
}

fn text(outcome: &Capacity) -> String {
    let mut out = anstream::StripStream::new(Vec::new());
    outcome
        .write_terminal(Some(200.0), &mut out)
        .expect("memory can be written");
    String::from_utf8(out.into_inner()).expect("text")
}

#[track_caller]
fn assert_shows(shown: &str, expected: &[&str]) {
    for line in expected {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
}

#[test]
fn a_search_by_vus_counts_vus() {
    let trials = vec![trial(100, true, 5.0, 1.0), trial(200, false, 300.0, 280.0)];
    let shown = shown(By::Vus, trials);
    let expected = [
        "│ VUs │ holds │ req/s │",
        "│ queue p95 │ db p95 │ redis p95 │ gen CPU │",
        "│      0.00 │    280 │      0.00 │",
        "│ 200 │     ✗ │ 1,200 │",
        "Capacity: 100 VUs hold http_req_duration{stage:hold}: p(95)<200 (p95 5.00 to 5.00 ms in 1 trial)",
        "Beyond it: the generator",
    ];
    assert_shows(&shown, &expected);
    assert!(
        !shown.contains("started") && !shown.contains("iterations"),
        "{shown}"
    );
}

#[test]
fn a_search_by_rate_counts_iterations_and_shows_how_they_were_kept() {
    let held = Trial {
        pace: Some(kept()),
        ..trial(100, true, 5.0, 1.0)
    };
    let shown = shown(By::Rate, vec![held, unkept(200, 6.0, 2.0, 600)]);
    let expected = [
        "│ iterations/s │ holds │ started/s │ dropped │ late │ VUs busy │ req/s │",
        "│          100 │     ✓ │     100.0 │       0 │    0 │  130/600 │   600 │",
        "│          200 │     ✗ │     100.0 │      50 │    0 │  600/600 │ 1,200 │",
        "Capacity: 100 iterations/s hold http_req_duration{stage:hold}: p(95)<200 (p95 5.00 to 5.00 ms in 1 trial)",
    ];
    assert_shows(&shown, &expected);
    // Under both plots.
    assert_eq!(shown.matches("iterations/s").count(), 2 + 2, "{shown}");
    assert!(!shown.contains(" VUs hold"), "{shown}");
}

#[test]
fn a_load_beyond_which_nothing_was_tried_is_at_least_held() {
    let outcome = Capacity {
        by: By::Vus,
        thresholds: vec!["checks: rate==1".to_owned()],
        capacity: Some(200),
        at_least: true,
        saturated: vec![],
        ended: None,
        trials: vec![trial(100, true, 5.0, 1.0), trial(200, true, 6.0, 1.0)],
    };
    let shown = text(&outcome);
    let expected = [
        "Capacity: at least 200 VUs hold checks: rate==1 (p95 6.00 to 6.00 ms in 1 trial)",
        "No load failed: the capacity is beyond --to, which can be raised.",
    ];
    assert_shows(&shown, &expected);
}

#[test]
fn a_search_that_ended_early_says_what_had_held() {
    let mut outcome = Capacity {
        by: By::Vus,
        thresholds: vec!["checks: rate==1".to_owned()],
        capacity: Some(100),
        at_least: true,
        saturated: vec![],
        ended: Some("no ports".to_owned()),
        trials: vec![trial(100, true, 5.0, 1.0)],
    };
    let shown = text(&outcome);
    assert_shows(&shown, &["at least 100 VUs hold", "Ended early: no ports"]);
    assert!(!shown.contains("No load failed"), "{shown}");
    (outcome.capacity, outcome.at_least) = (None, false);
    outcome.trials = vec![trial(100, false, 900.0, 1.0)];
    assert_shows(&text(&outcome), &["unknown: no load had held by then"]);
    let json = serde_json::to_value(&outcome).expect("it is plain data");
    assert_eq!(json["ended"], "no ports");
}

#[test]
fn programs_are_told_the_unit_and_the_pace() {
    let held = Trial {
        pace: Some(kept()),
        ..trial(100, true, 5.0, 1.0)
    };
    let mut outcome = Capacity {
        by: By::Rate,
        thresholds: vec![],
        capacity: Some(100),
        at_least: true,
        saturated: vec![],
        ended: None,
        trials: vec![held],
    };
    let json = |outcome: &Capacity| serde_json::to_value(outcome).expect("it is plain data");
    let value = json(&outcome);
    assert_eq!(value["by"], "rate");
    assert_eq!(
        (&value["capacity"], &value["at_least"]),
        (&100.into(), &true.into())
    );
    assert_eq!(
        value["trials"][0]["server"],
        serde_json::json!({"queue": 0.0, "db": 1.0, "redis": 0.0})
    );
    assert_eq!(
        value["trials"][0]["pace"],
        serde_json::json!({
            "started_per_second": 100.0, "scheduled": 1_000, "dropped": 0, "late": 0,
            "vus": 600, "busy_vus": 130, "iteration_p95": 1_200.0, "unkept": [],
        })
    );
    (outcome.by, outcome.trials) = (By::Vus, vec![trial(100, true, 5.0, 1.0)]);
    let value = json(&outcome);
    assert_eq!(value["by"], "vus");
    assert_eq!(value["trials"][0].get("pace"), None);
}
