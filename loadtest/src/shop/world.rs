//! What the personas know of the shop before they begin.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::basket::Basket;
use super::books::Books;
use super::hostile::Hostile;
use super::last_pieces::LastPieces;
use crate::api::Api;

/// The shop as the set-up left it.
#[derive(Debug, Default)]
pub struct World {
    /// Its API.
    pub api: &'static Api,
    /// The coupon policies.
    pub policy_ids: Vec<i64>,
    /// Price of every product that anybody may buy, in won, by its id.
    pub prices: HashMap<i64, i64>,
    /// Further products, of one piece each, that only races are for.
    pub last_pieces: LastPieces,
    /// What is behind the names of the users, so that nobody had them before.
    pub suffix: String,
    /// Whether there were to be such products, and are none.
    pub lacks_last_pieces: bool,
    /// What persona A buys.
    pub basket: Basket,
    /// How long a persona waits between its claim and looking for the coupon.
    pub coupon_wait: Duration,
    /// What the server's books said before the load, if they are to be audited.
    pub before: Option<Books>,
    /// Whether the set-up made it, and not somebody before the run.
    pub is_new: bool,
    /// The coupons that there are over all policies, if `--coupons` limits them.
    pub coupons: Option<u32>,
    /// What persona C sends that no server should take.
    pub hostile: Hostile,
    /// A coupon that some user was lately given: what persona C tries to steal. 0 before there is one.
    latest_coupon: AtomicI64,
}

impl World {
    /// A shop with these policies and prices.
    #[must_use]
    pub fn new(api: &'static Api, policy_ids: Vec<i64>, prices: HashMap<i64, i64>) -> Self {
        Self {
            api,
            policy_ids,
            prices,
            ..Self::default()
        }
    }

    /// What a product costs, in won; 0 for one that nobody knows.
    #[must_use]
    pub fn price_of(&self, product: i64) -> i64 {
        let price = self.prices.get(&product).copied();
        let price = price.or_else(|| self.last_pieces.price_of(product));
        price.unwrap_or(0)
    }

    /// Whether users keep the ids of their orders: only an audit wants them.
    #[must_use]
    pub const fn keeps_order_ids(&self) -> bool {
        self.before.is_some()
    }

    /// The policy that a user claims from, spread evenly over the users as in the seed.
    #[must_use]
    pub fn policy_of(&self, vu: u32) -> i64 {
        self.policy_ids[vu as usize % self.policy_ids.len()]
    }

    pub(super) fn note_coupon(&self, coupon: i64) {
        self.latest_coupon.store(coupon, Ordering::Relaxed);
    }

    /// A coupon of some user, if there is one.
    #[must_use]
    pub fn latest_coupon(&self) -> Option<i64> {
        Some(self.latest_coupon.load(Ordering::Relaxed)).filter(|coupon| *coupon != 0)
    }
}
