//! `GET /ledger`.

use serde_json::json;

use crate::shop::{Shop, eventually};

#[tokio::test]
async fn a_user_has_books_of_their_own() {
    let shop = Shop::open(json!({ "users": 2, "coupons": { "policies": 1, "total": 10 } })).await;
    let (user, other) = (shop.user("u1").await, shop.user("u2").await);
    let policy = shop.policies().await[0];
    shop.charge(user, 9000).await.expect(201);
    shop.charge(user, 1000).await.expect(201);
    shop.charge(other, 500).await.expect(201);
    let coupon = shop.coupon(user, policy).await;
    shop.coupon(user, policy).await;
    shop.order(user, Some(coupon), &[(1, 2)]).await.expect(201);
    shop.order(user, None, &[(2, 1)]).await.expect(201);

    let books = shop
        .get(&format!("/ledger?userId={user}"))
        .await
        .expect(200);
    assert_eq!(
        books,
        json!({
            "userId": user,
            "orders": { "count": 2, "withCoupon": 1, "gross": 6000, "discount": 2000, "paid": 4000 },
            "balance": { "charged": 10_000, "held": 6000 },
            "coupons": { "issued": 2, "used": 1 },
        })
    );
    let books = shop
        .get(&format!("/ledger?userId={other}"))
        .await
        .expect(200);
    assert_eq!(books["balance"], json!({ "charged": 500, "held": 500 }));
    assert_eq!(books["orders"]["count"], 0);

    let detail = shop
        .get(&format!("/ledger?userId={}", i64::MAX))
        .await
        .problem(404);
    assert_eq!(detail, format!("there is no user {}", i64::MAX));
    shop.get("/ledger?userId=x").await.problem(400);
    shop.get("/ledger?userId=0").await.problem(400);
}

/// The audit can only catch a wrong counter if the books don't use it.
#[tokio::test]
async fn the_books_come_from_rows_and_show_what_was_tampered_with() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 1, "total": 10 } })).await;
    let user = shop.user("u1").await;
    shop.charge(user, 10_000).await.expect(201);
    shop.coupon(user, shop.policies().await[0]).await;
    shop.order(user, None, &[(1, 1), (2, 3)]).await.expect(201);
    shop.settled().await;
    shop.sql(
        "UPDATE users SET balance = balance - 1;
         UPDATE products SET stock = stock + 2 WHERE id = 2;
         UPDATE coupon_policies SET issued = 5;
         UPDATE product_sales SET sold = 0",
    )
    .await;
    let ledger = shop.ledger().await;
    assert_eq!(
        ledger["balances"],
        json!({ "users": 1, "charged": 10_000, "held": 1999 })
    );
    assert_eq!(ledger["orders"]["paid"], 8000);
    assert_eq!(ledger["coupons"]["issued"], 1);
    assert_eq!(ledger["products"][1]["sold"], 3);
    assert_eq!(ledger["products"][1]["stock"], 1_999_999);
}

#[tokio::test]
async fn sums_beyond_64_bits_are_no_failure() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    shop.sql(
        "INSERT INTO charges (user_id, amount)
         SELECT (SELECT min(id) FROM users), 9223372036854775807 FROM generate_series(1, 3)",
    )
    .await;
    let ledger = shop.ledger().await;
    assert_eq!(ledger["balances"]["charged"], i64::MAX);
}

#[tokio::test]
async fn the_ranking_follows_the_books() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    shop.charge(user, 1_000_000).await.expect(201);
    for _ in 0..20 {
        shop.order(user, None, &[(1, 1), (4, 2)]).await.expect(201);
    }
    eventually(async || {
        let ledger = shop.ledger().await;
        let products = ledger["products"].as_array().unwrap();
        let agree = products.iter().all(|product| {
            let number = |key: &str| product[key].as_i64().unwrap();
            number("rankingScore") == number("rankingBase") + number("sold")
        });
        agree.then_some(())
    })
    .await;
    assert_eq!(shop.ledger().await["products"][3]["rankingScore"], 640);
}
