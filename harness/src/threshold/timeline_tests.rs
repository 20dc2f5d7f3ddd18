//! Thresholds over time, second by second.

use super::super::crossing::Culprit;
use super::super::parse::parse;
use super::*;
use crate::executor::{Executor, Part, Schedule, Stage};
use crate::metrics::{Method, Names, Phase, Proto, RequestTags};

const SECOND: Duration = Duration::from_secs(1);

/// Ten seconds' ramp, ten seconds' hold.
fn plan() -> Plan {
    let stage = |name: &str| Stage {
        name: name.to_owned(),
        duration: 10 * SECOND,
        target: 5,
    };
    Plan::new(vec![Part {
        name: None,
        schedule: Schedule {
            executor: Executor::RampingVus {
                start_vus: 0,
                stages: vec![stage("ramp_up"), stage("hold")],
            },
            start_time: Duration::ZERO,
            graceful_stop: SECOND,
            graceful_ramp_down: SECOND,
        },
    }])
}

/// What a second has: requests, their ms, their status.
type Second = (u64, u64, u16);

/// Plays seconds through the thresholds; gives the outcomes of each second and of the end.
fn play(thresholds: &[&str], seconds: &[Second]) -> (Vec<Vec<Outcome>>, Vec<Outcome>) {
    play_after(SECOND, thresholds, seconds)
}

/// The same with a first second that is so long: the load hardly ever begins at a whole one.
fn play_after(
    first: Duration,
    thresholds: &[&str],
    seconds: &[Second],
) -> (Vec<Vec<Outcome>>, Vec<Outcome>) {
    let thresholds: Vec<_> = thresholds
        .iter()
        .map(|text| parse(text, &[]).expect(text))
        .collect();
    let plan = plan();
    let empty = Snapshot {
        names: Names {
            stages: plan.stage_names().into(),
            ..Names::default()
        },
        ..Snapshot::default()
    };
    let (mut timeline, mut total) = (Timeline::new(&thresholds, &plan), empty.clone());
    let mut ticks = Vec::new();
    for (elapsed, (count, ms, status)) in (1..).zip(seconds) {
        let stage = if elapsed <= 10 { 0 } else { 1 };
        let tags = RequestTags {
            scenario: "default",
            persona: "a",
            name: if *status == 200 { "fast" } else { "slow" },
            method: Method::Get,
            status: *status,
            stage,
            expected: *status == 200,
            trend: None,
            proto: Proto::Http1,
        };
        let mut second = empty.clone();
        second.duration = if elapsed == 1 { first } else { SECOND };
        let series = second.requests.entry(tags).or_default();
        (0..*count).for_each(|_| series.record(Phase::Duration, Duration::from_millis(*ms)));
        total.merge(&second);
        total.duration += second.duration;
        ticks.push(timeline.tick(&Moment {
            elapsed: total.duration,
            stage: ["ramp_up", "hold"][usize::from(stage)],
            second: &second,
            total: &total,
        }));
    }
    let end = timeline.finish(&total);
    (ticks, end)
}

/// To what a histogram keeps.
fn rounded(actual: f64) -> f64 {
    (actual * 10.0).round() / 10.0
}

/// Twenty quick seconds but for seconds 13 to 15.
fn a_slow_patch() -> Vec<Second> {
    (1..=20)
        .map(|second| match second {
            13..=15 => (100, 900, 500),
            _ => (100, 10, 200),
        })
        .collect()
}

