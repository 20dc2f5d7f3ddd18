//! The rules of races: of two operations at once, no more succeed than may.

use std::collections::BTreeMap;

use harness::{Amount, Invariant};

use crate::book::{Book, Fate};
use crate::race::{Outcome, Race, Races};

/// A rule for each kind of race that there was. Races of unknown outcome count as kept: the sums
/// of orders and money find what they did. `users` are the virtual users' numbers and books.
pub(super) fn races<'a>(users: impl Iterator<Item = (u32, &'a Book)>) -> Vec<Invariant> {
    let users: Vec<_> = users.collect();
    let rule = |race| match race {
        Race::LastPiece => of_last_pieces(&users),
        race => of_each_user(&users, race),
    };
    Race::ALL.into_iter().filter_map(rule).collect()
}

/// Who raced for a product's last piece, and what became of each one's order.
type Racers = Vec<(u32, Fate)>;

/// Of each product that two users wanted the last piece of, one got it: both of their books
/// together tell.
fn of_last_pieces(users: &[(u32, &Book)]) -> Option<Invariant> {
    let mut products: BTreeMap<i64, Racers> = BTreeMap::new();
    for (number, book) in users {
        for (product, fate) in &book.last_pieces {
            products.entry(*product).or_default().push((*number, *fate));
        }
    }
    let came_out = |(product, racers): (i64, Racers)| {
        let fates: Vec<Fate> = racers.iter().map(|(_, fate)| *fate).collect();
        let outcome = Race::LastPiece.outcome(&fates)?;
        Some((product, racers, outcome))
    };
    let pairs: Vec<_> = products.into_iter().filter_map(came_out).collect();
    let case = |(product, racers, outcome): &(i64, Racers, Outcome)| match outcome {
        Outcome::Right | Outcome::Unknown => None,
        Outcome::Both => Some(format!(
            "product {product}: sold to {}",
            named(racers, " and ")
        )),
        Outcome::Missing => Some(format!(
            "product {product}: not sold to {}",
            named(racers, " or ")
        )),
    };
    let cases: Vec<String> = pairs.iter().filter_map(case).collect();
    let all = pairs.len() as i64;
    let kept = Amount::Exactly(all);
    let row = || Invariant::new(Race::LastPiece.rule(), kept, all - cases.len() as i64);
    (all > 0).then(|| row().with_cases(&cases))
}

/// The users of a race, in the order of their numbers.
fn named(racers: &Racers, between: &str) -> String {
    let mut numbers: Vec<u32> = racers.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    let names: Vec<String> = numbers.iter().map(|number| format!("u{number}")).collect();
    names.join(between)
}

/// What a user did alone is judged from its own book.
fn of_each_user(users: &[(u32, &Book)], race: Race) -> Option<Invariant> {
    let ran = || {
        let of = |(number, book): &(u32, &Book)| Some((*number, *book.races.get(&race)?));
        users.iter().filter_map(of)
    };
    let pairs: i64 = ran().map(|(_, races)| races.pairs).sum();
    let wrong: i64 = ran().map(|(_, races)| races.wrong()).sum();
    let cases: Vec<String> = ran()
        .filter(|(_, races)| races.wrong() > 0)
        .map(|(number, races)| told(number, races))
        .collect();
    let row = || Invariant::new(race.rule(), Amount::Exactly(pairs), pairs - wrong);
    (pairs > 0).then(|| row().with_cases(&cases))
}

fn told(number: u32, races: Races) -> String {
    let Races {
        pairs,
        both,
        missing,
    } = races;
    let both = (both > 0).then(|| format!("both happened in {both}"));
    let missing = (missing > 0).then(|| format!("too few in {missing}"));
    let wrong: Vec<String> = both.into_iter().chain(missing).collect();
    format!("u{number}: {} of {pairs} pairs", wrong.join(", "))
}

#[cfg(test)]
mod tests {
    use harness::Amount;

    use super::{races, told};
    use crate::book::{Book, Fate};
    use crate::operation::Operation;
    use crate::race::{Race, Races};

    use Fate::{Done, Refused, Unheard, Unknown};

    /// A user with these orders for last pieces.
    fn racer(fates: &[(i64, Fate)]) -> Book {
        let mut book = Book::default();
        for (product, fate) in fates {
            let order = Operation::Order {
                items: vec![(*product, 1)],
                paid: 2_000,
                with_coupon: false,
            };
            let entry = book.enter_last_piece(*product, order);
            book.settle_last_piece(*product, &entry, *fate);
        }
        book
    }

    /// The rule on last pieces: expected, actual, and the wrong ones.
    fn judged(users: &[(u32, Book)]) -> Option<(Amount, i64, String)> {
        let rows = races(users.iter().map(|(number, book)| (*number, book)));
        let mut rows = rows.into_iter();
        let row = rows.find(|row| row.name == Race::LastPiece.rule())?;
        assert_eq!(row.ok, row.detail.is_none());
        Some((row.expected, row.actual, row.detail.unwrap_or_default()))
    }

    #[test]
    fn a_last_piece_is_judged_from_the_books_of_both_who_wanted_it() {
        let users = |first, second| [(9, racer(&[(6, first)])), (3, racer(&[(6, second)]))];
        let right = |pairs| Some((Amount::Exactly(pairs), pairs, String::new()));
        let wrong = |case: &str| Some((Amount::Exactly(1), 0, case.to_owned()));
        let rows = [
            ([Done, Refused], right(1)),
            ([Unknown, Done], right(1)),
            ([Unheard, Done], right(1)),
            ([Unknown, Refused], right(1)),
            ([Unknown, Unknown], right(1)),
            ([Done, Done], wrong("product 6: sold to u3 and u9")),
            ([Refused, Refused], wrong("product 6: not sold to u3 or u9")),
            ([Unheard, Refused], wrong("product 6: not sold to u3 or u9")),
            ([Unheard, Unheard], None),
        ];
        for ([first, second], expected) in rows {
            assert_eq!(
                judged(&users(first, second)),
                expected,
                "{first:?} {second:?}"
            );
            assert_eq!(
                judged(&users(second, first)),
                expected,
                "{first:?} {second:?}"
            );
        }
        assert_eq!(judged(&[(1, Book::default())]), None, "nobody raced");
    }

    #[test]
    fn each_product_is_a_race_of_its_own() {
        let users = [
            (1, racer(&[(6, Done), (7, Done), (8, Refused)])),
            (2, racer(&[(6, Refused), (8, Refused)])),
            (3, racer(&[(7, Done), (9, Done)])),
        ];
        let cases = "product 7: sold to u1 and u3; product 8: not sold to u1 or u2";
        let expected = (Amount::Exactly(4), 2, cases.to_owned());
        assert_eq!(judged(&users), Some(expected));
    }

    #[test]
    fn a_case_says_whose_and_how() {
        let races = Races {
            pairs: 7,
            both: 2,
            missing: 1,
        };
        assert_eq!(
            told(4, races),
            "u4: both happened in 2, too few in 1 of 7 pairs"
        );
    }
}
