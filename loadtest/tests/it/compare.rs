//! Runs against their baseline.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{LOADTEST, Ran, Run, stack};
use crate::proxy::proxy;

/// A server that takes this long for every answer, before its own work.
async fn slow(base: &str, delay: Duration) -> String {
    proxy(base, move |call, upstream| async move {
        tokio::time::sleep(delay).await;
        upstream.forward(&call).await
    })
    .await
}

async fn recorded(host: &str, args: &str) -> (Ran, TempDir) {
    let mut run = Run::against(host, args);
    let child = run.command.spawn().expect("the program starts");
    run.wait_keeping_reports(child).await
}

fn summary(reports: &TempDir) -> PathBuf {
    reports.path().join("latest/summary.json")
}

/// Compares two summaries: exit code, what was printed, and the JSON.
fn compared(base: &Path, new: &Path, args: &[&str]) -> (i32, String, Value) {
    let json = tempfile::NamedTempFile::new().expect("a temporary file");
    let output = std::process::Command::new(LOADTEST)
        .arg("compare")
        .args([base, new])
        .arg("--json")
        .arg(json.path())
        .args(args)
        .output()
        .expect("the program starts");
    let text = std::fs::read(json.path()).expect("the file is there");
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr),
        serde_json::from_slice(&text).unwrap_or_default(),
    )
}

const LOAD: &str = "--vus 5 --duration 12s --coupon-wait 0s --sla none";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_became_slow_is_worse_and_the_gate_says_so() {
    let stack = stack().await;
    let usual = slow(stack.base_url(), Duration::from_millis(20)).await;
    // So slow that no noise of a busy machine hides it.
    let slower = slow(stack.base_url(), Duration::from_millis(200)).await;
    let (ran, usual_reports) = recorded(&usual, LOAD).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let base = summary(&usual_reports);
    let gated = format!(
        "{LOAD} --baseline {} --fail-on-regression 10%",
        base.display()
    );
    let (ran, slow_reports) = recorded(&slower, &gated).await;
    assert_eq!(ran.code, 96, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.summary["verdict"], "fail");
    assert!(
        ran.reasons()
            .contains("regression: http_req_duration: med went from"),
        "{}",
        ran.reasons()
    );
    assert!(
        ran.stdout.contains("Compared with") && ran.stdout.contains("WORSE"),
        "{}",
        ran.stdout
    );
    let slow_summary = summary(&slow_reports);
    let markdown = std::fs::read_to_string(slow_summary.with_file_name("report.md"));
    let markdown = markdown.expect("a Markdown report");
    assert!(
        markdown.contains("### Compared with") && markdown.contains("| worse |"),
        "{markdown}"
    );
    let beside =
        |name: &str| std::fs::read_to_string(slow_summary.with_file_name(name)).expect("a report");
    let page = beside("report.html");
    assert!(page.contains("<h2>Compared with the baseline: worse</h2>"));
    let junit = beside("junit.xml");
    let gate = junit.split_once("classname=\"loadtest.baseline\"");
    let (_, gate) = gate.expect("a case of the gate");
    assert!(
        gate.trim_start_matches('>')
            .trim_start()
            .starts_with("<failure "),
        "{gate}"
    );
    let written = std::fs::read(slow_summary.with_file_name("comparison.json")).expect("written");
    let written: Value = serde_json::from_slice(&written).expect("JSON");

    let (code, text, json) = compared(&base, &slow_summary, &[]);
    assert_eq!(
        (code, &json["change"]),
        (0, &Value::from("worse")),
        "{text}"
    );
    assert_eq!(json, written, "by hand and in the run, the same answer");
    let row = |name: &str| {
        let rows = json["rows"].as_array().expect("rows");
        let row = rows.iter().find(|row| row["metric"] == name);
        row.unwrap_or_else(|| panic!("no {name} in {rows:#?}"))
            .clone()
    };
    assert_eq!(row("http_req_duration: med")["judgement"], "worse");
    assert_eq!(
        row("order_time (5_create_order): med")["judgement"],
        "worse"
    );
    assert_eq!(row("http_req_failed: rate")["judgement"], "same");
    assert_eq!(row("http_reqs: rate")["judgement"], "worse");
    assert!(row("http_reqs: rate")["change"].as_f64() < Some(0.0));

    let (code, text, _) = compared(&base, &slow_summary, &["--fail-on-regression", "10%"]);
    assert_eq!(code, 96, "{text}");
    let (code, _, json) = compared(&slow_summary, &base, &["--fail-on-regression", "10%"]);
    assert_eq!((code, &json["change"]), (0, &Value::from("better")));
    let (code, _, json) = compared(&base, &base, &["--fail-on-regression", "0%"]);
    assert_eq!((code, &json["change"] == "worse"), (0, false));
}

