use std::time::Duration;

use super::*;
use crate::metrics::Trend;

/// Twenty seconds of a hundred requests each, of which `slow` % take `slow_ms` and the others 10.
fn subject(lag_ms: f64, slow: u64, slow_ms: u64) -> Subject {
    let mut trend = Trend::default();
    (0..100).for_each(|n| {
        let ms = if n < slow { slow_ms } else { 10 };
        trend.record(Duration::from_millis(ms));
    });
    let second = Second {
        length: 1.0,
        trend,
        marked: 0,
    };
    let metric = |name: &str, measures, headline| Metric {
        name: name.to_owned(),
        measures,
        headline,
        seconds: vec![second.clone(); 20],
    };
    const DISTRIBUTION: &[Measure] = &[Measure::Percentile(50.0), Measure::Percentile(95.0)];
    Subject {
        id: format!("slow-{slow}"),
        lag_ms: Some(lag_ms),
        metrics: vec![
            metric("http_req_failed", &[Measure::Share], true),
            metric("http_req_duration", DISTRIBUTION, true),
        ],
        stores: vec![],
    }
}

fn changes(base: &Subject, new: &Subject) -> (Change, Vec<Change>) {
    let comparison = compare(base, new, vec![], Rule::default());
    let rows = comparison.rows.iter().map(|row| row.judgement).collect();
    (comparison.change, rows)
}

#[test]
fn the_whole_is_as_bad_as_its_worst_row() {
    use Change::{Better, Same, Worse};
    let (usual, tail, all) = (
        subject(1.0, 0, 0),
        subject(1.0, 10, 20),
        subject(1.0, 100, 20),
    );
    assert_eq!(changes(&usual, &usual), (Same, vec![Same, Same, Same]));
    assert_eq!(changes(&usual, &tail), (Worse, vec![Same, Same, Worse]));
    assert_eq!(changes(&usual, &all), (Worse, vec![Same, Worse, Worse]));
    assert_eq!(changes(&all, &usual), (Better, vec![Same, Better, Better]));
}

#[test]
fn only_what_is_worse_by_more_than_the_limit_is_a_regression() {
    let comparison = compare(
        &subject(1.0, 0, 0),
        &subject(1.0, 10, 15),
        vec![],
        Rule::default(),
    );
    assert_eq!(comparison.regressions(0.6), Vec::<String>::new());
    assert_eq!(
        comparison.regressions(0.1),
        [
            "regression: http_req_duration: p(95) went from 10.0 ms to 15.0 ms (+50.0 %) since slow-0"
        ]
    );
}

#[test]
fn a_generator_that_was_held_up_cannot_blame_the_server() {
    let (usual, slow) = (subject(2.0, 0, 0), subject(5.0, 100, 20));
    let comparison = compare(&usual, &slow, vec![], Rule::default());
    assert!(comparison.disturbed.is_some());
    assert_eq!(comparison.change, Change::CantTell);
    assert!(comparison.regressions(0.1).is_empty());
    let as_late = compare(&usual, &subject(3.9, 100, 20), vec![], Rule::default());
    assert_eq!((as_late.disturbed, as_late.change), (None, Change::Worse));
}

#[test]
fn what_is_not_comparable_is_neither_better_nor_worse() {
    let misfits = vec!["VUs: one".to_owned(), "mix: other".to_owned()];
    let (usual, slow) = (subject(1.0, 0, 0), subject(1.0, 100, 20));
    let comparison = compare(&usual, &slow, misfits, Rule::default());
    assert_eq!(comparison.change, Change::NotComparable);
    assert_eq!(comparison.count(Change::CantTell), comparison.rows.len());
    assert_eq!(comparison.rows[1].new, Some(20.0), "the numbers stay");
    assert_eq!(comparison.regressions(0.0), Vec::<String>::new());
    let said = comparison.refused();
    assert_eq!(
        said.as_deref(),
        Some("NOT COMPARABLE: VUs: one; mix: other")
    );
    let json = serde_json::to_value(&comparison).expect("it is plain data");
    assert_eq!(json["change"], "not_comparable");
    let fits = compare(&usual, &slow, vec![], Rule::default());
    assert_eq!(fits.refused(), None);
}

/// Of 5 s, 5 requests of each: a median can be told, a p95 needs 200.
#[test]
fn the_whole_is_the_same_only_where_p95_and_the_rate_are_told() {
    let with = |each: u64, uneven: bool| {
        let mut subject = subject(1.0, 0, 0);
        let all = subject.metrics[1].seconds.clone();
        for metric in &mut subject.metrics {
            for (second, number) in metric.seconds.iter_mut().zip(0_u64..) {
                let count = if uneven && number / 5 % 2 == 0 {
                    each / 5
                } else {
                    each
                };
                second.trend = Trend::default();
                (0..count).for_each(|_| second.trend.record(Duration::from_millis(10)));
            }
        }
        subject.metrics.insert(
            0,
            Metric {
                name: "http_reqs".to_owned(),
                measures: &[Measure::PerSecond],
                headline: true,
                seconds: match uneven {
                    true => subject.metrics[1].seconds.clone(),
                    false => all,
                },
            },
        );
        subject
    };
    use Change::{CantTell, Same};
    let (many, few, uneven) = (with(100, false), with(5, false), with(100, true));
    assert_eq!(changes(&many, &many), (Same, vec![Same; 4]));
    assert_eq!(
        changes(&few, &few),
        (CantTell, vec![Same, Same, Same, CantTell])
    );
    let (whole, rows) = changes(&uneven, &uneven);
    assert_eq!((whole, rows[0], rows[3]), (CantTell, CantTell, Same));
}

#[test]
fn a_percentile_needs_samples_beyond_it() {
    let mut few = subject(1.0, 0, 0);
    few.metrics
        .iter_mut()
        .for_each(|metric| metric.seconds.truncate(FEWEST_BLOCKS));
    few.metrics[1].measures = &[Measure::Percentile(99.0)];
    let comparison = compare(&few, &few, vec![], Rule::default());
    let row = &comparison.rows[1];
    assert_eq!(row.judgement, Change::CantTell);
    assert_eq!(
        row.note.as_deref(),
        Some("500 samples, where this percentile needs 1000")
    );
}
