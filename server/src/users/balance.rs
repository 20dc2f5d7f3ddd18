//! What users have, and adding to it.

use std::collections::HashMap;

use crate::{batch::Batch, db::Link, error::Error, slots::Slots, timing::Part};

/// The most that a balance holds, in won: no sum of balances that a test can
/// reach overflows, and JavaScript can represent it.
pub(super) const MOST: i64 = 1_000_000_000_000;

/// Reads balances; nothing for a user who doesn't exist.
pub(super) struct Balances(pub(super) Link);

impl Batch for Balances {
    type Request = i64;
    type Answer = Option<i64>;
    const NAME: &'static str = "balances";
    const PART: Part = Part::Db;

    async fn run(&mut self, users: Vec<i64>) -> Result<Vec<Option<i64>>, Error> {
        let rows: Vec<(i64, i64)> = self
            .0
            .run(async |connection| {
                sqlx::query_as("SELECT id, balance FROM users WHERE id = ANY ($1)")
                    .bind(&users)
                    .fetch_all(connection)
                    .await
            })
            .await?;
        let balances: HashMap<i64, i64> = rows.into_iter().collect();
        Ok(users
            .iter()
            .map(|user| balances.get(user).copied())
            .collect())
    }
}

/// Adds to balances.
pub(super) struct Charges(pub(super) Link);

#[derive(Debug, Clone, Copy)]
pub(super) struct Charge {
    pub(super) user: i64,
    /// At least 1.
    pub(super) amount: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charged {
    /// The balance after it.
    Balance(i64),
    UnknownUser,
    /// The balance would be more than [`MOST`].
    TooMuch,
}

impl Batch for Charges {
    type Request = Charge;
    type Answer = Charged;
    const NAME: &'static str = "charges";
    const PART: Part = Part::Db;

    async fn run(&mut self, charges: Vec<Charge>) -> Result<Vec<Charged>, Error> {
        let users = Slots::new(charges.iter().map(|charge| charge.user));
        let places: Vec<i32> = charges
            .iter()
            .map(|charge| users.place(charge.user))
            .collect();
        let amounts: Vec<i64> = charges.iter().map(|charge| charge.amount).collect();
        let (outcomes, results): (Vec<i32>, Vec<i64>) = self
            .0
            .run(async |connection| {
                sqlx::query_as("SELECT outcomes, results FROM charge_balances($1, $2, $3)")
                    .bind(users.ids())
                    .bind(&places)
                    .bind(&amounts)
                    .fetch_one(connection)
                    .await
            })
            .await?;
        let answer = |(outcome, balance)| match outcome {
            0 => Charged::Balance(balance),
            1 => Charged::UnknownUser,
            _ => Charged::TooMuch,
        };
        Ok(outcomes.into_iter().zip(results).map(answer).collect())
    }
}
