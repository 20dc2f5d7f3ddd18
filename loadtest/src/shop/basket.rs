//! What persona A buys: one of each of the products that sold most.

use std::borrow::Cow;
use std::collections::HashMap;

/// The seed's basket, and what a server lists where nothing else is asked for.
pub const TOP: u32 = 5;
/// The seed's price, in won.
pub const PRICE: i64 = 2_000;

const PATH: &str = "/products/top/realtime";

/// How many products persona A buys, and the money for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    /// So many of the products that sold most.
    pub top: u32,
    /// Enough for one of each, in won.
    pub charge: i64,
    /// Where they are listed.
    pub path: Cow<'static, str>,
}

impl Basket {
    /// The basket in a shop with these prices: whatever is on top, the money is enough.
    #[must_use]
    pub fn of(top: u32, prices: &HashMap<i64, i64>) -> Self {
        let price = prices.values().max().copied().unwrap_or(PRICE);
        let path = if top <= TOP {
            PATH.into()
        } else {
            format!("{PATH}?limit={top}").into()
        };
        Self {
            top,
            charge: i64::from(top) * price,
            path,
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
            (Basket::default(), 5, 10_000, "/products/top/realtime"),
            (
                Basket::of(5, &same(2_000)),
                5,
                10_000,
                "/products/top/realtime",
            ),
            (
                Basket::of(3, &same(2_000)),
                3,
                6_000,
                "/products/top/realtime",
            ),
            (
                Basket::of(10, &same(1_500)),
                10,
                15_000,
                "/products/top/realtime?limit=10",
            ),
            (Basket::of(2, &dear), 2, 180_000, "/products/top/realtime"),
        ];
        for (basket, top, charge, path) in rows {
            let found = (basket.top, basket.charge, basket.path.as_ref());
            assert_eq!(found, (top, charge, path));
        }
    }
}
