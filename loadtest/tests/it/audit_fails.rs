//! The audit can fail: a proxy between harness and server breaks one rule, and the run names it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, Method};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::program::{Ran, Run, psql, stack};
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
    ran.assert_passed();
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
            headers: HeaderMap::new(),
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
                psql(&url, &sql).await;
            }
            reply
        }
    })
    .await;
    let ran = Run::against(&host, SHORT).finish().await;
    assert_broken(&ran, "stock sold = items ordered");
    assert_eq!(ran.actual("stock sold = items ordered"), 59);
}

/// Persona D alone, without last pieces: each user races once for a coupon, once for money, and once
/// with charges.
const RACES: &str =
    "--mix d=1 --vus 3 --iterations-per-vu 3 --scarce 0 --coupon-wait 50ms --sla none";
/// With last pieces: every second iteration or so.
const ALL_RACES: &str = "--mix d=1 --vus 4 --iterations-per-vu 8 --coupon-wait 50ms --sla none";

const COUPON_RULE: &str = "one of two orders with the same coupon (pairs)";
const MONEY_RULE: &str = "one of two orders with the same money (pairs)";
const CHARGES_RULE: &str = "both of two charges at once (pairs)";
const LAST_RULE: &str = "one of two orders for the last piece (pairs)";

/// What comes of a call that the server refused, for what a broken server would have done.
type Instead = fn(Call, Upstream) -> BoxFuture<'static, Reply>;

/// Runs D through a proxy that does something else with the first order of this kind that the
/// server refuses.
async fn refused_first(with_coupon: bool, instead: Instead) -> Ran {
    let stack = stack().await;
    let done = Arc::new(AtomicU32::new(0));
    let host = proxy(stack.base_url(), move |call, upstream| {
        let done = Arc::clone(&done);
        async move {
            let reply = upstream.forward(&call).await;
            let is_it = is_order(&call)
                && reply.status != 201
                && body(&call)["couponId"].is_null() != with_coupon;
            if is_it && done.fetch_add(1, Ordering::Relaxed) == 0 {
                instead(call, upstream).await
            } else {
                reply
            }
        }
    })
    .await;
    Run::against(&host, RACES).finish().await
}

