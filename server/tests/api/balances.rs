//! `GET` and `POST /users/{id}/balance`.

use serde_json::json;

use crate::shop::Shop;

#[tokio::test]
async fn charges_add_up() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    assert_eq!(shop.balance(user).await, 0);
    let charged = shop.charge(user, 10_000).await.expect(201);
    assert_eq!(charged, json!({ "userId": user, "balance": 10_000 }));
    let charged = shop.charge(user, 1).await.expect(201);
    assert_eq!(charged, json!({ "userId": user, "balance": 10_001 }));
    assert_eq!(shop.balance(user).await, 10_001);
    assert_eq!(
        shop.ledger().await["balances"],
        json!({ "users": 1, "charged": 10_001, "held": 10_001 })
    );
}

#[tokio::test]
async fn an_amount_is_at_least_one_and_the_balance_has_an_end() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    for amount in [0, -1, i64::MIN, i64::MAX, 1_000_000_000_001] {
        let detail = shop.charge(user, amount).await.problem(400);
        assert!(detail.contains(&amount.to_string()), "{detail}");
    }
    shop.charge(user, 1_000_000_000_000).await.expect(201);
    let detail = shop.charge(user, 1).await.problem(400);
    assert_eq!(
        detail,
        "1 cannot be charged: a balance holds 1000000000000 at most"
    );
    assert_eq!(shop.balance(user).await, 1_000_000_000_000);
}

#[tokio::test]
async fn a_body_that_is_no_charge_is_refused() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let user = shop.user("u1").await;
    for (body, reason) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("null", "invalid type: null"),
        ("[]", "invalid type: sequence, expected an object"),
        ("[1]", "invalid type: sequence, expected an object"),
        ("{}", "missing field `amount`"),
        (r#"{"amount":null}"#, "expected i64"),
        (r#"{"amount":"10000"}"#, "expected i64"),
        (r#"{"amount":1.5}"#, "expected i64"),
        (r#"{"amount":1e3}"#, "expected i64"),
        (r#"{"amount":9223372036854775808}"#, "expected i64"),
        (r#"{"amount":1,"amount":2}"#, "duplicate field"),
        (r#"{"amount":1}x"#, "trailing characters"),
        ("{\"amount\":\u{0}}", "expected value"),
    ] {
        let detail = shop
            .post_text(&format!("/users/{user}/balance"), body)
            .await
            .problem(400);
        assert!(detail.contains(reason), "{body}: {detail}");
    }
    assert_eq!(shop.balance(user).await, 0);
}

#[tokio::test]
async fn an_id_must_be_one_and_be_known() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    for id in [
        "0",
        "-1",
        "abc",
        "1.5",
        "9223372036854775808",
        "%00",
        "%FF",
        "1%2F2",
    ] {
        shop.get(&format!("/users/{id}/balance")).await.problem(400);
        shop.post_text(&format!("/users/{id}/balance"), r#"{"amount":1}"#)
            .await
            .problem(400);
    }
    let detail = shop
        .get("/users/9223372036854775807/balance")
        .await
        .problem(404);
    assert_eq!(detail, "there is no user 9223372036854775807");
    shop.charge(i64::MAX, 1).await.problem(404);
}
