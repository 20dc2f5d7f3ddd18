//! What must hold when many do the same at once.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use crate::shop::{Answer, Shop, count};

/// Runs the calls as tasks on several threads, as a server does.
async fn at_once(
    calls: impl IntoIterator<Item = impl Future<Output = Answer> + Send + 'static>,
) -> Vec<Answer> {
    let tasks: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    join_all(tasks)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_orders_with_one_coupon_one_gets_it() {
    let shop = Shop::open(json!({ "users": 1, "coupons": { "policies": 1, "total": 10 } })).await;
    let other = Shop::on(shop.config.clone()).await;
    let user = shop.user("u1").await;
    shop.charge(user, 1_000_000).await.expect(201);
    let coupon = shop.coupon(user, shop.policies().await[0]).await;
    let answers = at_once((0..200).map(|n| {
        let shop = if n % 2 == 0 {
            shop.clone()
        } else {
            other.clone()
        };
        async move { shop.order(user, Some(coupon), &[(1, 1), (2, 1)]).await }
    }))
    .await;
    assert_eq!(count(&answers, [201, 409]), [1, 199]);
    assert_eq!(shop.balance(user).await, 1_000_000 - 2000);
    let ledger = shop.ledger().await;
    assert_eq!(
        ledger["orders"],
        json!({ "count": 1, "withCoupon": 1, "gross": 4000, "discount": 2000, "paid": 2000 })
    );
    assert_eq!(ledger["coupons"]["used"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_1000_claims_on_100_coupons_100_are_admitted_and_issued() {
    let shop = Shop::open(json!({ "users": 50, "coupons": { "policies": 1, "total": 100 } })).await;
    let other = Shop::on(shop.config.clone()).await;
    let policy = shop.policies().await[0];
    let users = join_all((1..=50).map(|n| shop.user_named(n))).await;
    let answers = at_once((0..1000).map(|n| {
        let shop = if n % 2 == 0 {
            shop.clone()
        } else {
            other.clone()
        };
        let user = users[n % users.len()];
        async move { shop.claim(user, policy).await }
    }))
    .await;
    assert_eq!(count(&answers, [201, 409]), [100, 900]);
    let totals = &shop.settled().await["coupons"];
    assert_eq!(totals["issued"], 100);
    assert_eq!(
        totals["policies"],
        json!([{ "policyId": policy, "quantity": 100, "issued": 100 }])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_orders_on_a_stock_of_100_100_are_placed() {
    let shop = Shop::open(json!({ "users": 50 })).await;
    let other = Shop::on(shop.config.clone()).await;
    shop.sql("UPDATE products SET stock = 100, initial_stock = 100 WHERE id = 3")
        .await;
    let users = join_all((1..=50).map(|n| shop.user_named(n))).await;
    for user in &users {
        shop.charge(*user, 1_000_000).await.expect(201);
    }
    let answers = at_once((0..500).map(|n| {
        let shop = if n % 2 == 0 {
            shop.clone()
        } else {
            other.clone()
        };
        let user = users[n % users.len()];
        async move { shop.order(user, None, &[(3, 1), (1, 1)]).await }
    }))
    .await;
    assert_eq!(count(&answers, [201, 409]), [100, 400]);
    let products = &shop.ledger().await["products"];
    assert_eq!(
        (products[2]["stock"].as_i64(), products[2]["sold"].as_i64()),
        (Some(0), Some(100))
    );
    // The refused orders took nothing of the product that there was enough of.
    assert_eq!(
        (products[0]["stock"].as_i64(), products[0]["sold"].as_i64()),
        (Some(1_999_900), Some(100))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charges_and_orders_of_one_user_lose_no_money() {
    let shop = Shop::open(json!({ "users": 1 })).await;
    let other = Shop::on(shop.config.clone()).await;
    let user = shop.user("u1").await;
    let answers = at_once((0..600_i64).map(|n| {
        let shop = if n % 4 < 2 {
            shop.clone()
        } else {
            other.clone()
        };
        async move {
            if n % 2 == 0 {
                shop.charge(user, 1000 + n).await
            } else {
                shop.order(user, None, &[(n % 5 + 1, 1)]).await
            }
        }
    }))
    .await;
    let [created, refused] = count(&answers, [201, 400]);
    assert_eq!(created + refused, 600);
    let charged: i64 = (0..600).step_by(2).map(|n| 1000 + n).sum();
    let placed = i64::try_from(created - 300).unwrap();
    assert!(placed > 0, "no order found money");
    let left = charged - 2000 * placed;
    assert_eq!(shop.balance(user).await, left);
    let ledger = shop.ledger().await;
    assert_eq!(
        ledger["balances"],
        json!({ "users": 1, "charged": charged, "held": left })
    );
    assert_eq!(ledger["orders"]["count"], placed);
}

/// Orders that wait while another one is being written form one batch. In it
/// each must see what the earlier ones did, long before anything is committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_batch_nothing_is_spent_twice() {
    let shop = Shop::open(json!({ "users": 4, "coupons": { "policies": 1, "total": 10 } })).await;
    let users = join_all((1..=4).map(|n| shop.user_named(n))).await;
    let [first, with_coupon, poor, late] = users[..] else {
        panic!("four users")
    };
    for (user, amount) in [
        (first, 2000),
        (with_coupon, 1_000_000),
        (poor, 3 * 2000),
        (late, 1_000_000),
    ] {
        shop.charge(user, amount).await.expect(201);
    }
    let coupon = shop.coupon(with_coupon, shop.policies().await[0]).await;
    shop.sql("UPDATE products SET stock = 5 WHERE id = 5").await;

    // Holds up the first order, and so everything behind it.
    let mut blocker = shop.database().await;
    let hold = sqlx::raw_sql("BEGIN; LOCK TABLE users IN EXCLUSIVE MODE");
    hold.execute(&mut blocker).await.unwrap();
    let sent = |user: i64, coupon: Option<i64>, product: i64, times: usize| {
        let orders = (0..times).map(|_| {
            let shop = shop.clone();
            async move { shop.order(user, coupon, &[(product, 1)]).await }
        });
        tokio::spawn(at_once(orders.collect::<Vec<_>>()))
    };
    let blocked = sent(first, None, 1, 1);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let one_coupon = sent(with_coupon, Some(coupon), 1, 50);
    let little_money = sent(poor, None, 2, 50);
    let little_stock = sent(late, None, 5, 50);
    tokio::time::sleep(Duration::from_millis(500)).await;
    sqlx::raw_sql("COMMIT").execute(&mut blocker).await.unwrap();

    assert_eq!(count(&blocked.await.unwrap(), [201]), [1]);
    assert_eq!(count(&one_coupon.await.unwrap(), [201, 409]), [1, 49]);
    assert_eq!(count(&little_money.await.unwrap(), [201, 400]), [3, 47]);
    assert_eq!(count(&little_stock.await.unwrap(), [201, 409]), [5, 45]);
    assert_eq!(shop.balance(poor).await, 0);
    assert_eq!(shop.balance(late).await, 1_000_000 - 5 * 2000);
    let ledger = shop.ledger().await;
    assert_eq!(ledger["orders"]["count"], 10);
    assert_eq!(ledger["coupons"]["used"], 1);
    assert_eq!(ledger["products"][4]["stock"], 0);
    // It was one batch: one commit.
    let (batches,): (i64,) = sqlx::query_as("SELECT count(DISTINCT ordered_at) FROM orders")
        .fetch_one(&mut blocker)
        .await
        .unwrap();
    assert_eq!(batches, 2);
}

/// Two servers, orders whose products and users overlap in every order: locks
/// taken in different orders would deadlock and show as 503.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_do_not_wait_for_each_other() {
    let shop =
        Shop::open(json!({ "users": 10, "coupons": { "policies": 5, "total": 1000 } })).await;
    let other = Shop::on(shop.config.clone()).await;
    let policies = shop.policies().await;
    let users = join_all((1..=10).map(|n| shop.user_named(n))).await;
    for user in &users {
        shop.charge(*user, 100_000_000).await.expect(201);
    }
    let answers = at_once((0..1000).map(|n: usize| {
        let shop = if n.is_multiple_of(2) {
            shop.clone()
        } else {
            other.clone()
        };
        let user = users[(n * 7) % users.len()];
        let policy = policies[n % policies.len()];
        let product = move |k: usize| i64::try_from((n * 3 + k * 2) % 5 + 1).unwrap();
        async move {
            match n % 4 {
                0 => shop.charge(user, 1).await,
                1 => shop.claim(user, policy).await,
                _ => {
                    shop.order(
                        user,
                        None,
                        &[(product(0), 1), (product(1), 1), (product(2), 1)],
                    )
                    .await
                }
            }
        }
    }))
    .await;
    assert_eq!(count(&answers, [201]), [1000]);
    let ledger = shop.settled().await;
    assert_eq!(ledger["orders"]["count"], 500);
    assert_eq!(ledger["coupons"]["issued"], 250);
    let sold: i64 = (0..5)
        .map(|product| ledger["products"][product]["sold"].as_i64().unwrap())
        .sum();
    assert_eq!(sold, 1500);
}
