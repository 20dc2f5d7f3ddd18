//! No input may cause a server error, and no refused request may change the
//! books.

use std::sync::LazyLock;

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::shop::Shop;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// A number as an attacker writes it.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        (-3..7_i64).prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just(i64::MAX.to_string()),
        Just(i64::MIN.to_string()),
        prop::sample::select(vec![
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999999999",
            "1e308",
            "1e999",
            "1.5",
            "-0",
            "0.0",
            "true",
            "null",
            "\"1\"",
            "\"\\u0000\"",
            "\"' OR 1=1 --\"",
            "[]",
            "{}",
            "NaN",
            "",
        ])
        .prop_map(str::to_owned),
    ]
}

/// A piece of a path or query: numbers, and what is none.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        number().prop_map(|text| encode(&text)),
        ".{0,40}".prop_map(|text| encode(&text)),
        prop::sample::select(vec![
            "%00",
            "%FF",
            "%",
            "..",
            "%2e%2e",
            "%2F",
            "u1",
            "a%0d%0ab",
            "%F0%9F%98%80"
        ])
        .prop_map(str::to_owned),
    ]
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn target() -> impl Strategy<Value = (Method, String)> {
    let get = |path: String| (Method::GET, path);
    let post = |path: String| (Method::POST, path);
    prop_oneof![
        piece().prop_map(move |name| get(format!("/users/id?name={name}"))),
        piece().prop_map(move |id| get(format!("/users/{id}/balance"))),
        piece().prop_map(move |id| post(format!("/users/{id}/balance"))),
        piece().prop_map(move |id| get(format!("/users/{id}/coupons"))),
        (piece(), piece()).prop_map(move |(user, policy)| post(format!(
            "/coupons?userId={user}&policyId={policy}"
        ))),
        piece().prop_map(move |query| post(format!("/coupons?{query}"))),
        piece().prop_map(move |id| get(format!("/products/{id}"))),
        Just(get("/products".into())),
        Just(get("/products/top/realtime".into())),
        piece().prop_map(move |user| get(format!("/ledger?userId={user}"))),
        piece().prop_map(move |query| get(format!("/ledger?{query}"))),
        Just(post("/orders".into())),
        piece().prop_map(move |path| get(format!("/{path}"))),
        prop::sample::select(vec![
            "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "CONNECT", "ODD"
        ])
        .prop_map(|method| (
            Method::from_bytes(method.as_bytes()).unwrap(),
            "/orders".into()
        )),
    ]
}

/// A body: nearly right, valid JSON of any shape, or anything at all.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let item =
        (number(), number()).prop_map(|(id, n)| format!(r#"{{"productId":{id},"quantity":{n}}}"#));
    let order = (number(), number(), prop::collection::vec(item, 0..8)).prop_map(
        |(user, coupon, items)| {
            format!(
                r#"{{"userId":{user},"couponId":{coupon},"items":[{}]}}"#,
                items.join(",")
            )
        },
    );
    let charge = number().prop_map(|amount| format!(r#"{{"amount":{amount}}}"#));
    prop_oneof![
        4 => order.prop_map(String::into_bytes),
        2 => charge.prop_map(String::into_bytes),
        1 => json_value().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..200),
        1 => Just(vec![b'['; 5000]),
        1 => Just(Vec::new()),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        Just(json!("\u{0}")),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let key = prop_oneof![
            prop::sample::select(vec![
                "userId",
                "couponId",
                "items",
                "productId",
                "quantity",
                "amount"
            ])
            .prop_map(str::to_owned),
            ".{0,8}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

#[test]
fn no_input_makes_the_server_fail() {
    let shop = RUNTIME.block_on(Shop::open(
        json!({ "users": 3, "coupons": { "total": 20 } }),
    ));
    let mut runner = TestRunner::new(Config {
        cases: 1500,
        failure_persistence: None,
        ..Config::default()
    });
    let request = (
        target(),
        body(),
        prop::option::of(prop::sample::select(vec![
            "application/json",
            "text/plain",
            "x",
        ])),
    );
    let tried = runner.run(&request, |((method, path), body, content_type)| {
        let mut request = Request::builder().method(method.clone()).uri(&path);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        // What is no URI at all, the HTTP parser refuses before us.
        let Ok(request) = request.body(Body::from(body)) else {
            return Ok(());
        };
        let answer = RUNTIME.block_on(shop.send(request));
        prop_assert!(!answer.status.is_server_error(), "{answer:?}");
        if answer.status.is_client_error() && method != Method::HEAD {
            prop_assert_eq!(
                &answer.headers[header::CONTENT_TYPE],
                "application/problem+json"
            );
            prop_assert_eq!(&answer.json["status"], answer.status.as_u16());
            prop_assert!(!answer.json["detail"].as_str().unwrap().is_empty());
        }
        Ok(())
    });
    tried.unwrap();

    let ledger = RUNTIME.block_on(shop.settled());
    let number = |path: &str| ledger.pointer(path).unwrap().as_i64().unwrap();
    assert_eq!(
        number("/balances/held"),
        number("/balances/charged") - number("/orders/paid")
    );
    assert!(number("/coupons/issued") <= 20);
    for product in ledger["products"].as_array().unwrap() {
        let number = |key: &str| product[key].as_i64().unwrap();
        assert_eq!(number("stock"), number("initialStock") - number("sold"));
    }
}

/// Orders that are hostile in valid JSON, among good ones and at once, so that
/// they share batches: the good ones must all come through.
#[test]
fn hostile_orders_do_not_harm_their_neighbours() {
    RUNTIME.block_on(async {
        let shop = Shop::open(json!({ "users": 1 })).await;
        let user = shop.user("u1").await;
        shop.charge(user, 2000 * 40).await.expect(201);
        let hostile = [
            json!({ "userId": i64::MAX, "couponId": i64::MAX, "items": [{ "productId": i64::MAX, "quantity": 1_000_000 }] }),
            json!({ "userId": user, "couponId": i64::MAX, "items": [{ "productId": 1, "quantity": 1 }] }),
            json!({ "userId": user, "items": (1..=100).map(|id| json!({ "productId": id, "quantity": 1_000_000 })).collect::<Vec<_>>() }),
            json!({ "userId": user, "items": [{ "productId": 2, "quantity": 1_000_000 }] }),
        ];
        let sent: Vec<_> = (0..200)
            .map(|n: usize| {
                let (shop, hostile) = (shop.clone(), hostile.clone());
                tokio::spawn(async move {
                    if n % 5 == 4 {
                        shop.order(user, None, &[(1, 1)]).await.expect(201);
                    } else {
                        let answer = shop.post("/orders", &hostile[n % 5]).await;
                        assert!(answer.status.is_client_error(), "{answer:?}");
                    }
                })
            })
            .collect();
        for task in sent {
            task.await.unwrap();
        }
        assert_eq!(shop.balance(user).await, 0);
        assert_eq!(shop.ledger().await["orders"]["count"], 40);
    });
}
