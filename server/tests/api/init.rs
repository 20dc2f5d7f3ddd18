//! `POST /init`.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::shop::{Shop, eventually, fresh_config};

#[tokio::test]
async fn without_a_body_the_shop_is_as_the_seed_has_it() {
    let shop = Shop::empty().await;
    let answer = shop.post_text("/init", "").await.expect(200);
    let policies: Vec<i64> = serde_json::from_value(answer["policyIds"].clone()).unwrap();
    assert_eq!(policies.len(), 5);
    assert!(answer["message"].is_string());

    let ledger = shop.ledger().await;
    assert_eq!(
        ledger["orders"],
        json!({ "count": 0, "withCoupon": 0, "gross": 0, "discount": 0, "paid": 0 })
    );
    assert_eq!(
        ledger["balances"],
        json!({ "users": 300, "charged": 0, "held": 0 })
    );
    let policy = |id: &i64| json!({ "policyId": id, "quantity": 40_000, "issued": 0 });
    let expected: Vec<Value> = policies.iter().map(policy).collect();
    assert_eq!(
        ledger["coupons"],
        json!({ "quantity": 200_000, "issued": 0, "used": 0, "queued": 0, "policies": expected })
    );
    let product = |id: i64| {
        let base = 3 * (600 - 100 * id);
        json!({
            "productId": id, "name": format!("p{id}"), "price": 2000,
            "initialStock": 2_000_000, "stock": 2_000_000, "sold": 0,
            "rankingBase": base, "rankingScore": base,
        })
    };
    assert_eq!(
        ledger["products"],
        json!((1..=5).map(product).collect::<Vec<_>>())
    );
    for name in ["u1", "u300"] {
        shop.user(name).await;
    }
    assert_eq!(shop.ledger().await["balances"]["users"], 300);
}

#[tokio::test]
async fn the_coupons_are_divided_exactly() {
    let shop =
        Shop::open(json!({ "users": 7, "coupons": { "policies": 3, "total": 11, "discount": 5 } }))
            .await;
    let ledger = shop.ledger().await;
    assert_eq!(ledger["balances"]["users"], 7);
    let quantities: Vec<i64> = ledger["coupons"]["policies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| policy["quantity"].as_i64().unwrap())
        .collect();
    assert_eq!(quantities, [4, 4, 3]);

    let none = shop
        .post(
            "/init",
            &json!({ "users": 0, "coupons": { "policies": 0 } }),
        )
        .await
        .expect(200);
    assert_eq!(none["policyIds"], json!([]));
}

#[tokio::test]
async fn the_products_are_as_planned_and_each_has_a_place_in_the_ranking() {
    let plan = json!({ "users": 1, "products": { "count": 7, "price": 300, "stock": 2 } });
    let shop = Shop::open(plan).await;
    let product = |id: i64| {
        let base = 3 * (600 - 100 * id).max(1);
        json!({
            "productId": id, "name": format!("p{id}"), "price": 300,
            "initialStock": 2, "stock": 2, "sold": 0,
            "rankingBase": base, "rankingScore": base,
        })
    };
    let products: Vec<Value> = (1..=7).map(product).collect();
    assert_eq!(shop.ledger().await["products"], json!(products));
    let user = shop.user("u1").await;
    shop.charge(user, 10_000).await.expect(201);
    let order = shop.order(user, None, &[(7, 2)]).await.expect(201);
    assert_eq!(order["totalAmount"], 600);
    shop.order(user, None, &[(7, 1)]).await.problem(409);

    let few = json!({ "users": 1, "products": { "count": 2, "stock": 0 } });
    shop.post("/init", &few).await.expect(200);
    let ledger = shop.ledger().await;
    assert_eq!(ledger["products"].as_array().unwrap().len(), 2);
    assert_eq!(ledger["products"][1]["price"], 2000);
    assert_eq!(ledger["products"][1]["rankingScore"], 1200);
    let user = shop.user("u1").await;
    shop.charge(user, 10_000).await.expect(201);
    shop.order(user, None, &[(1, 1)]).await.problem(409);
}

/// Products of one piece come after the others, are sold once, and have no rank before that.
#[tokio::test]
async fn scarce_products_have_one_piece_and_no_place_in_the_ranking() {
    let products = json!({ "count": 2, "price": 300, "stock": 9, "scarce": 2 });
    let shop = Shop::open(json!({ "users": 1, "products": products })).await;
    let row = |id: i64, pieces: i64, base: i64| {
        json!({
            "productId": id, "name": format!("p{id}"), "price": 300,
            "initialStock": pieces, "stock": pieces, "sold": 0,
            "rankingBase": base, "rankingScore": base,
        })
    };
    let expected = [
        row(1, 9, 1_500),
        row(2, 9, 1_200),
        row(3, 1, 0),
        row(4, 1, 0),
    ];
    assert_eq!(shop.ledger().await["products"], json!(expected));
    let top = async || {
        let list = shop.get("/products/top/realtime").await.expect(200);
        let rows = list.as_array().unwrap().clone();
        let sold = |row: &Value| [&row["productId"], &row["soldQty"]].map(|n| n.as_i64().unwrap());
        rows.iter().map(sold).collect::<Vec<_>>()
    };
    assert_eq!(top().await, [[1, 1_500], [2, 1_200]]);

    let user = shop.user("u1").await;
    shop.charge(user, 10_000).await.expect(201);
    let both = [
        shop.order(user, None, &[(4, 1)]),
        shop.order(user, None, &[(4, 1)]),
    ];
    let mut statuses: Vec<u16> = join_all(both)
        .await
        .iter()
        .map(|a| a.status.as_u16())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "one of two gets the last piece");
    let sold = eventually(async || (top().await.len() == 3).then_some(())).await;
    assert_eq!((sold, top().await[2]), ((), [4, 1]), "below every other");
    let ledger = shop.ledger().await;
    let gone = &ledger["products"][3];
    let numbers = ["stock", "sold", "rankingBase", "rankingScore"].map(|key| &gone[key]);
    assert_eq!(numbers, [&json!(0), &json!(1), &json!(0), &json!(1)]);
    assert_eq!(ledger["products"][2], row(3, 1, 0));
}

