//! `GET /users/id`.

use futures::future::join_all;
use serde_json::json;

use crate::shop::Shop;

#[tokio::test]
async fn a_name_has_one_id_and_an_unknown_name_becomes_a_user() {
    let shop = Shop::open(json!({ "users": 2 })).await;
    let (u1, u2) = (shop.user("u1").await, shop.user("u2").await);
    assert_ne!(u1, u2);
    assert_eq!(shop.user("u1").await, u1);
    assert_eq!(shop.ledger().await["balances"]["users"], 2);

    let stranger = shop.user("u300000").await;
    assert_eq!(shop.user("u300000").await, stranger);
    assert_eq!(shop.balance(stranger).await, 0);
    assert_eq!(shop.ledger().await["balances"]["users"], 3);

    let elsewhere = Shop::on(shop.config.clone()).await;
    assert_eq!(elsewhere.user("u300000").await, stranger);
}

#[tokio::test]
async fn two_servers_asked_for_a_new_name_at_once_create_one_user() {
    let shop = Shop::open(json!({ "users": 0 })).await;
    let other = Shop::on(shop.config.clone()).await;
    let asks = (0..200).map(|n| {
        let server = if n % 2 == 0 { &shop } else { &other };
        async move { (n % 5, server.user(&format!("new{}", n % 5)).await) }
    });
    let mut ids = join_all(asks).await;
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5, "{ids:?}");
    assert_eq!(shop.ledger().await["balances"]["users"], 5);
}

#[tokio::test]
async fn any_script_makes_a_name() {
    let shop = Shop::open(json!({ "users": 0 })).await;
    let korean = shop.user("%EA%B0%80").await;
    assert_eq!(shop.user("가").await, korean);
    let longest = "x".repeat(64);
    assert_eq!(shop.user(&longest).await, shop.user(&longest).await);
}

#[tokio::test]
async fn what_is_no_name_is_refused() {
    let shop = Shop::open(json!({ "users": 0 })).await;
    let too_long = format!("/users/id?name={}", "x".repeat(65));
    for (path, reason) in [
        ("/users/id", "missing field `name`"),
        ("/users/id?name=", "1 to 64 characters"),
        ("/users/id?name=a%00b", "no control characters"),
        ("/users/id?name=a%0Ab", "no control characters"),
        ("/users/id?name=a&name=b", "duplicate field `name`"),
        (&too_long, "this one has 65"),
    ] {
        let detail = shop.get(path).await.problem(400);
        assert!(detail.contains(reason), "{path}: {detail}");
    }
    assert_eq!(shop.ledger().await["balances"]["users"], 0);
}
