//! What a broken server does to a run is said first, and makes it fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::http::Method;
use serde_json::json;

use crate::program::{Ran, Run, stack};
use crate::proxy::{Call, Reply, proxy};

/// Neither thresholds nor checks see anything.
const BLIND: &str = "--coupon-wait 0s --sla none --threshold checks:rate>=0";

#[track_caller]
fn assert_fails(ran: &Ran, first: &str) {
    let told = format!("{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(
        (ran.code, &ran.summary["verdict"]),
        (99, &json!("fail")),
        "{told}"
    );
    let reason = ran.summary["reasons"][0].as_str().unwrap_or_default();
    assert!(reason.contains(first), "{reason}\n{told}");
}

/// Whether the load has begun: set-up and a look at the server charge nobody.
fn is_charge(call: &Call) -> bool {
    call.method == Method::POST && call.path.ends_with("/balance")
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_can_read_fail_whatever_the_thresholds_say() {
    let stack = stack().await;
    let loaded = AtomicBool::new(false);
    let host = proxy(stack.base_url(), move |call, upstream| {
        let loaded = loaded.fetch_or(is_charge(&call), Ordering::SeqCst);
        async move {
            if loaded && call.method == Method::GET && call.path.ends_with("/balance") {
                return Reply {
                    status: 200,
                    body: "<html>Please log in</html>".into(),
                };
            }
            upstream.forward(&call).await
        }
    })
    .await;
    let args = format!("--vus 2 --iterations-per-vu 3 {BLIND}");
    let ran = Run::against(&host, &args).finish().await;
    assert_fails(&ran, "6 answers could not be read: 6 × 6_get_balance");
    let checks = ran.summary["checks"].as_array().expect("a list");
    let own = checks
        .iter()
        .find(|row| row["name"] == "6_get_balance: answer can be read");
    assert_eq!(own.expect("a check of its own")["fails"], 6);
    let sample = json!({"name": "6_get_balance", "status": 200, "sample": "can't be read: <html>Please log in</html>"});
    assert_eq!(ran.summary["failures"], json!([sample]));
}

/// Orders are not answered any more after a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_hang_of_everybody_is_no_pass() {
    let stack = stack().await;
    let first = Arc::new(std::sync::OnceLock::<Instant>::new());
    let host = proxy(stack.base_url(), move |call, upstream| {
        let is_order = call.is(&Method::POST, "/orders");
        let began = is_order.then(|| *first.get_or_init(Instant::now));
        async move {
            if began.is_some_and(|began| began.elapsed() > Duration::from_secs(1)) {
                std::future::pending::<()>().await;
            }
            upstream.forward(&call).await
        }
    })
    .await;
    let args = format!(
        "--vus 3 --duration 4s --graceful-stop 500ms --limit unknown=100% --limit interrupted=100% {BLIND}"
    );
    let ran = Run::against(&host, &args).finish().await;
    assert_fails(&ran, "3 requests were never answered: 3 × 5_create_order");
    let cut = ran.metric("http_reqs_interrupted{name:5_create_order}");
    assert_eq!(cut["count"], 3);
    assert_eq!(ran.metric("http_reqs_interrupted")["count"], 3);
    assert_eq!(ran.metric("http_req_failed")["passes"], 0);
    let longest = ran.metric("http_req_duration{name:5_create_order}")["max"].as_f64();
    assert!(
        longest.is_some_and(|ms| (2_000.0..6_000.0).contains(&ms)),
        "{longest:?}"
    );
    assert!(
        ran.stdout.contains("Cut before their answer"),
        "{}",
        ran.stdout
    );
}