#[tokio::test]
async fn a_plan_that_is_wrong_changes_nothing() {
    let shop = Shop::open(json!({ "users": 3 })).await;
    let before = shop.ledger().await;
    for (body, reason) in [
        (r#"{"user":3}"#, "unknown field `user`"),
        (r#"{"coupons":{"quantity":3}}"#, "unknown field `quantity`"),
        (r#"{"users":-1}"#, "users is -1"),
        (r#"{"users":100001}"#, "users is 100001"),
        (r#"{"users":1.5}"#, "expected i64"),
        (
            r#"{"coupons":{"policies":1001}}"#,
            "coupons.policies is 1001",
        ),
        (
            r#"{"coupons":{"total":100000001}}"#,
            "coupons.total is 100000001",
        ),
        (r#"{"coupons":{"discount":0}}"#, "coupons.discount is 0"),
        (r#"{"coupons":null}"#, "invalid type: null"),
        (r#"{"products":{"count":0}}"#, "products.count is 0"),
        (r#"{"products":{"count":1001}}"#, "products.count is 1001"),
        (r#"{"products":{"price":0}}"#, "products.price is 0"),
        (
            r#"{"products":{"price":1000000001}}"#,
            "products.price is 1000000001",
        ),
        (r#"{"products":{"stock":-1}}"#, "products.stock is -1"),
        (
            r#"{"products":{"stock":1000000000001}}"#,
            "products.stock is 1000000000001",
        ),
        (r#"{"products":{"scarce":-1}}"#, "products.scarce is -1"),
        (r#"{"products":{"scarce":1001}}"#, "products.scarce is 1001"),
        (r#"{"products":{"prize":1}}"#, "unknown field `prize`"),
        (r#"{"products":{"count":"5"}}"#, "expected i64"),
        (
            r#"{"coupons":[1,2,3]}"#,
            "invalid type: sequence, expected an object",
        ),
        ("[]", "invalid type: sequence, expected an object"),
        ("[5]", "invalid type: sequence, expected an object"),
        ("[", "invalid type: sequence, expected an object"),
        (" ", "EOF"),
    ] {
        let detail = shop.post_text("/init", body).await.problem(400);
        assert!(detail.contains(reason), "{body}: {detail}");
    }
    assert_eq!(shop.ledger().await, before);
}

#[tokio::test]
async fn without_the_flag_nothing_is_erased() {
    let mut config = fresh_config().await;
    Shop::on(config.clone())
        .await
        .post_text("/init", "")
        .await
        .expect(200);
    config.allow_init = false;
    let shop = Shop::on(config).await;
    let user = shop.user("u1").await;
    shop.charge(user, 5).await.expect(201);
    let detail = shop.post_text("/init", "").await.problem(403);
    assert!(detail.contains("--allow-init"), "{detail}");
    assert_eq!(shop.balance(user).await, 5);
}

#[tokio::test]
async fn nothing_of_the_old_world_reaches_the_new_one() {
    let shop = Shop::open(json!({ "users": 2 })).await;
    let other = Shop::on(shop.config.clone()).await;
    let user = shop.user("u1").await;
    assert_eq!(other.user("u1").await, user);
    let policy = shop.policies().await[0];
    shop.charge(user, 50_000).await.expect(201);
    let coupon = shop.coupon(user, policy).await;
    shop.order(user, None, &[(5, 3)]).await.expect(201);
    // Claims that may still be queued when the world ends.
    let claims = join_all((0..100).map(|_| other.claim(user, policy))).await;
    assert!(claims.iter().all(|claim| claim.status == 201));

    shop.post("/init", &json!({ "users": 2 })).await.expect(200);
    let fresh = shop.settled().await;
    assert_eq!(
        fresh["balances"],
        json!({ "users": 2, "charged": 0, "held": 0 })
    );
    assert_eq!(fresh["coupons"]["issued"], 0);
    assert_eq!(fresh["orders"]["count"], 0);
    assert_eq!(fresh["products"][4]["rankingScore"], 300);

    let again = shop.user("u1").await;
    assert_ne!(again, user, "the name was forgotten");
    assert_eq!(shop.balance(again).await, 0);
    // Everything old is refused, by both servers.
    for shop in [&shop, &other] {
        shop.order(user, None, &[(1, 1)]).await.problem(404);
        shop.charge(user, 1).await.problem(404);
        shop.order(again, Some(coupon), &[(1, 1)])
            .await
            .problem(400);
        shop.claim(again, policy).await.problem(400);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(shop.settled().await["coupons"]["issued"], 0);
    assert_eq!(shop.ledger().await["orders"]["count"], 0);
}

/// Servers remember names and ids; the others hear of a new world when it is
/// there, and not when they look next.
#[tokio::test]
async fn servers_agree_at_once_on_a_new_world() {
    let shop = Shop::open(json!({ "users": 2 })).await;
    let other = Shop::on(shop.config.clone()).await;
    // Until it listens.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        let old = other.user("u1").await;
        shop.post("/init", &json!({ "users": 2 })).await.expect(200);
        let begun = Instant::now();
        let user = shop.user("u1").await;
        assert_ne!(user, old);
        eventually(async || (other.user("u1").await == user).then_some(())).await;
        slowest = slowest.max(begun.elapsed());
        other.charge(user, 5).await.expect(201);
    }
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
}

/// `/init` in the middle of traffic: whatever is under way gets an answer that
/// is no server error, and the new books balance.
#[tokio::test]
async fn init_under_traffic_leaves_books_that_balance() {
    let shop = Shop::open(json!({ "users": 20 })).await;
    let traffic = (0..20).map(|n| {
        let shop = shop.clone();
        async move {
            for _ in 0..20 {
                let user = shop.user(&format!("u{}", n + 1)).await;
                let policies = shop.policies().await;
                for answer in [
                    shop.charge(user, 4000).await,
                    shop.claim(user, policies.first().copied().unwrap_or(1))
                        .await,
                    shop.order(user, None, &[(1, 1), (2, 1)]).await,
                    shop.get("/products/top/realtime").await,
                ] {
                    assert!(!answer.status.is_server_error(), "{answer:?}");
                }
            }
        }
    });
    let inits = async {
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            shop.post("/init", &json!({ "users": 20 }))
                .await
                .expect(200);
        }
    };
    tokio::join!(join_all(traffic), inits);
    let ledger = shop.settled().await;
    let number = |path: &str| ledger.pointer(path).unwrap().as_i64().unwrap();
    assert_eq!(
        number("/balances/held"),
        number("/balances/charged") - number("/orders/paid")
    );
    assert_eq!(number("/products/0/sold"), number("/orders/count"));
    assert_eq!(
        number("/products/0/stock"),
        2_000_000 - number("/products/0/sold")
    );
}
