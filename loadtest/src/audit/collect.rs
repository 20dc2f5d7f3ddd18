//! Gathers the server's side of the audit, and waits for what is only eventually true.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use harness::{Admin, AdminError, Disturbed, Error, Invariant};
use tokio::time::{Instant, sleep};

use super::invariants::{Facts, UserFacts, invariants};
use super::public::{PublicFacts, predicted_coupons, public};
use super::receipts::{order_totals, own_ids, refusals, within_limit};
use super::reset::{in_ledger, on_shelves};
use super::totals::Totals;
use crate::personas::Buyer;
use crate::shop::{
    Books, Ledger, Shelves, Shopper, World, balance, ledger, listed_coupons, user_ledger,
};

/// How long the queue and the ranking may take to settle.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Users asked for at the same time.
const CONCURRENT: usize = 16;

fn reset(says: &str) -> Disturbed {
    Disturbed(format!(
        "the shop was reset by somebody else while the load ran: {says}; run it again while nobody \
         else uses the server"
    ))
}

/// Compares the users' books with the server's, or with what public reads show of them.
/// `planned_iterations` is how many were to be made, if that is fixed and none was cut.
///
/// # Errors
/// When the server's books can't be read, or are not those of the shop that the load used.
pub async fn audit(
    admin: &Admin,
    world: &World,
    shoppers: Vec<Shopper>,
    planned_iterations: Option<u64>,
) -> Result<Vec<Invariant>, Error> {
    let Some(before) = &world.before else {
        return Ok(Vec::new());
    };
    let audit = Audit {
        admin,
        world,
        before,
        planned_iterations,
    };
    // Before anybody asks for users who are gone with the shop that had them.
    audit.books().await?;
    let known = shoppers
        .into_iter()
        .filter_map(|shopper| Some((shopper.book.user_id?, shopper)));
    let mut users: Vec<UserFacts> = stream::iter(known)
        .map(|(id, shopper)| audit.user(id, shopper))
        .buffer_unordered(CONCURRENT)
        .try_collect()
        .await?;
    let answered = audit.answered(&users);
    let deadline = Instant::now() + SETTLE_WITHIN;
    loop {
        let mut rows = audit.judge(&mut users).await?;
        // A claim waits in the queue and the ranking is written after the order's answer, so an
        // early look may find less; what is wrong stays wrong.
        if rows.iter().all(|row| row.ok) || Instant::now() >= deadline {
            rows.extend(answered);
            return Ok(rows);
        }
        sleep(LOOK_AGAIN_AFTER).await;
    }
}

/// What an audit goes by.
struct Audit<'a> {
    admin: &'a Admin,
    world: &'a World,
    before: &'a Books,
    planned_iterations: Option<u64>,
}

impl Audit<'_> {
    /// The ledger as of now, if that is what the audit goes by.
    async fn books(&self) -> Result<Option<Ledger>, Error> {
        let Books::Ledger(before) = self.before else {
            return Ok(None);
        };
        let after = ledger(self.admin, self.world.api).await?;
        let after = after.unwrap_or_default();
        if before.was_reset_before(&after) {
            let says = "GET /ledger names another world than before";
            return Err(reset(says).into());
        }
        Ok(Some(after))
    }

    /// The balance of a user whom the server knew.
    async fn balance(&self, id: i64) -> Result<i64, Error> {
        match balance(self.admin, self.world.api, id).await {
            Err(AdminError::Status { status: 404, .. }) => {
                let says = format!("user {id}, whom the load was given, is not there any more");
                Err(reset(&says).into())
            }
            answer => Ok(answer?),
        }
    }

    async fn user(&self, id: i64, shopper: Shopper) -> Result<UserFacts, Error> {
        let (admin, api) = (self.admin, self.world.api);
        let buyer = Buyer::of_name(shopper.vu.persona());
        let has_ledger = matches!(self.before, Books::Ledger(_));
        let balance = self.balance(id).await?;
        let orders = if buyer.forbidden_to_order && has_ledger {
            let ledger = user_ledger(admin, api, id).await?;
            ledger.unwrap_or_default().orders.count
        } else {
            0
        };
        Ok(UserFacts {
            number: shopper.vu.number,
            buyer,
            balance,
            book: shopper.book,
            orders,
            receipts: shopper.receipts,
            coupons: 0,
        })
    }

    /// Every rule, as of now.
    async fn judge(&self, users: &mut [UserFacts]) -> Result<Vec<Invariant>, Error> {
        let (admin, api) = (self.admin, self.world.api);
        let rows = match self.before {
            Books::Ledger(before) => {
                let after = self.books().await?.unwrap_or_default();
                let totals = Totals::of(users.iter().map(|user| &user.book));
                if let Some(says) = in_ledger(before, &after, &totals) {
                    return Err(reset(&says).into());
                }
                invariants(&Facts {
                    before,
                    after: &after,
                    users,
                    planned_iterations: self.planned_iterations,
                })
            }
            Books::Public { shelves, .. } => {
                let after = Shelves::read(admin, api).await?;
                if let Some(says) = on_shelves(shelves, &after) {
                    return Err(reset(&says).into());
                }
                self.look_for_coupons(users).await?;
                public(&PublicFacts {
                    api,
                    before: shelves,
                    after: &after,
                    users,
                    planned_iterations: self.planned_iterations,
                })
            }
        };
        Ok(rows)
    }

    /// The rules on what the users were answered, which no later look changes.
    fn answered(&self, users: &[UserFacts]) -> Vec<Invariant> {
        let (world, api) = (self.world, self.world.api);
        let has_ledger = matches!(self.before, Books::Ledger(_));
        let refusals = (!has_ledger).then(|| refusals(users, world)).flatten();
        let others = [
            order_totals(users, api),
            own_ids(users, api),
            within_limit(users, world.coupons, api),
        ];
        refusals
            .into_iter()
            .chain(others.into_iter().flatten())
            .collect()
    }

    /// Asks for the coupons of users whose list isn't yet as predicted.
    async fn look_for_coupons(&self, users: &mut [UserFacts]) -> Result<(), AdminError> {
        let (admin, api) = (self.admin, self.world.api);
        let unsettled = users
            .iter_mut()
            .filter(|user| !predicted_coupons(user, api.lists_used).takes(user.coupons));
        stream::iter(unsettled.map(Ok))
            .try_for_each_concurrent(CONCURRENT, async |user| {
                let id = user.book.user_id.unwrap_or_default();
                user.coupons = listed_coupons(admin, api, id).await?;
                Ok(())
            })
            .await
    }
}
