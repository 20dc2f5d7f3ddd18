//! The end of a server: asked for, or not.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Client, another, eventually, order_until_the_end, orders_in, stack};

#[tokio::test]
async fn sigterm_under_load_finishes_what_was_accepted() {
    let stack = stack(json!({ "users": 1 })).await;
    let shopping = tokio::spawn({
        let base_url = stack.base_url().to_owned();
        async move { order_until_the_end(&base_url, 40).await }
    });
    tokio::time::sleep(Duration::from_millis(700)).await;
    let asked = Instant::now();
    stack.sut().terminate();
    let status = stack
        .sut()
        .wait(Duration::from_secs(15))
        .await
        .expect("it ended");
    assert!(status.success(), "{status}: {}", stack.sut().log_tail());
    assert!(
        asked.elapsed() < Duration::from_secs(3),
        "{:?}",
        asked.elapsed()
    );
    let acknowledged = shopping.await.unwrap();
    assert!(
        acknowledged.len() > 40,
        "only {} orders",
        acknowledged.len()
    );
    // Whatever was written was acknowledged, and the other way round: no
    // connection ended between the two.
    assert_eq!(acknowledged, orders_in(stack.postgres()).await);
    let log = stack.sut().log_tail();
    assert!(
        log.contains("stopped") && !log.contains("WARN") && !log.contains("ERROR"),
        "{log}"
    );
}

#[tokio::test]
async fn claims_that_were_admitted_are_issued_before_the_end() {
    let stack = stack(json!({ "users": 1, "coupons": { "policies": 1, "total": 500 } })).await;
    let mut client = Client::connect(stack.base_url()).await;
    let user = client.rich_user("u1").await;
    let (_, ledger) = client.get("/ledger").await.unwrap();
    let policy = ledger["coupons"]["policies"][0]["policyId"]
        .as_i64()
        .unwrap();
    for _ in 0..300 {
        assert_eq!(client.claim(user, policy).await.unwrap().0, 201);
    }
    stack.sut().terminate();
    assert!(
        stack
            .sut()
            .wait(Duration::from_secs(15))
            .await
            .expect("it ended")
            .success()
    );
    use sqlx::Connection;
    let mut database = sqlx::PgConnection::connect(stack.postgres().url())
        .await
        .unwrap();
    let issued: i64 = sqlx::query_scalar("SELECT count(*) FROM coupons")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(issued, 300);
}

#[tokio::test]
async fn sigkill_under_load_loses_no_acknowledged_order_and_doubles_no_coupon() {
    let stack = stack(json!({ "users": 1, "coupons": { "policies": 1, "total": 1000 } })).await;
    let mut client = Client::connect(stack.base_url()).await;
    let user = client.rich_user("u1").await;
    let (_, ledger) = client.get("/ledger").await.unwrap();
    let policy = ledger["coupons"]["policies"][0]["policyId"]
        .as_i64()
        .unwrap();
    let claiming = tokio::spawn(async move {
        let mut admitted = 0;
        while let Ok((status, body)) = client.claim(user, policy).await {
            assert!(status == 201 || status == 409, "{body}");
            admitted += i64::from(status == 201);
        }
        admitted
    });
    let shopping = tokio::spawn({
        let base_url = stack.base_url().to_owned();
        async move { order_until_the_end(&base_url, 20).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    stack.sut().kill();
    let acknowledged = shopping.await.unwrap();
    let admitted = claiming.await.unwrap();
    assert!(acknowledged.len() > 20 && admitted > 0);

    let sut = another(stack.postgres(), stack.redis()).await;
    let orders = orders_in(stack.postgres()).await;
    let lost: Vec<_> = acknowledged
        .iter()
        .filter(|id| orders.binary_search(id).is_err())
        .collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let mut client = Client::connect(sut.base_url()).await;
    eventually(async || client.get("/ledger").await.unwrap().1["coupons"]["queued"] == 0).await;
    let (_, ledger) = client.get("/ledger").await.unwrap();
    let issued = ledger["coupons"]["issued"].as_i64().unwrap();
    // One claim may have been admitted without anyone hearing of it.
    assert!(
        (admitted..=admitted + 1).contains(&issued),
        "{admitted} admitted, {issued} issued"
    );
    let number = |path: &str| ledger.pointer(path).unwrap().as_i64().unwrap();
    assert_eq!(
        number("/balances/held"),
        number("/balances/charged") - number("/orders/paid")
    );
    assert_eq!(number("/products/0/sold"), number("/orders/count"));
    eventually(async || {
        let (_, ledger) = client.get("/ledger").await.unwrap();
        let product = &ledger["products"][0];
        let number = |key: &str| product[key].as_i64().unwrap();
        number("rankingScore") == number("rankingBase") + number("sold")
    })
    .await;
}
