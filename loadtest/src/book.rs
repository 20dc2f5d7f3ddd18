//! A virtual user's own book: what it did, by what the server acknowledged.
//!
//! An operation is entered before it is sent and settled by its answer. One that was cut, timed
//! out or answered with 5xx may or may not have happened: it stays in the book as unknown.

use std::collections::BTreeMap;

/// Something that changes the server's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Money put on the balance.
    Charge {
        /// Won.
        amount: i64,
    },
    /// A claim for a coupon.
    Claim {
        /// Its policy.
        policy: i64,
    },
    /// An order.
    Order {
        /// Product and quantity.
        items: Vec<(i64, i64)>,
        /// What it costs after the discount, in won.
        paid: i64,
        /// Whether it uses a coupon.
        with_coupon: bool,
    },
}

/// What an answer says of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It happened.
    Done,
    /// It didn't.
    Refused,
    /// Nobody can tell from here.
    Unknown,
}

/// Claims for the coupons of one policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Claims {
    /// Accepted.
    pub accepted: i64,
    /// Refused.
    pub refused: i64,
    /// Unknown.
    pub unknown: i64,
}

/// What one virtual user did.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// Its id, once it was asked for.
    pub user_id: Option<i64>,
    /// What its balance must be, in won, unless something is unknown.
    pub balance: i64,
    /// Charged, in won.
    pub charged: i64,
    /// Orders acknowledged.
    pub orders: i64,
    /// Of them, with a coupon.
    pub with_coupon: i64,
    /// Paid for them, in won.
    pub paid: i64,
    /// Items ordered, by product.
    pub items: BTreeMap<i64, i64>,
    /// Claims, by policy.
    pub claims: BTreeMap<i64, Claims>,
    /// Charges and orders whose outcome nobody knows.
    pub unknown: Vec<Operation>,
    /// Iterations that ended before the persona was through with them.
    pub unfinished: u64,
    pending: Vec<(u64, Operation)>,
    entries: u64,
}

/// An entry that waits for its answer.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an entry is settled by its answer"]
pub struct Entry(u64);

impl Book {
    /// Enters an operation that is about to be sent.
    pub fn enter(&mut self, operation: Operation) -> Entry {
        self.entries += 1;
        self.pending.push((self.entries, operation));
        Entry(self.entries)
    }

    /// Settles an entry.
    pub fn settle(&mut self, entry: &Entry, fate: Fate) {
        if let Some(at) = self
            .pending
            .iter()
            .position(|(number, _)| *number == entry.0)
        {
            let (_, operation) = self.pending.swap_remove(at);
            self.post(operation, fate);
        }
    }

    /// Notes that an iteration ended early, and settles what waits for an answer which will not
    /// come any more.
    pub fn end_early(&mut self) {
        self.unfinished += 1;
        for (_, operation) in std::mem::take(&mut self.pending) {
            self.post(operation, Fate::Unknown);
        }
    }

    /// How many operations have an outcome that nobody knows, claims included.
    #[must_use]
    pub fn unknowns(&self) -> u64 {
        let claims: i64 = self.claims.values().map(|claims| claims.unknown).sum();
        self.unknown.len() as u64 + claims.unsigned_abs()
    }

    /// Whether the balance is certain.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.unknown.is_empty()
    }

    fn post(&mut self, operation: Operation, fate: Fate) {
        if let Operation::Claim { policy } = operation {
            let claims = self.claims.entry(policy).or_default();
            *(match fate {
                Fate::Done => &mut claims.accepted,
                Fate::Refused => &mut claims.refused,
                Fate::Unknown => &mut claims.unknown,
            }) += 1;
            return;
        }
        match (fate, operation) {
            (Fate::Refused, _) => {}
            (Fate::Unknown, operation) => self.unknown.push(operation),
            (Fate::Done, Operation::Charge { amount }) => {
                self.charged += amount;
                self.balance += amount;
            }
            (
                Fate::Done,
                Operation::Order {
                    items,
                    paid,
                    with_coupon,
                },
            ) => {
                self.orders += 1;
                self.with_coupon += i64::from(with_coupon);
                self.paid += paid;
                self.balance -= paid;
                for (product, quantity) in items {
                    *self.items.entry(product).or_default() += quantity;
                }
            }
            (Fate::Done, Operation::Claim { .. }) => unreachable!("claims are posted above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Operation {
        Operation::Order {
            items: vec![(1, 1), (2, 3)],
            paid: 8_000,
            with_coupon: true,
        }
    }

    #[test]
    fn only_what_is_acknowledged_counts() {
        let mut book = Book::default();
        for fate in [Fate::Done, Fate::Refused, Fate::Unknown] {
            for operation in [
                Operation::Charge { amount: 10_000 },
                Operation::Claim { policy: 7 },
                order(),
            ] {
                let entry = book.enter(operation);
                book.settle(&entry, fate);
            }
        }
        assert_eq!(
            (book.charged, book.paid, book.balance),
            (10_000, 8_000, 2_000)
        );
        assert_eq!((book.orders, book.with_coupon), (1, 1));
        assert_eq!(book.items, BTreeMap::from([(1, 1), (2, 3)]));
        assert_eq!(
            book.claims[&7],
            Claims {
                accepted: 1,
                refused: 1,
                unknown: 1
            }
        );
        assert_eq!(
            book.unknown,
            [Operation::Charge { amount: 10_000 }, order()]
        );
        assert!(!book.is_certain());
    }

    #[test]
    fn a_cut_makes_what_is_under_way_unknown() {
        let mut book = Book::default();
        let first = book.enter(order());
        let second = book.enter(order());
        book.settle(&second, Fate::Done);
        book.end_early();
        assert_eq!((book.orders, book.unknown.len()), (1, 1));
        book.settle(&first, Fate::Done);
        assert_eq!(book.orders, 1, "an answer after the cut changes nothing");
    }
}
