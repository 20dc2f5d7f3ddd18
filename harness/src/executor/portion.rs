//! What one process does of a scenario: all of it, or one worker's share. Pure.
//!
//! Virtual users, arrivals and iterations keep the numbers that they have in the whole run. So all
//! workers together do what one process would do, with the same users and the same random choices.

use super::arrivals::Lane;
use super::share::{Share, deal};

/// Who plays in a scenario.
#[derive(Debug, Clone, Copy)]
pub struct Cast<'a> {
    /// The persona of each virtual user, by index.
    pub personas: &'a [&'static str],
    /// Which persona each arrival of the open model is for; it repeats.
    pub pattern: &'a [&'static str],
    /// How many virtual users the scenarios before it have.
    pub before: usize,
}

/// What one process does of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    seats: Vec<u32>,
    /// The part of each persona's arrivals; all of those that aren't named.
    parts: Vec<(&'static str, Lane)>,
    /// The part of the iterations that all virtual users share.
    shared: Lane,
}

impl Portion {
    /// All of a scenario with so many virtual users.
    #[must_use]
    pub fn whole(vus: u32) -> Self {
        Self {
            seats: (0..vus).collect(),
            parts: Vec::new(),
            shared: Lane::whole(),
        }
    }

    /// A worker's share.
    ///
    /// The virtual users of each persona are dealt by the workers' weights, from the worker at
    /// which those before them ended. Arrivals and shared iterations are dealt by the virtual
    /// users that each worker got, so that each of these has as much to do as in one process.
    /// Arrivals of a persona without a virtual user can't be made. They are counted and dropped as
    /// if they were for all personas.
    #[must_use]
    pub fn of(cast: &Cast<'_>, share: &Share) -> Self {
        let worker = share.worker();
        let mut everyone = vec![0; share.weights().len()];
        let mut by_persona = Vec::new();
        let (mut seats, mut turn) = (Vec::new(), cast.before);
        for persona in kinds_of(cast.personas) {
            let owners = deal(share.weights(), turn);
            let mut count = vec![0; everyone.len()];
            let of_persona = (0_u32..).zip(cast.personas);
            let of_persona = of_persona.filter(|(_, of)| **of == persona);
            for ((k, _), owner) in of_persona.zip(owners.iter().cycle()) {
                count[*owner] += 1;
                everyone[*owner] += 1;
                turn += 1;
                if *owner == worker {
                    seats.push(k);
                }
            }
            by_persona.push((persona, count));
        }
        seats.sort_unstable();
        let part = |(place, kind): (usize, &'static str)| {
            let of_kind = by_persona.iter().find(|(of, _)| *of == kind);
            let weights = of_kind.map_or(&everyone, |(_, count)| count);
            (kind, Lane::dealt(&deal(weights, place), worker))
        };
        let lanes = kinds_of(cast.pattern);
        Self {
            seats,
            parts: lanes.into_iter().enumerate().map(part).collect(),
            shared: Lane::dealt(&deal(&everyone, 0), worker),
        }
    }

    /// The indices of its virtual users, ascending.
    #[must_use]
    pub fn seats(&self) -> &[u32] {
        &self.seats
    }

    /// How many of the iterations that all virtual users share.
    pub(super) fn shared_of(&self, all: u64) -> u64 {
        self.shared.count_below(all)
    }

    /// Its part of the arrivals for this persona.
    pub(super) fn part_of(&self, persona: &str) -> Lane {
        let part = self.parts.iter().find(|(of, _)| *of == persona);
        part.map_or_else(Lane::whole, |(_, part)| part.clone())
    }
}

/// The different kinds in a pattern, in alphabetical order.
pub(super) fn kinds_of(pattern: &[&'static str]) -> Vec<&'static str> {
    let mut kinds = pattern.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[cfg(test)]
#[path = "portion_tests.rs"]
mod tests;
