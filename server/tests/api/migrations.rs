//! What is in a database that an earlier version of the server made.

use std::borrow::Cow;

use sqlx::{Connection, PgConnection, migrate::Migrator};

use crate::shop::{Shop, fresh_config};

#[tokio::test]
async fn orders_of_an_earlier_version_keep_their_items() {
    let config = fresh_config().await;
    let mut database = PgConnection::connect(&config.database_url).await.unwrap();
    let mut earlier: Migrator = sqlx::migrate!();
    earlier.migrations = Cow::Owned(
        earlier
            .iter()
            .filter(|migration| migration.version < 6)
            .cloned()
            .collect(),
    );
    earlier.run(&mut database).await.unwrap();
    sqlx::raw_sql(
        "SELECT init_world(1, 1, 10, 2000, 5, 2000, 100, 0);
         INSERT INTO orders (user_id, gross, discount) SELECT id, 10000, 0 FROM users;
         INSERT INTO orders (user_id, gross, discount) SELECT id, 2000, 0 FROM users;
         INSERT INTO order_items (order_id, product_id, quantity, price)
         SELECT min(id), 3, 4, 2000 FROM orders UNION ALL SELECT min(id), 1, 1, 2000 FROM orders
         UNION ALL SELECT max(id), 2, 1, 2000 FROM orders",
    )
    .execute(&mut database)
    .await
    .unwrap();

    let shop = Shop::on(config).await;
    let items: Vec<(Vec<i64>, Vec<i64>, Vec<i64>)> =
        sqlx::query_as("SELECT product_ids, quantities, prices FROM orders ORDER BY id")
            .fetch_all(&mut database)
            .await
            .unwrap();
    assert_eq!(
        items,
        [
            (vec![1, 3], vec![1, 4], vec![2000, 2000]),
            (vec![2], vec![1], vec![2000])
        ]
    );
    let ledger = shop.get("/ledger").await.expect(200);
    let sold: Vec<_> = ledger["products"]
        .as_array()
        .unwrap()
        .iter()
        .map(|product| product["sold"].as_i64().unwrap())
        .collect();
    assert_eq!(sold, [1, 1, 4, 0, 0]);
}
