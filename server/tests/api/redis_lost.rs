//! Redis forgets everything, or something, while the API runs.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::future::join_all;
use redis::{AsyncCommands, aio::MultiplexedConnection};
use serde_json::{Value, json};

use crate::shop::{Shop, count, eventually};

async fn flush(shop: &Shop) {
    let () = redis::cmd("FLUSHDB")
        .query_async(&mut shop.redis().await)
        .await
        .unwrap();
}

fn ranking_is_base_and_sold(ledger: &Value) -> bool {
    ledger["products"]
        .as_array()
        .unwrap()
        .iter()
        .all(|product| {
            let number = |key: &str| product[key].as_i64().unwrap();
            number("rankingScore") == number("rankingBase") + number("sold")
        })
}

#[tokio::test]
async fn remaining_coupons_and_ranking_come_back() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 1, "total": 5 } })).await;
    let user = shop.user("u1").await;
    let policy = shop.policies().await[0];
    shop.charge(user, 100_000).await.expect(201);
    shop.order(user, None, &[(2, 9)]).await.expect(201);
    for _ in 0..3 {
        shop.coupon(user, policy).await;
    }
    let top = shop.get("/products/top/realtime").await.expect(200);

    flush(&shop).await;
    assert_eq!(shop.get("/products/top/realtime").await.expect(200), top);
    flush(&shop).await;
    for _ in 0..2 {
        shop.claim(user, policy).await.expect(201);
    }
    shop.claim(user, policy).await.problem(409);
    assert_eq!(shop.settled().await["coupons"]["issued"], 5);
}

/// Nothing is forgotten here, but a write to the ranking is lost.
#[tokio::test]
async fn sales_that_redis_did_not_take_are_written_again() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    shop.charge(user, 1_000_000).await.expect(201);
    let mut redis = shop.redis().await;
    let rankings: Vec<String> = redis::cmd("KEYS")
        .arg("shop:ranking:*")
        .query_async(&mut redis)
        .await
        .unwrap();
    assert_eq!(rankings.len(), 3);
    let today = rankings.iter().max().unwrap();
    // A string where the ranking should be refuses what is added to it.
    let () = redis::pipe()
        .del(today)
        .set(today, "in the way")
        .query_async(&mut redis)
        .await
        .unwrap();
    shop.order(user, None, &[(4, 9)]).await.expect(201);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let () = redis::cmd("DEL")
        .arg(today)
        .query_async(&mut redis)
        .await
        .unwrap();
    let ledger = eventually(async || {
        let ledger = shop.ledger().await;
        ranking_is_base_and_sold(&ledger).then_some(ledger)
    })
    .await;
    assert_eq!(ledger["products"][3]["rankingScore"], 609);
}

#[tokio::test]
async fn a_quiet_server_heals_by_itself() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    flush(&shop).await;
    eventually(async || {
        let ledger = shop.ledger().await;
        (ledger["products"][0]["rankingScore"] == 1500).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushed_while_claims_and_orders_run_no_coupon_is_issued_beyond_the_quantity() {
    let shop = Shop::open(json!({ "users": 20, "coupons": { "policies": 2, "total": 300 } })).await;
    let policies = shop.policies().await;
    let users = join_all((1..=20).map(|n| shop.user_named(n))).await;
    for user in &users {
        shop.charge(*user, 10_000_000).await.expect(201);
    }
    let buyers: Vec<_> = users
        .into_iter()
        .map(|user| {
            let (shop, policies) = (shop.clone(), policies.clone());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for n in 0..60 {
                    answers.push(shop.claim(user, policies[n % 2]).await);
                    shop.order(user, None, &[(1, 1), (5, 2)]).await.expect(201);
                }
                answers
            })
        })
        .collect();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        flush(&shop).await;
    }
    let mut answers = Vec::new();
    for buyer in buyers {
        answers.extend(buyer.await.unwrap());
    }
    let [admitted, sold_out] = count(&answers, [201, 409]);
    assert_eq!(admitted + sold_out, 1200);

    let ledger = eventually(async || {
        let ledger = shop.settled().await;
        ranking_is_base_and_sold(&ledger).then_some(ledger)
    })
    .await;
    assert_eq!(ledger["orders"]["count"], 1200);
    assert_eq!(ledger["products"][4]["sold"], 2400);
    // Nothing that was answered was in Redis alone.
    assert_eq!(ledger["coupons"]["issued"], admitted);
    let user = shop.user("u1").await;
    for policy in &policies {
        for _ in 0..150 {
            shop.claim(user, *policy).await;
        }
    }
    assert_eq!(shop.settled().await["coupons"]["issued"], 300);
}

#[tokio::test]
async fn if_redis_admits_too_many_postgresql_does_not() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 1, "total": 4 } })).await;
    let user = shop.user("u1").await;
    let policy = shop.policies().await[0];
    let () = redis::cmd("HSET")
        .arg("shop:remaining")
        .arg(policy)
        .arg(1000)
        .query_async(&mut shop.redis().await)
        .await
        .unwrap();
    let answers = join_all((0..50).map(|_| shop.claim(user, policy))).await;
    assert_eq!(count(&answers, [201, 409]), [4, 46]);
    let totals = &shop.settled().await["coupons"];
    assert_eq!(totals["issued"], 4);
}