/// What doesn't fit is said before the load, in every report, and judges nothing: neither in the
/// run nor by hand.
#[tokio::test(flavor = "multi_thread")]
async fn another_load_is_not_comparable_and_no_regression() {
    let stack = stack().await;
    let load = |rate: u32| {
        format!("--rate {rate}/s --duration 1s --max-vus 20 --coupon-wait 0s --sla none")
    };
    let (_, reports) = recorded(stack.base_url(), &load(10)).await;
    let base = summary(&reports);
    let gate = "--fail-on-regression 0%";
    let gated = format!("{} --baseline {} {gate}", load(20), base.display());
    let (ran, reports) = recorded(stack.base_url(), &gated).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let why = "load: the baseline has main=1s:10/s, this run main=1s:20/s";
    let said = format!("NOT COMPARABLE with the baseline: {why}");
    let (said, begun) = (
        ran.stderr.find(&said),
        ran.stderr.find("setting the server up"),
    );
    assert!(said.is_some() && said < begun, "{}", ran.stderr);
    let told = format!("NOT COMPARABLE: {why}");
    assert!(ran.stdout.contains(&told), "{}", ran.stdout);
    let warnings = ran.summary["warnings"].as_array().expect("a list");
    let mut warnings = warnings.iter().filter_map(Value::as_str);
    let warned = warnings.any(|text| text.starts_with("baseline ") && text.ends_with(&told));
    assert!(warned, "{}", ran.summary["warnings"]);
    let new = summary(&reports);
    let beside = |name: &str| std::fs::read_to_string(new.with_file_name(name)).expect("a report");
    let skipped = format!("<skipped message=\"{told}\"/>");
    assert!(
        beside("junit.xml").contains(&skipped),
        "{}",
        beside("junit.xml")
    );
    let markdown = beside("report.md");
    assert!(markdown.contains(": not comparable\n"), "{markdown}");
    assert!(beside("report.html").contains("the baseline: not comparable</h2>"));
    let written: Value = serde_json::from_str(&beside("comparison.json")).expect("JSON");
    assert_eq!(written["change"], "not_comparable");
    assert_eq!(written["misfits"], serde_json::json!([why]));

    // Two summaries in one folder have one series, which is not both of theirs.
    let copied = new.with_file_name("base.json");
    std::fs::copy(&base, &copied).expect("it can be copied");
    let (code, text, _) = compared(&copied, &new, &[]);
    assert_eq!(code, 104, "{text}");
    assert!(text.contains("keep each run's files in a folder"), "{text}");

    let (code, text, json) = compared(&base, &new, &["--fail-on-regression", "0%"]);
    assert_eq!((code, &json), (0, &written), "{text}");
    let lines = [&told, "--fail-on-regression judged nothing."];
    assert!(lines.iter().all(|line| text.contains(line)), "{text}");
}

