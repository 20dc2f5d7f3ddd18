//! Failures that all take the same time: they look like a time-out behind the API, of a lock or of
//! a connection pool. Pure.

use crate::format::{grouped, listed};
use crate::metrics::Trend;

/// What makes a pile of failures a time-out.
struct Rule {
    /// Fewer may agree by chance.
    fewest: u64,
    /// How many other failures there may be around it, for each in it.
    near: f64,
    /// The share of the expected answers that may take about as long or longer.
    expected: f64,
}

/// From a second on, hardly anything but a time-out takes the same time again and again.
const SECONDS: Rule = Rule {
    fewest: 5,
    near: 0.25,
    expected: 0.5,
};
/// Below, a server may well need about the same time for everything.
const BELOW: Rule = Rule {
    fewest: 20,
    near: 0.05,
    expected: 0.1,
};
/// In ms. Shorter durations are not called time-outs.
const SHORTEST: f64 = 100.0;
/// How far the longest may be from the shortest: 5 % about the middle.
const SPREAD: f64 = 1.05 / 0.95;
/// From a pile to what is no longer around it.
const AROUND: f64 = 1.5;
/// Expected answers take about as long from this share of a pile's time on.
const AS_LONG: f64 = 0.8;
/// The share of the failures that must be in piles, of those that take a third as long at least.
const SHARE: f64 = 0.8;
/// A lock's and a pool's; with more, any distribution would be piles.
const MOST_PILES: usize = 2;

/// Failures that took about the same time, in ms.
struct Pile {
    from: f64,
    count: u64,
    mean: f64,
}

/// What is said of a request's failures, if they pile up at one time or at two. `expected` are the
/// times of its other answers.
#[must_use]
pub fn same_time(name: &str, failed: &Trend, expected: &Trend) -> Option<String> {
    let slow = failed.recorded().filter(|(ms, _)| *ms >= SHORTEST);
    let slow: Vec<(f64, u64)> = slow.collect();
    let piles = piles(slow.clone(), expected);
    let shortest = piles.iter().map(|pile| pile.from).reduce(f64::min)?;
    let longer = slow.iter().filter(|(ms, _)| *ms >= shortest / 3.0);
    let longer: u64 = longer.map(|(_, count)| count).sum();
    let in_piles: u64 = piles.iter().map(|pile| pile.count).sum();
    if (in_piles as f64) < SHARE * longer as f64 {
        return None;
    }
    let looks = match piles.len() {
        1 => "that looks like a time-out",
        _ => "these look like time-outs",
    };
    Some(format!(
        "{}: {looks} behind the API, such as a lock's or a connection pool's",
        listed(words(name, failed.count(), &piles), "and")
    ))
}

/// How many took how long, for each pile.
fn words(name: &str, failed: u64, piles: &[Pile]) -> impl Iterator<Item = String> {
    piles.iter().enumerate().map(move |(at, pile)| {
        let count = grouped(pile.count);
        let who = match at {
            0 if pile.count == failed => format!("all {count} failures of {name}"),
            0 => format!("{count} of {} failures of {name}", grouped(failed)),
            _ => count,
        };
        match pile.mean {
            ms if ms >= 1_000.0 => format!("{who} took {:.1} s", ms / 1_000.0),
            ms => format!("{who} took {ms:.0} ms"),
        }
    })
}

/// The piles among these times, the largest first.
fn piles(mut slow: Vec<(f64, u64)>, expected: &Trend) -> Vec<Pile> {
    let mut piles = Vec::new();
    while piles.len() < MOST_PILES {
        let found = (0..slow.len()).map(|at| pile(&slow[at..]));
        let Some(pile) = found.max_by_key(|pile| pile.count) else {
            break;
        };
        if !is_time_out(&pile, &slow, expected) {
            break;
        }
        slow.retain(|(ms, _)| !pile.has(*ms));
        piles.push(pile);
    }
    piles
}

/// What took as long as the first of these, which are the longer the later, and as little more as a
/// time-out varies.
fn pile(slow: &[(f64, u64)]) -> Pile {
    let mut pile = Pile {
        from: slow.first().map_or(0.0, |(ms, _)| *ms),
        count: 0,
        mean: 0.0,
    };
    let within = slow.iter().take_while(|(ms, _)| pile.has(*ms));
    let (count, sum) = within.fold((0, 0.0), |(count, sum), (ms, more)| {
        (count + more, sum + ms * *more as f64)
    });
    pile.count = count;
    pile.mean = sum / count.max(1) as f64;
    pile
}

/// Whether a pile is large enough and stands alone, among the failures and among the other answers.
fn is_time_out(pile: &Pile, slow: &[(f64, u64)], expected: &Trend) -> bool {
    let rule = match pile.from {
        from if from >= 1_000.0 => SECONDS,
        _ => BELOW,
    };
    let around = pile.from / AROUND..=pile.from * SPREAD * AROUND;
    let near = slow
        .iter()
        .filter(|(ms, _)| around.contains(ms) && !pile.has(*ms));
    let near: u64 = near.map(|(_, count)| count).sum();
    let all = expected.count();
    let as_long = all - expected.count_up_to_ms(pile.from * AS_LONG);
    pile.count >= rule.fewest
        && near as f64 <= rule.near * pile.count as f64
        && as_long as f64 <= rule.expected * all as f64
}

impl Pile {
    fn has(&self, ms: f64) -> bool {
        (self.from..=self.from * SPREAD).contains(&ms)
    }
}

#[cfg(test)]
#[path = "same_time_tests.rs"]
mod tests;
