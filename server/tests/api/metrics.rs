//! `GET /metrics`.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::json;

use crate::shop::{Shop, eventually};

/// The samples by name and labels.
async fn metrics(shop: &Shop) -> BTreeMap<String, f64> {
    let (head, text) = shop.text("/metrics").await;
    assert_eq!(head.status, 200);
    assert_eq!(
        head.headers["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(text.ends_with("# EOF\n"), "{text}");
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_status() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    shop.charge(user, 5000).await.expect(201);
    for _ in 0..3 {
        shop.balance(user).await;
    }
    shop.get("/users/x/balance").await.problem(400);
    shop.get("/nowhere").await.problem(404);
    shop.get("/orders").await.problem(405);
    let metrics = metrics(&shop).await;
    let balance = r#"route="/users/{id}/balance""#;
    for (labels, count) in [
        (format!(r#"{balance},method="GET",status="200""#), 3.0),
        (format!(r#"{balance},method="GET",status="400""#), 1.0),
        (format!(r#"{balance},method="POST",status="201""#), 1.0),
        (r#"route="other",method="GET",status="404""#.into(), 1.0),
        (r#"route="/orders",method="GET",status="405""#.into(), 1.0),
        (r#"route="/init",method="POST",status="200""#.into(), 1.0),
    ] {
        assert_eq!(metrics[&format!("http_requests_total{{{labels}}}")], count);
        assert!(metrics[&format!("http_request_seconds_total{{{labels}}}")] > 0.0);
    }
    // What was never answered has no series.
    let answered = metrics
        .keys()
        .filter(|name| name.starts_with("http_requests_total"));
    assert_eq!(answered.count(), 7);
}

#[tokio::test]
async fn batches_are_counted_with_their_sizes_and_calls_of_redis_with_their_time() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    shop.charge(user, 5000).await.expect(201);
    let charges = (0..100).map(|_| {
        let shop = shop.clone();
        tokio::spawn(async move { shop.charge(user, 1).await.expect(201) })
    });
    for charge in join_all(charges).await {
        charge.unwrap();
    }
    shop.claim(user, shop.policies().await[0]).await.expect(201);
    let metrics = metrics(&shop).await;
    assert_eq!(metrics[r#"batch_size_sum{batch="charges"}"#], 101.0);
    let batches = metrics[r#"batch_size_count{batch="charges"}"#];
    assert!((2.0..=5.0).contains(&batches), "{batches}");
    assert_eq!(metrics[r#"batch_seconds_count{batch="charges"}"#], batches);
    assert_eq!(metrics[r#"batch_size_sum{batch="coupons"}"#], 1.0);
    assert_eq!(
        metrics[r#"batch_size_bucket{le="1.0",batch="coupons"}"#],
        1.0
    );
    assert_eq!(metrics[r#"batch_size_count{batch="orders"}"#], 0.0);
    // One is for nobody, at the start.
    assert_eq!(metrics[r#"redis_call_seconds_count{call="admit"}"#], 2.0);
    assert!(metrics[r#"redis_call_seconds_sum{call="admit"}"#] > 0.0);
    assert!(metrics[r#"redis_call_seconds_count{call="rebuild"}"#] >= 4.0);
}

#[tokio::test]
async fn queues_and_the_pool_are_shown_as_they_are() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 1, "total": 9 } })).await;
    let user = shop.user("u1").await;
    let policy = shop.policies().await[0];
    let quiet = metrics(&shop).await;
    assert_eq!(quiet[r#"batch_queue_length{batch="coupons"}"#], 0.0);
    assert_eq!(quiet[r#"batch_queue_oldest_seconds{batch="coupons"}"#], 0.0);
    assert_eq!(quiet["database_pool_size"], 3.0);
    assert_eq!(quiet[r#"database_pool{state="waiting"}"#], 0.0);

    let mut blocker = shop.database().await;
    sqlx::raw_sql("BEGIN; SELECT FROM coupon_policies FOR UPDATE; LOCK products")
        .execute(&mut blocker)
        .await
        .unwrap();
    let claims = (0..4).map(|_| {
        let shop = shop.clone();
        tokio::spawn(async move { shop.claim(user, policy).await.expect(201) })
    });
    let claims: Vec<_> = claims.collect();
    let looks = (0..5).map(|_| {
        let shop = shop.clone();
        tokio::spawn(async move { shop.get("/products").await.expect(200) })
    });
    let looks: Vec<_> = looks.collect();
    let busy = eventually(async || {
        let metrics = metrics(&shop).await;
        let old = metrics[r#"batch_queue_oldest_seconds{batch="coupons"}"#] > 0.1;
        (old && metrics[r#"database_pool{state="waiting"}"#] >= 2.0).then_some(metrics)
    })
    .await;
    assert_eq!(busy[r#"batch_queue_length{batch="coupons"}"#], 4.0);
    assert!(busy[r#"batch_queue_oldest_seconds{batch="coupons"}"#] < 4.0);
    assert_eq!(busy[r#"database_pool{state="in_use"}"#], 3.0);
    assert_eq!(busy[r#"database_pool{state="idle"}"#], 0.0);
    sqlx::raw_sql("COMMIT").execute(&mut blocker).await.unwrap();
    for task in claims.into_iter().chain(looks) {
        task.await.unwrap();
    }
    let after = metrics(&shop).await;
    assert_eq!(after[r#"batch_queue_length{batch="coupons"}"#], 0.0);
    assert_eq!(after[r#"batch_queue_oldest_seconds{batch="coupons"}"#], 0.0);
}

/// Whatever is sent, there are no more series.
#[tokio::test]
async fn hostile_paths_and_methods_make_no_series() {
    let shop = Shop::empty().await;
    for n in 0..50 {
        shop.get(&format!("/nowhere/{n}")).await.problem(404);
        shop.get(&format!("/products/{n}x")).await.problem(400);
        let odd = axum::http::Request::builder().method(format!("ODD{n}").as_str());
        shop.send(odd.uri("/orders").body(axum::body::Body::empty()).unwrap())
            .await
            .problem(405);
    }
    let metrics = metrics(&shop).await;
    let requests: Vec<_> = metrics
        .iter()
        .filter(|(name, _)| name.starts_with("http_requests_total"))
        .map(|(name, count)| (name.as_str(), *count))
        .collect();
    assert_eq!(
        requests,
        [
            (
                r#"http_requests_total{route="/orders",method="other",status="405"}"#,
                50.0
            ),
            (
                r#"http_requests_total{route="/products/{id}",method="GET",status="400"}"#,
                50.0
            ),
            (
                r#"http_requests_total{route="other",method="GET",status="404"}"#,
                50.0
            ),
        ]
    );
}