#[test]
fn the_worst_window_counts_where_the_whole_run_hides_it() {
    let thresholds = [
        "http_req_duration: med<200",
        "http_req_duration: med<200 over 5s",
        "http_req_duration: med<200 over 8s",
        "http_req_failed: rate<50% over 5s",
        "http_req_failed: rate<61% over 5s",
    ];
    let (_, end) = play(&thresholds, &a_slow_patch());
    let came: Vec<_> = end
        .iter()
        .map(|outcome| (outcome.actual.map(rounded), outcome.ok))
        .collect();
    // Of five seconds three are slow, of eight as well.
    let expected = [
        (Some(10.0), true),
        (Some(900.0), false),
        (Some(10.0), true),
        (Some(0.6), false),
        (Some(0.6), true),
    ];
    assert_eq!(came, expected);
    let crossing = end[1].crossing.as_ref().expect("it was crossed");
    let by = Culprit {
        scenario: "default",
        persona: "a",
        name: Some("slow"),
        status: Some(500),
        wrong: 100,
        samples: 100,
        fault: "were too slow",
    };
    assert_eq!(crossing.culprit.as_ref(), Some(&by));
    assert_eq!(
        crossing.to_string(),
        "at 14s (hold): 100 of 100 were too slow (a slow 500)"
    );
}

#[test]
fn a_crossing_names_the_second_from_which_on_it_did_not_hold() {
    // Crossed at once, mended by the second second, crossed for good in the twelfth.
    let mut seconds: Vec<Second> = vec![(1, 900, 200), (1_000, 10, 200)];
    seconds.extend([(0, 0, 200); 9]);
    seconds.push((2_000, 900, 0));
    let (ticks, end) = play(&["http_req_duration: p(90)<200"], &seconds);
    assert!(!ticks[0][0].ok && ticks[1][0].ok && ticks[10][0].ok);
    let crossing = end[0]
        .crossing
        .as_ref()
        .expect("it was crossed")
        .to_string();
    assert_eq!(
        crossing,
        "at 11s (hold): 2000 of 2000 were too slow (a slow unanswered)"
    );
}

#[test]
fn counts_are_expected_only_while_their_stages_are_on() {
    // 100/s in both stages, but for second 17 that has 10; after second 20 nothing more.
    let mut seconds: Vec<Second> = vec![(100, 10, 200); 23];
    seconds[16].0 = 10;
    seconds[20..].fill((0, 10, 200));
    let thresholds = [
        "http_reqs: rate>50 over 1s",
        "http_reqs: rate>50 over 2s",
        "http_reqs{stage:ramp_up}: rate>99 over 5s",
        "http_reqs{stage:!ramp_up}: count>=410 over 5s",
        "http_reqs{stage:hold}: count>410 over 5s",
    ];
    let (_, end) = play(&thresholds, &seconds);
    let came: Vec<_> = end
        .iter()
        .map(|outcome| (outcome.actual.map(rounded), outcome.ok))
        .collect();
    let expected = [
        (Some(10.0), false),
        (Some(55.0), true),
        (Some(100.0), true),
        (Some(410.0), true),
        (Some(410.0), false),
    ];
    assert_eq!(came, expected);
    assert_eq!(end[0].crossing.as_ref().map(|at| at.second), Some(16));
}

#[test]
fn a_run_shorter_than_the_window_is_all_in_it() {
    let (ticks, end) = play(&["http_req_duration: max<200 over 30s"], &a_slow_patch());
    assert_eq!((end[0].actual, end[0].ok), (Some(900.0), false));
    assert!(ticks[11][0].ok, "the slow patch has yet to come");
    let (_, none) = play(&["http_req_duration: max<200 over 30s"], &[(0, 0, 200)]);
    assert_eq!((none[0].actual, none[0].ok), (None, false));
}

#[test]
fn ramps_are_left_out_by_name() {
    let mut seconds = vec![(100, 900, 200); 10];
    seconds.extend([(100, 10, 200); 10]);
    let thresholds = [
        "http_req_duration: p(95)<200",
        "http_req_duration{stage:!ramp_up}: p(95)<200",
        "http_req_duration{stage:!ramp_up}: p(95)<200 over 3s",
    ];
    let (_, end) = play(&thresholds, &seconds);
    let ok: Vec<_> = end.iter().map(|outcome| outcome.ok).collect();
    assert_eq!(ok, [false, true, true]);
}

