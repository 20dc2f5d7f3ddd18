//! What the personas do when the shop isn't as the seed has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use crate::program::{Ran, Run, psql, stack};
use crate::proxy::{Reply, proxy};

/// Whatever becomes of claim and list, persona A orders: here one claim gets no answer, one list
/// is a 503, and one isn't a list.
#[tokio::test(flavor = "multi_thread")]
async fn an_impulse_buyer_orders_whatever_became_of_the_coupon() {
    let stack = stack().await;
    let seen = [(); 2].map(|()| Arc::new(AtomicU32::new(0)));
    let host = proxy(stack.base_url(), move |call, upstream| {
        let [claims, lists] = seen.each_ref().map(Arc::clone);
        async move {
            if call.path.starts_with("/coupons?") && claims.fetch_add(1, Ordering::Relaxed) == 1 {
                tokio::time::sleep(Duration::from_secs(4)).await;
            }
            let list = call.method == Method::GET && call.path.ends_with("/coupons");
            match list.then(|| lists.fetch_add(1, Ordering::Relaxed)) {
                Some(1) => Reply::json(503, &json!({"title": "no"})),
                Some(3) => Reply::json(200, &json!({"coupons": []})),
                _ => upstream.forward(&call).await,
            }
        }
    })
    .await;
    let args = "--vus 4 --iterations-per-vu 3 --coupon-wait 50ms --sla none --http-timeout 3s --limit unknown=50%";
    let ran = Run::against(&host, args).finish().await;
    assert_eq!((ran.code, ran.broken()), (99, vec![]), "{}", ran.stdout);
    assert_eq!(ran.actual("orders = planned iterations"), 12);
    assert_eq!(ran.actual("orders with a coupon = acknowledged"), 9);
    assert_eq!(ran.actual("orders without a coupon = acknowledged"), 3);
    assert_eq!(ran.summary["run"]["iterations"], 12);
    let failed =
        |name: &str| ran.metric(&format!("http_req_failed{{name:{name}}}"))["passes"].clone();
    let names = ["2_claim_coupon", "3_get_coupons", "5_create_order"];
    assert_eq!(names.map(failed), [json!(1), json!(1), json!(0)]);
}

/// Runs persona B once for each of two users where product 2 has this price.
async fn rational(price: i64) -> Ran {
    let stack = stack().await;
    let url = stack.postgres().url().to_owned();
    let host = proxy(stack.base_url(), move |call, upstream| {
        let url = url.clone();
        async move {
            let reply = upstream.forward(&call).await;
            if call.path == "/init" {
                let sql = format!("UPDATE products SET price = {price} WHERE id = 2");
                psql(&url, &sql).await;
            }
            reply
        }
    })
    .await;
    let args = "--mix b=1 --vus 2 --iterations-per-vu 2 --coupons 3 --coupon-wait 50ms --sla none";
    Run::against(&host, args).finish().await
}

/// The coupon is of 2,000 won, and so is product 1. There are coupons for two of four orders.
#[tokio::test(flavor = "multi_thread")]
async fn a_rational_buyer_ends_at_zero_whatever_product_2_costs() {
    for (price, pieces, paid) in [(2_000, 1, 2_000), (3_100, 1, 3_100), (700, 3, 2_100)] {
        let ran = rational(price).await;
        ran.assert_passed();
        assert_eq!(ran.actual("balance 0 of users who spend everything"), 2);
        assert_eq!(ran.actual("orders with a coupon = acknowledged"), 2);
        let sold = ran.actual("stock sold = items ordered");
        assert_eq!(sold, 2 * (1 + pieces) + 2, "{price}");
        assert_eq!(
            ran.actual("paid = acknowledged (won)"),
            2 * paid + 2 * 2_000
        );
    }
}

/// 400 and 409 are answers to a claim that a shop may give; the audit knows when it may not.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_answered_with_400_is_expected() {
    let stack = stack().await;
    let host = proxy(stack.base_url(), |call, upstream| async move {
        match call.path.starts_with("/coupons?") {
            true => Reply::json(400, &json!({"title": "the policy is over"})),
            false => upstream.forward(&call).await,
        }
    })
    .await;
    let args = "--vus 2 --iterations-per-vu 2 --coupon-wait 0s --sla none --coupons 0";
    let ran = Run::against(&host, args).finish().await;
    ran.assert_passed();
    assert_eq!(ran.metric("http_req_failed")["passes"], 0);
    let unlimited = args.replace("--coupons 0", "");
    let ran = Run::against(&host, &unlimited).finish().await;
    let too_early = "claims accepted = min(quantity, claims)";
    assert_eq!((ran.code, ran.broken()), (98, vec![too_early]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malicious_buyer_draws_from_the_chosen_groups_only() {
    let stack = stack().await;
    let run = async |groups: &str| -> [Value; 2] {
        let args = format!(
            "--mix c=1 --vus 2 --iterations-per-vu 3 --coupon-wait 0s --sla none --hostile {groups}"
        );
        let ran = Run::against(stack.base_url(), &args).finish().await;
        ran.assert_passed();
        let count = |name: &str| ran.metric(&format!("http_reqs{{name:{name}}}"))["count"].clone();
        ["8_hostile_get", "9_hostile_post"].map(count)
    };
    // Everything of these two groups is a POST; four of them in each of six iterations.
    assert_eq!(run("money,types").await[1], 24);
    assert!(
        run("none")
            .await
            .iter()
            .all(|count| count.as_u64().unwrap_or(0) == 0)
    );
    let ran = Run::against(stack.base_url(), "--mix c=1 --vus 1 --hostile monney")
        .finish()
        .await;
    assert_eq!(ran.code, 104);
    let said = "--hostile: 'monney' is no group of hostile input; write some of money, types, json, ids, text, or none";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

/// The four of them at once, as the profile `mixed` may have them.
#[tokio::test(flavor = "multi_thread")]
async fn all_four_personas_together() {
    let stack = stack().await;
    let args =
        "--mix a=50,b=25,c=10,d=15 --vus 20 --iterations-per-vu 3 --coupon-wait 100ms --sla none";
    let ran = Run::against(stack.base_url(), args).finish().await;
    ran.assert_passed();
    let rules = ran.summary["invariants"].as_array().expect("a list");
    let pairs = |what: &str| {
        let row = rules.iter().find(|row| {
            let name = row["name"].as_str().unwrap_or_default();
            name.contains(what) && name.ends_with("(pairs)")
        });
        row.map_or(0, |row| row["actual"].as_i64().expect("a number"))
    };
    let [coupon, money, charges, last] = ["coupon", "money", "charges", "last piece"].map(pairs);
    assert_eq!(coupon + money + charges + 2 * last, 3 * 3, "{rules:?}");
    // A and B order every time, D in each race but that of charges.
    let orders = coupon + money + last;
    assert_eq!(ran.actual("orders = acknowledged"), 3 * 15 + orders);
    assert_eq!(ran.actual("orders of users who may not order"), 0);
}
