//! The shop that the set-up asks for: what is sent, what follows from it, and what is refused.

use std::sync::Arc;

use axum::http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::program::{Ran, Run, stack};
use crate::proxy::{Call, Reply, Upstream, proxy};

const ONCE: &str = "--vus 10 --iterations-per-vu 1 --coupon-wait 50ms --sla none";

/// Bodies of `POST /init` and paths of the list of best sellers, as they came.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<(Vec<Value>, Vec<String>)>>);

impl Seen {
    fn note(&self, call: &Call) {
        if call.is(&Method::POST, "/init") {
            let body = serde_json::from_slice(&call.body).expect("JSON");
            self.0.lock().0.push(body);
        } else if call.path.starts_with("/products/top/") {
            self.0.lock().1.push(call.path.clone());
        }
    }

    /// The only body.
    fn init(&self) -> Value {
        let bodies = self.0.lock().0.clone();
        assert_eq!(bodies.len(), 1, "{bodies:?}");
        bodies[0].clone()
    }
}

/// A server of before there were products in a plan: it takes the rest of it.
async fn without_products(call: Call, upstream: Upstream) -> Reply {
    let mut call = call;
    if call.is(&Method::POST, "/init") {
        let mut body: Value = serde_json::from_slice(&call.body).expect("JSON");
        body.as_object_mut().expect("an object").remove("products");
        call.body = body.to_string().into();
    }
    upstream.forward(&call).await
}

