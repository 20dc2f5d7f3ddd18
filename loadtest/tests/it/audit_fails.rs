//! The audit can fail: a proxy between harness and server breaks one rule, and the run names it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::program::{Ran, Run, stack};
use crate::proxy::{Call, Reply, Upstream, proxy};

/// Runs persona A through a proxy that does something else with the `nth` request that matches.
async fn tampered<F>(
    args: &str,
    matches: fn(&Call) -> bool,
    nth: u32,
    otherwise: impl Fn(Call, Upstream) -> F + Clone + Send + Sync + 'static,
) -> Ran
where
    F: Future<Output = Reply> + Send + 'static,
{
    let stack = stack().await;
    let seen = Arc::new(AtomicU32::new(0));
    let host = proxy(stack.base_url(), move |call, upstream| {
        let this_one = matches(&call) && seen.fetch_add(1, Ordering::Relaxed) + 1 == nth;
        let otherwise = otherwise.clone();
        async move {
            if this_one {
                otherwise(call, upstream).await
            } else {
                upstream.forward(&call).await
            }
        }
    })
    .await;
    Run::against(&host, args).finish().await
}

const SHORT: &str = "--vus 4 --iterations-per-vu 3 --coupon-wait 50ms --sla none";

fn is_order(call: &Call) -> bool {
    call.is(&Method::POST, "/orders")
}

fn body(call: &Call) -> Value {
    serde_json::from_slice(&call.body).expect("orders are JSON")
}

#[track_caller]
fn assert_broken(ran: &Ran, rule: &str) {
    assert_eq!(ran.code, 98, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.summary["verdict"], "fail");
    assert!(ran.broken().contains(&rule), "{:?}", ran.broken());
    assert!(
        ran.reasons().contains(&format!("invariant broken: {rule}")),
        "{}",
        ran.reasons()
    );
}