/// Puts money on the balance that the order lacks, as if it had been there.
async fn lend(call: &Call, upstream: &Upstream, amount: i64) {
    let charge = Call {
        method: Method::POST,
        headers: HeaderMap::new(),
        path: format!("/users/{}/balance", body(call)["userId"]),
        body: json!({"amount": amount}).to_string().into(),
    };
    assert_eq!(upstream.forward(&charge).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_racing_buyer_finds_nothing_wrong_with_a_sound_server() {
    let stack = stack().await;
    let ran = Run::against(stack.base_url(), RACES).finish().await;
    ran.assert_passed();
    for rule in [COUPON_RULE, MONEY_RULE, CHARGES_RULE] {
        assert_eq!(ran.actual(rule), 3, "{rule}");
    }
    assert_eq!(ran.actual("orders = acknowledged"), 6);
    assert_eq!(ran.actual("orders with a coupon = acknowledged"), 3);
    let racing = ran.metric("http_req_failed{name:10_racing_order}");
    assert_eq!(
        (&racing["passes"], &racing["fails"]),
        (&json!(0), &json!(12))
    );
}

/// Each iteration is half of a race with another user, or a race of its own.
#[tokio::test(flavor = "multi_thread")]
async fn all_four_kinds_of_race_find_nothing_wrong_with_a_sound_server() {
    let stack = stack().await;
    let ran = Run::against(stack.base_url(), ALL_RACES).finish().await;
    ran.assert_passed();
    let pairs = |rule| ran.actual(rule).as_i64().expect("a number");
    let all = [COUPON_RULE, MONEY_RULE, CHARGES_RULE, LAST_RULE].map(pairs);
    assert!(all.iter().all(|pairs| *pairs > 0), "{all:?}");
    let [coupon, money, charges, last] = all;
    assert_eq!(coupon + money + charges + 2 * last, 4 * 8, "{all:?}");
    assert_eq!(pairs("orders = acknowledged"), coupon + money + last);
    let sent = ran.metric("http_reqs{name:10_racing_order}")["count"].as_i64();
    assert_eq!(sent, Some(2 * (coupon + money + last)));
    assert_eq!(ran.actual("smallest stock"), 0);
}

/// The first user who comes too late for a last piece gets one as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_last_piece_sold_twice() {
    let stack = stack().await;
    let url = stack.postgres().url().to_owned();
    let refused = Arc::new(AtomicU32::new(0));
    let host = proxy(stack.base_url(), move |call, upstream| {
        let (url, refused) = (url.clone(), Arc::clone(&refused));
        async move {
            let reply = upstream.forward(&call).await;
            if !is_order(&call) || reply.status == 201 {
                return reply;
            }
            let product = body(&call)["items"][0]["productId"].as_i64();
            let product = product.expect("an id");
            // The seed's five products have enough for everybody.
            if product <= 5 || refused.fetch_add(1, Ordering::Relaxed) > 0 {
                return reply;
            }
            let sql = format!("UPDATE products SET stock = stock + 1 WHERE id = {product}");
            psql(&url, &sql).await;
            let twice = upstream.forward(&call).await;
            assert_eq!(twice.status, 201, "the last piece once more");
            twice
        }
    })
    .await;
    let ran = Run::against(&host, ALL_RACES).finish().await;
    assert_broken(&ran, LAST_RULE);
    let rules = ran.summary["invariants"].as_array().expect("a list");
    let row = rules.iter().find(|row| row["name"] == LAST_RULE);
    let row = row.expect("the rule was judged");
    let [expected, actual] = ["expected", "actual"].map(|key| row[key].as_i64());
    assert_eq!(actual, expected.map(|pairs| pairs - 1));
    let case = row["detail"].as_str().expect("a case");
    let (product, users) = case.split_once(": sold to u").expect(case);
    assert!(
        product.starts_with("product ") && users.contains(" and u"),
        "{case}"
    );
    for rule in [COUPON_RULE, MONEY_RULE, CHARGES_RULE] {
        assert!(!ran.broken().contains(&rule), "{rule}");
    }
    assert!(ran.broken().contains(&"stock sold = items ordered"));
}

/// The second order with a coupon happens as well, at the price that the coupon makes.
#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_spent_twice() {
    let ran = refused_first(true, |call, upstream| {
        Box::pin(async move {
            let mut order = body(&call);
            order["couponId"] = Value::Null;
            lend(&call, &upstream, 2_000).await;
            let twice = Call {
                body: order.to_string().into(),
                ..call
            };
            let reply = upstream.forward(&twice).await;
            assert_eq!(reply.status, 201, "the second one is a real order");
            let mut ordered: Value = serde_json::from_slice(&reply.body).expect("JSON");
            let full = ordered["totalAmount"].as_i64().expect("a number");
            ordered["totalAmount"] = json!(full - 2_000);
            Reply::json(201, &ordered)
        })
    })
    .await;
    assert_broken(&ran, COUPON_RULE);
    assert_eq!(ran.actual(COUPON_RULE), 2);
    assert_eq!(
        (ran.actual(MONEY_RULE), ran.actual(CHARGES_RULE)),
        (&json!(3), &json!(3))
    );
    // Acknowledged with a coupon, and without one in the books.
    assert!(
        ran.broken()
            .contains(&"orders with a coupon = acknowledged")
    );
}

/// The second order happens as well, with money that wasn't there.
#[tokio::test(flavor = "multi_thread")]
async fn money_spent_twice() {
    let ran = refused_first(false, |call, upstream| {
        Box::pin(async move {
            lend(&call, &upstream, 1_000_000).await;
            let reply = upstream.forward(&call).await;
            assert_eq!(reply.status, 201, "the second one is a real order");
            reply
        })
    })
    .await;
    assert_broken(&ran, MONEY_RULE);
    assert_eq!(ran.actual(MONEY_RULE), 2);
    assert_eq!(
        (ran.actual(COUPON_RULE), ran.actual(CHARGES_RULE)),
        (&json!(3), &json!(3))
    );
    assert!(ran.broken().contains(&"users with the predicted balance"));
}

/// Of two charges at once one is lost, though acknowledged: the balance knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_charge_lost_beside_another() {
    let is_small = |call: &Call| {
        call.path.ends_with("/balance")
            && call.method == Method::POST
            && body(call)["amount"] == 1_000
    };
    let lost = |status| {
        move |call: Call, _| async move {
            let user = call.path.split('/').nth(2).expect("an id").to_owned();
            Reply::json(status, &json!({"userId": user, "balance": 1_000}))
        }
    };
    let ran = tampered(RACES, is_small, 1, lost(201)).await;
    assert_broken(&ran, "users with the predicted balance");
    // 9,000 won in pairs and 12,000 before the other races, without the 1,000 that were lost.
    assert_eq!(ran.actual("charges = acknowledged (won)"), 20_000);
    let ran = tampered(RACES, is_small, 1, lost(409)).await;
    assert_broken(&ran, CHARGES_RULE);
    assert_eq!(ran.actual(CHARGES_RULE), 2);
}

