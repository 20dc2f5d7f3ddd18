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

/// What is no request as HTTP has it makes no user and changes nothing.
#[tokio::test]
async fn a_request_names_one_host_and_is_text() {
    let shop = Shop::open(json!({ "users": 0 })).await;
    let mut two_hosts = Request::get("/users/id?name=x")
        .body(Body::empty())
        .unwrap();
    for host in ["shop", "shop"] {
        two_hosts
            .headers_mut()
            .append("host", host.parse().unwrap());
    }
    let refused = shop.send(two_hosts).await;
    assert!(refused.headers.contains_key("server-timing"));
    assert_eq!(refused.problem(400), "a request names one host");
    for path in [
        "/users/id?name=%FF",
        "/users/id?name=%C3%28",
        "/users/id?na%FFme=x&name=x",
        "/users/%FF/balance",
        "/%FF",
        "/users/id?name=%ED%A0%80",
    ] {
        assert_eq!(
            shop.get(path).await.problem(400),
            "the address is no UTF-8",
            "{path}"
        );
    }
    assert_eq!(shop.ledger().await["balances"]["users"], 0);
    shop.get("/users/id?name=%EA%B0%80").await.expect(200);
    assert_eq!(shop.ledger().await["balances"]["users"], 1);
}

#[tokio::test]
async fn no_array_is_an_order_or_an_item() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    shop.charge(user, 10_000).await.expect(201);
    for body in [
        json!([user, null, [{ "productId": 1, "quantity": 1 }]]),
        json!({ "userId": user, "items": [[1, 1]] }),
    ] {
        let detail = shop.post("/orders", &body).await.problem(400);
        assert!(detail.contains("expected an object"), "{detail}");
    }
    assert_eq!(shop.ledger().await["orders"]["count"], 0);
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
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.len() > 1, "{path}");
            for response in responses.values() {
                assert_ne!(response["description"].as_str().unwrap(), "", "{path}");
            }
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
    let responses = |path: &str, method: &str| -> Vec<String> {
        let responses = &description["paths"][path][method]["responses"];
        responses.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(
        responses("/orders", "post"),
        ["201", "400", "404", "405", "408", "409", "413", "503"]
    );
    assert_eq!(responses("/products", "get"), ["200", "400", "405", "503"]);
    let too_large = &description["paths"]["/init"]["post"]["responses"]["413"];
    assert_eq!(
        too_large["content"]["application/problem+json"]["schema"]["$ref"],
        "#/components/schemas/Problem"
    );
    let plan = &description["components"]["schemas"]["Plan"];
    assert_eq!(
        plan["properties"]["products"]["$ref"],
        "#/components/schemas/ProductPlan"
    );
    let limit = &description["paths"]["/products/top/realtime"]["get"]["parameters"][0];
    assert_eq!(
        (&limit["name"], &limit["schema"]["maximum"]),
        (&json!("limit"), &json!(100))
    );
}
