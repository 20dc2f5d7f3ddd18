//! `POST /coupons` and `GET /users/{id}/coupons`.

use futures::future::join_all;
use serde_json::json;

use crate::shop::{Shop, count, eventually};

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
async fn a_claim_is_visible_when_it_is_answered() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    let policy = shop.policies().await[0];
    for held in 1..=5 {
        shop.claim(user, policy).await.expect(201);
        assert_eq!(shop.coupons(user).await.len(), held);
    }
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

/// The ids that claims are answered with, for whoever was answered 201.
#[tokio::test]
async fn a_claim_that_was_answered_is_in_postgresql() {
    let shop = Shop::open(json!({ "users": 2, "coupons": { "policies": 1, "total": 30 } })).await;
    let other = Shop::on(shop.config.clone()).await;
    let policy = shop.policies().await[0];
    let users = [shop.user("u1").await, other.user("u2").await];
    let answers = join_all((0..40).map(|n| {
        let shop = if n % 3 == 0 { &other } else { &shop };
        shop.claim(users[n % 2], policy)
    }))
    .await;
    let issued: Vec<uuid::Uuid> = sqlx::query_scalar("SELECT claim_id FROM coupons")
        .fetch_all(&mut shop.database().await)
        .await
        .unwrap();
    assert_eq!(count(&answers, [201, 409]), [30, 10]);
    let mut issued: Vec<String> = issued.iter().map(uuid::Uuid::to_string).collect();
    issued.sort_unstable();
    let admitted = answers.iter().filter(|answer| answer.status == 201);
    let mut admitted: Vec<&str> = admitted
        .map(|answer| answer.json["claimId"].as_str().unwrap())
        .collect();
    admitted.sort_unstable();
    assert_eq!(issued, admitted);
}

/// A claim that waits for PostgreSQL is counted as queued, and its answer
/// waits as well.
#[tokio::test]
async fn claims_that_wait_for_their_coupons_are_queued() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 1, "total": 9 } })).await;
    let user = shop.user("u1").await;
    let policy = shop.policies().await[0];
    let mut blocker = shop.database().await;
    sqlx::raw_sql("BEGIN; SELECT FROM coupon_policies FOR UPDATE")
        .execute(&mut blocker)
        .await
        .unwrap();
    let claims: Vec<_> = (0..7)
        .map(|_| {
            let shop = shop.clone();
            tokio::spawn(async move { shop.claim(user, policy).await })
        })
        .collect();
    let totals = eventually(async || {
        let totals = shop.ledger().await["coupons"].clone();
        (totals["queued"] == 7).then_some(totals)
    });
    assert_eq!(totals.await["issued"], 0);
    assert!(claims.iter().all(|claim| !claim.is_finished()));
    sqlx::raw_sql("COMMIT").execute(&mut blocker).await.unwrap();
    for claim in claims {
        claim.await.unwrap().expect(201);
    }
    let totals = &shop.ledger().await["coupons"];
    assert_eq!(
        (&totals["queued"], &totals["issued"]),
        (&json!(0), &json!(7))
    );
}

/// Ids of users and policies are never used again, and what Redis admits
/// PostgreSQL looks at as well.
#[tokio::test]
async fn each_claim_has_an_outcome_of_its_own() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 2, "total": 4 } })).await;
    let user = shop.user("u1").await;
    let policies = shop.policies().await;
    shop.sql("UPDATE coupon_policies SET ends_at = now() WHERE id = (SELECT max(id) FROM coupon_policies)")
        .await;
    let [open, over, unknown] = [policies[0], policies[1], i64::MAX];
    let outcomes: Vec<i32> = sqlx::query_scalar(
        "SELECT issue_coupons($1, $2, ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 7)), $3, $4)",
    )
    .bind([open, over, unknown])
    .bind([user, i64::MAX])
    .bind([1, 2, 1, 3, 1, 1, 1])
    .bind([1, 1, 2, 1, 1, 1, 1])
    .fetch_one(&mut shop.database().await)
    .await
    .unwrap();
    assert_eq!(outcomes, [0, 1, 3, 1, 0, 2, 2]);
    assert_eq!(shop.coupons(user).await.len(), 2);
    let ledger = shop.ledger().await;
    assert_eq!(ledger["coupons"]["policies"][0]["issued"], 2);
    let counted: i64 = sqlx::query_scalar("SELECT issued FROM coupon_policies WHERE id = $1")
        .bind(open)
        .fetch_one(&mut shop.database().await)
        .await
        .unwrap();
    assert_eq!(counted, 2);
}