/// What Redis holds.
#[derive(Debug, PartialEq)]
struct Held {
    world: String,
    remaining: BTreeMap<String, String>,
    rankings: BTreeMap<String, Vec<(String, f64)>>,
}

async fn held(redis: &mut MultiplexedConnection) -> Option<Held> {
    let (world, remaining, names): (Option<String>, _, Vec<String>) = redis::pipe()
        .get("shop:world")
        .hgetall("shop:remaining")
        .keys("shop:ranking:*")
        .query_async(redis)
        .await
        .unwrap();
    let mut rankings = BTreeMap::new();
    for name in names {
        let scores = redis.zrange_withscores(&name, 0, -1).await.unwrap();
        rankings.insert(name, scores);
    }
    Some(Held {
        world: world?,
        remaining,
        rankings,
    })
}

/// Every key and field that the server uses, alone.
#[tokio::test]
async fn a_key_or_field_that_vanishes_or_is_old_is_back_within_a_second() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 2, "total": 20 } })).await;
    let user = shop.user("u1").await;
    let policies = shop.policies().await;
    shop.claim(user, policies[1]).await.expect(201);
    shop.charge(user, 100_000).await.expect(201);
    shop.order(user, None, &[(3, 2)]).await.expect(201);
    let mut redis = shop.redis().await;
    let whole = eventually(async || {
        let held = held(&mut redis).await?;
        let today = held.rankings.values().next_back()?;
        let is_sold = today.contains(&("3".to_owned(), 302.0));
        // On a machine that stood still, the keys may be built anew before the claim is issued.
        let is_claimed = held.remaining.get(&policies[1].to_string())? == "9";
        (is_sold && is_claimed).then_some(held)
    })
    .await;
    assert_eq!(whole.rankings.len(), 3);

    let policy = policies[1].to_string();
    let mut losses: Vec<Vec<&str>> = vec![
        vec!["DEL", "shop:world"],
        vec!["SET", "shop:world", "8a2cf5a0-0000-4000-8000-000000000000"],
        vec!["DEL", "shop:remaining"],
        vec!["HDEL", "shop:remaining", &policy],
        vec!["HSET", "shop:remaining", &policy, "10"],
        vec!["HSET", "shop:remaining", &policy, "0"],
    ];
    for ranking in whole.rankings.keys() {
        losses.push(vec!["DEL", ranking]);
        losses.push(vec!["ZREM", ranking, "3"]);
        losses.push(vec!["ZADD", ranking, "299", "3"]);
    }
    for loss in losses {
        let _: redis::Value = redis::cmd(loss[0])
            .arg(&loss[1..])
            .query_async(&mut redis)
            .await
            .unwrap();
        let broken = Instant::now();
        while held(&mut redis).await.as_ref() != Some(&whole) {
            assert!(broken.elapsed() < Duration::from_secs(1), "{loss:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Redis knows nothing of a policy for a moment: its coupons can be claimed
/// all the same, and no more of them.
#[tokio::test]
async fn what_redis_does_not_know_postgresql_decides() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 1, "total": 40 } })).await;
    let user = shop.user("u1").await;
    let policy = shop.policies().await[0];
    let mut redis = shop.redis().await;
    let mut admitted = 0;
    for n in 0..80 {
        let () = redis.del("shop:remaining").await.unwrap();
        let answer = shop.claim(user, policy).await;
        assert_eq!(answer.status, if n < 40 { 201 } else { 409 });
        admitted += i32::from(answer.status == 201);
    }
    assert_eq!(admitted, 40);
    assert_eq!(shop.ledger().await["coupons"]["issued"], 40);
}

/// A claim that Redis admitted and that came to nothing gives its place back.
#[tokio::test]
async fn a_place_that_was_not_used_is_free_again() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 1, "total": 1 } })).await;
    let user = shop.user("u1").await;
    let policy = shop.policies().await[0];
    let mut blocker = shop.database().await;
    sqlx::raw_sql("BEGIN; SELECT FROM coupon_policies FOR UPDATE")
        .execute(&mut blocker)
        .await
        .unwrap();
    shop.claim(user, policy).await.problem(503);
    sqlx::raw_sql("COMMIT").execute(&mut blocker).await.unwrap();
    eventually(async || (shop.claim(user, policy).await.status == 201).then_some(())).await;
    shop.claim(user, policy).await.problem(409);
}

/// The id of the world says whose data it is, so a Redis that was used for
/// another database is taken over at the start.
#[tokio::test]
async fn a_redis_with_another_worlds_data_is_rebuilt_at_the_start() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 1, "total": 4 } })).await;
    let policy = shop.policies().await[0];
    let mut redis = shop.redis().await;
    let () = redis::pipe()
        .set("shop:world", "8a2cf5a0-0000-4000-8000-000000000000")
        .hset("shop:remaining", policy, 0)
        .query_async(&mut redis)
        .await
        .unwrap();
    let again = Shop::on(shop.config.clone()).await;
    let user = again.user("u1").await;
    again.claim(user, policy).await.expect(201);
}
