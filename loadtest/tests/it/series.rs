//! The series that every run leaves behind, read again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::metrics::Trend;
use harness::report::{Row, Series, Summary};

use crate::program::{LOADTEST, Run, stack};

/// The directory of the only run in here.
pub(crate) fn run_directory(reports: &Path) -> PathBuf {
    let mut runs = std::fs::read_dir(reports).expect("a directory");
    runs.next().expect("a run").expect("an entry").path()
}

pub(crate) fn series(directory: &Path) -> Series {
    let file = std::fs::File::open(directory.join("series.jsonl")).expect("a series");
    Series::read(BufReader::new(file)).expect("well-formed")
}

/// Waits for so many seconds with requests of the only run in here; gives what is recorded then.
pub(crate) async fn recorded(reports: &Path, seconds: usize) -> Series {
    let began = Instant::now();
    loop {
        let runs = std::fs::read_dir(reports).ok();
        let directory = runs.and_then(|mut runs| runs.next()?.ok());
        let file = directory.and_then(|run| std::fs::read(run.path().join("series.jsonl")).ok());
        let series = file.and_then(|bytes| Series::read(bytes.as_slice()).ok());
        if let Some(series) = series {
            let loaded = series
                .seconds
                .iter()
                .filter(|second| !second.slowest.is_empty());
            if loaded.count() >= seconds {
                return series;
            }
        }
        assert!(began.elapsed() < Duration::from_secs(30), "no load");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn merged(series: &Series, metric: &str) -> Trend {
    let mut merged = Trend::default();
    let rows = series.seconds.iter().flat_map(|second| &second.trends);
    for row in rows.filter(|row| row.metric == metric) {
        merged.merge(&row.value.decode().expect("well-formed"));
    }
    merged
}

/// A threshold on what a run produced, with all of its tags, is none on what can't occur.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_had_can_be_asked_for() {
    let stack = stack().await;
    let load = "--mix a=3,b=3,c=2,d=2 --vus 10 --duration 3s --coupon-wait 100ms --sla none \
                --tag team=red";
    let mut run = Run::against(stack.base_url(), load);
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let series = series(&run_directory(reports.path()));
    let mut asked = BTreeSet::new();
    for second in &series.seconds {
        let asks = |metric: &str, tags: &BTreeMap<String, String>, assertion: &str| {
            let tags: Vec<String> = tags.iter().map(|(key, is)| format!("{key}:{is}")).collect();
            format!("{metric}{{{},team:red}}: {assertion}", tags.join(","))
        };
        for row in second.trends.iter().filter(|row| !row.tags.is_empty()) {
            asked.insert(asks(&row.metric, &row.tags, "max>=0"));
        }
        for row in second.rates.iter().filter(|row| !row.tags.is_empty()) {
            asked.insert(asks(&row.metric, &row.tags, "rate>=0"));
        }
    }
    for kind in [
        "persona:setup",
        "checks{",
        "iteration_duration{",
        "status:409",
    ] {
        let found = asked.iter().any(|text| text.contains(kind));
        assert!(found, "{kind} in {asked:#?}");
    }
    let mut validate = std::process::Command::new(LOADTEST);
    validate.arg("validate").args(load.split_whitespace());
    for threshold in &asked {
        validate.args(["--threshold", threshold]);
    }
    let validated = validate.output().expect("the program starts");
    let said = String::from_utf8_lossy(&validated.stderr);
    assert!(validated.status.success(), "{said}");
}

/// What the seconds add up to is what the summary says, to the digit.
#[tokio::test(flavor = "multi_thread")]
async fn the_seconds_add_up_to_the_summary() {
    let stack = stack().await;
    let args =
        "--mix a=60,b=30,c=10 --vus 10 --duration 3s --coupons 30 --coupon-wait 100ms --sla none";
    let mut run = Run::against(stack.base_url(), args);
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let series = series(&run_directory(reports.path()));
    let summary: Summary = serde_json::from_value(ran.summary.clone()).expect("read again");
    assert_eq!(
        serde_json::to_value(&summary).expect("and written"),
        ran.summary
    );
    assert_eq!(series.head.run_id, summary.run.id);
    assert!(
        !series.cut && series.seconds.len() >= 3,
        "{} seconds",
        series.seconds.len()
    );
    for metric in ["http_req_duration", "iteration_duration", "order_time"] {
        let (merged, whole) = (merged(&series, metric), ran.metric(metric));
        assert_eq!(whole["count"], merged.count(), "{metric}");
        // serde_json reads a float to its last bit but one.
        let avg = whole["avg"].as_f64().expect("a number");
        let ulp = f64::EPSILON * avg;
        assert!((avg - merged.avg_ms()).abs() <= ulp, "{metric}: {avg}");
        assert_eq!(whole["max"], merged.max_ms(), "{metric}");
        for (name, percent) in [("med", 50.0), ("p95", 95.0), ("p999", 99.9)] {
            assert_eq!(
                whole[name],
                merged.percentile_ms(percent),
                "{metric} {name}"
            );
        }
    }
    let sum = |rows: fn(&harness::report::Second) -> &Vec<Row<u64>>, metric: &str| -> u64 {
        let rows = series.seconds.iter().flat_map(rows);
        rows.filter(|row| row.metric == metric)
            .map(|row| row.value)
            .sum()
    };
    assert_eq!(
        ran.metric("data_sent")["count"],
        sum(|second| &second.counters, "data_sent")
    );
    let passes: u64 = series
        .seconds
        .iter()
        .flat_map(|second| &second.rates)
        .map(|row| row.value.passes)
        .sum();
    assert_eq!(ran.metric("checks")["passes"], passes);
    let db: u64 = series
        .seconds
        .iter()
        .flat_map(|second| &second.trends)
        .filter(|row| row.metric == "server_timing_db")
        .map(|row| row.value.count)
        .sum();
    assert_eq!(ran.metric("server_timing_db")["count"], db);
    let slowest = series
        .seconds
        .iter()
        .flat_map(|second| &second.slowest)
        .map(|slow| slow.duration)
        .fold(0.0, f64::max);
    assert_eq!(ran.metric("http_req_duration")["max"], slowest);
}

/// No summary, but everything up to its last second.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_leaves_what_it_had() {
    let stack = stack().await;
    let mut run = Run::against(
        stack.base_url(),
        "--vus 3 --duration 60s --coupon-wait 50ms",
    );
    let mut child = run.command.spawn().expect("the program starts");
    let before = recorded(run.reports(), 2).await.seconds.len();
    child.kill().await.expect("it runs");
    let series = series(&run_directory(run.reports()));
    let after = series.seconds.len();
    assert!(after >= before, "{after} of {before}");
    let requests: u64 = series
        .seconds
        .iter()
        .flat_map(|second| &second.trends)
        .filter(|row| row.metric == "http_req_duration")
        .map(|row| row.value.count)
        .sum();
    assert!(requests > 0);
}
