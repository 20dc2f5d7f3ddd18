//! Whether somebody else reset the shop while the load ran, where no `world` says so. Pure.
//!
//! Books that are lower than what was acknowledged look the same after a reset and after data was
//! lost. What tells them apart is something that no order, charge or claim makes, and that lost
//! data can't bring: another policy or product, or another quantity that the shop began with. A
//! reset with the very numbers of our own set-up can't be told from lost data: then the rules are broken (98).

use std::collections::BTreeMap;

use super::totals::Totals;
use crate::shop::{Ledger, Shelves};

/// What in the server's books is of another shop; nothing if they aren't lower than they must be.
pub(super) fn in_ledger(before: &Ledger, after: &Ledger, totals: &Totals) -> Option<String> {
    let done = &totals.done;
    let is_lower = after.orders.count < before.orders.count + done.orders
        || after.balances.charged < before.balances.charged + done.charged;
    if !is_lower {
        return None;
    }
    let policies = |books: &Ledger| -> BTreeMap<i64, i64> {
        let policies = books.coupons.policies.iter();
        policies.map(|of| (of.policy_id, of.quantity)).collect()
    };
    let stocks = |books: &Ledger| -> BTreeMap<i64, i64> {
        let products = books.products.iter();
        products
            .map(|of| (of.product_id, of.initial_stock))
            .collect()
    };
    let policy = changed(&policies(before), &policies(after));
    let product = || changed(&stocks(before), &stocks(after));
    let (what, (id, now, then)) = match policy {
        Some(policy) => ("coupons of policy", policy),
        None => ("pieces of product", product()?),
    };
    let then = then.map_or_else(|| "was not there".to_owned(), |then| format!("had {then}"));
    Some(format!(
        "GET /ledger has fewer orders or charges than were acknowledged, and its shop began with \
         {now} {what} {id}, which {then} after the set-up"
    ))
}

/// The same by what anybody can read: orders only ever take from a stock.
pub(super) fn on_shelves(before: &Shelves, after: &Shelves) -> Option<String> {
    let (before, after) = (before.stock.as_ref()?, after.stock.as_ref()?);
    let more = |(id, now): (&i64, &i64)| {
        let then = before.get(id)?;
        (now > then).then_some((*id, *now, *then))
    };
    let (id, now, then) = after.iter().find_map(more)?;
    Some(format!(
        "there are {now} pieces of product {id}, and were {then} before the load"
    ))
}

/// The first that has another number than before, or wasn't there: what, the number, and before.
fn changed(
    before: &BTreeMap<i64, i64>,
    after: &BTreeMap<i64, i64>,
) -> Option<(i64, i64, Option<i64>)> {
    let now = after
        .iter()
        .map(|(id, now)| (*id, *now, before.get(id).copied()));
    let mut other = now.filter(|(_, now, then)| *then != Some(*now));
    other.next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::{LedgerPolicy, LedgerProduct};

    /// A ledger without a world: orders, charged, (policy, quantity), (product, initial stock).
    fn ledger(orders: i64, charged: i64, policy: (i64, i64), product: (i64, i64)) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.orders.count = orders;
        ledger.balances.charged = charged;
        ledger.coupons.policies = vec![LedgerPolicy {
            policy_id: policy.0,
            quantity: policy.1,
            issued: 0,
        }];
        ledger.products = vec![LedgerProduct {
            product_id: product.0,
            initial_stock: product.1,
            ..LedgerProduct::default()
        }];
        ledger
    }

    #[test]
    fn lower_books_of_another_shop_are_a_reset_and_of_the_same_one_lost_data() {
        let before = ledger(5, 100, (1, 20), (7, 50));
        let mut totals = Totals::default();
        (totals.done.orders, totals.done.charged) = (3, 60);
        let said = |after: &Ledger| in_ledger(&before, after, &totals);
        let whole = ledger(8, 160, (1, 20), (7, 50));
        assert_eq!(said(&whole), None);
        for lost in [
            ledger(7, 160, (1, 20), (7, 50)),
            ledger(0, 0, (1, 20), (7, 50)),
        ] {
            assert_eq!(said(&lost), None, "of the same shop: data was lost");
        }
        // (books, what is said of them)
        let rows = [
            (
                ledger(0, 0, (2, 20), (7, 50)),
                "20 coupons of policy 2, which was not there",
            ),
            (
                ledger(0, 0, (1, 30), (7, 50)),
                "30 coupons of policy 1, which had 20",
            ),
            (
                ledger(8, 159, (1, 20), (8, 50)),
                "50 pieces of product 8, which was not there",
            ),
            (
                ledger(7, 160, (1, 20), (7, 99)),
                "99 pieces of product 7, which had 50",
            ),
        ];
        for (after, expected) in rows {
            let said = said(&after).expect(expected);
            assert!(said.contains(expected), "{said}");
        }
        // Somebody made a policy, and nothing is missing.
        assert_eq!(said(&ledger(8, 160, (2, 20), (7, 50))), None);
    }

    #[test]
    fn a_stock_that_grew_is_of_another_shop() {
        let shelves = |stock: &[(i64, i64)]| Shelves {
            stock: Some(stock.iter().copied().collect()),
            sold: None,
        };
        let before = shelves(&[(1, 10), (2, 10)]);
        assert_eq!(on_shelves(&before, &shelves(&[(1, 10), (2, 4)])), None);
        assert_eq!(
            on_shelves(&before, &shelves(&[(3, 99)])),
            None,
            "a list may change"
        );
        assert_eq!(on_shelves(&before, &Shelves::default()), None);
        assert_eq!(
            on_shelves(&before, &shelves(&[(1, 3), (2, 11)])).expect("more"),
            "there are 11 pieces of product 2, and were 10 before the load"
        );
    }
}
