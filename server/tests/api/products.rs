//! `GET /products`, `/products/{id}` and `/products/top/realtime`.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::shop::{Shop, eventually};

fn product(id: i64, stock: i64) -> Value {
    json!({ "productId": id, "name": format!("p{id}"), "price": 2000, "stock": stock })
}

#[tokio::test]
async fn products_show_what_is_left() {
    let shop = Shop::open(json!({})).await;
    let all: Vec<Value> = (1..=5).map(|id| product(id, 2_000_000)).collect();
    assert_eq!(shop.get("/products").await.expect(200), json!(all));

    let user = shop.user("u1").await;
    shop.charge(user, 100_000).await.expect(201);
    shop.order(user, None, &[(3, 7)]).await.expect(201);
    assert_eq!(
        shop.get("/products/3").await.expect(200),
        product(3, 1_999_993)
    );
    assert_eq!(
        shop.get("/products").await.expect(200)[2],
        product(3, 1_999_993)
    );

    assert_eq!(
        shop.get("/products/6").await.problem(404),
        "there is no product 6"
    );
    shop.get("/products/0").await.problem(400);
    shop.get("/products/x").await.problem(400);
}

#[tokio::test]
async fn the_ranking_is_three_days_of_base_and_what_was_sold() {
    let shop = Shop::open(json!({})).await;
    let top = |sold: [i64; 5], order: [i64; 5]| -> Value {
        let line = |id: i64| {
            let sold = sold[usize::try_from(id).unwrap() - 1];
            json!({ "productId": id, "name": format!("p{id}"), "soldQty": sold })
        };
        order.map(line).to_vec().into()
    };
    let before = top([1500, 1200, 900, 600, 300], [1, 2, 3, 4, 5]);
    assert_eq!(shop.get("/products/top/realtime").await.expect(200), before);

    let user = shop.user("u1").await;
    shop.charge(user, 10_000_000).await.expect(201);
    shop.order(user, None, &[(5, 1000), (1, 2)])
        .await
        .expect(201);
    let after = top([1502, 1200, 900, 600, 1300], [1, 5, 2, 3, 4]);
    eventually(async || {
        (shop.get("/products/top/realtime").await.expect(200) == after).then_some(())
    })
    .await;

    // A refused order sells nothing.
    shop.order(user, None, &[(4, 1_000_000)]).await.problem(400);
    assert_eq!(shop.get("/products/top/realtime").await.expect(200), after);
}

#[tokio::test]
async fn days_that_are_over_do_not_count() {
    let shop = Shop::open(json!({})).await;
    shop.sql(
        "INSERT INTO product_sales (product_id, day, base) VALUES (5, (now() AT TIME ZONE 'UTC')::date - 3, 100000);
         UPDATE product_sales SET sold = 5000 WHERE product_id = 4 AND day = (now() AT TIME ZONE 'UTC')::date - 2",
    )
    .await;
    let () = redis::cmd("FLUSHDB")
        .query_async(&mut shop.redis().await)
        .await
        .unwrap();
    let top = shop.get("/products/top/realtime").await.expect(200);
    assert_eq!(
        top[0],
        json!({ "productId": 4, "name": "p4", "soldQty": 5600 })
    );
    assert_eq!(
        top[4],
        json!({ "productId": 5, "name": "p5", "soldQty": 300 })
    );
}

#[tokio::test]
async fn the_ranking_is_as_long_as_asked_for() {
    let shop = Shop::open(json!({ "users": 1, "products": { "count": 120 } })).await;
    let user = shop.user("u1").await;
    shop.charge(user, 10_000_000).await.expect(201);
    for from in [1, 61] {
        let items: Vec<(i64, i64)> = (from..from + 60).map(|id| (id, 1)).collect();
        shop.order(user, None, &items).await.expect(201);
    }
    let top = async |query: &str| -> Vec<i64> {
        let path = format!("/products/top/realtime{query}");
        let top = shop.get(&path).await.expect(200);
        let products = top.as_array().unwrap().iter();
        products
            .map(|product| product["productId"].as_i64().unwrap())
            .collect()
    };
    eventually(async || (top("?limit=100").await.len() == 100).then_some(())).await;
    for (query, length) in [
        ("", 5),
        ("?limit=1", 1),
        ("?limit=7", 7),
        ("?limit=100", 100),
    ] {
        assert_eq!(
            top(query).await,
            (1..=length).collect::<Vec<i64>>(),
            "{query}"
        );
    }
    // Those who ask at the same time each get what they asked for.
    let answers = join_all([2, 9, 2, 5].map(|limit| {
        let top = &top;
        async move { top(&format!("?limit={limit}")).await.len() }
    }));
    assert_eq!(answers.await, [2, 9, 2, 5]);
    for (query, reason) in [
        ("?limit=0", "limit is 0"),
        ("?limit=101", "limit is 101"),
        ("?limit=-1", "limit is -1"),
        ("?limit=x", "invalid digit"),
        ("?limit=", "cannot parse integer from empty string"),
    ] {
        let path = format!("/products/top/realtime{query}");
        let detail = shop.get(&path).await.problem(400);
        assert!(detail.contains(reason), "{query}: {detail}");
    }
}

#[tokio::test]
async fn a_shop_without_products_shows_none() {
    let shop = Shop::empty().await;
    assert_eq!(shop.get("/products").await.expect(200), json!([]));
    assert_eq!(
        shop.get("/products/top/realtime").await.expect(200),
        json!([])
    );
}
