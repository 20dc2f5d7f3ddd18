//! Gathers the server's side of the audit, and waits for what is only eventually true.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use harness::{Admin, AdminError, Invariant};
use tokio::time::{Instant, sleep};

use super::invariants::{Facts, UserFacts, invariants};
use crate::personas::Buyer;
use crate::shop::{Ledger, Shopper, balance, ledger, user_ledger};

/// How long the queue and the ranking may take to settle.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Users asked for at the same time.
const CONCURRENT: usize = 16;

/// Compares the users' books with the server's; `before` is what the server's said before the
/// load, `planned_iterations` how many the schedule asked for, if that is fixed and none was cut.
///
/// # Errors
/// When the server's books can't be read.
pub async fn audit(
    admin: &Admin,
    before: &Ledger,
    shoppers: Vec<Shopper>,
    planned_iterations: Option<u64>,
) -> Result<Vec<Invariant>, AdminError> {
    let users: Vec<UserFacts> = stream::iter(shoppers)
        .filter_map(async |shopper| Some((shopper.book.user_id?, shopper)))
        .map(|(id, shopper)| user_facts(admin, id, shopper))
        .buffer_unordered(CONCURRENT)
        .try_collect()
        .await?;
    let deadline = Instant::now() + SETTLE_WITHIN;
    loop {
        let after = ledger(admin).await?;
        let facts = Facts {
            before,
            after: &after,
            users: &users,
            planned_iterations,
        };
        let rows = invariants(&facts);
        // A claim waits in the queue and the ranking is written after the order's answer, so an
        // early look may find less; what is wrong stays wrong.
        if rows.iter().all(|row| row.ok) || Instant::now() >= deadline {
            return Ok(rows);
        }
        sleep(LOOK_AGAIN_AFTER).await;
    }
}

async fn user_facts(admin: &Admin, id: i64, shopper: Shopper) -> Result<UserFacts, AdminError> {
    let buyer = Buyer::of_name(shopper.vu.persona());
    let balance = balance(admin, id).await?;
    let orders = if buyer.forbidden_to_order {
        user_ledger(admin, id).await?.orders.count
    } else {
        0
    };
    Ok(UserFacts {
        number: shopper.vu.number,
        buyer,
        book: shopper.book,
        balance,
        orders,
    })
}
