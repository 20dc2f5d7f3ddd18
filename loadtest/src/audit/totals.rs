//! The sum of all virtual users' books.

use std::collections::BTreeMap;

use crate::book::{Book, Claims, Operation};

/// What all users did together: acknowledged, and what may have happened besides.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Acknowledged.
    pub done: Sums,
    /// Of unknown outcome.
    pub unknown: Sums,
    /// Claims, by policy.
    pub claims: BTreeMap<i64, Claims>,
}

/// Sums over operations; money in won.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// Money charged.
    pub charged: i64,
    /// Number of orders.
    pub orders: i64,
    /// Orders with a coupon.
    pub with_coupon: i64,
    /// Money paid.
    pub paid: i64,
    /// Items ordered, by product.
    pub items: BTreeMap<i64, i64>,
}

impl Totals {
    /// Adds up the books.
    #[must_use]
    pub fn of<'a>(books: impl IntoIterator<Item = &'a Book>) -> Self {
        let mut totals = Self::default();
        for book in books {
            totals.done.add_book(book);
            book.unknown
                .iter()
                .for_each(|operation| totals.unknown.add_operation(operation));
            for (policy, claims) in &book.claims {
                let sum = totals.claims.entry(*policy).or_default();
                sum.accepted += claims.accepted;
                sum.refused += claims.refused;
                sum.unknown += claims.unknown;
            }
        }
        totals
    }
}

impl Sums {
    fn add_book(&mut self, book: &Book) {
        self.charged += book.charged;
        self.orders += book.orders;
        self.with_coupon += book.with_coupon;
        self.paid += book.paid;
        for (product, quantity) in &book.items {
            *self.items.entry(*product).or_default() += quantity;
        }
    }

    fn add_operation(&mut self, operation: &Operation) {
        match operation {
            Operation::Charge { amount } => self.charged += amount,
            Operation::Claim { .. } => {}
            Operation::Order {
                items,
                paid,
                with_coupon,
            } => {
                self.orders += 1;
                self.with_coupon += i64::from(*with_coupon);
                self.paid += paid;
                for (product, quantity) in items {
                    *self.items.entry(*product).or_default() += quantity;
                }
            }
        }
    }
}
