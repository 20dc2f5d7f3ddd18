//! The shop's books, as `GET /ledger` answers them.

use serde::Deserialize;

/// The server's books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Which state of the shop this is, if the server says so: a reset makes another.
    pub world: Option<String>,
    /// All orders.
    pub orders: LedgerOrders,
    /// All money.
    pub balances: LedgerBalances,
    /// All coupons.
    pub coupons: LedgerCoupons,
    /// Every product.
    pub products: Vec<LedgerProduct>,
}

impl Ledger {
    /// Whether the shop was reset between these books and later ones, as far as they say.
    #[must_use]
    pub fn was_reset_before(&self, later: &Self) -> bool {
        matches!((&self.world, &later.world), (Some(then), Some(now)) if then != now)
    }
}

/// Orders in the server's books; money in won.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerOrders {
    /// How many.
    pub count: i64,
    /// How many with a coupon.
    pub with_coupon: i64,
    /// Their price before coupons, if the books say so.
    pub gross: Option<i64>,
    /// What coupons took off, if the books say so.
    pub discount: Option<i64>,
    /// Paid for them.
    pub paid: i64,
}

/// Money in the server's books, in won.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct LedgerBalances {
    /// Charged by all users.
    pub charged: i64,
    /// Held by all users.
    pub held: i64,
}

/// Coupons in the server's books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct LedgerCoupons {
    /// How many there may be.
    pub quantity: i64,
    /// How many were issued.
    pub issued: i64,
    /// How many were used.
    pub used: i64,
    /// How many claims are accepted but not issued yet.
    pub queued: i64,
    /// The same by policy.
    pub policies: Vec<LedgerPolicy>,
}

/// Coupons of one policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerPolicy {
    /// Its id.
    pub policy_id: i64,
    /// How many there may be.
    pub quantity: i64,
    /// How many were issued.
    pub issued: i64,
}

/// One product in the server's books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerProduct {
    /// Its id.
    pub product_id: i64,
    /// Stock at the beginning.
    pub initial_stock: i64,
    /// Stock now.
    pub stock: i64,
    /// Sold, by the rows of the orders.
    pub sold: i64,
    /// Ranking score that it began with.
    pub ranking_base: i64,
    /// Ranking score now.
    pub ranking_score: i64,
}

/// One user in the server's books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct UserLedger {
    /// The user's orders.
    pub orders: LedgerOrders,
}
