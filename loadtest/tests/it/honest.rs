//! Runs that must not pass, each with its own reason; scenarios and rates as a user gives them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::Method;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::program::{LOADTEST, Ran, Run, signal, stack};
use crate::proxy::{Reply, proxy};
use crate::series::{recorded, run_directory};

const QUICK: &str = "--coupon-wait 0s --sla none";

fn config(toml: &str) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), toml).expect("it can be written");
    file
}

#[track_caller]
fn assert_code(ran: &Ran, code: i32, reason: &str) {
    assert_eq!(ran.code, code, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.reasons().contains(reason), "{}", ran.reasons());
}

#[tokio::test(flavor = "multi_thread")]
async fn scenarios_at_once_with_tags_and_thresholds_of_their_own() {
    let stack = stack().await;
    let file = config(
        r#"
        coupons = 20
        coupon_wait = "0s"
        sla = "none"
        thresholds = ["http_reqs{team:red}: count>0", "http_reqs{scenario:steady,persona:rational_buyer}: count>0"]

        [[scenario]]
        name = "steady"
        mix = "a=1,b=1"
        vus = 4
        iterations_per_vu = 3

        [[scenario]]
        name = "attack"
        persona = "c"
        start_time = "500ms"
        rate = "20/s"
        duration = "1s"
        max_vus = 20
        max_start_delay = "1m"
        tags = { team = "red" }
        thresholds = ["iterations: count==20", "iteration_response_time: min>0"]
        "#,
    );
    let args = format!("--config {}", file.path().display());
    let ran = Run::against(stack.base_url(), &args).finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.summary["run"]["iterations"], 12 + 20);
    assert_eq!(ran.summary["run"]["model"], "mixed");
    let attack = &ran.summary["run"]["scenarios"][1];
    assert_eq!(attack["executor"], "constant-arrival-rate");
    assert_eq!(
        (&attack["scheduled"], &attack["started"], &attack["dropped"]),
        (&json!(20), &json!(20), &json!(0))
    );
    assert_eq!(attack["tags"], json!({"team": "red"}));
    assert_eq!(ran.actual("orders of users who may not order"), 0);
    let response = ran.metric("iteration_response_time{scenario:attack}");
    assert_eq!(
        (
            &response["count"],
            &ran.metric("iteration_duration")["count"]
        ),
        (&json!(20), &json!(32))
    );
    let mix = ran.summary["mix"].as_array().expect("a list");
    assert_eq!(mix.len(), 3, "{mix:?}");
    assert!(
        mix.iter().all(|row| row["planned"] == row["achieved"]),
        "{mix:?}"
    );
    assert!(
        ran.stdout
            .contains("attack: 20 iterations scheduled = 20 started + 0 dropped"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains("coordinated omission is possible"),
        "{}",
        ran.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_vus_for_the_rate() {
    let stack = stack().await;
    let args =
        "--rate 100/s --duration 2s --max-vus 2 --max-start-delay 0s --coupon-wait 1s --sla none";
    let ran = Run::against(stack.base_url(), args).finish().await;
    assert_code(&ran, 97, "of 200 iterations were dropped, more than 1 %");
    let only = &ran.summary["run"]["scenarios"][0];
    let of = |key: &str| only[key].as_u64().expect("a number");
    assert_eq!(of("scheduled"), 200);
    assert_eq!(of("started") + of("dropped"), 200);
    assert_eq!(ran.metric("dropped_iterations")["count"], of("dropped"));
    // A server that fails is not excused by what was dropped.
    let failing = format!("{args} --threshold http_reqs:count<1");
    let ran = Run::against(stack.base_url(), &failing).finish().await;
    assert_code(&ran, 99, "iterations were dropped");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_iteration_is_completed() {
    let stack = stack().await;
    let args = "--vus 2 --duration 1s --graceful-stop 0s --coupon-wait 1m --sla none";
    let ran = Run::against(stack.base_url(), args).finish().await;
    assert_code(
        &ran,
        97,
        "no iteration was completed: there is nothing to judge",
    );
    assert_code(
        &ran,
        97,
        "2 of 2 iterations were cut at the end of their grace time, more than 5 % (--limit interrupted)",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_that_never_starts() {
    let stack = stack().await;
    let file = config(
        r#"
        coupon_wait = "0s"
        sla = "none"
        [[scenario]]
        name = "steady"
        iterations = 3
        [[scenario]]
        name = "ghost"
        stages = ["1s:0.5/s"]
        max_vus = 1
        "#,
    );
    let args = format!("--config {}", file.path().display());
    let ran = Run::against(stack.base_url(), &args).finish().await;
    assert_code(&ran, 97, "scenario ghost completed no iteration");
}

/// The server never answers persona B, which charges less than 10,000.
#[tokio::test(flavor = "multi_thread")]
async fn half_the_personas_missing() {
    let stack = stack().await;
    let host = proxy(stack.base_url(), |call, upstream| async move {
        let is_b = call.path.ends_with("/balance") && call.body.starts_with(b"{\"amount\":2");
        if is_b {
            std::future::pending::<()>().await;
        }
        upstream.forward(&call).await
    })
    .await;
    let args = format!(
        "--vus 4 --mix a=1,b=1 --duration 2s --graceful-stop 0s --limit interrupted=100% --limit unknown=100% {QUICK}"
    );
    let ran = Run::against(&host, &args).finish().await;
    assert_code(
        &ran,
        99,
        "2 requests were never answered: 2 × 1_charge_balance",
    );
    assert_code(&ran, 99, "rational_buyer in default completed no iteration");
    // Of B's two users; and of A, whose last operation may be cut as well.
    let unknown = ran.summary["run"]["unknown_outcomes"].as_u64();
    assert!((2..=4).contains(&unknown.expect("a count")), "{unknown:?}");
    assert!(
        ran.reasons()
            .contains("the mix is not what was planned: impulse_buyer in default had 100.0 %"),
        "{}",
        ran.reasons()
    );
}

/// Orders take place, and every other answer is lost on its way.
#[tokio::test(flavor = "multi_thread")]
async fn operations_of_unknown_outcome() {
    let stack = stack().await;
    let orders = Arc::new(AtomicU64::new(0));
    let host = proxy(stack.base_url(), move |call, upstream| {
        let is_order = call.is(&Method::POST, "/orders");
        let lost = is_order && orders.fetch_add(1, Ordering::SeqCst) % 2 == 1;
        async move {
            let reply = upstream.forward(&call).await;
            if lost {
                std::future::pending::<()>().await;
            }
            reply
        }
    })
    .await;
    let args =
        format!("--vus 1 --iterations 6 --http-timeout 300ms --threshold checks:rate>=0 {QUICK}");
    let ran = Run::against(&host, &args).finish().await;
    assert_code(
        &ran,
        97,
        "3 operations in 6 iterations have an unknown outcome, more than 5 %",
    );
    assert_eq!(ran.summary["run"]["unknown_outcomes"], 3);
    // The books allow for just these: that much is known.
    assert!(ran.broken().is_empty(), "{:?}", ran.broken());
    let ran = Run::against(
        &host,
        &format!("{args} --limit unknown=50% --limit mix-drift=100%"),
    )
    .finish()
    .await;
    assert_eq!(ran.code, 0, "{}", ran.stdout);
}

/// A generator that stands still for as long as it runs starts what was due meanwhile late.
#[tokio::test(flavor = "multi_thread")]
async fn too_many_late_starts() {
    let stack = stack().await;
    let args = format!(
        "--rate 100/s --duration 4s --max-vus 50 --max-start-delay 5s --limit dropped=100% --limit lag=1m {QUICK}"
    );
    let mut run = Run::not_sharing(stack.base_url(), &args);
    let child = run.command.spawn().expect("the program starts");
    recorded(run.reports(), 1).await;
    for _ in 0..3 {
        for name in ["STOP", "CONT"] {
            signal(name, &child).await;
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    }
    let ran = run.wait(child).await;
    assert_code(&ran, 97, "of 400 iterations started more than 10 ms late");
    assert_code(&ran, 97, "more than 10 %");
}

/// Any timer is later than not at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_generator_out_of_breath() {
    let stack = stack().await;
    let args = format!(
        "--vus 1 --duration 4s --limit lag=0ms --limit cpu=100% --limit machine-cpu=100% {QUICK}"
    );
    let ran = Run::not_sharing(stack.base_url(), &args).finish().await;
    assert_code(
        &ran,
        97,
        "generator saturated: the scheduling lag was beyond 0 ms",
    );
    let series = ran.summary["health"]["series"].as_array().expect("a list");
    assert!(series.len() >= 2, "{series:?}");
    for look in series {
        assert!(
            look["fds"].as_u64() > Some(5) && look["sockets"].as_u64() > Some(0),
            "{look}"
        );
    }
    // On a machine that is shared on purpose it is no more than a warning.
    let ran = Run::against(stack.base_url(), &args).finish().await;
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let warning = ran.summary["warnings"][0].as_str().unwrap_or_default();
    assert!(
        warning.contains("the scheduling lag")
            && warning.ends_with("the server shares this machine"),
        "{warning}"
    );
    assert!(
        ran.stdout.contains("warning: generator saturated"),
        "{}",
        ran.stdout
    );
}

#[tokio::test]
async fn too_few_file_descriptors_are_found_before_the_start() {
    let reports = tempfile::tempdir().expect("a temporary directory");
    let limited = format!(
        "ulimit -n 200 && exec {LOADTEST} --vus 500 --duration 1s --host http://127.0.0.1:9 --report-dir {}",
        reports.path().display()
    );
    let ran = tokio::process::Command::new("sh")
        .args(["-c", &limited])
        .output()
        .await
        .expect("a shell");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(104), "{said}");
    assert!(
        said.contains("500 VUs need about 564 file descriptors, and this process may have 200"),
        "{said}"
    );
    assert!(said.contains("ulimit -n 564"), "{said}");
}

/// Not enough for a runtime, whether it says so or would panic.
#[tokio::test]
async fn too_few_file_descriptors_to_start_at_all_are_bad_configuration() {
    for limit in [6, 10, 15] {
        let line = format!("ulimit -n {limit} && exec {LOADTEST} --host http://127.0.0.1:9");
        let ran = tokio::process::Command::new("sh")
            .args(["-c", &line])
            .current_dir(std::env::temp_dir())
            .output()
            .await
            .expect("a shell");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(104), "{said}");
        let expected = format!(
            "error: a run needs more than the {limit} file descriptors that this process may have: \
             raise the limit (ulimit -n 128)"
        );
        assert!(said.contains(&expected), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crossing_ends_the_run_and_names_what_crossed_it() {
    let stack = stack().await;
    let mut run = Run::against(stack.base_url(), &format!("--vus 3 --duration 10m {QUICK}"));
    let order = "http_req_duration{name:5_create_order}: max<0.001 over 2s abort_on_fail delay=1s";
    run.command.args(["--threshold", order]);
    let ran = run.finish().await;
    assert_code(&ran, 99, "aborted at ");
    assert!(
        ran.reasons().contains("in its worst window), at "),
        "{}",
        ran.reasons()
    );
    assert!(
        ran.reasons()
            .contains(" were too slow (impulse_buyer 5_create_order 201)"),
        "{}",
        ran.reasons()
    );
    let rows = ran.summary["thresholds"].as_array().expect("a list");
    let row = rows
        .iter()
        .find(|row| row["ok"] == false)
        .expect("it was crossed");
    let crossing = &row["crossing"];
    assert_eq!(
        [
            &crossing["stage"],
            &crossing["persona"],
            &crossing["name"],
            &crossing["status"]
        ],
        [
            &json!("main"),
            &json!("impulse_buyer"),
            &json!("5_create_order"),
            &json!(201)
        ]
    );
    assert_eq!(
        ran.broken(),
        Vec::<&str>::new(),
        "iterations were let finish"
    );
}

/// What a count, or a rate of one, has not reached yet ends nothing and is no event.
#[tokio::test(flavor = "multi_thread")]
async fn a_lower_bound_of_a_count_is_judged_at_the_end() {
    let stack = stack().await;
    let rows = [("count>20", 0, true), ("count>1000000", 99, false)];
    for (assertion, code, ok) in rows {
        let args = format!("--vus 3 --duration 3s {QUICK}");
        let mut run = Run::against(stack.base_url(), &args);
        let events = NamedTempFile::new().expect("a temporary file");
        run.command.arg("--out");
        run.command.arg(format!("json={}", events.path().display()));
        let threshold = format!("http_reqs: {assertion} abort_on_fail");
        run.command.args(["--threshold", &threshold]);
        let over = "iterations: rate>0.1 over 1s abort_on_fail";
        run.command.args(["--threshold", over]);
        let ran = run.finish().await;
        assert_eq!(ran.code, code, "{assertion}: {}", ran.reasons());
        let told = std::fs::read_to_string(events.path()).expect("its events");
        assert!(told.contains("\"title\":\"start: "), "{told}");
        // The end's text names it, as the verdict does.
        assert!(!told.contains("\"title\":\"crossed: "), "{told}");
        assert!(!ran.reasons().contains("aborted"), "{}", ran.reasons());
        let judged = ran.summary["thresholds"].as_array().expect("a list");
        let row = judged.iter().find(|row| row["expression"] == threshold);
        let row = row.expect("the threshold");
        assert_eq!((&row["ok"], &row["crossing"]), (&json!(ok), &json!(null)));
        assert!(ran.summary["run"]["duration_ms"].as_u64() >= Some(3_000));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thinking_slows_a_closed_loop_and_a_signal_wakes_it() {
    let stack = stack().await;
    let args = format!(
        "--vus 2 --iterations-per-vu 2 --think-time 50ms..60ms --think-time a=exp(30ms) {QUICK}"
    );
    let ran = Run::against(stack.base_url(), &args).finish().await;
    assert_eq!(
        (ran.code, &ran.summary["run"]["iterations"]),
        (0, &json!(4)),
        "{}",
        ran.stdout
    );
    let args = format!("--vus 2 --duration 10m --think-time 10m {QUICK}");
    let mut run = Run::against(stack.base_url(), &args);
    let child = run.command.spawn().expect("the program starts");
    tokio::time::sleep(std::time::Duration::from_millis(2_000)).await;
    signal("TERM", &child).await;
    let ran = run.wait(child).await;
    assert_eq!(
        (ran.code, &ran.summary["run"]["iterations"]),
        (105, &json!(2)),
        "{}",
        ran.stdout
    );
}

/// Every order is answered with 503, and any timer is late. No generator makes a server say that: the
/// run fails, and that its times say nothing comes after it. They are compared with nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_generator_can_have_caused_fails_though_it_was_out_of_breath() {
    let stack = stack().await;
    let busy = proxy(stack.base_url(), |call, upstream| async move {
        match call.is(&Method::POST, "/orders") {
            true => Reply::json(503, &json!({"title": "busy"})),
            false => upstream.forward(&call).await,
        }
    })
    .await;
    let breath = "--limit lag=0ms --limit cpu=100% --limit machine-cpu=100%";
    let args = format!("--vus 1 --duration 4s --coupon-wait 0s --sla none {breath}");
    let lag = "generator saturated: the scheduling lag was beyond 0 ms";
    let mut run = Run::not_sharing(&busy, &args);
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_code(&ran, 99, "threshold crossed: checks: rate==1");
    let reasons = ran.summary["reasons"].as_array().expect("a list");
    let first = reasons[0].as_str().expect("a text");
    assert!(first.contains("requests failed, all 503"), "{reasons:?}");
    let last = reasons.last().and_then(|last| last.as_str());
    let expected = format!("times and rates of this run can't be trusted: {lag}");
    assert!(
        last.is_some_and(|last| last.starts_with(&expected)),
        "{reasons:?}"
    );
    assert_eq!(ran.summary["unfit"], true);
    let directory = run_directory(reports.path());
    let compared = Run::bare(&format!("compare {0} {0}", directory.display())).await;
    let said = "NOT COMPARABLE: generator: overloaded in the baseline";
    assert!(compared.stdout.contains(said), "{}", compared.stdout);
    // Times are the generator's.
    let late = format!("{args} --threshold http_req_duration:max<1ms");
    let ran = Run::not_sharing(stack.base_url(), &late).finish().await;
    assert_code(&ran, 97, lag);
    assert!(
        ran.reasons().contains("threshold crossed"),
        "{}",
        ran.reasons()
    );
}
