//! What persona A buys: one of each of the products that sold most.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The seed's basket, and what a server lists where nothing else is asked for.
pub const TOP: u32 = 5;
/// The seed's price, in won.
pub const PRICE: i64 = 2_000;

/// How many products persona A buys, and the money for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    /// So many of the products that sold most.
    pub top: u32,
    /// Enough for one of each, in won.
    pub charge: i64,
}

impl Basket {
    /// The basket in a shop with these prices: whatever is on top, the money is enough.
    #[must_use]
    pub fn of(top: u32, prices: &HashMap<i64, i64>) -> Self {
        let price = prices.values().max().copied().unwrap_or(PRICE);
        Self {
            top,
            charge: i64::from(top) * price,
        }
    }

    /// The path of the list of best sellers: with `limit` in its query, where more are needed than
    /// a server lists by itself.
    #[must_use]
    pub fn listed<'a>(&self, path: Cow<'a, str>, limit: Option<&str>) -> Cow<'a, str> {
        match limit {
            Some(limit) if self.top > TOP => {
                let before = if path.contains('?') { '&' } else { '?' };
                format!("{path}{before}{limit}={}", self.top).into()
            }
            _ => path,
        }
    }
}

impl Default for Basket {
    fn default() -> Self {
        Self::of(TOP, &HashMap::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charge_follows_from_the_basket_and_the_seeds_is_10_000() {
        let same = |price| (1..=100).map(|id| (id, price)).collect::<HashMap<_, _>>();
        let dear = HashMap::from([(1, 500), (2, 90_000), (3, 1)]);
        let rows = [
            (Basket::default(), 5, 10_000),
            (Basket::of(5, &same(2_000)), 5, 10_000),
            (Basket::of(3, &same(2_000)), 3, 6_000),
            (Basket::of(10, &same(1_500)), 10, 15_000),
            (Basket::of(2, &dear), 2, 180_000),
        ];
        for (basket, top, charge) in rows {
            assert_eq!((basket.top, basket.charge), (top, charge));
        }
    }

    #[test]
    fn more_than_the_usual_list_is_asked_for_by_number() {
        let listed = |top, path: &'static str, limit| {
            let basket = Basket::of(top, &HashMap::new());
            basket.listed(path.into(), limit).into_owned()
        };
        let rows = [
            (5, "/top", Some("limit"), "/top"),
            (3, "/top", Some("limit"), "/top"),
            (6, "/top", Some("limit"), "/top?limit=6"),
            (10, "/top?days=3", Some("n"), "/top?days=3&n=10"),
            (10, "/top", None, "/top"),
        ];
        for (top, path, limit, expected) in rows {
            assert_eq!(listed(top, path, limit), expected);
        }
    }
}
