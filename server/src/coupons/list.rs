//! The coupons that users can spend.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{batch::Batch, db::Link, error::Error, slots::Slots, timing::Part};

/// The most coupons that are listed for a user.
pub(super) const LONGEST_LIST: i64 = 100;

/// A coupon that can be spent.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Coupon {
    coupon_id: i64,
    /// In won.
    discount: i64,
}

/// Lists users' usable coupons, oldest first.
pub(super) struct Lists(pub(super) Link);

impl Batch for Lists {
    type Request = i64;
    type Answer = Vec<Coupon>;
    const NAME: &'static str = "coupon_lists";
    const PART: Part = Part::Db;

    async fn run(&mut self, users: Vec<i64>) -> Result<Vec<Vec<Coupon>>, Error> {
        let asked = Slots::new(users.iter().copied());
        let rows: Vec<(i64, i64, i64)> = self
            .0
            .run(async |connection| {
                sqlx::query_as(
                    "SELECT asked.id, usable.id, usable.discount
                     FROM unnest($1) AS asked (id)
                     CROSS JOIN LATERAL (
                         SELECT coupons.id, coupons.discount FROM coupons
                         WHERE coupons.user_id = asked.id
                             AND coupons.order_id IS NULL AND coupons.expires_at > now()
                         ORDER BY coupons.id LIMIT $2
                     ) AS usable",
                )
                .bind(asked.ids())
                .bind(LONGEST_LIST)
                .fetch_all(connection)
                .await
            })
            .await?;
        let mut lists: HashMap<i64, Vec<Coupon>> = HashMap::with_capacity(users.len());
        for (user, coupon_id, discount) in rows {
            lists.entry(user).or_default().push(Coupon {
                coupon_id,
                discount,
            });
        }
        for list in lists.values_mut() {
            list.sort_unstable_by_key(|coupon| coupon.coupon_id);
        }
        Ok(users
            .iter()
            .map(|user| lists.get(user).cloned().unwrap_or_default())
            .collect())
    }
}
