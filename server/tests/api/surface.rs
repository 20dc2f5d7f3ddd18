//! What all routes have in common.

use axum::{body::Body, http::Request};
use serde_json::json;

use crate::shop::Shop;

#[tokio::test]
async fn every_response_tells_where_its_time_went() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    for path in [
        "/users/id?name=u1",
        "/ledger",
        "/nowhere",
        "/users/0/balance",
        "/openapi.json",
        "/health/live",
    ] {
        let answer = shop.get(path).await;
        let timing = answer.headers["server-timing"].to_str().unwrap();
        let names: Vec<&str> = timing
            .split(", ")
            .map(|part| part.split_once(";dur=").unwrap().0)
            .collect();
        assert_eq!(names, ["queue", "db", "redis"], "{path}");
        for part in timing.split(", ") {
            let (_, milliseconds) = part.split_once(";dur=").unwrap();
            assert!(
                milliseconds.parse::<f64>().unwrap() >= 0.0,
                "{path}: {timing}"
            );
        }
    }
    let spent = |timing: &str, name: &str| -> f64 {
        let part = timing
            .split(", ")
            .find_map(|part| part.strip_prefix(name))
            .unwrap();
        part.strip_prefix(";dur=").unwrap().parse().unwrap()
    };
    let user = shop.user("u1").await;
    let charge = shop.charge(user, 1).await;
    let timing = charge.headers["server-timing"].to_str().unwrap();
    assert!(
        spent(timing, "db") > 0.0 && spent(timing, "redis") == 0.0,
        "{timing}"
    );
    let top = shop.get("/products/top/realtime").await;
    let timing = top.headers["server-timing"].to_str().unwrap();
    assert!(
        spent(timing, "redis") > 0.0 && spent(timing, "db") == 0.0,
        "{timing}"
    );
}

#[tokio::test]
async fn what_does_not_exist_is_a_problem_too() {
    let shop = Shop::empty().await;
    assert_eq!(
        shop.get("/").await.problem(404),
        "there is nothing at this path"
    );
    shop.get("/users").await.problem(404);
    let wrong_method = shop
        .send(Request::delete("/orders").body(Body::empty()).unwrap())
        .await;
    assert_eq!(wrong_method.headers["allow"], "POST");
    wrong_method.problem(405);
    shop.get("/orders").await.problem(405);
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    let padded = |length: usize| {
        let mut body = r#"{"amount":1}"#.to_owned();
        body.extend(std::iter::repeat_n(' ', length - body.len()));
        body
    };
    let path = format!("/users/{user}/balance");
    shop.post_text(&path, padded(64 * 1024)).await.expect(201);
    let detail = shop
        .post_text(&path, padded(64 * 1024 + 1))
        .await
        .problem(413);
    assert!(detail.contains("65536"), "{detail}");
    assert_eq!(shop.balance(user).await, 1);
}

#[tokio::test]
async fn long_details_are_cut() {
    let shop = Shop::empty().await;
    let body = format!(r#"{{"amount":"{}"}}"#, "가".repeat(10_000));
    let detail = shop.post_text("/users/1/balance", body).await.problem(400);
    assert_eq!(detail.chars().count(), 301);
    assert!(detail.ends_with('…'));
}

#[tokio::test]
async fn health_is_ok_when_both_stores_answer() {
    let shop = Shop::empty().await;
    assert_eq!(
        shop.get("/health/live").await.expect(200),
        json!({ "status": "ok" })
    );
    assert_eq!(
        shop.get("/health/ready").await.expect(200),
        json!({ "status": "ok" })
    );
}

#[tokio::test]
async fn the_description_has_every_route_of_the_contract() {
    let shop = Shop::empty().await;
    let description = shop.get("/openapi.json").await.expect(200);
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut routes: Vec<String> = Vec::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            routes.push(format!("{method} {path}"));
            assert!(
                !operation["responses"].as_object().unwrap().is_empty(),
                "{path}"
            );
        }
    }
    routes.sort_unstable();
    assert_eq!(
        routes,
        [
            "get /health/live",
            "get /health/ready",
            "get /ledger",
            "get /metrics",
            "get /products",
            "get /products/top/realtime",
            "get /products/{id}",
            "get /users/id",
            "get /users/{id}/balance",
            "get /users/{id}/coupons",
            "post /coupons",
            "post /init",
            "post /orders",
            "post /users/{id}/balance",
        ]
    );
    let charge = &description["components"]["schemas"]["NewCharge"];
    assert_eq!(charge["properties"]["amount"]["minimum"], 1);
}
