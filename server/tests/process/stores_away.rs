//! PostgreSQL or Redis goes away under a running server.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::Connection;

use crate::client::{Client, eventually, stack};

/// Longer than any time-out of the server takes.
const NO_HANG: Duration = Duration::from_secs(8);

#[tokio::test]
async fn without_postgresql_requests_get_503_and_with_it_they_work_again() {
    let stack = stack(json!({ "users": 1 })).await;
    let mut client = Client::connect(stack.base_url()).await;
    let user = client.rich_user("u1").await;
    assert_eq!(client.order(user).await.unwrap().0, 201);
    stack.postgres().kill();
    // Its processes outlive it for a moment, in which they still serve.
    eventually(async || client.get("/health/ready").await.unwrap().0 == 503).await;

    let started = Instant::now();
    let (status, problem) = client.order(user).await.unwrap();
    assert_eq!(
        (status, &problem["title"]),
        (503, &json!("Service Unavailable"))
    );
    for path in [
        format!("/users/{user}/balance"),
        "/users/id?name=new".into(),
        "/products".into(),
        "/ledger".into(),
    ] {
        let (status, problem) = client.get(&path).await.unwrap();
        assert_eq!(status, 503, "{path}: {problem}");
        assert_eq!(problem["status"], 503);
    }
    let (status, problem) = client.get("/health/ready").await.unwrap();
    assert_eq!(
        (status, problem["detail"].as_str().unwrap()),
        (503, "PostgreSQL is away")
    );
    assert_eq!(client.get("/health/live").await.unwrap().0, 200);
    assert_eq!(client.get("/products/top/realtime").await.unwrap().0, 200);
    assert!(started.elapsed() < NO_HANG, "{:?}", started.elapsed());

    stack.postgres().restart().await.unwrap();
    eventually(async || client.get("/health/ready").await.unwrap().0 == 200).await;
    // A connection that broke meanwhile is noticed before it is used.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(client.order(user).await.unwrap().0, 201);
    let (_, ledger) = client.get("/ledger").await.unwrap();
    assert_eq!(ledger["orders"]["count"], 2);
}

#[tokio::test]
async fn when_postgresql_hangs_nobody_waits_for_ever_and_nothing_is_half_done() {
    let stack = stack(json!({ "users": 1 })).await;
    let mut client = Client::connect(stack.base_url()).await;
    let user = client.rich_user("u1").await;
    let mut blocker = sqlx::PgConnection::connect(stack.postgres().url())
        .await
        .unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        .execute(&mut blocker)
        .await
        .unwrap();

    let started = Instant::now();
    let (status, problem) = client.order(user).await.unwrap();
    assert_eq!(status, 503, "{problem}");
    assert!(started.elapsed() < NO_HANG, "{:?}", started.elapsed());
    sqlx::raw_sql("COMMIT").execute(&mut blocker).await.unwrap();

    let (_, ledger) = client.get("/ledger").await.unwrap();
    assert_eq!(ledger["orders"]["count"], 0);
    assert_eq!(ledger["products"][0]["stock"], 2_000_000);
    assert_eq!(client.order(user).await.unwrap().0, 201);
}

#[tokio::test]
async fn without_redis_orders_go_on_and_the_ranking_catches_up() {
    let stack = stack(json!({ "users": 1 })).await;
    let mut client = Client::connect(stack.base_url()).await;
    let user = client.rich_user("u1").await;
    assert_eq!(client.order(user).await.unwrap().0, 201);
    stack.redis().kill();

    let started = Instant::now();
    for _ in 0..10 {
        assert_eq!(client.order(user).await.unwrap().0, 201);
    }
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "orders waited for Redis: {:?}",
        started.elapsed()
    );
    assert_eq!(client.claim(user, 1).await.unwrap().0, 503);
    assert_eq!(client.get("/products/top/realtime").await.unwrap().0, 503);
    let (status, problem) = client.get("/health/ready").await.unwrap();
    assert_eq!(
        (status, problem["detail"].as_str().unwrap()),
        (503, "Redis is away")
    );
    assert!(started.elapsed() < NO_HANG, "{:?}", started.elapsed());

    stack.redis().restart().await.unwrap();
    eventually(async || {
        let (status, top) = client.get("/products/top/realtime").await.unwrap();
        status == 200 && top[0]["soldQty"] == 1511
    })
    .await;
    assert_eq!(client.get("/health/ready").await.unwrap().0, 200);
}
