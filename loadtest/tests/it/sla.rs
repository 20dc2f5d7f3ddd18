//! An SLA for each request: what a total hides is caught, and every output names it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::Method;

use crate::program::{Run, stack};
use crate::proxy::proxy;

const SLOW: Duration = Duration::from_secs(2);
const SLA: &str = "each p(95)<1500";

fn of(name: &str) -> String {
    format!("http_req_duration{{name:{name}}}: p(95)<1500")
}

/// One order in eight is slow: 2 of 96 requests, but 2 of 16 orders.
#[tokio::test(flavor = "multi_thread")]
async fn a_total_that_hides_slow_orders_is_caught() {
    let stack = stack().await;
    let orders = Arc::new(AtomicU32::new(0));
    let host = proxy(stack.base_url(), move |call, upstream| {
        let is_order = call.is(&Method::POST, "/orders");
        let slow = is_order && orders.fetch_add(1, Ordering::Relaxed).is_multiple_of(8);
        async move {
            if slow {
                tokio::time::sleep(SLOW).await;
            }
            upstream.forward(&call).await
        }
    })
    .await;
    let args = "--vus 8 --iterations-per-vu 2 --coupons 0 --coupon-wait 0s";
    let mut run = Run::against(&host, args);
    run.command.args(["--sla", SLA]);
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(ran.code, 99, "{}\n{}", ran.stdout, ran.stderr);

    let rows = ran.summary["thresholds"].as_array().expect("a list");
    let rows: Vec<(&str, bool, bool)> = rows
        .iter()
        .map(|row| {
            let text = row["expression"].as_str().expect("a text");
            (text, row["ok"] == true, row["actual"].is_number())
        })
        .collect();
    let names = [
        ("0_get_userId", true, true),
        ("1_charge_balance", true, true),
        ("2_claim_coupon", true, true),
        // All claims were refused: nobody looked for a coupon.
        ("3_get_coupons", true, false),
        ("4_get_top_products", true, true),
        ("5_create_order", false, true),
        ("6_get_balance", true, true),
    ]
    .map(|(name, ok, measured)| (of(name), ok, measured));
    let total = ("http_req_duration: p(95)<1500", true, true);
    let named = names.iter().map(|(text, ok, is)| (text.as_str(), *ok, *is));
    let checks = ("checks: rate==1", true, true);
    let expected: Vec<_> = [total].into_iter().chain(named).chain([checks]).collect();
    assert_eq!(rows, expected);
    let reasons = ran.summary["reasons"].as_array().expect("a list");
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    let crossed = format!("threshold crossed: {}", of("5_create_order"));
    assert!(ran.reasons().contains(&crossed), "{reasons:?}");

    let shown = |name: &str| {
        let wanted = of(name);
        let mut lines = ran.stdout.lines();
        let line = lines.find(|line| line.contains(&wanted) && !line.contains("crossed"));
        line.unwrap_or_else(|| panic!("no {wanted} in\n{}", ran.stdout))
    };
    assert!(shown("3_get_coupons").contains("not sent"));
    for (name, mark) in [("1_charge_balance", '✓'), ("5_create_order", '✗')] {
        assert!(shown(name).contains(mark), "{}", shown(name));
    }
    let id = ran.summary["run"]["id"].as_str().expect("an id");
    let junit = std::fs::read_to_string(reports.path().join(id).join("junit.xml"));
    assert_in_junit(&junit.expect("it can be read"));
}

/// A test case for each name, of which that of orders has failed.
fn assert_in_junit(junit: &str) {
    let cases: Vec<&str> = junit
        .split("<testcase ")
        .filter(|case| case.contains("classname=\"loadtest.thresholds\""))
        .collect();
    assert_eq!(cases.len(), 9, "{junit}");
    let failed: Vec<&&str> = cases.iter().filter(|c| c.contains("<failure")).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    let order = of("5_create_order").replace('<', "&lt;");
    assert!(failed[0].contains(&order), "{}", failed[0]);
}
