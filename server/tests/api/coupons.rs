//! `POST /coupons` and `GET /users/{id}/coupons`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::shop::{Shop, eventually};

#[tokio::test]
async fn a_user_may_hold_several_of_one_policy_and_sees_the_oldest_first() {
    let shop = Shop::open(
        json!({ "users": 1, "coupons": { "policies": 2, "total": 10, "discount": 700 } }),
    )
    .await;
    let user = shop.user("u1").await;
    let policies = shop.policies().await;
    let first = shop.coupon(user, policies[1]).await;
    let second = shop.coupon(user, policies[0]).await;
    let third = shop.coupon(user, policies[1]).await;
    assert!(first < second && second < third);
    let listed = shop
        .get(&format!("/users/{user}/coupons"))
        .await
        .expect(200);
    let coupon = |id: i64| json!({ "couponId": id, "discount": 700 });
    assert_eq!(
        listed,
        json!([coupon(first), coupon(second), coupon(third)])
    );
    let totals = &shop.settled().await["coupons"];
    assert_eq!(
        *totals,
        json!({ "quantity": 10, "issued": 3, "used": 0, "queued": 0, "policies": [
            { "policyId": policies[0], "quantity": 5, "issued": 1 },
            { "policyId": policies[1], "quantity": 5, "issued": 2 },
        ] })
    );
}

#[tokio::test]
async fn a_claim_is_visible_long_before_the_seed_looks() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    let policy = shop.policies().await[0];
    shop.coupon(user, policy).await;
    let started = Instant::now();
    shop.coupon(user, policy).await;
    assert!(
        started.elapsed() < Duration::from_millis(400),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn sold_out_unknown_and_inactive_are_told_apart() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 2, "total": 3 } })).await;
    let user = shop.user("u1").await;
    let policies = shop.policies().await;
    for _ in 0..2 {
        shop.claim(user, policies[0]).await.expect(201);
    }
    let detail = shop.claim(user, policies[0]).await.problem(409);
    assert_eq!(
        detail,
        format!("the coupons of policy {} are sold out", policies[0])
    );
    shop.claim(user, policies[1]).await.expect(201);

    let no_policy = i64::MAX;
    let detail = shop.claim(user, no_policy).await.problem(400);
    assert_eq!(
        detail,
        format!("coupon policy {no_policy} does not exist or is not active")
    );
    let detail = shop.claim(i64::MAX, policies[1]).await.problem(400);
    assert_eq!(detail, format!("there is no user {}", i64::MAX));
    let ledger = shop.settled().await;
    assert_eq!(ledger["coupons"]["issued"], 3);
}

#[tokio::test]
async fn a_policy_admits_only_in_its_period() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 3, "total": 9 } })).await;
    let user = shop.user("u1").await;
    let policies = shop.policies().await;
    shop.sql(
        "UPDATE coupon_policies SET ends_at = now() WHERE id = (SELECT min(id) FROM coupon_policies);
         UPDATE coupon_policies SET starts_at = now() + interval '1 hour' WHERE id = (SELECT max(id) FROM coupon_policies)",
    )
    .await;
    let () = redis::cmd("FLUSHDB")
        .query_async(&mut shop.redis().await)
        .await
        .unwrap();
    for over_or_not_begun in [policies[0], policies[2]] {
        let detail = shop.claim(user, over_or_not_begun).await.problem(400);
        assert!(detail.contains("not active"), "{detail}");
    }
    shop.claim(user, policies[1]).await.expect(201);
}

#[tokio::test]
async fn a_claim_needs_both_ids() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    for (query, reason) in [
        ("", "missing field `userId`"),
        ("?userId=1", "missing field `policyId`"),
        (
            "?userId=1&policyId=",
            "cannot parse integer from empty string",
        ),
        (
            "?userId=&policyId=1",
            "cannot parse integer from empty string",
        ),
        ("?userId=x&policyId=1", "invalid digit"),
        ("?userId=0&policyId=1", "0 is no id"),
        ("?userId=1&policyId=-7", "-7 is no id"),
        ("?userId=9223372036854775808&policyId=1", "number too large"),
        ("?userId=1&userId=2&policyId=1", "duplicate field"),
    ] {
        let detail = shop
            .post_text(&format!("/coupons{query}"), "")
            .await
            .problem(400);
        assert!(detail.contains(reason), "{query}: {detail}");
    }
}

#[tokio::test]
async fn lists_are_for_users_who_exist_and_are_bounded() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    assert_eq!(shop.coupons(user).await, [] as [i64; 0]);
    assert_eq!(
        shop.get("/users/999999/coupons").await.problem(404),
        "there is no user 999999"
    );
    shop.get("/users/x/coupons").await.problem(400);

    shop.sql(
        "INSERT INTO coupons (policy_id, user_id, claim_id, discount, expires_at)
         SELECT (SELECT min(id) FROM coupon_policies), (SELECT min(id) FROM users), gen_random_uuid(), 1, now() + interval '1 day'
         FROM generate_series(1, 150)",
    )
    .await;
    let coupons = shop.coupons(user).await;
    assert_eq!(coupons.len(), 100);
    assert!(coupons.is_sorted());
}

