//! Whether the books are those of a new shop, without any orders or charges. Pure.

use std::collections::BTreeSet;

use super::ledger::Ledger;

/// What the books have that a new shop with these policies hasn't, or what they lack.
pub(super) fn not_new(ledger: &Ledger, policy_ids: &[i64]) -> Option<String> {
    let (orders, balances, coupons) = (&ledger.orders, &ledger.balances, &ledger.coupons);
    let left = [
        (orders.count, "orders"),
        (orders.paid, "won paid"),
        (balances.charged, "won charged"),
        (balances.held, "won held by users"),
        (coupons.issued, "coupons issued"),
        (coupons.used, "coupons used"),
    ];
    if let Some((count, what)) = left.into_iter().find(|(count, _)| *count != 0) {
        return Some(format!("GET /ledger still has {count} {what}"));
    }
    let policies = coupons.policies.iter().map(|policy| policy.policy_id);
    let policies: BTreeSet<i64> = policies.collect();
    let unknown = policy_ids.iter().find(|id| !policies.contains(id));
    unknown.map(|id| format!("GET /ledger has no policy {id}, which its answer names"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::LedgerPolicy;

    #[test]
    fn whatever_somebody_did_is_found() {
        let mut made = Ledger::default();
        made.coupons.policies = vec![LedgerPolicy {
            policy_id: 3,
            quantity: 20,
            issued: 0,
        }];
        assert_eq!(not_new(&made, &[3]), None);
        let said = |change: fn(&mut Ledger)| {
            let mut books = made.clone();
            change(&mut books);
            not_new(&books, &[3]).expect("something is left")
        };
        let rows = [
            (said(|books| books.orders.count = 7), "7 orders"),
            (said(|books| books.balances.charged = 9), "9 won charged"),
            (
                said(|books| books.balances.held = -2),
                "-2 won held by users",
            ),
            (said(|books| books.coupons.issued = 1), "1 coupons issued"),
        ];
        for (said, left) in rows {
            assert_eq!(said, format!("GET /ledger still has {left}"));
        }
        assert_eq!(
            not_new(&made, &[3, 1]).as_deref(),
            Some("GET /ledger has no policy 1, which its answer names")
        );
    }
}
