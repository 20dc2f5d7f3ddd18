//! Group commit of coupons: one call of `issue_coupons` for a whole batch.
//!
//! A claim is answered after its coupon is committed. So if Redis loses data,
//! no acknowledged coupon is lost.

use uuid::Uuid;

use crate::{batch::Batch, db::Link, error::Error, slots::Slots, timing::Part};

/// A user's claim on a coupon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) id: Uuid,
    pub(super) user: i64,
    pub(super) policy: i64,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Issued {
    Coupon,
    NotActive,
    SoldOut,
    UnknownUser,
}

/// Issues coupons.
pub(super) struct Issuing(pub(super) Link);

impl Batch for Issuing {
    type Request = Claim;
    type Answer = Issued;
    const NAME: &'static str = "coupons";
    const PART: Part = Part::Db;

    async fn run(&mut self, claims: Vec<Claim>) -> Result<Vec<Issued>, Error> {
        let policies = Slots::new(claims.iter().map(|claim| claim.policy));
        let users = Slots::new(claims.iter().map(|claim| claim.user));
        let ids: Vec<Uuid> = claims.iter().map(|claim| claim.id).collect();
        let place = |claim: &Claim| (policies.place(claim.policy), users.place(claim.user));
        let (claim_policies, claim_users): (Vec<i32>, Vec<i32>) = claims.iter().map(place).unzip();
        let outcomes: Vec<i32> = self
            .0
            .run(async |connection| {
                sqlx::query_scalar("SELECT issue_coupons($1, $2, $3, $4, $5)")
                    .bind(policies.ids())
                    .bind(users.ids())
                    .bind(&ids)
                    .bind(&claim_policies)
                    .bind(&claim_users)
                    .fetch_one(connection)
                    .await
            })
            .await?;
        outcomes.into_iter().map(issued).collect()
    }
}

/// The outcome by its number; `issue_coupons` says what they are.
fn issued(outcome: i32) -> Result<Issued, Error> {
    Ok(match outcome {
        0 => Issued::Coupon,
        1 => Issued::NotActive,
        2 => Issued::SoldOut,
        3 => Issued::UnknownUser,
        _ => return Err(Error::Internal),
    })
}