/// The same load twice, the second slower by far, on what is another processor by its summary.
#[tokio::test(flavor = "multi_thread")]
async fn another_processor_is_no_bad_configuration_and_no_regression() {
    let stack = stack().await;
    let usual = slow(stack.base_url(), Duration::ZERO).await;
    let slower = slow(stack.base_url(), Duration::from_millis(100)).await;
    let load = "--vus 5 --duration 3s --coupon-wait 0s --sla none";
    let (ran, reports) = recorded(&usual, load).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let base = summary(&reports);
    let gate = ["--fail-on-regression", "10%"];
    let gated = format!("{load} --baseline {} {}", base.display(), gate.join(" "));

    let mut elsewhere: Value =
        serde_json::from_slice(&std::fs::read(&base).expect("it is there")).expect("JSON");
    elsewhere["run"]["generator"]["cpu"] = "Another 9000".into();
    std::fs::write(&base, elsewhere.to_string()).expect("it can be written");
    let (ran, reports) = recorded(&slower, &gated).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let told = "NOT COMPARABLE: generator: the baseline has ";
    assert!(ran.stdout.contains(told), "{}", ran.stdout);
    let new = summary(&reports);
    let (code, text, json) = compared(&base, &new, &gate);
    assert_eq!(
        (code, &json["change"]),
        (0, &"not_comparable".into()),
        "{text}"
    );

    elsewhere["run"]["generator"] = ran.summary["run"]["generator"].clone();
    std::fs::write(&base, elsewhere.to_string()).expect("it can be written");
    let (_, text, json) = compared(&base, &new, &[]);
    assert_eq!(json["misfits"], serde_json::json!([]), "{text}");
    assert!(json["change"] != "not_comparable", "{text}");
}

#[tokio::test]
async fn files_that_are_no_runs_are_refused_by_name() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("summary.json");
    let (code, text, _) = compared(&file, &file, &[]);
    assert_eq!(code, 104);
    assert!(text.contains("summary.json can't be read"), "{text}");
    std::fs::write(&file, "{}").expect("written");
    let (code, text, _) = compared(directory.path(), &file, &[]);
    assert_eq!(code, 104);
    assert!(
        text.contains("is not a summary.json of this program"),
        "{text}"
    );
    let ran = Run::bare("--fail-on-regression 10%").await;
    assert_eq!(ran.code, 104);
    assert!(
        ran.stderr.contains("give --baseline FILE as well"),
        "{}",
        ran.stderr
    );
}

