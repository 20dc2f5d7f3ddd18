//! `GET /products`, `/products/{id}` and `/products/top/realtime`.

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
async fn a_shop_without_products_shows_none() {
    let shop = Shop::empty().await;
    assert_eq!(shop.get("/products").await.expect(200), json!([]));
    assert_eq!(
        shop.get("/products/top/realtime").await.expect(200),
        json!([])
    );
}