/// Every other answer is a 503, the audit's included.
#[tokio::test(flavor = "multi_thread")]
async fn failures_come_first_and_what_follows_from_them_once() {
    let stack = stack().await;
    let (calls, users) = (AtomicU64::new(0), AtomicBool::new(false));
    let host = proxy(stack.base_url(), move |call, upstream| {
        let loaded = users.fetch_or(is_charge(&call), Ordering::SeqCst);
        let is_lost =
            loaded && (call.path == "/ledger" || calls.fetch_add(1, Ordering::SeqCst) % 2 == 1);
        async move {
            if is_lost {
                return Reply {
                    status: 503,
                    body: "{}".into(),
                };
            }
            upstream.forward(&call).await
        }
    })
    .await;
    let args = "--vus 3 --duration 2s --coupon-wait 0s --threshold http_req_failed:rate<0.01";
    let ran = Run::against(&host, args).finish().await;
    let failed = &ran.metric("http_req_failed");
    let (failed, passed) = (failed["passes"].as_u64(), failed["fails"].as_u64());
    let (failed, passed) = (failed.expect("a count"), passed.expect("a count"));
    let cut = ran.metric("http_reqs_interrupted")["count"].as_u64();
    let all = failed + passed + cut.expect("a count");
    let written = ran.summary["reasons"][0].to_string().replace(',', "");
    let expected = format!("{failed} of {all} requests failed all 503");
    assert!(written.contains(&expected), "{expected}: {written}");
    assert_fails(&ran, "requests failed, all 503");
    let reasons = ran.summary["reasons"].as_array().expect("a list");
    let said = |what: &str| {
        let says = |reason: &&serde_json::Value| reason.as_str().unwrap_or_default().contains(what);
        reasons.iter().filter(says).count()
    };
    assert_eq!(
        (said("the mix is not"), said("could not be audited")),
        (1, 1),
        "{reasons:?}"
    );
    let last = reasons.last().and_then(|reason| reason.as_str());
    assert!(
        last.is_some_and(|last| last.starts_with("what follows from that: ")),
        "{reasons:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_rate_lasts_its_time_and_its_rate_is_what_was_asked_for() {
    let stack = stack().await;
    let args = format!("--rate 1/s --duration 3s --max-vus 2 {BLIND}");
    let ran = Run::against(stack.base_url(), &args).finish().await;
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    assert_eq!(ran.summary["run"]["duration_ms"], 3_000);
    let iterations = ran.metric("iterations");
    assert_eq!(
        (&iterations["count"], &iterations["rate"]),
        (&json!(3), &json!(1.0))
    );
    let requests = ran.metric("http_reqs");
    let count = requests["count"].as_f64().expect("a count");
    assert_eq!(requests["rate"].as_f64(), Some(count / 3.0));
}

/// One request fails, as the thresholds allow; the iteration ends before its order.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_within_its_limit_breaks_no_rule() {
    let stack = stack().await;
    let (loaded, failed) = (AtomicBool::new(false), AtomicBool::new(false));
    let host = proxy(stack.base_url(), move |call, upstream| {
        let loaded = loaded.fetch_or(is_charge(&call), Ordering::SeqCst);
        let fails = loaded
            && call.path.starts_with("/products/top")
            && !failed.swap(true, Ordering::SeqCst);
        async move {
            if fails {
                return Reply {
                    status: 503,
                    body: "busy".into(),
                };
            }
            upstream.forward(&call).await
        }
    })
    .await;
    let args = "--vus 1 --iterations 40 --coupon-wait 0s --sla none --threshold checks:rate>=90% \
                --threshold http_req_failed:rate<=10%";
    let ran = Run::against(&host, args).finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.actual("orders = planned iterations"), 39);
}

/// Only a server that says so has no ledger.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_can_not_be_read_is_not_a_missing_one() {
    let stack = stack().await;
    for (status, body, code) in [(503, "busy", 104), (200, "<html>", 104), (404, "none", 0)] {
        let host = proxy(stack.base_url(), move |call, upstream| async move {
            if call.path == "/ledger" {
                return Reply {
                    status,
                    body: body.into(),
                };
            }
            upstream.forward(&call).await
        })
        .await;
        let args = format!("--vus 1 --iterations 1 {BLIND}");
        let ran = Run::against(&host, &args).finish().await;
        assert_eq!(ran.code, code, "{status}\n{}\n{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("GET /ledger"), "{}", ran.stderr);
    }
}
