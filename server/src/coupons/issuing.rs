//! Group commit of coupons: one call of `issue_coupons` for a whole batch.
//!
//! A claim is answered after its coupon is committed. So what Redis forgets
//! was promised to nobody.

use uuid::Uuid;

use crate::{batch::Batch, db::Link, error::Error, timing::Part};

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
        let ids: Vec<Uuid> = claims.iter().map(|claim| claim.id).collect();
        let users: Vec<i64> = claims.iter().map(|claim| claim.user).collect();
        let policies: Vec<i64> = claims.iter().map(|claim| claim.policy).collect();
        let outcomes: Vec<i32> = self
            .0
            .run(async |connection| {
                sqlx::query_scalar("SELECT issue_coupons($1, $2, $3)")
                    .bind(&ids)
                    .bind(&users)
                    .bind(&policies)
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
