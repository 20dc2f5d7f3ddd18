//! The rules of races: of two operations at once, as many happen as may.

use harness::{Amount, Invariant};

use crate::book::Book;
use crate::race::{Race, Races};

/// A rule for each kind of race that there was. Races of unknown outcome count as kept: the sums
/// of orders and money find what they did. `users` are the virtual users' numbers and books.
pub(super) fn races<'a>(users: impl Iterator<Item = (u32, &'a Book)>) -> Vec<Invariant> {
    let users: Vec<_> = users.collect();
    Race::ALL
        .into_iter()
        .filter_map(|race| rule(&users, race))
        .collect()
}

fn rule(users: &[(u32, &Book)], race: Race) -> Option<Invariant> {
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
    use super::told;
    use crate::race::Races;

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
