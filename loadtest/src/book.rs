//! A virtual user's own book: what it did, by what the server acknowledged.
//!
//! An operation is entered before it is sent and settled by its answer. One that was cut, timed
//! out or answered with 5xx may or may not have happened: it stays in the book as unknown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::operation::{Fate, Operation};
use crate::race::{Outcome, Race, Races};

/// Claims for the coupons of one policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Accepted.
    pub accepted: i64,
    /// Refused.
    pub refused: i64,
    /// Unknown.
    pub unknown: i64,
}

/// What one virtual user did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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
    /// Charges and orders with an unknown outcome.
    pub unknown: Vec<Operation>,
    /// Its races with itself, by kind.
    pub races: BTreeMap<Race, Races>,
    /// Last pieces that it raced another user for, by product: what became of its own order.
    pub last_pieces: BTreeMap<i64, Fate>,
    /// Iterations that ended before the persona was through with them.
    pub unfinished: u64,
    /// What waits for an answer is settled before anybody else looks.
    #[serde(skip)]
    pending: Vec<(u64, Operation)>,
    #[serde(skip)]
    racing: Option<(Race, [Operation; 2])>,
    #[serde(skip)]
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

    /// Enters two operations that are about to be sent at the same time.
    pub fn enter_race(&mut self, race: Race, both: [Operation; 2]) {
        self.racing = Some((race, both));
    }

    /// Settles the race that is under way; how it came out, if the server looked at it.
    pub fn settle_race(&mut self, fates: [Fate; 2]) -> Option<Outcome> {
        let (race, both) = self.racing.take()?;
        for (operation, fate) in race.settled(both, fates) {
            self.post(operation, fate);
        }
        let outcome = race.outcome(&fates)?;
        self.races.entry(race).or_default().add(outcome);
        Some(outcome)
    }

    /// Enters an order for the last piece of a product, for which another user races as well. Until
    /// it is settled, it is unknown who got it.
    pub fn enter_last_piece(&mut self, product: i64, order: Operation) -> Entry {
        self.last_pieces.insert(product, Fate::Unknown);
        self.enter(order)
    }

    /// Settles an order for the last piece of a product.
    pub fn settle_last_piece(&mut self, product: i64, entry: &Entry, fate: Fate) {
        self.last_pieces.insert(product, fate);
        self.settle(entry, fate);
    }

    /// Notes that an iteration ended early, and settles what waits for an answer which will not
    /// come any more.
    pub fn end_early(&mut self) {
        self.unfinished += 1;
        for (_, operation) in std::mem::take(&mut self.pending) {
            self.post(operation, Fate::Unknown);
        }
        self.settle_race([Fate::Unknown; 2]);
    }

    /// How many operations have an unknown outcome, claims included.
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

    /// The least and the most that the balance may be.
    #[must_use]
    pub fn range(&self) -> (i64, i64) {
        let start = (self.balance, self.balance);
        self.unknown.iter().fold(start, |(least, most), operation| {
            let effects = operation.effects();
            let lowest = effects.iter().copied().min().unwrap_or(0).min(0);
            let highest = effects.iter().copied().max().unwrap_or(0).max(0);
            (least + lowest, most + highest)
        })
    }

    fn post(&mut self, operation: Operation, fate: Fate) {
        match (operation, fate) {
            (_, Fate::Unheard) => {}
            (Operation::Claim { policy }, fate) => self.post_claim(policy, fate),
            (_, Fate::Refused) => {}
            (operation, Fate::Unknown) => self.unknown.push(operation),
            (operation, Fate::Done) => self.post_done(operation),
        }
    }

    fn post_claim(&mut self, policy: i64, fate: Fate) {
        let claims = self.claims.entry(policy).or_default();
        match fate {
            Fate::Done => claims.accepted += 1,
            Fate::Refused => claims.refused += 1,
            Fate::Unknown => claims.unknown += 1,
            Fate::Unheard => {}
        }
    }

    fn post_done(&mut self, operation: Operation) {
        match operation {
            Operation::Charge { amount } => {
                self.charged += amount;
                self.balance += amount;
            }
            Operation::Order {
                items,
                paid,
                with_coupon,
            } => {
                self.orders += 1;
                self.with_coupon += i64::from(with_coupon);
                self.paid += paid;
                self.balance -= paid;
                for (product, quantity) in items {
                    *self.items.entry(product).or_default() += quantity;
                }
            }
            // Neither is ever entered as such: claims are posted apart, and of two operations each.
            Operation::Claim { .. } | Operation::OneOf(_) => {}
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

    #[test]
    fn what_the_server_never_looked_at_leaves_no_trace() {
        let mut book = Book::default();
        for operation in [Operation::Claim { policy: 7 }, order()] {
            let entry = book.enter(operation);
            book.settle(&entry, Fate::Unheard);
        }
        assert!(book.claims.is_empty() && book.is_certain());
    }

    #[test]
    fn of_a_race_without_answers_at_most_one_happened() {
        let mut book = Book::default();
        let entry = book.enter(Operation::Charge { amount: 9_000 });
        book.settle(&entry, Fate::Done);
        let cheap = || Operation::Order {
            items: vec![(1, 1)],
            paid: 5_000,
            with_coupon: false,
        };
        book.enter_race(Race::Money, [cheap(), order()]);
        book.end_early();
        assert_eq!(
            book.unknown,
            [Operation::OneOf(Box::new([cheap(), order()]))]
        );
        assert_eq!((book.balance, book.range()), (9_000, (1_000, 9_000)));
        let unknown = Races {
            pairs: 1,
            ..Races::default()
        };
        assert_eq!(book.races[&Race::Money], unknown);
        assert_eq!(book.settle_race([Fate::Done; 2]), None, "it is settled");
    }

    #[test]
    fn of_a_last_piece_the_book_knows_what_its_own_order_was_answered() {
        let mut book = Book::default();
        for (product, fate) in [(6, Fate::Done), (7, Fate::Refused), (8, Fate::Unheard)] {
            let entry = book.enter_last_piece(product, order());
            book.settle_last_piece(product, &entry, fate);
        }
        let _cut = book.enter_last_piece(9, order());
        assert_eq!((book.orders, book.unknown.len()), (1, 0));
        book.end_early();
        assert_eq!((book.orders, book.unknown.len()), (1, 1));
        let fates = [Fate::Done, Fate::Refused, Fate::Unheard, Fate::Unknown];
        assert_eq!(book.last_pieces, (6..).zip(fates).collect());
        assert!(book.races.is_empty(), "what came of it, both books tell");
    }

    #[test]
    fn a_race_is_noted_as_it_came_out() {
        let mut book = Book::default();
        let mut race = |fates| {
            book.enter_race(Race::Money, [order(), order()]);
            book.settle_race(fates)
        };
        let right = race([Fate::Unknown, Fate::Done]);
        let wrong = race([Fate::Done, Fate::Done]);
        let none = race([Fate::Unheard, Fate::Unheard]);
        assert_eq!(
            (right, wrong, none),
            (Some(Outcome::Right), Some(Outcome::Both), None)
        );
        assert_eq!(
            (book.orders, book.balance, book.unknown.len()),
            (3, -24_000, 0)
        );
        let races = Races {
            pairs: 2,
            both: 1,
            missing: 0,
        };
        assert_eq!(book.races[&Race::Money], races);
    }
}