/// The last item is sold to two: the stock says so once, the orders twice.
#[tokio::test(flavor = "multi_thread")]
async fn an_item_sold_twice() {
    let stack = stack().await;
    let url = stack.postgres().url().to_owned();
    let host = proxy(stack.base_url(), move |call, upstream| {
        let url = url.clone();
        async move {
            let reply = upstream.forward(&call).await;
            if call.path == "/init" {
                // Enough for all of persona A's orders but one.
                psql(
                    &url,
                    "UPDATE products SET stock = 11, initial_stock = 11 WHERE id = 1",
                )
                .await;
            }
            if !is_order(&call) || reply.status == 201 {
                return reply;
            }
            psql(&url, "UPDATE products SET stock = stock + 1 WHERE id = 1").await;
            let twice = upstream.forward(&call).await;
            assert_eq!(twice.status, 201, "the last item once more");
            twice
        }
    })
    .await;
    let ran = Run::against(&host, SHORT).finish().await;
    assert_broken(&ran, "stock sold = items ordered");
    assert_eq!(ran.actual("stock sold = items ordered"), 59);
    assert_eq!(ran.actual("smallest stock"), 0);
}

/// Two orders are there, and were acknowledged as one.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_id_given_twice() {
    let first: Arc<Mutex<Option<Value>>> = Arc::default();
    let stack = stack().await;
    let host = proxy(stack.base_url(), move |call, upstream| {
        let first = Arc::clone(&first);
        async move {
            let mut reply = upstream.forward(&call).await;
            if is_order(&call) {
                let mut order: Value = serde_json::from_slice(&reply.body).expect("JSON");
                order["orderId"] = first.lock().get_or_insert(order["orderId"].take()).clone();
                reply.body = order.to_string().into();
            }
            reply
        }
    })
    .await;
    let ran = Run::against(&host, SHORT).finish().await;
    let rule = "orders acknowledged, each with an id of its own (from POST /orders)";
    assert_broken(&ran, rule);
    assert_eq!(ran.broken(), [rule]);
    assert_eq!(ran.actual(rule), 1);
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

/// Another run's `POST /init` in the middle of ours: nothing is wrong with the server, and nothing
/// is known of it.
/// `names_worlds` says whether the ledger names its world. Without one, and in a shop where a user
/// without a charge has no balance either, its numbers tell the shops apart.
async fn reset_in_between(names_worlds: bool) -> Ran {
    let stack = stack().await;
    let claims = Arc::new(AtomicU32::new(0));
    let host = proxy(stack.base_url(), move |call, upstream| {
        let claim = call.path.starts_with("/coupons");
        let nth = match claim && call.method == Method::POST {
            true => claims.fetch_add(1, Ordering::Relaxed) + 1,
            false => 0,
        };
        async move {
            if nth == 4 {
                let init = Call {
                    method: Method::POST,
                    path: "/init".to_owned(),
                    headers: HeaderMap::new(),
                    body: bytes::Bytes::new(),
                };
                let reset = upstream.forward(&init).await;
                assert!(reset.status < 300, "{}", reset.status);
            }
            let mut reply = upstream.forward(&call).await;
            if call.path == "/ledger" && !names_worlds {
                let mut books: Value = serde_json::from_slice(&reply.body).expect("JSON");
                books.as_object_mut().expect("an object").remove("world");
                reply.body = books.to_string().into();
            }
            reply
        }
    })
    .await;
    let mut run = Run::against(&host, SHORT);
    let contract = tempfile::NamedTempFile::new().expect("a file");
    if !names_worlds {
        std::fs::write(contract.path(), "[api]\nbalance.zero = [404]\n").expect("written");
        run.command.arg("--config").arg(contract.path());
    }
    run.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_by_somebody_else_is_invalid_and_no_broken_rule() {
    let rows = [
        (true, "GET /ledger names another world than before"),
        (
            false,
            "GET /ledger has fewer orders or charges than were acknowledged",
        ),
    ];
    for (names_worlds, says) in rows {
        let ran = reset_in_between(names_worlds).await;
        assert_eq!(ran.code, 97, "{}\n{}", ran.stdout, ran.stderr);
        let said = format!("the shop was reset by somebody else while the load ran: {says}");
        assert!(ran.reasons().contains(&said), "{}", ran.reasons());
        assert_eq!(ran.broken(), [""; 0]);
    }
}