/// A worker that dies after the commit and before the acknowledgement leaves
/// its claims pending: the next worker must take them over and issue nothing.
#[tokio::test]
async fn a_worker_killed_between_insert_and_acknowledgement_issues_nothing_twice() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 1, "total": 50 } })).await;
    let user = shop.user("u1").await;
    let policy = shop.policies().await[0];
    shop.coupon(user, policy).await;
    let config = shop.config.clone();
    let mut redis = shop.redis().await;
    let mut database = shop.database().await;
    shop.settled().await;
    let issued = async |database: &mut sqlx::PgConnection| -> (i64, i64) {
        sqlx::query_as("SELECT (SELECT count(*) FROM coupons), (SELECT sum(issued)::bigint FROM coupon_policies)")
            .fetch_one(database)
            .await
            .unwrap()
    };
    // The server and its worker end here, and leave the group.
    drop(shop);
    eventually(async || {
        let consumers: Vec<redis::Value> = redis::cmd("XINFO")
            .arg(&["CONSUMERS", "shop:claims", "issuers"])
            .query_async(&mut redis)
            .await
            .unwrap();
        consumers.is_empty().then_some(())
    })
    .await;

    // Ten claims are admitted and read by a worker that inserts the first
    // five and dies.
    let world: uuid::Uuid = sqlx::query_scalar("SELECT id FROM world")
        .fetch_one(&mut database)
        .await
        .unwrap();
    let claims: Vec<uuid::Uuid> = (0..10).map(|_| uuid::Uuid::now_v7()).collect();
    for claim in &claims {
        let text = format!("{world} {claim} {user} {policy}");
        let _: String = redis::cmd("XADD")
            .arg(&["shop:claims", "*", "claim", &text])
            .query_async(&mut redis)
            .await
            .unwrap();
    }
    let _: redis::Value = redis::cmd("XREADGROUP")
        .arg(&[
            "GROUP",
            "issuers",
            "dead",
            "COUNT",
            "10",
            "STREAMS",
            "shop:claims",
            ">",
        ])
        .query_async(&mut redis)
        .await
        .unwrap();
    let inserted: i64 = sqlx::query_scalar("SELECT issue_coupons($1, $2, $3, $4)")
        .bind(vec![world; 5])
        .bind(&claims[..5])
        .bind(vec![user; 5])
        .bind(vec![policy; 5])
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(inserted, 5);
    assert_eq!(issued(&mut database).await, (6, 6));

    let shop = Shop::on(config).await;
    let ledger = shop.settled().await;
    assert_eq!(ledger["coupons"]["issued"], 11);
    assert_eq!(issued(&mut database).await, (11, 11));
    assert_eq!(shop.coupons(user).await.len(), 11);
    let (pending,): (i64,) = redis::cmd("XPENDING")
        .arg(&["shop:claims", "issuers"])
        .query_async::<(i64, redis::Value, redis::Value, redis::Value)>(&mut redis)
        .await
        .map(|(pending, ..)| (pending,))
        .unwrap();
    assert_eq!(pending, 0);
}

/// What is in the queue and is no claim must not stop the claims behind it.
#[tokio::test]
async fn rubbish_in_the_queue_is_passed_over() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    let policy = shop.policies().await[0];
    let mut redis = shop.redis().await;
    for rubbish in [
        "",
        "not a claim",
        "\u{0}",
        &format!("{} 1 2", uuid::Uuid::nil()),
    ] {
        let _: String = redis::cmd("XADD")
            .arg(&["shop:claims", "*", "claim", rubbish])
            .query_async(&mut redis)
            .await
            .unwrap();
    }
    let _: String = redis::cmd("XADD")
        .arg(&["shop:claims", "*", "x", "y"])
        .query_async(&mut redis)
        .await
        .unwrap();
    shop.coupon(user, policy).await;
    assert_eq!(shop.settled().await["coupons"]["issued"], 1);
}

/// Ids of users and policies are never used again, so this cannot happen by
/// itself; and if they were, the world still keeps the claim out.
#[tokio::test]
async fn a_claim_of_another_world_is_worth_nothing() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    let policy = shop.policies().await[0];
    let issue = "SELECT issue_coupons(ARRAY[$1], ARRAY[gen_random_uuid()], ARRAY[$2], ARRAY[$3])";
    let mut database = shop.database().await;
    let world: uuid::Uuid = sqlx::query_scalar("SELECT id FROM world")
        .fetch_one(&mut database)
        .await
        .unwrap();
    for (world, expected) in [(uuid::Uuid::now_v7(), 0), (world, 1)] {
        let issued: i64 = sqlx::query_scalar(issue)
            .bind(world)
            .bind(user)
            .bind(policy)
            .fetch_one(&mut database)
            .await
            .unwrap();
        assert_eq!(issued, expected);
    }
    assert_eq!(shop.coupons(user).await.len(), 1);
}
