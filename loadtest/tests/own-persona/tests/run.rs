//! The persona of docs/own-persona.md, added as the page says, is named wherever a persona is.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_own-persona");
const NAME: &str = "window_shopper";

fn program(args: &str) -> Output {
    let output = Command::new(PROGRAM)
        .args(args.split_whitespace())
        .env("NO_COLOR", "1")
        .output();
    output.expect("the program starts")
}

fn said(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    format!("{stdout}\n{}", String::from_utf8_lossy(&output.stderr))
}

/// The directory of the only run.
fn run_in(reports: &Path) -> PathBuf {
    let mut runs = std::fs::read_dir(reports).expect("a directory");
    runs.next().expect("a run").expect("an entry").path()
}

#[test]
fn help_and_plan_name_it() {
    let help = said(&program("--help"));
    // clap breaks the line where the terminal ends.
    let words: Vec<&str> = help.split_whitespace().collect();
    assert!(
        words
            .join(" ")
            .contains("d racing_buyer, e window_shopper [default: a=1]"),
        "{help}"
    );
    let plan = said(&program("validate --mix a=50,e=50 --vus 10 --duration 30s"));
    let row = "     5 window_shopper: looks at the top 5 and at its balance, and buys nothing";
    assert!(plan.lines().any(|line| line.ends_with(row)), "{plan}");
}

#[test]
fn a_run_counts_and_audits_it_and_every_report_has_it() {
    let reports = tempfile::tempdir().expect("a temporary directory");
    let output = program(&format!(
        "--mix a=50,e=50 --vus 4 --iterations-per-vu 2 --coupon-wait 50ms --sla none \
         --threshold http_reqs{{persona:{NAME}}}:count==12 --out json={0}/rows.jsonl \
         --report-dir {0}/reports",
        reports.path().display()
    ));
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let run = run_in(&reports.path().join("reports"));
    let text = |name: &str| std::fs::read_to_string(run.join(name)).expect("a report");
    let summary: Value = serde_json::from_str(&text("summary.json")).expect("JSON");
    let mix = summary["mix"].as_array().expect("rows");
    let row = mix
        .iter()
        .find(|row| row["persona"] == NAME)
        .expect("a row");
    assert_eq!(
        (&row["planned"], &row["achieved"]),
        (&json!(0.5), &json!(0.5))
    );
    assert_eq!(row["iterations"], 4);
    let requests = row["requests"].as_array().expect("rows");
    let names: Vec<&Value> = requests.iter().map(|request| &request["name"]).collect();
    assert_eq!(
        names,
        ["0_get_userId", "4_get_top_products", "6_get_balance"]
    );
    assert!(
        requests.iter().all(|request| request["achieved"] == 1.0),
        "{requests:?}"
    );
    let invariants = summary["invariants"].as_array().expect("rows");
    let forbidden = "orders of users who may not order";
    let rule = invariants
        .iter()
        .find(|rule| rule["name"] == forbidden)
        .expect("a rule");
    assert_eq!((&rule["ok"], &rule["actual"]), (&json!(true), &json!(0)));
    let rows = std::fs::read_to_string(reports.path().join("rows.jsonl")).expect("rows");
    for (report, text) in [
        ("the terminal", said),
        ("report.html", text("report.html")),
        ("report.md", text("report.md")),
        ("series.jsonl", text("series.jsonl")),
        ("rows.jsonl", rows),
    ] {
        assert!(text.contains(NAME), "{report}: {text}");
    }
}
