//! `POST /orders`.

use futures::future::join_all;
use serde_json::json;

use crate::shop::Shop;

async fn shop_with_money(amount: i64) -> (Shop, i64) {
    let shop = Shop::open(
        json!({ "users": 2, "coupons": { "policies": 1, "total": 10, "discount": 3000 } }),
    )
    .await;
    let user = shop.user("u1").await;
    shop.charge(user, amount).await.expect(201);
    (shop, user)
}

#[tokio::test]
async fn an_order_costs_its_items_and_a_coupon_takes_off_its_discount() {
    let (shop, user) = shop_with_money(20_000).await;
    let plain = shop.order(user, None, &[(1, 1), (2, 2)]).await.expect(201);
    assert_eq!(plain["totalAmount"], 6000);
    assert_eq!(shop.balance(user).await, 14_000);

    let coupon = shop.coupon(user, shop.policies().await[0]).await;
    let cheaper = shop
        .order(user, Some(coupon), &[(1, 1), (2, 2)])
        .await
        .expect(201);
    assert_eq!(cheaper["totalAmount"], 3000);
    assert!(cheaper["orderId"].as_i64() > plain["orderId"].as_i64());
    assert_eq!(shop.balance(user).await, 11_000);
    assert_eq!(shop.coupons(user).await, [] as [i64; 0]);

    let ledger = shop.settled().await;
    assert_eq!(
        ledger["orders"],
        json!({ "count": 2, "withCoupon": 1, "gross": 12_000, "discount": 3000, "paid": 9000 })
    );
    assert_eq!(ledger["products"][1]["sold"], 4);
    assert_eq!(ledger["products"][1]["stock"], 1_999_996);
}

#[tokio::test]
async fn a_discount_never_makes_an_order_pay_out() {
    let (shop, user) = shop_with_money(10).await;
    let coupon = shop.coupon(user, shop.policies().await[0]).await;
    let free = shop.order(user, Some(coupon), &[(1, 1)]).await.expect(201);
    assert_eq!(free["totalAmount"], 0);
    assert_eq!(shop.balance(user).await, 10);
    assert_eq!(
        shop.ledger().await["orders"],
        json!({ "count": 1, "withCoupon": 1, "gross": 2000, "discount": 2000, "paid": 0 })
    );
}

#[tokio::test]
async fn items_of_the_same_product_are_added_up() {
    let (shop, user) = shop_with_money(10_000).await;
    let order = shop
        .order(user, None, &[(2, 1), (1, 1), (2, 2)])
        .await
        .expect(201);
    assert_eq!(order["totalAmount"], 8000);
    assert_eq!(shop.ledger().await["products"][1]["sold"], 3);
}

#[tokio::test]
async fn every_refusal_has_its_status_and_changes_nothing() {
    let (shop, user) = shop_with_money(5000).await;
    let policy = shop.policies().await[0];
    let other = shop.user("u2").await;
    let theirs = shop.coupon(other, policy).await;
    let expired = shop.coupon(user, policy).await;
    shop.sql("UPDATE coupons SET expires_at = now() WHERE id = (SELECT max(id) FROM coupons)")
        .await;
    let used = shop.coupon(user, policy).await;
    assert_eq!(
        shop.coupons(user).await,
        [used],
        "an expired coupon is not listed"
    );
    shop.order(user, Some(used), &[(1, 1)]).await.expect(201);
    shop.sql("UPDATE products SET stock = 1 WHERE id = 5").await;
    let before = shop.settled().await;

    let refused = async |order: crate::shop::Answer, status, reason: String| {
        assert_eq!(order.problem(status), reason);
    };
    let no_user = i64::MAX;
    refused(
        shop.order(no_user, None, &[(1, 1)]).await,
        404,
        format!("there is no user {no_user}"),
    )
    .await;
    refused(
        shop.order(user, None, &[(1, 1), (99, 1)]).await,
        404,
        "there is no product 99".into(),
    )
    .await;
    refused(
        shop.order(user, Some(theirs), &[(1, 1)]).await,
        400,
        format!("user {user} has no coupon {theirs}"),
    )
    .await;
    refused(
        shop.order(user, Some(i64::MAX), &[(1, 1)]).await,
        400,
        format!("user {user} has no coupon {}", i64::MAX),
    )
    .await;
    refused(
        shop.order(user, Some(used), &[(1, 1)]).await,
        409,
        format!("coupon {used} has been used"),
    )
    .await;
    refused(
        shop.order(user, Some(expired), &[(1, 1)]).await,
        409,
        format!("coupon {expired} has expired"),
    )
    .await;
    refused(
        shop.order(user, None, &[(1, 1), (5, 2)]).await,
        409,
        "product 5 is out of stock".into(),
    )
    .await;
    refused(
        shop.order(user, None, &[(1, 3)]).await,
        400,
        format!("the balance of user {user} is too small"),
    )
    .await;
    refused(
        shop.order(user, None, &[]).await,
        400,
        "an order has at least one item".into(),
    )
    .await;
    refused(
        shop.order(user, None, &[(1, 0)]).await,
        400,
        "the quantity of product 1 must be 1 or more".into(),
    )
    .await;

    assert_eq!(shop.ledger().await, before);
    assert_eq!(shop.balance(user).await, 5000);
}

#[tokio::test]
async fn the_largest_order_that_is_valid_is_refused_for_its_price_and_not_by_an_overflow() {
    let (shop, user) = shop_with_money(5000).await;
    shop.sql(
        "INSERT INTO products SELECT n, 'dear', 1000000000, 2000000, 2000000 FROM generate_series(6, 105) AS n",
    )
    .await;
    let items: Vec<(i64, i64)> = (6..=105).map(|product| (product, 1_000_000)).collect();
    let detail = shop.order(user, None, &items).await.problem(400);
    assert_eq!(detail, format!("the balance of user {user} is too small"));
}

/// Requests sent at once share a batch: a bad one must not spoil its
/// neighbours, and a later one must see what an earlier one did.
#[tokio::test]
async fn orders_of_one_batch_have_outcomes_of_their_own() {
    let (shop, user) = shop_with_money(2000 * 10).await;
    let orders = (0..60).map(|n| {
        let shop = &shop;
        async move {
            match n % 3 {
                0 => shop.order(user, None, &[(1, 1)]).await,
                1 => shop.order(user, None, &[(99, 1)]).await,
                _ => shop.order(i64::MAX - n, None, &[(1, 1)]).await,
            }
        }
    });
    let answers = join_all(orders).await;
    let statuses = |kind: usize| -> Vec<u16> {
        let mut statuses: Vec<u16> = answers
            .iter()
            .skip(kind)
            .step_by(3)
            .map(|a| a.status.as_u16())
            .collect();
        statuses.sort_unstable();
        statuses
    };
    let paid_for: Vec<u16> = [vec![201; 10], vec![400; 10]].concat();
    assert_eq!(statuses(0), paid_for);
    assert_eq!(statuses(1), [404; 20]);
    assert_eq!(statuses(2), [404; 20]);
    assert_eq!(shop.balance(user).await, 0);
}
