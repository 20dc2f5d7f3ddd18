//! What makes the server fast, as counts: many requests share a transaction
//! or a call. The tests run on one thread, where all requests are queued
//! before the first answer of a store can be looked at; so the counts don't
//! depend on how fast the machine is.

use futures::future::join_all;
use redis::aio::MultiplexedConnection;
use serde_json::json;
use sqlx::AssertSqlSafe;
use testbed::Redis;

use crate::shop::{Answer, Shop, count, fresh_config};

/// As tasks, so that each is queued once and not polled with all others.
async fn at_once(
    calls: impl IntoIterator<Item = impl Future<Output = Answer> + Send + 'static>,
) -> Vec<Answer> {
    let tasks: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    join_all(tasks)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

/// How many transactions wrote the rows that a table has.
async fn transactions(shop: &Shop, table: &str) -> i64 {
    // A row says by `xmin` which transaction wrote it.
    let count = format!("SELECT count(DISTINCT xmin::text) FROM {table}");
    sqlx::query_scalar(AssertSqlSafe(count))
        .fetch_one(&mut shop.database().await)
        .await
        .unwrap()
}

/// How often Redis was given a command since it started.
async fn calls(redis: &mut MultiplexedConnection, command: &str) -> u64 {
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query_async(redis)
        .await
        .unwrap();
    let prefix = format!("cmdstat_{command}:calls=");
    let line = stats.lines().find_map(|line| line.strip_prefix(&prefix));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_thousand_orders_and_charges_are_a_handful_of_transactions() {
    let shop = Shop::open(json!({ "users": 100 })).await;
    let users = join_all((1..=100).map(|n| shop.user_named(n))).await;
    let charges = at_once((0..1000).map(|n| {
        let (shop, user) = (shop.clone(), users[n % users.len()]);
        async move { shop.charge(user, 10_000).await }
    }));
    assert_eq!(count(&charges.await, [201]), [1000]);
    let orders = at_once((0..1000).map(|n| {
        let (shop, user) = (shop.clone(), users[n % users.len()]);
        async move {
            shop.order(user, None, &[(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)])
                .await
        }
    }));
    assert_eq!(count(&orders.await, [201]), [1000]);
    // 256 at most in each: four batches, and what a beginning may add.
    for table in ["charges", "orders"] {
        let transactions = transactions(&shop, table).await;
        assert!((4..=8).contains(&transactions), "{table}: {transactions}");
    }
}

#[tokio::test]
async fn a_thousand_claims_and_looks_at_the_ranking_are_a_handful_of_calls_to_redis() {
    let own = Redis::start().await.unwrap();
    let mut config = fresh_config().await;
    config.redis_url = own.url().to_owned();
    let shop = Shop::on(config).await;
    shop.post("/init", &json!({ "users": 100 }))
        .await
        .expect(200);
    let users = join_all((1..=100).map(|n| shop.user_named(n))).await;
    let policy = shop.policies().await[0];
    let mut redis = shop.redis().await;

    // The script of admission counts down once a policy.
    let before = calls(&mut redis, "hincrby").await;
    let claims = at_once((0..1000).map(|n| {
        let (shop, user) = (shop.clone(), users[n % users.len()]);
        async move { shop.claim(user, policy).await }
    }));
    assert_eq!(count(&claims.await, [201]), [1000]);
    let admissions = calls(&mut redis, "hincrby").await - before;
    assert!((4..=8).contains(&admissions), "{admissions}");

    let before = calls(&mut redis, "zunion").await;
    let looks = at_once((0..1000).map(|_| {
        let shop = shop.clone();
        async move { shop.get("/products/top/realtime").await }
    }));
    assert_eq!(count(&looks.await, [200]), [1000]);
    let unions = calls(&mut redis, "zunion").await - before;
    assert!((4..=8).contains(&unions), "{unions}");

    let transactions = transactions(&shop, "coupons").await;
    assert!((4..=8).contains(&transactions), "{transactions}");
}