/// How the judgement fares on this machine: in every pair of runs of the same build it is "same", and
/// in every pair whose second server takes 20 % longer for an answer, "worse". `PAIRS` says how many of
/// each; `KEEP` names a directory where the runs are kept, to be compared again.
///
/// ```sh
/// PAIRS=20 cargo test -p loadtest --test it compare::many_pairs -- --ignored --nocapture
/// ```
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 40 s a pair"]
async fn many_pairs() {
    use std::io::Write;

    /// A server's answers take so long that its core's speed, which drifts, is not what is compared.
    const USUAL: Duration = Duration::from_millis(20);

    let pairs = std::env::var("PAIRS").map_or(1, |text| text.parse().expect("a number"));
    let stack = stack().await;
    let usual = slow(stack.base_url(), USUAL).await;
    let out = |line: String| writeln!(std::io::stdout(), "{line}").expect("standard output");
    let mut wrong = Vec::new();
    for pair in 0..pairs {
        let mut kept = Vec::new();
        for _ in 0..2 {
            let (ran, reports) = recorded(&usual, LOAD).await;
            assert_eq!(ran.code, 0, "{}", ran.stdout);
            let median = ran.metric("http_req_duration")["med"].as_f64();
            kept.push((reports, median.expect("a median")));
        }
        // 20 % of what an answer takes, and not only of the part that is slept.
        let delay = USUAL + Duration::from_secs_f64(kept[0].1 / 1_000.0 * 0.2);
        let slower = slow(stack.base_url(), delay).await;
        let (ran, reports) = recorded(&slower, LOAD).await;
        assert_eq!(ran.code, 0, "{}", ran.stdout);
        kept.push((reports, 0.0));
        let kept: Vec<TempDir> = kept.into_iter().map(|(reports, _)| reports).collect();
        for (what, new, expected) in [("same build", 1, "same"), ("20 % slower", 2, "worse")] {
            let (_, _, json) = compared(&summary(&kept[0]), &summary(&kept[new]), &[]);
            let rows = json["rows"].as_array().expect("rows");
            let of = |judgement: &str| {
                rows.iter()
                    .filter(|row| row["judgement"] == judgement)
                    .count()
            };
            if json["change"] != expected {
                wrong.push(format!("pair {pair}, {what}: {}", json["change"]));
            }
            out(format!(
                "pair {pair}, {what}: {} ({} worse, {} better, {} same, {} can't tell)",
                json["change"].as_str().expect("a word"),
                of("worse"),
                of("better"),
                of("same"),
                of("cant_tell")
            ));
        }
        if let Some(directory) = std::env::var_os("KEEP") {
            let (base, same, slow) = (summary(&kept[0]), summary(&kept[1]), summary(&kept[2]));
            for (name, summary) in [("base", base), ("same", same), ("slow", slow)] {
                let to = Path::new(&directory)
                    .join(format!("{}-{pair}", std::process::id()))
                    .join(name);
                std::fs::create_dir_all(&to).expect("a directory to keep runs in");
                for file in ["summary.json", "series.jsonl"] {
                    std::fs::copy(summary.with_file_name(file), to.join(file)).expect("kept");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "of {pairs} pairs each: {wrong:#?}");
}

/// A copy of the run that the repository shows, whose series was changed line by line.
fn copied(change: impl FnOnce(&mut Vec<String>)) -> TempDir {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/sample");
    let copy = tempfile::tempdir().expect("a temporary directory");
    let to = |name: &str| copy.path().join(name);
    std::fs::copy(sample.join("summary.json"), to("summary.json")).expect("copied");
    let text = std::fs::read_to_string(sample.join("series.jsonl")).expect("the series");
    let mut lines = text.lines().map(|line| format!("{line}\n")).collect();
    change(&mut lines);
    std::fs::write(to("series.jsonl"), lines.concat()).expect("written");
    copy
}

#[test]
fn a_series_that_is_not_whole_is_never_compared_and_its_report_says_so() {
    let whole = copied(|_| {});
    let (code, text, json) = compared(whole.path(), whole.path(), &[]);
    assert_eq!(
        (code, &json["misfits"]),
        (0, &serde_json::json!([])),
        "{text}"
    );
    type Change = fn(&mut Vec<String>);
    let rows: [(Change, &str); 4] = [
        (
            |lines| {
                let last = lines.last_mut().expect("lines");
                last.truncate(last.len() / 2);
            },
            "its last line is cut",
        ),
        (|lines| lines.truncate(20), "it ends at "),
        (|lines| drop(lines.drain(10..13)), "nothing is there from "),
        (
            |lines| lines.insert(10, lines[9].clone()),
            "there twice or in disorder",
        ),
    ];
    for (change, lack) in rows {
        let torn = copied(change);
        let pairs = [
            (torn.path(), whole.path(), "the baseline"),
            (whole.path(), torn.path(), "this run"),
        ];
        for (base, new, whose) in pairs {
            let (code, text, json) = compared(base, new, &["--fail-on-regression", "1%"]);
            let said = format!("series: {whose} can't be compared, series.jsonl is not whole: ");
            assert_eq!(code, 0, "a misfit is no regression: {text}");
            assert_eq!(json["change"], "not_comparable", "{text}");
            assert!(
                text.contains(&said) && text.contains(lack),
                "{lack}: {text}"
            );
        }
        let report = std::process::Command::new(LOADTEST)
            .arg("report")
            .arg(torn.path())
            .output()
            .expect("the program starts");
        let stderr = String::from_utf8_lossy(&report.stderr);
        assert!(
            stderr.contains("warning: series.jsonl is not whole"),
            "{stderr}"
        );
        assert!(report.status.success() && stderr.contains(lack), "{stderr}");
        for file in ["report.html", "report.md"] {
            let text = std::fs::read_to_string(torn.path().join(file)).expect(file);
            assert!(text.contains("series.jsonl is not whole"), "{file}: {lack}");
        }
    }
}
