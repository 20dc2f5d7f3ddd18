//! Runs that go well, as a user starts them.

use serde_json::json;

use crate::program::{Run, stack};

/// No host: the program brings its own PostgreSQL, Redis and server.
#[tokio::test(flavor = "multi_thread")]
async fn the_thundering_herd_on_a_private_stack() {
    let mut run = Run::new("--profile flow_iterations --sla none");
    run.command.env("NO_COLOR", "1");
    let ran = run.finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.summary["verdict"], "pass");
    assert_eq!(ran.actual("orders = planned iterations"), 300);
    assert_eq!(ran.actual("orders with a coupon = acknowledged"), 100);
    assert_eq!(ran.actual("orders without a coupon = acknowledged"), 200);
    assert_eq!(
        ran.metric("http_req_failed"),
        &json!({"rate": 0.0, "passes": 0, "fails": 1901})
    );
    assert_eq!(ran.metric("http_reqs")["count"], 1901);
    // The set-up's request is one of them, as in k6, and has its check.
    let init = ran.metric("http_req_duration{name:init}");
    assert_eq!(init["count"], 1);
    let checks = ran.summary["checks"].as_array().expect("a list");
    let init = checks.iter().find(|check| check["name"] == "init 200");
    assert_eq!(init.expect("a check")["passes"], 1);
    // The seed's success is an answer below 400, and 200 claims come too late.
    assert_eq!(ran.metric("http_req_success")["passes"], 1701);
    assert_eq!(ran.metric("order_time")["count"], 300);
    assert_eq!(ran.metric("coupon_check_time")["count"], 100);
    assert_eq!(ran.summary["run"]["iterations"], 300);
    assert_eq!(ran.metric("vus_max")["value"], 300);
    assert!(ran.metric("data_sent")["count"].as_u64().expect("bytes") > 1900 * 50);
    assert!(
        ran.metric("server_timing_db")["count"]
            .as_u64()
            .expect("a count")
            > 0
    );
    assert!(
        ran.stdout.contains("PASS") && !ran.stdout.contains('\u{1b}'),
        "{}",
        ran.stdout
    );
}

/// As in k6, a time for iterations is a limit: what it left no time for breaks no rule.
#[tokio::test(flavor = "multi_thread")]
async fn iterations_that_there_was_no_time_for_are_said_and_break_no_rule() {
    let stack = stack().await;
    for limit in [
        "--iterations 9000 --duration 1s",
        "--iterations-per-vu 9000 --max-duration 1s",
    ] {
        let args = format!("--vus 3 {limit} --coupon-wait 50ms --sla none");
        let ran = Run::against(stack.base_url(), &args).finish().await;
        ran.assert_passed();
        let made = ran.summary["run"]["iterations"].as_u64().expect("a number");
        assert!((1..9_000).contains(&made), "{made}");
        assert_eq!(ran.actual("orders = planned iterations"), made);
        let warnings = ran.summary["warnings"].to_string();
        let planned = if limit.contains("per-vu") {
            27_000
        } else {
            9_000
        };
        let said = format!("{made} of {planned} iterations began within their time");
        assert!(warnings.contains(&said), "{warnings}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_personas_together() {
    let stack = stack().await;
    let args = "--mix a=60,b=30,c=10 --vus 20 --iterations-per-vu 3 --coupons 30 --coupon-wait 100ms --sla none";
    let ran = Run::against(stack.base_url(), args).finish().await;
    ran.assert_passed();
    assert_eq!(ran.actual("balance 0 of users who spend everything"), 6);
    assert_eq!(ran.actual("orders of users who may not order"), 0);
    assert_eq!(ran.actual("orders = acknowledged"), 3 * (12 + 6));
    assert_eq!(ran.actual("coupons issued = accepted claims"), 30);
    assert!(ran.metric("http_req_failed{name:7_malicious_order}")["fails"].as_u64() >= Some(6));
}

/// All VUs have stopped at the end: what counts is the last second under load.
#[tokio::test(flavor = "multi_thread")]
async fn vus_are_judged_under_load() {
    let stack = stack().await;
    let args = "--vus 3 --duration 2500ms --coupon-wait 100ms --sla none --threshold";
    let mut run = Run::against(stack.base_url(), &format!("{args} vus:value>2"));
    run.command.args(["--threshold", "vus_max:value==3"]);
    let ran = run.finish().await;
    ran.assert_passed();
    assert_eq!(ran.metric("vus")["value"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_and_a_fixed_number_of_shared_iterations() {
    let stack = stack().await;
    let ramp = "--stage ramp_up=1s:6 --stage hold=2s:6 --stage down=500ms:0 --coupon-wait 100ms --sla none";
    let mut run = Run::against(stack.base_url(), ramp);
    run.command
        .args(["--threshold", "http_reqs{stage:hold}: count>50"]);
    let ran = run.finish().await;
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert_eq!(ran.metric("vus")["max"], 6);
    assert!(
        ran.stdout.contains("ramp_up") && ran.stdout.contains("0→6"),
        "{}",
        ran.stdout
    );
    let shared = "--iterations 17 --vus 4 --coupon-wait 0s --sla none";
    let ran = Run::against(stack.base_url(), shared).finish().await;
    assert_eq!(
        (ran.code, &ran.summary["run"]["iterations"]),
        (0, &json!(17)),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.actual("orders = planned iterations"), 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_on_standard_output_is_only_json() {
    let stack = stack().await;
    let args = "--vus 2 --iterations-per-vu 1 --coupon-wait 0s --summary-json - --quiet --no-audit";
    let ran = Run::against(stack.base_url(), args).finish().await;
    let printed: serde_json::Value = serde_json::from_str(&ran.stdout).expect("nothing but JSON");
    assert_eq!(printed, ran.summary);
    assert_eq!(printed["invariants"], json!([]));
    assert!(
        ran.stderr.contains("Thresholds"),
        "tables go to standard error"
    );
}

/// Persona C is the one that draws lots: the same seed sends the same requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_seed_repeats_every_choice() {
    let stack = stack().await;
    let args = "--mix c=1 --vus 2 --iterations-per-vu 4 --coupon-wait 0s --sla none --seed";
    let mut sent = Vec::new();
    for seed in ["7", "7", "8"] {
        let ran = Run::against(stack.base_url(), &format!("{args} {seed}"))
            .finish()
            .await;
        assert_eq!(ran.code, 0, "{}", ran.stdout);
        let count = |name: &str| ran.metric(&format!("http_reqs{{name:{name}}}"))["count"].clone();
        sent.push((
            count("8_hostile_get"),
            count("9_hostile_post"),
            ran.summary["run"]["seed"].clone(),
        ));
    }
    assert_eq!(sent[0], sent[1]);
    assert_eq!(sent[2].2, 8);
}
