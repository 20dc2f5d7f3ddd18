//! Two operations at the same time, of one user or of two: what may come of them, and what did.

use serde::{Deserialize, Serialize};

use crate::operation::{Fate, Operation};

/// What two operations at once are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Race {
    /// One coupon, and two orders with it: one of them happens.
    Coupon,
    /// Money for one order, and two orders: one of them happens.
    Money,
    /// Two charges: both happen.
    Charges,
    /// The last piece of a product, and an order for it by each of two users: one of them happens.
    LastPiece,
}

/// How a race came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it must.
    Right,
    /// Both happened where only one may.
    Both,
    /// One of them didn't happen that had to.
    Missing,
    /// Nobody can tell from here.
    Unknown,
}

/// A user's races of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Races {
    /// All of them.
    pub pairs: i64,
    /// Those where both happened and only one may.
    pub both: i64,
    /// Those where something didn't happen that had to.
    pub missing: i64,
}

impl Race {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Coupon, Self::Money, Self::Charges, Self::LastPiece];

    /// The rule that it must keep.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Coupon => "one of two orders with the same coupon (pairs)",
            Self::Money => "one of two orders with the same money (pairs)",
            Self::Charges => "both of two charges at once (pairs)",
            Self::LastPiece => "one of two orders for the last piece (pairs)",
        }
    }

    /// How it came out, by what became of each operation; nothing if the server looked at none.
    #[must_use]
    pub fn outcome(self, fates: &[Fate]) -> Option<Outcome> {
        let is = |fate| fates.iter().filter(|found| **found == fate).count();
        let (done, refused, unknown) = (is(Fate::Done), is(Fate::Refused), is(Fate::Unknown));
        if is(Fate::Unheard) == fates.len() {
            return None;
        }
        Some(match self {
            Self::Charges if refused > 0 => Outcome::Missing,
            Self::Charges if unknown > 0 => Outcome::Unknown,
            Self::Charges => Outcome::Right,
            Self::Coupon | Self::Money | Self::LastPiece => match (done, unknown) {
                (2.., _) => Outcome::Both,
                (1, _) => Outcome::Right,
                (_, 0) => Outcome::Missing,
                _ => Outcome::Unknown,
            },
        })
    }

    /// What the book of a user who sent both has to note of it: each operation with its fate.
    #[must_use]
    pub fn settled(self, both: [Operation; 2], fates: [Fate; 2]) -> Vec<(Operation, Fate)> {
        let done = fates.contains(&Fate::Done);
        if self != Self::Charges && fates == [Fate::Unknown; 2] {
            return vec![(Operation::OneOf(Box::new(both)), Fate::Unknown)];
        }
        let certain = |(operation, fate)| match fate {
            // The other one happened, so this one can't have.
            Fate::Unknown if self != Self::Charges && done => (operation, Fate::Refused),
            fate => (operation, fate),
        };
        both.into_iter().zip(fates).map(certain).collect()
    }
}

impl Races {
    /// Adds a race that came out like this.
    pub const fn add(&mut self, outcome: Outcome) {
        self.pairs += 1;
        match outcome {
            Outcome::Right | Outcome::Unknown => {}
            Outcome::Both => self.both += 1,
            Outcome::Missing => self.missing += 1,
        }
    }

    /// Those that came out as they mustn't.
    #[must_use]
    pub const fn wrong(&self) -> i64 {
        self.both + self.missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use Fate::{Done, Refused, Unheard, Unknown};

    #[test]
    fn exactly_one_of_two_orders_happens() {
        let rows = [
            ([Done, Refused], Some(Outcome::Right)),
            ([Unknown, Done], Some(Outcome::Right)),
            ([Unheard, Done], Some(Outcome::Right)),
            ([Done, Done], Some(Outcome::Both)),
            ([Refused, Refused], Some(Outcome::Missing)),
            ([Refused, Unheard], Some(Outcome::Missing)),
            ([Refused, Unknown], Some(Outcome::Unknown)),
            ([Unknown, Unknown], Some(Outcome::Unknown)),
            ([Unheard, Unknown], Some(Outcome::Unknown)),
            ([Unheard, Unheard], None),
        ];
        for (fates, expected) in rows {
            let [first, second] = fates;
            for race in [Race::Coupon, Race::Money, Race::LastPiece] {
                assert_eq!(race.outcome(&fates), expected, "{fates:?}");
                assert_eq!(race.outcome(&[second, first]), expected, "{fates:?}");
            }
        }
    }

    #[test]
    fn of_a_last_piece_only_one_of_its_users_may_be_heard_of() {
        let outcome = |fate| Race::LastPiece.outcome(&[fate]);
        let alone = [Done, Refused, Unknown, Unheard].map(outcome);
        let expected = [Outcome::Right, Outcome::Missing, Outcome::Unknown].map(Some);
        assert_eq!(alone[..3], expected);
        assert_eq!((alone[3], Race::LastPiece.outcome(&[])), (None, None));
    }

    #[test]
    fn both_of_two_charges_happen() {
        let rows = [
            ([Done, Done], Some(Outcome::Right)),
            ([Done, Refused], Some(Outcome::Missing)),
            ([Unknown, Refused], Some(Outcome::Missing)),
            ([Done, Unknown], Some(Outcome::Unknown)),
            ([Done, Unheard], Some(Outcome::Right)),
            ([Unheard, Unheard], None),
        ];
        for (fates, expected) in rows {
            assert_eq!(Race::Charges.outcome(&fates), expected, "{fates:?}");
        }
    }

    #[test]
    fn of_two_orders_the_book_notes_what_can_have_happened() {
        let order = |paid| Operation::Order {
            items: vec![(1, 1)],
            paid,
            with_coupon: false,
        };
        let both = || [order(1), order(2)];
        let settled = |fates| Race::Money.settled(both(), fates);
        assert_eq!(
            settled([Unknown, Done]),
            [(order(1), Refused), (order(2), Done)],
            "the one without an answer can't have happened as well"
        );
        assert_eq!(
            settled([Unknown, Unknown]),
            [(Operation::OneOf(Box::new(both())), Unknown)]
        );
        assert_eq!(
            settled([Refused, Unknown]),
            [(order(1), Refused), (order(2), Unknown)]
        );
        assert_eq!(
            settled([Done, Done]),
            [(order(1), Done), (order(2), Done)],
            "what was acknowledged is noted, right or wrong"
        );
        let charges = [1, 2].map(|amount| Operation::Charge { amount });
        assert_eq!(
            Race::Charges.settled(charges.clone(), [Unknown, Done]),
            [(charges[0].clone(), Unknown), (charges[1].clone(), Done)]
        );
    }
}
