//! Whatever is wrong is said before anything is sent.

use std::io::Write;

use crate::program::Run;

/// Asks nothing of anybody: the port is one that nothing listens on.
const NOWHERE: &str = "http://127.0.0.1:9";

#[tokio::test]
async fn all_problems_at_once() {
    let ran = Run::against("nowhere", "--stage 1x:5 --mix x=1 --sla p95<200 --seed x")
        .finish()
        .await;
    assert_eq!(ran.code, 104);
    for flag in ["--host: ", "--stage: ", "--mix: ", "--sla: ", "--seed: "] {
        assert!(ran.stderr.contains(flag), "{flag} in {}", ran.stderr);
    }
    assert_eq!((ran.stdout.as_str(), ran.summary.is_null()), ("", true));
}

#[tokio::test]
async fn an_unknown_flag_is_a_bad_configuration() {
    let ran = Run::new("--vuz 3").finish().await;
    assert_eq!(ran.code, 104);
    assert!(
        ran.stderr.contains("unexpected argument '--vuz'"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let ran = Run::against(NOWHERE, "--profile smoke").finish().await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("nothing answers at http://127.0.0.1:9"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn a_report_directory_that_can_not_be_written() {
    let args = format!("--profile smoke --host {NOWHERE} --report-dir /dev/null/reports");
    let ran = Run::bare(&args).await;
    assert_eq!(ran.code, 104);
    assert!(
        ran.stderr.contains("--report-dir: /dev/null/reports/"),
        "{}",
        ran.stderr
    );
}

#[tokio::test]
async fn a_summary_that_can_not_be_written() {
    for place in ["/dev/null/summary.json", "/nowhere/summary.json", "/tmp"] {
        let ran = Run::against(NOWHERE, &format!("--profile smoke --summary-json {place}"))
            .finish()
            .await;
        assert_eq!(ran.code, 104, "{place}");
        let said = format!("--summary-json: {place} can't be written");
        assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn two_things_into_one_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (x, same) = (at("x.json"), at("./x.json"));
    for flags in [
        format!("--summary-json {x} --out json={same}"),
        format!("--out csv={x} --out json={x}"),
    ] {
        let ran = Run::against(NOWHERE, &format!("--profile smoke {flags}"))
            .finish()
            .await;
        assert_eq!(ran.code, 104, "{flags}");
        assert!(
            ran.stderr.contains("is written by another"),
            "{}",
            ran.stderr
        );
        assert!(!folder.path().join("x.json").exists());
    }
}

/// From wherever a threshold comes. (Nothing listens there: what was sent would be another error.)
#[tokio::test]
async fn a_threshold_on_what_can_not_occur() {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    let text = "vus = 1\niterations = 1\nthresholds = [\"http_reqs{persona:a}: count<10\"]\n\
                [[scenario]]\nname = \"one\"\nthresholds = [\"checks{check:ordr 201}: rate==1\"]\n\
                [[scenario]]\nname = \"two\"\nthresholds = [\"http_reqs{scenario:oen}: count<9\"]\n";
    file.write_all(text.as_bytes()).expect("it can be written");
    let mut run = Run::against(NOWHERE, "");
    run.command.arg("--config").arg(file.path());
    let ran = run.finish().await;
    let said = [
        "there is no persona 'a'; known are impulse_buyer, setup",
        "there is no check 'ordr 201'; did you mean order 201? known are ",
        "there is no scenario 'oen'; did you mean one? known are one, two, setup",
    ];
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    for line in said {
        assert!(ran.stderr.contains(line), "{line} in {}", ran.stderr);
    }

    let mut run = Run::against(NOWHERE, "--vus 1 --duration 5s");
    let typos = "http_reqs{name:5_create_ordr}: count<10; http_reqs{status:2xx}: count<10";
    run.command.env("LOADTEST_THRESHOLDS", typos);
    let ran = run.finish().await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    for line in [
        "LOADTEST_THRESHOLDS: there is no request '5_create_ordr'; did you mean 5_create_order?",
        "LOADTEST_THRESHOLDS: there is no status '2xx'; write one such as 200",
    ] {
        assert!(ran.stderr.contains(line), "{line} in {}", ran.stderr);
    }

    let capacity = "capacity --threshold http_reqs{method:post}:count>1 --host";
    let ran = Run::bare(&format!("{capacity} {NOWHERE}")).await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    let line = "--threshold: there is no method 'post'; did you mean POST? known are GET,";
    assert!(ran.stderr.contains(line), "{}", ran.stderr);
}

#[tokio::test]
async fn validate_shows_the_plan_and_sends_nothing() {
    let ran = Run::bare(&format!("validate --profile mixed --host {NOWHERE}")).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let plan = [
        "150 impulse_buyer",
        "75 rational_buyer",
        "30 malicious_buyer",
        "45 racing_buyer",
        "p(95)<200",
        "0s to 30s: 300 VUs",
    ];
    for line in plan {
        assert!(ran.stdout.contains(line), "{line} in {}", ran.stdout);
    }
}

#[tokio::test]
async fn profiles_and_help_name_what_there_is() {
    let profiles = Run::bare("profiles").await;
    assert_eq!(profiles.code, 0);
    for name in [
        "smoke",
        "flow_iterations",
        "flow_iterations_unlimited",
        "flow_300vus",
        "ramping",
        "mixed",
    ] {
        assert!(profiles.stdout.contains(name), "{name}");
    }
    let help = Run::bare("--help").await;
    assert_eq!(help.code, 0);
    for word in ["--stage", "--sla", "Exit codes:", "104", "Examples:"] {
        assert!(help.stdout.contains(word), "{word}");
    }
}
