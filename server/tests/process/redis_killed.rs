//! Redis is killed under claims and comes back: as it was, as it was before,
//! or empty. Whoever was answered 201 has a coupon all the same.

use std::time::Duration;

use serde_json::json;
use sqlx::Connection;
use testbed::{Memory, Stack};
use tokio::task::JoinHandle;

use crate::client::{Client, stack};

const QUANTITY: usize = 2000;

/// What Redis is told.
async fn say(stack: &Stack, command: &str) {
    let client = redis::Client::open(stack.redis().url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut words = command.split(' ');
    let () = redis::cmd(words.next().unwrap())
        .arg(words.collect::<Vec<_>>())
        .query_async(&mut connection)
        .await
        .unwrap();
}

/// Claims until all is sold, and not just for a moment: the ids of the claims
/// that were answered 201.
fn claimer(stack: &Stack, name: String, policy: i64) -> JoinHandle<Vec<String>> {
    let base_url = stack.base_url().to_owned();
    tokio::spawn(async move {
        let mut client = Client::connect(&base_url).await;
        let user = client.rich_user(&name).await;
        let mut admitted = Vec::new();
        let mut refused = 0;
        while refused < 30 {
            let (status, body) = client.claim(user, policy).await.unwrap();
            let pause = match status {
                201 => {
                    admitted.push(body["claimId"].as_str().unwrap().to_owned());
                    refused = 0;
                    Duration::ZERO
                }
                409 => {
                    refused += 1;
                    Duration::from_millis(50)
                }
                503 => Duration::from_millis(5),
                _ => panic!("{status}: {body}"),
            };
            tokio::time::sleep(pause).await;
        }
        admitted
    })
}

async fn claims_survive(memory: Memory) {
    let plan = json!({ "users": 8, "coupons": { "policies": 1, "total": QUANTITY } });
    let stack = stack(plan).await;
    let mut client = Client::connect(stack.base_url()).await;
    let (_, ledger) = client.get("/ledger").await.unwrap();
    let policy = ledger["coupons"]["policies"][0]["policyId"]
        .as_i64()
        .unwrap();
    if memory == Memory::Log {
        say(&stack, "CONFIG SET appendonly yes").await;
        say(&stack, "CONFIG SET appendfsync always").await;
    }
    let claimers: Vec<_> = (1..=8)
        .map(|n| claimer(&stack, format!("u{n}"), policy))
        .collect();
    for _ in 0..3 {
        if memory == Memory::Snapshot {
            say(&stack, "SAVE").await;
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
        stack.redis().kill();
        tokio::time::sleep(Duration::from_millis(20)).await;
        stack.redis().restart_with(memory).await.unwrap();
    }
    let mut admitted = Vec::new();
    for claimer in claimers {
        admitted.extend(claimer.await.unwrap());
    }
    admitted.sort_unstable();

    let mut database = sqlx::PgConnection::connect(stack.postgres().url())
        .await
        .unwrap();
    let mut issued: Vec<String> = sqlx::query_scalar("SELECT claim_id::text FROM coupons")
        .fetch_all(&mut database)
        .await
        .unwrap();
    issued.sort_unstable();
    // Each once, none beyond the quantity, and none that nobody was told of.
    assert_eq!(issued, admitted);
    assert_eq!(issued.len(), QUANTITY);
    let (_, ledger) = client.get("/ledger").await.unwrap();
    assert_eq!(ledger["coupons"]["issued"], QUANTITY);
    assert_eq!(ledger["coupons"]["queued"], 0);
}

#[tokio::test]
async fn claims_survive_a_redis_that_comes_back_as_it_was() {
    claims_survive(Memory::Log).await;
}

#[tokio::test]
async fn claims_survive_a_redis_that_comes_back_as_it_was_before() {
    claims_survive(Memory::Snapshot).await;
}

#[tokio::test]
async fn claims_survive_a_redis_that_comes_back_empty() {
    claims_survive(Memory::Empty).await;
}
