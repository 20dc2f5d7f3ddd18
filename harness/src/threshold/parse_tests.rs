//! Every part of the grammar, and every mistake in it.

use super::*;

const TRENDS: [&str; 1] = ["order_time"];

fn parsed(text: &str) -> Threshold {
    parse(text, &TRENDS).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_part_of_the_grammar_is_read() {
    // (text, aggregation, operator, limit in ms or as a share)
    let rows = [
        (
            "http_req_duration: p(95)<200",
            Aggregation::Percentile(95.0),
            Operator::Less,
            200.0,
        ),
        (
            "http_req_duration:p(99.9) <= 1.5s",
            Aggregation::Percentile(99.9),
            Operator::LessOrEqual,
            1_500.0,
        ),
        (
            "order_time: avg < 200ms",
            Aggregation::Avg,
            Operator::Less,
            200.0,
        ),
        (
            "iteration_duration: max<1m",
            Aggregation::Max,
            Operator::Less,
            60_000.0,
        ),
        (
            "http_req_waiting: min>250us",
            Aggregation::Min,
            Operator::Greater,
            0.25,
        ),
        (
            "http_req_duration: med!=3",
            Aggregation::Med,
            Operator::NotEqual,
            3.0,
        ),
        (
            "http_reqs: count>=300",
            Aggregation::Count,
            Operator::GreaterOrEqual,
            300.0,
        ),
        (
            "http_reqs: rate>1800",
            Aggregation::Rate,
            Operator::Greater,
            1_800.0,
        ),
        (
            "http_req_failed: rate<1%",
            Aggregation::Rate,
            Operator::Less,
            0.01,
        ),
        (
            "checks: rate === 1",
            Aggregation::Rate,
            Operator::Equal,
            1.0,
        ),
        (
            "vus_max: value==300",
            Aggregation::Value,
            Operator::Equal,
            300.0,
        ),
    ];
    for (text, aggregation, operator, limit) in rows {
        let threshold = parsed(text);
        assert_eq!(
            (threshold.aggregation, threshold.operator, threshold.limit),
            (aggregation, operator, limit),
            "{text}"
        );
    }
}

#[test]
fn tags_are_read_and_written_back() {
    let threshold = parsed("http_req_duration{name:5_create_order, status:201}: p(95) < 200");
    assert_eq!(
        threshold.filter.0,
        [
            ("name".to_owned(), "5_create_order".to_owned()),
            ("status".to_owned(), "201".to_owned())
        ]
    );
    assert_eq!(
        threshold.to_string(),
        "http_req_duration{name:5_create_order,status:201}: p(95)<200"
    );
}

#[test]
fn windows_and_aborts_are_read_and_written_back() {
    let text = "http_req_duration{stage:!ramp_up}: p(95) < 200 over 10s abort_on_fail delay=30s";
    let threshold = parsed(text);
    assert_eq!(threshold.window, Some(Duration::from_secs(10)));
    assert_eq!(threshold.abort_after, Some(Duration::from_secs(30)));
    assert_eq!(
        threshold.to_string(),
        "http_req_duration{stage:!ramp_up}: p(95)<200 over 10s abort_on_fail delay=30s"
    );
    let at_once = parsed("http_req_failed: rate<5% abort_on_fail");
    assert_eq!(at_once.abort_after, Some(Duration::ZERO));
    assert_eq!(
        at_once.to_string(),
        "http_req_failed: rate<5% abort_on_fail"
    );
    assert_eq!(parsed("http_reqs: rate>5 over 1m").abort_after, None);
}

#[test]
fn tags_of_the_users_own_are_known_where_there_is_a_scenario() {
    let tags = ["team".to_owned()];
    let catalogue = crate::fixture::catalogue();
    let known = Known {
        catalogue: &catalogue,
        tags: &tags,
    };
    let own = parse_knowing("order_time{team:shop}: p(95)<200", known).expect("a tag");
    assert_eq!(own.to_string(), "order_time{team:shop}: p(95)<200");
    assert!(parse_knowing("vus{team:shop}: value>1", known).is_err());
    assert!(parse("order_time{team:shop}: p(95)<200", &TRENDS).is_err());
}

#[test]
fn a_scenarios_threshold_is_about_it_alone() {
    let scoped = |text| parsed(text).of_scenario("attack");
    assert_eq!(
        scoped("http_reqs{status:200}: count>1").map(|threshold| threshold.to_string()),
        Ok("http_reqs{scenario:attack,status:200}: count>1".to_owned())
    );
    let error = scoped("vus: value>1").expect_err("vus are not told apart");
    assert!(error.to_string().contains("vus has no tag 'scenario'"));
}

#[test]
fn every_mistake_is_named_with_its_mend() {
    let rows = [
        ("p(95)<200", "no ':' between metric and assertion"),
        (
            "http_req_duration{name:x} p(95)<200",
            "no ':' between metric and assertion",
        ),
        (
            "http_req_duraton: p(95)<200",
            "unknown metric 'http_req_duraton'; did you mean http_req_duration? known are http_req_duration,",
        ),
        ("order_tim: p(95)<200", "order_time"),
        (
            "http_req_duration{name=x}: p(95)<200",
            "is not a list of tags",
        ),
        ("http_req_duration{}: p(95)<200", "is not a list of tags"),
        (
            "checks{name:x}: rate==1",
            "checks has no tag 'name'; it has scenario, persona, check, stage",
        ),
        (
            "vus{stage:hold}: value>1",
            "vus has no tag 'stage'; it has none",
        ),
        ("http_req_duration: p(95)", "has no comparison"),
        (
            "http_req_duration: p95<200",
            "unknown aggregation 'p95'; known are avg, min",
        ),
        (
            "http_req_duration: p(101)<200",
            "unknown aggregation 'p(101)'",
        ),
        (
            "http_req_duration: rate<200",
            "'rate' does not fit http_req_duration; it takes avg, min, max, med, p(N)",
        ),
        ("http_req_duration: p(95)<fast", "'fast' is not a limit"),
        ("http_req_duration: p(95)<inf", "'inf' is not a limit"),
        ("http_req_failed: rate<10ms", "'10ms' is not a limit"),
        (
            "http_req_failed: rate<1 over 1.5s",
            "'1.5s' is not a window; write whole seconds",
        ),
        ("http_req_failed: rate<1 over", "'over' can't follow"),
        (
            "http_req_failed: rate<1 abort_on_fail soon",
            "'abort_on_fail soon' can't follow an assertion",
        ),
        (
            "http_req_failed: rate<1 abort_on_fail over 5s",
            "can't follow an assertion",
        ),
        ("vus: value>1 over 5s", "vus has no value of its own"),
        ("http_reqs{name:!}: count>1", "is not a list of tags"),
        (
            "http_req_duration: p(95)=<200",
            "unknown aggregation 'p(95)='",
        ),
    ];
    for (text, expected) in rows {
        let error = parse(text, &TRENDS).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn a_threshold_reads_back_as_what_it_is_shown_as() {
    let rows = [
        "http_req_duration{stage:!ramp_up}: p(99.9)<=1.5s over 1m30s abort_on_fail delay=1h2m3s",
        "order_time: avg<2m over 1m30s",
        "checks: rate==1 abort_on_fail delay=90s",
    ];
    for text in rows {
        let threshold = parsed(text);
        assert_eq!(parsed(&threshold.to_string()), threshold, "{text}");
    }
    assert_eq!(parsed(rows[0]).to_string(), rows[0]);
}