#[test]
fn a_crossing_ends_the_run_when_its_delay_is_over() {
    let thresholds = [
        "http_req_failed: rate<5% abort_on_fail delay=14s",
        "http_req_failed: rate<5%",
        "http_req_duration{name:nobody}: p(95)<1 abort_on_fail",
    ];
    let (ticks, _) = play(&thresholds, &a_slow_patch());
    let ends: Vec<_> = (1..)
        .zip(&ticks)
        .filter_map(|(elapsed, outcomes)| abort(outcomes, elapsed * SECOND))
        .collect();
    assert_eq!(
        ends.first().map(String::as_str),
        Some("at 14s by http_req_failed: rate<5% abort_on_fail delay=14s")
    );
    assert_eq!(ends.len(), 7, "no data is no reason to end");
}

/// When the run would be ended by a threshold, how it comes out, and when it was crossed.
fn ended(threshold: &str, seconds: &[Second]) -> (Option<usize>, bool, Option<u64>) {
    let (ticks, end) = play(&[threshold], seconds);
    let ends = |(outcomes, elapsed): (&Vec<Outcome>, u32)| abort(outcomes, elapsed * SECOND);
    let at = ticks.iter().zip(1..).position(|tick| ends(tick).is_some());
    let crossing = end[0].crossing.as_ref().map(|crossing| crossing.second);
    (at.map(|index| index + 1), end[0].ok, crossing)
}

/// 2,000 requests in 20 seconds.
#[test]
fn what_may_still_be_reached_is_judged_at_the_end() {
    let steady: Vec<Second> = vec![(100, 10, 200); 20];
    let rows = [
        ("http_reqs: count>1000 abort_on_fail", (None, true, None)),
        ("http_reqs: count>2000 abort_on_fail", (None, false, None)),
        ("http_reqs: count==2000 abort_on_fail", (None, true, None)),
        (
            "http_reqs: count==1999 abort_on_fail",
            (Some(20), false, Some(19)),
        ),
        ("http_reqs: count!=100 abort_on_fail", (None, true, None)),
        (
            "http_reqs: count<1200 abort_on_fail",
            (Some(12), false, Some(11)),
        ),
        (
            "http_reqs{stage:hold}: count>=1000 abort_on_fail",
            (None, true, None),
        ),
        (
            "http_reqs{stage:hold}: count>1000 abort_on_fail",
            (None, false, None),
        ),
        ("http_reqs: rate>200 abort_on_fail", (None, false, None)),
        (
            "http_reqs: count>=400 over 5s abort_on_fail",
            (None, true, None),
        ),
        (
            "http_reqs: count>500 over 5s abort_on_fail",
            (Some(5), false, Some(4)),
        ),
        (
            "http_reqs{stage:hold}: rate>100 over 5s abort_on_fail",
            (Some(15), false, Some(14)),
        ),
        (
            "http_req_duration: max>=10 abort_on_fail",
            (None, true, None),
        ),
        (
            "http_req_duration: p(95)>10 abort_on_fail",
            (None, false, None),
        ),
        ("http_req_failed: rate<1% abort_on_fail", (None, true, None)),
        (
            "http_req_failed{name:slow}: rate<1% abort_on_fail",
            (None, false, None),
        ),
    ];
    for (threshold, expected) in rows {
        assert_eq!(ended(threshold, &steady), expected, "{threshold}");
    }
    let late: Vec<Second> = (1..=20)
        .map(|second| {
            if second < 20 {
                (0, 10, 200)
            } else {
                (500, 10, 200)
            }
        })
        .collect();
    let all_at_last = ended("http_reqs: count>=500 abort_on_fail", &late);
    assert_eq!(all_at_last, (None, true, None));
}

/// 100/s, and a load that begins 200 ms before a whole second.
#[test]
fn a_count_over_a_window_is_of_whole_seconds() {
    let mut seconds: Vec<Second> = vec![(100, 10, 200); 15];
    seconds[0].0 = 20;
    let first = Duration::from_millis(200);
    let threshold = ["http_reqs: count>=500 over 5s abort_on_fail"];
    let (ticks, end) = play_after(first, &threshold, &seconds);
    assert!(ticks.iter().all(|tick| abort(tick, 20 * SECOND).is_none()));
    assert_eq!((end[0].actual, end[0].ok), (Some(500.0), true));
}
