//! Which load to try next: a pure function of the trials so far.

/// The bounds of a search and how sure it must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// The first load that is tried.
    pub from: u32,
    /// The largest.
    pub to: u32,
    /// How near the answer must be to the next larger load that fails: 0.1 is 10 %.
    pub precision: f64,
    /// How often the answer must have held.
    pub repeats: u32,
}

/// A trial's load and whether everything held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// VUs, or iterations a second.
    pub load: u32,
    /// Whether the SLA held, with no failure.
    pub holds: bool,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try this load.
    Try(u32),
    /// It is found: the largest load that holds; none if not even the first does.
    Found(Option<u32>),
}

/// What the trials of one load say together. Machines are noisy, so one failure is not believed:
/// it takes two, or one less than a load's successes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Holds,
    Fails,
    Unclear,
}

impl Search {
    /// The next step after these trials.
    #[must_use]
    pub fn next(&self, trials: &[Outcome]) -> Next {
        let loads = loads(trials);
        if let Some(load) = loads
            .iter()
            .find(|load| standing(trials, **load) == Standing::Unclear)
        {
            return Next::Try(*load);
        }
        match bounds(trials, &loads) {
            (None, None) => Next::Try(self.from),
            (None, Some(_)) => Next::Found(None),
            (Some(holds), None) if holds >= self.to => self.confirm(trials, holds),
            (Some(holds), None) => Next::Try(holds.saturating_mul(2).min(self.to)),
            (Some(holds), Some(fails)) => match self.between(holds, fails) {
                Some(load) => Next::Try(load),
                None => self.confirm(trials, holds),
            },
        }
    }

    fn confirm(&self, trials: &[Outcome], load: u32) -> Next {
        if count(trials, load, true) < self.repeats {
            Next::Try(load)
        } else {
            Next::Found(Some(load))
        }
    }

    /// The geometric middle, rounded to two significant digits where that stays between.
    fn between(&self, holds: u32, fails: u32) -> Option<u32> {
        if f64::from(fails) <= f64::from(holds) * (1.0 + self.precision) || fails - holds < 2 {
            return None;
        }
        let middle = (f64::from(holds) * f64::from(fails)).sqrt();
        let unit = 10_f64.powf(middle.log10().floor() - 1.0).max(1.0);
        let round = ((middle / unit).round() * unit) as u32;
        let between = |load: &u32| (holds + 1..fails).contains(load);
        Some(round)
            .filter(between)
            .or(Some(middle as u32).filter(between))
            .or(Some(holds + 1))
    }
}

/// The largest load that holds by these trials, however few they are.
#[must_use]
pub(super) fn held(trials: &[Outcome]) -> Option<u32> {
    bounds(trials, &loads(trials)).0
}

/// The loads that were tried, in order.
fn loads(trials: &[Outcome]) -> Vec<u32> {
    let mut loads: Vec<u32> = trials.iter().map(|trial| trial.load).collect();
    loads.sort_unstable();
    loads.dedup();
    loads
}

/// The largest of these loads that holds, and the smallest that fails.
fn bounds(trials: &[Outcome], loads: &[u32]) -> (Option<u32>, Option<u32>) {
    let mut rising = loads.iter().copied();
    let fails = rising.find(|load| standing(trials, *load) == Standing::Fails);
    let holds = loads.iter().copied().rfind(|load| {
        standing(trials, *load) == Standing::Holds && fails.is_none_or(|fail| *load < fail)
    });
    (holds, fails)
}

fn standing(trials: &[Outcome], load: u32) -> Standing {
    let (holds, fails) = (count(trials, load, true), count(trials, load, false));
    match (holds, fails) {
        (_, 0) => Standing::Holds,
        (holds, 1) if holds >= 2 => Standing::Holds,
        (_, 1) => Standing::Unclear,
        _ => Standing::Fails,
    }
}

fn count(trials: &[Outcome], load: u32, holds: bool) -> u32 {
    let alike = trials
        .iter()
        .filter(|trial| trial.load == load && trial.holds == holds);
    u32::try_from(alike.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEARCH: Search = Search {
        from: 100,
        to: 10_000,
        precision: 0.05,
        repeats: 3,
    };

    /// The loads tried, and the answer, when `holds` says what happens at the n-th trial.
    fn search(search: Search, holds: impl Fn(u32, usize) -> bool) -> (Vec<u32>, Option<u32>) {
        let mut trials = Vec::new();
        loop {
            match search.next(&trials) {
                Next::Found(found) => {
                    return (trials.iter().map(|trial| trial.load).collect(), found);
                }
                Next::Try(load) => trials.push(Outcome {
                    load,
                    holds: holds(load, trials.len()),
                }),
            }
            assert!(trials.len() < 200, "no end: {trials:?}");
        }
    }

    #[test]
    fn it_doubles_then_halves_then_confirms() {
        let (tried, found) = search(SEARCH, |load, _| load <= 1_000);
        assert_eq!(found, Some(1_000));
        assert_eq!(
            tried,
            [
                100, 200, 400, 800, 1_600, 1_600, 1_100, 1_100, 940, 1_000, 1_048, 1_048, 1_000,
                1_000
            ]
        );
    }

    #[test]
    fn the_ends_are_answers_too() {
        assert_eq!(search(SEARCH, |_, _| false), (vec![100, 100], None));
        let (tried, found) = search(SEARCH, |_, _| true);
        assert_eq!(found, Some(10_000));
        assert_eq!(tried.iter().filter(|load| **load == 10_000).count(), 3);
    }

    #[test]
    fn what_holds_is_known_before_the_search_is_over() {
        let of = |load, holds| Outcome { load, holds };
        let (good, better) = (of(100, true), of(200, true));
        let (bad, worse) = (of(100, false), of(200, false));
        let rows = [
            (vec![], None),
            (vec![good, better], Some(200)),
            (vec![good, worse], Some(100)),
            (vec![good, worse, worse], Some(100)),
            (vec![bad], None),
        ];
        for (trials, expected) in rows {
            assert_eq!(held(&trials), expected, "{trials:?}");
        }
    }

    proptest! {
        /// Without noise the answer holds, and the next load by the precision doesn't.
        #[test]
        fn the_answer_is_as_near_as_asked(limit in 100_u32..9_000) {
            let (_, found) = search(SEARCH, |load, _| load <= limit);
            let found = found.expect("the first load holds");
            prop_assert!(found <= limit);
            prop_assert!(f64::from(limit) < f64::from(found) * 1.06 + 2.0, "{found} of {limit}");
        }

        /// A single failure by chance, wherever it comes, changes nothing.
        #[test]
        fn one_failure_by_chance_is_not_believed(limit in 200_u32..9_000, chance in 0_usize..8) {
            let (_, quiet) = search(SEARCH, |load, _| load <= limit);
            let (_, noisy) = search(SEARCH, |load, n| load <= limit && n != chance);
            prop_assert_eq!(quiet, noisy);
        }
    }
}
