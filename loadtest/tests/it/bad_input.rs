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
        "there is no check 'ordr 201'; did you mean order 201?",
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

/// `-` is standard output for the summary alone.
#[tokio::test]
async fn a_dash_is_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = [
        ("compare a b --json -", "--json: "),
        ("capacity --host http://127.0.0.1:9 --json -", "--json: "),
        ("report a --junit -", "--junit: "),
        ("report a --html -", "--html: "),
        ("report a --md -", "--md: "),
        ("--vus 1 --duration 1s --out csv=-", "--out: output csv=-: "),
        ("replay a --out json=-", "--out: output json=-: "),
    ];
    for (args, flag) in rows {
        let mut run = Run::new("");
        run.command = tokio::process::Command::new(crate::program::LOADTEST);
        run.command.args(args.split_whitespace());
        run.command.current_dir(folder.path());
        run.command.stdout(std::process::Stdio::piped());
        run.command.stderr(std::process::Stdio::piped());
        let ran = run.finish().await;
        let said = format!("{flag}- isn't standard output here; write /dev/stdout");
        assert!(
            ran.code == 104 && ran.stderr.contains(&said),
            "{args}: {ran:?}"
        );
        assert!(!folder.path().join("-").exists(), "{args}");
    }
}

/// The baseline is looked at as the run does, without the load.
#[tokio::test]
async fn validate_looks_at_the_baseline() {
    for (baseline, said) in [
        ("/dev/null", "--baseline: "),
        ("/nowhere/summary.json", "--baseline: "),
        ("-", "--baseline: - isn't standard input here"),
    ] {
        let args = format!("validate --profile smoke --host {NOWHERE} --baseline {baseline}");
        let ran = Run::bare(&args).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (104, ""), "{baseline}");
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

/// It may be ignored, but not without a word. (Nothing listens there, so no trial begins.)
#[tokio::test]
async fn a_search_says_which_variables_it_ignores() {
    let mut run = Run::new("");
    run.command = tokio::process::Command::new(crate::program::LOADTEST);
    run.command.args(["capacity", "--host", NOWHERE]);
    run.command.stdout(std::process::Stdio::piped());
    run.command.stderr(std::process::Stdio::piped());
    run.command.envs([
        ("LOADTEST_OUT", "csv=/nowhere/x.csv"),
        ("LOADTEST_SUMMARY_JSON", "/nowhere/s.json"),
        ("LOADTEST_BASELINE", "/nowhere"),
        ("LOADTEST_NAME", "x"),
        ("LOADTEST_STAGES", "1m:5"),
        ("LOADTEST_TUI", "1"),
        ("LOADTEST_QUIET", "0"),
    ]);
    let ran = run.finish().await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    let warnings = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning: "));
    let [warning] = warnings.collect::<Vec<_>>()[..] else {
        panic!("{}", ran.stderr)
    };
    let (names, why) = warning.split_once(": ignored, for ").expect(warning);
    let mut names: Vec<&str> = names.trim_start_matches("warning: ").split(", ").collect();
    names.sort_unstable();
    let expected = ["BASELINE", "NAME", "OUT", "STAGES", "SUMMARY_JSON", "TUI"];
    assert_eq!(names, expected.map(|name| format!("LOADTEST_{name}")));
    assert!(
        why.starts_with("a capacity search makes loads of its own"),
        "{why}"
    );
}

/// Tags of thresholds that exclude each other in the shop, and those that don't.
#[tokio::test]
async fn tags_of_thresholds_that_exclude_each_other() {
    let with_shop = |shop: &str, threshold: &str| {
        let load = "--mix a=1,b=1,c=1 --vus 3 --duration 5s";
        let args = format!("validate --host {NOWHERE} {load} --policies {shop} --threshold");
        let mut words: Vec<String> = args.split(' ').map(str::to_owned).collect();
        words.push(threshold.to_owned());
        let mut run = Run::new("");
        run.command = tokio::process::Command::new(crate::program::LOADTEST);
        run.command.args(words);
        run.command.stdout(std::process::Stdio::piped());
        run.command.stderr(std::process::Stdio::piped());
        run.finish()
    };
    let with = |threshold: &str| with_shop("5", threshold);
    for (threshold, said) in [
        (
            "http_reqs{name:5_create_order,method:GET}: count<9",
            "with name:5_create_order, method is POST",
        ),
        (
            "http_reqs{name:init,persona:impulse_buyer}: count<9",
            "there is no request 'init'",
        ),
        (
            "checks{persona:impulse_buyer,check:attack refused with 4xx}: rate==1",
            "nothing has both persona:impulse_buyer and check:attack refused with 4xx",
        ),
        (
            "checks{persona:malicious_buyer,check:order 201}: rate==1",
            "nothing has both persona:malicious_buyer and check:order 201",
        ),
        (
            "http_reqs{status:500,expected_response:true}: count<9",
            "nothing has both status:500 and expected_response:true",
        ),
    ] {
        let ran = with(threshold).await;
        assert!(
            ran.code == 104 && ran.stderr.contains(said),
            "{threshold}: {}",
            ran.stderr
        );
    }
    for good in [
        "http_reqs{name:2_claim_coupon,status:409,expected_response:true}: count<9",
        "http_reqs{name:init,persona:setup}: count==1",
        "checks{persona:rational_buyer,check:order 201}: rate==1",
        "checks{persona:malicious_buyer,check:attack refused with 4xx}: rate==1",
        "http_reqs{status:422,expected_response:true,persona:malicious_buyer}: count<9",
    ] {
        let ran = with(good).await;
        assert_eq!(ran.code, 0, "{good}: {}", ran.stderr);
    }
    // Where the shop is used as it is, nobody sets it up.
    for (threshold, said) in [
        (
            "http_reqs{name:init}: count==1",
            "there is no request 'init'",
        ),
        (
            "checks{check:init 200}: rate==1",
            "nothing in checks has check:init 200",
        ),
    ] {
        let ran = with(threshold).await;
        assert_eq!(ran.code, 0, "{threshold}: {}", ran.stderr);
        let ran = with_shop("1,2", threshold).await;
        assert!(
            ran.code == 104 && ran.stderr.contains(said),
            "{threshold}: {}",
            ran.stderr
        );
    }
}

/// A worker takes the lead's configuration; what it is given all the same has to be the lead's.
#[tokio::test]
async fn validate_of_a_worker_asks_for_no_host() {
    let worker = "validate --fleet redis://127.0.0.1:1/0 --index 2";
    let ran = Run::bare(worker).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let expected = "worker 2 of the run 'run': its configuration is the lead's";
    assert!(ran.stdout.contains(expected), "{}", ran.stdout);
    let ran = Run::bare(&format!("{worker} --vus 3 --duration 1s --host {NOWHERE}")).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("constant-vus"), "{}", ran.stdout);
    let ran = Run::bare("validate --fleet redis://127.0.0.1:1/0 --index 0 --workers 2").await;
    assert_eq!(ran.code, 104);
    assert!(ran.stderr.contains("--host: is missing"), "{}", ran.stderr);
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
