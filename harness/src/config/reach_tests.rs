use super::super::{load, load_trial};
use crate::fixture::{inputs, outline};

/// Flags that make a load.
type Shape = [(&'static str, &'static [&'static str])];

const RATE: &Shape = &[
    ("rate", &["2/s"]),
    ("duration", &["5s"]),
    ("max_vus", &["3"]),
];
const VUS: &Shape = &[("vus", &["2"]), ("duration", &["5s"])];
const SHARED: &Shape = &[("vus", &["2"]), ("iterations", &["7"])];

/// What is said of a threshold of a load, nothing where it is taken.
fn said(shape: &[(&str, &[&str])], threshold: &str) -> Option<String> {
    let threshold = [threshold];
    let flags = [shape, &[("thresholds", &threshold)]].concat();
    let problems = load(&outline(), inputs(&flags, &[])).err()?;
    assert_eq!(problems.len(), 1, "{problems:?}");
    Some(problems[0].to_string())
}

#[test]
fn more_than_the_plan_has_is_refused() {
    let planned = Some("10 iterations are planned");
    let due = Some("10 iterations are planned at a rate");
    let (two, three) = (
        Some("2 VUs are the most that there are"),
        Some("3 VUs are the most that there are"),
    );
    let rows: [(&Shape, &str, Option<&str>); 22] = [
        (RATE, "iterations: count>10", planned),
        (RATE, "iterations: count>=11", planned),
        (RATE, "iterations: count==11", planned),
        (RATE, "iterations: count>=10", None),
        (RATE, "iterations: count<12", None),
        (RATE, "iterations: count!=12", None),
        (RATE, "iterations: rate>50", None),
        (RATE, "dropped_iterations: count>10", due),
        (RATE, "dropped_iterations: count>9", None),
        (RATE, "dropped_iterations: count<100", None),
        (RATE, "vus: value>3", three),
        (RATE, "vus: value>=3", None),
        (VUS, "vus: value>2", two),
        (VUS, "vus: value>1", None),
        (VUS, "vus: value<3", None),
        (VUS, "vus_max: value==3", two),
        (VUS, "vus_max: value==2", None),
        (VUS, "iterations: count>1000000", None),
        (VUS, "dropped_iterations: count==0", None),
        (
            SHARED,
            "iterations: count>=8",
            Some("7 iterations are planned"),
        ),
        (SHARED, "iterations: count>=7", None),
        (SHARED, "http_reqs: count>1000000", None),
    ];
    for (shape, threshold, refused) in rows {
        let said = said(shape, threshold);
        let expected = refused.map(|why| {
            let shown = crate::threshold::parse(threshold, &[]).expect(threshold);
            format!("--threshold: '{shown}' never holds: {why}")
        });
        assert_eq!(said, expected, "{threshold}");
    }
}

/// The larger loads of a search may reach it.
#[test]
fn a_trial_is_too_small_for_a_limit_and_not_refused() {
    let given = [RATE, &[("thresholds", &["iterations: count>10"])]].concat();
    assert!(load(&outline(), inputs(&given, &[])).is_err());
    assert!(load_trial(&outline(), inputs(&given, &[])).is_ok());
}

/// All of these requests are failures by their tags, or none is.
#[test]
fn a_share_that_is_always_the_same_is_refused_where_it_never_holds() {
    let rows = [
        ("http_req_failed{status:503}: rate<0.1", Some(1)),
        ("http_req_failed{status:503}: rate!=1", Some(1)),
        ("http_req_failed{status:0}: rate<0.1", Some(1)),
        (
            "http_req_failed{expected_response:false}: rate<0.1",
            Some(1),
        ),
        (
            "http_req_failed{name:5_create_order,status:200}: rate<0.1",
            Some(1),
        ),
        ("http_req_failed{expected_response:true}: rate>0.1", Some(0)),
        ("http_req_success{status:500}: rate>0.5", Some(0)),
        ("http_req_success{status:200}: rate<0.5", Some(1)),
        // That there were any, and no more.
        ("http_req_failed{status:503}: rate==1", None),
        ("http_req_failed{expected_response:true}: rate<0.1", None),
        ("http_req_success{status:200}: rate>0.5", None),
        // A 200 that breaks off is a failure.
        ("http_req_failed{status:200}: rate<0.1", None),
        ("http_req_failed{status:!503}: rate<0.1", None),
        ("http_req_failed{name:5_create_order}: rate<0.1", None),
        ("http_req_success{expected_response:false}: rate>0.5", None),
        ("http_req_failed: rate<0.1", None),
        ("http_reqs{status:503}: count<10", None),
        ("http_req_duration{status:503}: p(95)<10", None),
    ];
    for (threshold, always) in rows {
        let said = said(VUS, threshold);
        assert_eq!(said.is_some(), always.is_some(), "{threshold}: {said:?}");
        if let (Some(said), Some(share)) = (said, always) {
            let (_, why) = said.split_once(" never holds: ").expect("it says so");
            let (metric, rest) = threshold.split_once('{').expect("tags");
            let (tags, _) = rest.split_once('}').expect("tags");
            let expected = format!(
                "{metric} is always {share} with {{{tags}}}; count such requests, as in \
                 'http_reqs{{{tags}}}: count<10'"
            );
            assert_eq!(why, expected, "{threshold}");
        }
    }
}
