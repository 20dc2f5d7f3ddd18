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
    /// Orders without one.
    pub without_coupon: i64,
    /// Money paid.
    pub paid: i64,
    /// Items ordered, of all products.
    pub pieces: i64,
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
                .for_each(|operation| totals.unknown.add_most(operation));
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
        self.without_coupon += book.orders - book.with_coupon;
        self.paid += book.paid;
        self.pieces += book.items.values().sum::<i64>();
        for (product, quantity) in &book.items {
            *self.items.entry(*product).or_default() += quantity;
        }
    }

    /// Adds the most that an operation can have done.
    fn add_most(&mut self, operation: &Operation) {
        match operation {
            Operation::Charge { amount } => self.charged += amount,
            Operation::Claim { .. } => {}
            Operation::OneOf(both) => {
                let [first, second] = both.each_ref().map(|operation| {
                    let mut sums = Self::default();
                    sums.add_most(operation);
                    sums
                });
                self.add(&first.larger(&second));
            }
            Operation::Order {
                items,
                paid,
                with_coupon,
            } => {
                self.orders += 1;
                self.with_coupon += i64::from(*with_coupon);
                self.without_coupon += i64::from(!with_coupon);
                self.paid += paid;
                self.pieces += items.iter().map(|(_, quantity)| quantity).sum::<i64>();
                for (product, quantity) in items {
                    *self.items.entry(*product).or_default() += quantity;
                }
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.charged += other.charged;
        self.orders += other.orders;
        self.with_coupon += other.with_coupon;
        self.without_coupon += other.without_coupon;
        self.paid += other.paid;
        self.pieces += other.pieces;
        for (product, quantity) in &other.items {
            *self.items.entry(*product).or_default() += quantity;
        }
    }

    /// The larger of each sum: only one of two things happened.
    fn larger(mut self, other: &Self) -> Self {
        for (product, quantity) in &other.items {
            let own = self.items.entry(*product).or_default();
            *own = (*own).max(*quantity);
        }
        Self {
            charged: self.charged.max(other.charged),
            orders: self.orders.max(other.orders),
            with_coupon: self.with_coupon.max(other.with_coupon),
            without_coupon: self.without_coupon.max(other.without_coupon),
            paid: self.paid.max(other.paid),
            pieces: self.pieces.max(other.pieces),
            items: self.items,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Fate;
    use crate::race::Race;

    #[test]
    fn of_a_race_without_answers_only_the_larger_can_have_happened() {
        let order = |product, quantity, paid, with_coupon| Operation::Order {
            items: vec![(product, quantity)],
            paid,
            with_coupon,
        };
        let mut book = Book::default();
        book.enter_race(
            Race::Money,
            [order(1, 3, 6_000, true), order(2, 2, 7_000, false)],
        );
        book.settle_race([Fate::Unknown; 2]);
        let expected = Sums {
            charged: 0,
            orders: 1,
            with_coupon: 1,
            without_coupon: 1,
            paid: 7_000,
            pieces: 3,
            items: BTreeMap::from([(1, 3), (2, 2)]),
        };
        let totals = Totals::of([&book]);
        assert_eq!((totals.done, totals.unknown), (Sums::default(), expected));
    }
}