/// The control: through a proxy that does nothing, nothing is broken.
#[tokio::test(flavor = "multi_thread")]
async fn an_honest_proxy_breaks_nothing() {
    let ran = tampered(
        SHORT,
        |_| false,
        1,
        |call, upstream| async move { upstream.forward(&call).await },
    )
    .await;
    assert_eq!((ran.code, ran.broken()), (0, vec![]), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_swallowed_but_acknowledged() {
    let ran = tampered(SHORT, is_order, 5, |call, _| async move {
        let paid = if body(&call)["couponId"].is_null() {
            10_000
        } else {
            8_000
        };
        Reply::json(201, &json!({"orderId": 1_000_000, "totalAmount": paid}))
    })
    .await;
    assert_broken(&ran, "orders = acknowledged");
    assert_eq!(ran.actual("orders = acknowledged"), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_forwarded_twice() {
    // A user's sixth iteration: what its coupons saved by then pays for the second order.
    let args = "--vus 1 --iterations-per-vu 7 --coupon-wait 50ms --sla none";
    let ran = tampered(args, is_order, 6, |call, upstream| async move {
        let mut again = body(&call);
        again["couponId"] = Value::Null;
        let twice = Call {
            body: again.to_string().into(),
            ..call.clone()
        };
        let first = upstream.forward(&call).await;
        assert_eq!(
            upstream.forward(&twice).await.status,
            201,
            "the second one is a real order"
        );
        first
    })
    .await;
    assert_broken(&ran, "orders = acknowledged");
    assert_eq!(ran.actual("orders = acknowledged"), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_balance_answered() {
    let stack = stack().await;
    let host = proxy(stack.base_url(), |call, upstream| async move {
        let reply = upstream.forward(&call).await;
        let is_balance = call.method == Method::GET && call.path.ends_with("/balance");
        let Ok(mut wrong) = serde_json::from_slice::<Value>(&reply.body) else {
            return reply;
        };
        if !is_balance || wrong["userId"].as_i64().is_none_or(|user| user % 4 != 0) {
            return reply;
        }
        wrong["balance"] = json!(wrong["balance"].as_i64().expect("a number") + 1);
        Reply::json(reply.status, &wrong)
    })
    .await;
    let ran = Run::against(&host, SHORT).finish().await;
    assert_broken(&ran, "users with the predicted balance");
    assert_eq!(ran.actual("users with the predicted balance"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_persona_c_let_through() {
    let args = "--vus 2 --iterations-per-vu 2 --mix c=1 --coupon-wait 50ms --sla none";
    let ran = tampered(args, is_order, 1, |call, upstream| async move {
        let mut order = body(&call);
        // Just enough, with the 100 won that it has.
        let price = 2_000 * order["items"][0]["quantity"].as_i64().expect("a number");
        let charge = Call {
            method: Method::POST,
            headers: Default::default(),
            path: format!("/users/{}/balance", order["userId"]),
            body: json!({"amount": price - 100}).to_string().into(),
        };
        assert_eq!(upstream.forward(&charge).await.status, 201);
        order["couponId"] = Value::Null;
        upstream
            .forward(&Call {
                body: order.to_string().into(),
                ..call
            })
            .await
    })
    .await;
    assert_broken(&ran, "orders of users who may not order");
    assert_eq!(ran.actual("orders of users who may not order"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_too_many_issued() {
    let is_claim = |call: &Call| call.path.starts_with("/coupons");
    let ran = tampered(SHORT, is_claim, 3, |call, upstream| async move {
        upstream.forward(&call).await;
        upstream.forward(&call).await
    })
    .await;
    assert_broken(&ran, "coupons issued = accepted claims");
    assert_eq!(ran.actual("coupons issued = accepted claims"), 13);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_movement_dropped() {
    let stack = stack().await;
    let url = stack.postgres().url().to_owned();
    let orders = Arc::new(AtomicU32::new(0));
    let host = proxy(stack.base_url(), move |call, upstream| {
        let (url, orders) = (url.clone(), Arc::clone(&orders));
        async move {
            let reply = upstream.forward(&call).await;
            if is_order(&call) && orders.fetch_add(1, Ordering::Relaxed) == 4 {
                let product = &body(&call)["items"][0]["productId"];
                let sql = format!("UPDATE products SET stock = stock + 1 WHERE id = {product}");
                let psql = tokio::process::Command::new("psql")
                    .args([&url, "-qc", &sql])
                    .status()
                    .await;
                assert!(psql.expect("psql is there").success());
            }
            reply
        }
    })
    .await;
    let ran = Run::against(&host, SHORT).finish().await;
    assert_broken(&ran, "stock sold = items ordered");
    assert_eq!(ran.actual("stock sold = items ordered"), 59);
}

/// Not the audit but the SLA: an answer that is right and late.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_server_crosses_the_sla() {
    let stack = stack().await;
    let host = proxy(stack.base_url(), |call, upstream| async move {
        tokio::time::sleep(Duration::from_millis(if is_order(&call) { 300 } else { 0 })).await;
        upstream.forward(&call).await
    })
    .await;
    let args = "--vus 4 --iterations-per-vu 1 --coupon-wait 0s --sla none";
    let mut run = Run::against(&host, args);
    run.command.args([
        "--threshold",
        "http_req_duration{name:5_create_order}: p(95)<200",
    ]);
    let ran = run.finish().await;
    assert_eq!(ran.code, 99, "{}", ran.stdout);
    assert_eq!(
        (&ran.summary["verdict"], ran.broken()),
        (&json!("fail"), vec![])
    );
    let threshold = &ran.summary["thresholds"][0];
    assert_eq!(threshold["ok"], false);
    assert!(
        threshold["actual"].as_f64().expect("measured") >= 300.0,
        "{threshold}"
    );
    assert!(
        ran.reasons()
            .contains("threshold crossed: http_req_duration{name:5_create_order}: p(95)<200")
    );
}