async fn observed(stack: &testbed::Stack, args: &str) -> (Ran, Seen) {
    let seen = Seen::default();
    let noting = seen.clone();
    let host = proxy(stack.base_url(), move |call, upstream| {
        noting.note(&call);
        without_products(call, upstream)
    })
    .await;
    (Run::against(&host, args).finish().await, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_discount_users_and_basket_are_as_asked() {
    let stack = stack().await;
    let asked = "--policies 1 --coupons 7 --discount 500 --users 20 --top 3";
    let (ran, seen) = observed(&stack, &format!("{ONCE} {asked}")).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let coupons = json!({ "policies": 1, "total": 7, "discount": 500 });
    assert_eq!(seen.init(), json!({ "users": 20, "coupons": coupons }));
    // The look before the load asks as well.
    let lists = seen.0.lock().1.clone();
    assert!(lists.len() > 10, "{lists:?}");
    assert!(lists.iter().all(|path| path == "/products/top/realtime"));

    let ledger = format!("{}/ledger", stack.base_url());
    let books = crate::program::client()
        .get(ledger)
        .send()
        .await
        .expect("an answer");
    let books: Value = books.json().await.expect("JSON");
    assert_eq!(books["balances"]["users"], 20);
    assert_eq!(books["balances"]["charged"], 10 * 3 * 2_000);
    assert_eq!(books["orders"]["count"], 10);
    assert_eq!(books["orders"]["paid"], 10 * 3 * 2_000 - 7 * 500);
    let policies = books["coupons"]["policies"].as_array().expect("a list");
    let found: Vec<_> = policies
        .iter()
        .map(|policy| (&policy["quantity"], &policy["issued"]))
        .collect();
    assert_eq!(found, [(&json!(7), &json!(7))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn products_that_the_server_does_not_make_are_said_before_the_load() {
    let stack = stack().await;
    let (ran, seen) = observed(&stack, &format!("{ONCE} --products 100 --stock 9")).await;
    assert_eq!(ran.code, 97, "{}", ran.stderr);
    let products = json!({ "count": 100, "price": 2_000, "stock": 9 });
    assert_eq!(seen.init()["products"], products);
    let reason = "POST /init did not do what it was asked for: --products 100: it has 5";
    assert!(ran.reasons().contains(reason), "{}", ran.reasons());
    assert_eq!(ran.metric("http_reqs")["count"], 0);

    let (ran, _) = observed(&stack, &format!("{ONCE} --top 10")).await;
    assert_eq!(ran.code, 97, "{}", ran.stderr);
    let reason = "the server has 5 products, and persona A is to buy the top 10";
    assert!(ran.reasons().contains(reason), "{}", ran.reasons());
    // Of a shop that is used as it is, before anything is sent that changes it.
    let (ran, _) = observed(&stack, &format!("{ONCE} --top 10 --policies 1,2")).await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
}

/// Scarce products are asked for where persona D races for them, and are nobody else's.
#[tokio::test(flavor = "multi_thread")]
async fn scarce_products_are_asked_for_where_persona_d_races_for_them() {
    let stack = stack().await;
    let races = "--mix d=1 --vus 2 --iterations-per-vu 4 --coupon-wait 50ms --sla none";
    let rule = "one of two orders for the last piece (pairs)";
    // This server makes none, which is said; with the flag it is a reason not to begin.
    let (ran, seen) = observed(&stack, races).await;
    ran.assert_passed();
    assert_eq!(seen.init()["products"], json!({ "scarce": 100 }));
    let warnings = ran.summary["warnings"].to_string();
    assert!(warnings.contains(rule), "{warnings}");
    let (ran, _) = observed(&stack, &format!("{races} --scarce 7")).await;
    assert_eq!(ran.code, 97, "{}", ran.stderr);
    let reason = "POST /init did not do what it was asked for: --scarce 7: it has 0";
    assert!(ran.reasons().contains(reason), "{}", ran.reasons());
    for args in [&format!("{races} --scarce 0"), ONCE] {
        let (ran, seen) = observed(&stack, args).await;
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(seen.init()["products"], Value::Null, "{args}");
        let warnings = ran.summary["warnings"].to_string();
        assert!(!warnings.contains(rule), "{warnings}");
    }
}

/// Where no stock can be read, nobody could tell which products have one piece.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_stock_to_read_there_are_no_scarce_products() {
    let stack = stack().await;
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let theirs =
        "mix = \"d=1\"\nvus = 2\niterations_per_vu = 2\n[api]\nproducts.stock = \"none\"\n";
    std::fs::write(file.path(), theirs).expect("it can be written");
    let path = file.path().display();
    let args = format!("--config {path} --coupon-wait 50ms --sla none");
    let (ran, seen) = observed(&stack, &args).await;
    ran.assert_passed();
    assert_eq!(seen.init()["products"], Value::Null);
    let warnings = ran.summary["warnings"].to_string();
    assert!(warnings.contains("the last piece"), "{warnings}");
    let (ran, seen) = observed(&stack, &format!("{args} --scarce 7")).await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    let reason = "--scarce 7: GET /products shows no stock";
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    assert!(seen.0.lock().0.is_empty(), "nothing was erased");
}

/// Where there are few products, sold last pieces stand in the list of best sellers as well.
#[tokio::test(flavor = "multi_thread")]
async fn persona_a_buys_no_last_piece() {
    let stack = stack().await;
    let args = "--mix a=1,d=1 --vus 8 --iterations-per-vu 4 --products 2 --price 700 --top 2 \
                --scarce 3 --coupon-wait 50ms --sla none";
    let ran = Run::against(stack.base_url(), args).finish().await;
    ran.assert_passed();
    let last = ran.actual("one of two orders for the last piece (pairs)");
    assert!(
        (1..=3).contains(&last.as_i64().expect("a number")),
        "{last}"
    );
    let few = format!("{} --top 3", args.replace("--top 2", ""));
    let ran = Run::against(stack.base_url(), &few).finish().await;
    assert_eq!(ran.code, 104, "{}", ran.stdout);
    let reason = "persona A would buy the top 3 of 2 products";
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
}

/// The server's own `/init`, with nothing in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_products_are_made_and_the_ten_best_sellers_bought() {
    let stack = stack().await;
    let asked = "--products 100 --price 300 --stock 5000 --top 10 --coupons 0";
    let host = stack.base_url().to_owned();
    let ran = Run::against(&host, &format!("{ONCE} {asked}"))
        .finish()
        .await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let books = crate::program::client()
        .get(format!("{host}/ledger"))
        .send()
        .await
        .expect("an answer");
    let books: Value = books.json().await.expect("JSON");
    let products = books["products"].as_array().expect("a list");
    let sold: Vec<i64> = products
        .iter()
        .filter_map(|row| row["sold"].as_i64())
        .collect();
    assert_eq!(sold.len(), 100);
    assert_eq!(sold[..10], [10; 10], "each of ten users bought one of each");
    assert_eq!(sold[10..], [0; 90]);
    assert_eq!(products[99]["stock"], 5_000);
    assert_eq!(books["orders"]["paid"], 10 * 10 * 300);
}

/// A shop that names ten products, and lists five of them as the best sellers of ten.
#[tokio::test(flavor = "multi_thread")]
async fn best_sellers_are_asked_for_by_number_and_too_few_fail_a_check() {
    let stack = stack().await;
    let seen = Seen::default();
    let noting = seen.clone();
    let host = proxy(stack.base_url(), move |mut call, upstream| {
        noting.note(&call);
        let names_ten = call.is(&Method::GET, "/products");
        if call.path.ends_with("?limit=10") {
            call.path = "/products/top/realtime".to_owned();
        }
        async move {
            if names_ten {
                let product =
                    |id: i64| json!({ "productId": id, "price": 2_000, "stock": 2_000_000 });
                let ten: Vec<Value> = (1..=10).map(product).collect();
                return Reply::json(200, &json!(ten));
            }
            without_products(call, upstream).await
        }
    })
    .await;
    let args = format!("{ONCE} --top 10 --products 10 --coupons 0");
    let ran = Run::against(&host, &args).finish().await;
    assert_eq!(ran.code, 99, "{}\n{}", ran.stdout, ran.stderr);
    let lists = seen.0.lock().1.clone();
    let limited = lists.iter().filter(|path| path.ends_with("?limit=10"));
    assert_eq!(limited.count(), 10, "{lists:?}");
    let checks = ran.summary["checks"].as_array().expect("a list");
    let failed: Vec<_> = checks
        .iter()
        .filter(|check| check["fails"] != 0)
        .map(|check| (&check["name"], &check["fails"]))
        .collect();
    assert_eq!(failed, [(&json!("top products complete"), &json!(10))]);
    assert_eq!(ran.broken(), Vec::<&str>::new());
    let ledger = format!("{}/ledger", stack.base_url());
    let books = crate::program::client()
        .get(ledger)
        .send()
        .await
        .expect("an answer");
    let books: Value = books.json().await.expect("JSON");
    assert_eq!(books["balances"]["charged"], 10 * 10 * 2_000);
}

#[tokio::test]
async fn what_can_not_be_is_refused_before_anything_is_sent() {
    let rows = [
        (
            "--policies 0",
            "--policies: '0' is not a number of coupon policies",
        ),
        (
            "--users 100001",
            "--users: '100001' is not a number of users",
        ),
        ("--discount 0", "--discount: '0' is not a discount in won"),
        ("--price x", "--price: 'x' is not a price in won"),
        (
            "--products 3",
            "--products: persona A would buy the top 5 of 3 products",
        ),
        (
            "--profile flow_many_products --top 101",
            "--top: '101' is not a number of products to buy",
        ),
        (
            "--policies 1,2 --discount 500",
            "--discount: is for a shop that the set-up creates, but --policies names ids",
        ),
        (
            "--stock 1 --top 6",
            "--top: persona A would buy the top 6 of 5 products; give --products 6 or more, or --top 5",
        ),
    ];
    for (args, expected) in rows {
        let ran = Run::against("http://127.0.0.1:9", args).finish().await;
        assert_eq!(ran.code, 104, "{args}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{args}: {}", ran.stderr);
    }
}

/// A run in another shop is no baseline.
#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_of_another_shop_does_not_fit() {
    let stack = stack().await;
    let mut run = Run::against(stack.base_url(), ONCE);
    let child = run.command.spawn().expect("the program starts");
    let (first, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(first.code, 0, "{}\n{}", first.stdout, first.stderr);
    let id = first.summary["run"]["id"].as_str().expect("an id");
    let baseline = reports.path().join(id).join("summary.json");
    let args = format!(
        "{ONCE} --policies 1 --fail-on-regression 10% --baseline {}",
        baseline.display()
    );
    let ran = Run::against(stack.base_url(), &args).finish().await;
    // That is no regression, and no mistake either: it is said, and nothing is judged.
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let misfit = "policies: the baseline has the default, this run 1";
    assert!(ran.stderr.contains(misfit), "{}", ran.stderr);
    assert!(ran.stdout.contains("NOT COMPARABLE"), "{}", ran.stdout);
}

/// A `POST /init` that says it is done and erased nothing is found before the load.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_that_erased_nothing_is_invalid() {
    let stack = stack().await;
    let first = Run::against(stack.base_url(), ONCE).finish().await;
    assert_eq!(first.code, 0, "{}\n{}", first.stdout, first.stderr);
    let is_left = "POST /init did not do what it was asked for: GET /ledger still has 10 orders";
    let twice = "POST /init did not do what it was asked for: it has policy 7 twice";
    // (status and body of its answer, what is said)
    let rows = [
        (200, json!({ "policyIds": [1, 2, 3, 4, 5] }), is_left),
        (200, json!({ "policyIds": [7, 7, 7, 7, 7] }), twice),
        (
            202,
            json!({ "policyIds": [1, 2, 3, 4, 5] }),
            "POST /init was answered with 202",
        ),
    ];
    for (status, body, said) in rows {
        let orders = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&orders);
        let host = proxy(stack.base_url(), move |call, upstream| {
            let (body, orders) = (body.clone(), Arc::clone(&counted));
            async move {
                *orders.lock() += u32::from(call.is(&Method::POST, "/orders"));
                match call.is(&Method::POST, "/init") {
                    true => Reply::json(status, &body),
                    false => upstream.forward(&call).await,
                }
            }
        })
        .await;
        let ran = Run::against(&host, ONCE).finish().await;
        assert_eq!(ran.code, 97, "{}\n{}", ran.stdout, ran.stderr);
        assert!(ran.reasons().contains(said), "{said}: {}", ran.reasons());
        assert_eq!(*orders.lock(), 0, "{said}");
    }
}
