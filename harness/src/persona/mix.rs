//! Which persona each virtual user is.

use thiserror::Error;

use super::{Role, find};

/// The personas' shares of the virtual users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix(Vec<(Role, u32)>);

/// What is wrong with a mix.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MixError {
    /// Not `key=weight`.
    #[error("'{0}' is not a share; write persona=weight, as in a=60,b=30,c=10")]
    NotAShare(String),
    /// No such persona.
    #[error("there is no persona '{persona}'; known are {known}")]
    UnknownPersona {
        /// As written.
        persona: String,
        /// What there is.
        known: String,
    },
    /// Named twice.
    #[error("persona '{0}' is named twice")]
    Twice(String),
    /// Every weight is 0.
    #[error("every share is 0: no persona would run")]
    Nobody,
}

impl Mix {
    /// Reads `a=60,b=30,c=10`; personas are known by their letter or name.
    ///
    /// # Errors
    /// See [`MixError`].
    pub fn parse(text: &str, roles: &[Role]) -> Result<Self, MixError> {
        let mut shares: Vec<(Role, u32)> = Vec::new();
        for share in text.split(',') {
            let not_a_share = || MixError::NotAShare(share.trim().to_owned());
            let (persona, weight) = share.split_once('=').ok_or_else(not_a_share)?;
            let (persona, weight) = (
                persona.trim(),
                weight.trim().parse().map_err(|_| not_a_share())?,
            );
            let role = find(persona, roles)?;
            if shares.iter().any(|(known, _)| known.name == role.name) {
                return Err(MixError::Twice(persona.to_owned()));
            }
            shares.push((role, weight));
        }
        shares.retain(|(_, weight)| *weight > 0);
        if shares.is_empty() {
            Err(MixError::Nobody)
        } else {
            Ok(Self(shares))
        }
    }

    /// The personas with their weights.
    pub fn shares(&self) -> impl Iterator<Item = (Role, u32)> {
        self.0.iter().copied()
    }

    /// A mix of one persona alone.
    #[must_use]
    pub fn only(role: Role) -> Self {
        Self(vec![(role, 1)])
    }

    /// The part of the whole, 0 to 1, that is this persona's.
    #[must_use]
    pub fn share_of(&self, persona: &str) -> f64 {
        let total: f64 = self.0.iter().map(|(_, weight)| f64::from(*weight)).sum();
        let own = self.shares().find(|(known, _)| known.name == persona);
        own.map_or(0.0, |(_, weight)| f64::from(weight) / total)
    }

    /// Which persona each arrival is for: a pattern that repeats, with exactly the mix in it.
    /// (Weights that have a longer one than ten thousand have one as close as that.)
    #[must_use]
    pub fn pattern(&self) -> Vec<&'static str> {
        const LONGEST: u64 = 10_000;
        let weights = self.0.iter().map(|(_, weight)| u64::from(*weight));
        let divisor = weights.clone().fold(0, gcd).max(1);
        let length = (weights.sum::<u64>() / divisor).min(LONGEST) as u32;
        self.deal(length)
            .iter()
            .map(|persona| persona.name)
            .collect()
    }

    /// The persona of each of `vus` virtual users.
    ///
    /// They are dealt out evenly: each VU goes to the persona that is furthest behind its share,
    /// so that the mix holds for the first *n* of them whatever *n* is, to within one VU each.
    #[must_use]
    pub fn deal(&self, vus: u32) -> Vec<Role> {
        let total: u64 = self.0.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut dealt = vec![0_u64; self.0.len()];
        (1..=u64::from(vus))
            .map(|seats| {
                let behind = |slot: &usize| {
                    let owed = u64::from(self.0[*slot].1) * seats;
                    owed as i128 - (dealt[*slot] * total) as i128
                };
                // The first of equals, so that a=60,b=30 begins with a.
                let slot = (0..self.0.len())
                    .rev()
                    .max_by_key(behind)
                    .expect("a mix is never empty");
                dealt[slot] += 1;
                self.0[slot].0
            })
            .collect()
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl std::fmt::Display for Mix {
    /// As it is parsed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shares: Vec<String> = self
            .0
            .iter()
            .map(|(role, weight)| format!("{}={weight}", role.key))
            .collect();
        f.write_str(&shares.join(","))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixture::ROLES;

    fn parse(text: &str) -> Result<Mix, MixError> {
        Mix::parse(text, &ROLES)
    }

    fn counts(mix: &str, vus: u32) -> Vec<usize> {
        let dealt = parse(mix).expect(mix).deal(vus);
        ROLES
            .iter()
            .map(|persona| dealt.iter().filter(|p| p.key == persona.key).count())
            .collect()
    }

    #[test]
    fn shares_are_exact_where_they_can_be() {
        assert_eq!(counts("a=60,b=30,c=10", 300), [180, 90, 30]);
        assert_eq!(counts("a=1", 7), [7, 0, 0]);
        assert_eq!(counts("malicious_buyer=1, A=1", 10), [5, 0, 5]);
    }

    #[test]
    fn the_pattern_of_arrivals_has_the_mix_in_its_shortest_form() {
        let pattern = |text| parse(text).expect(text).pattern();
        assert_eq!(
            pattern("a=500,c=250"),
            ["impulse_buyer", "malicious_buyer", "impulse_buyer"]
        );
        assert_eq!(pattern("b=7"), ["rational_buyer"]);
        assert_eq!(pattern("a=4294967295,b=4294967294").len(), 10_000);
        assert_eq!(
            parse("a=3,b=1").expect("good").share_of("rational_buyer"),
            0.25
        );
    }

    #[test]
    fn a_mix_is_written_as_it_is_read() {
        assert_eq!(
            parse("b=30, a=60,c=0").expect("good").to_string(),
            "b=30,a=60"
        );
    }

    #[test]
    fn mistakes_are_named() {
        let rows = [
            ("a", "'a' is not a share"),
            ("a=x", "'a=x' is not a share"),
            ("a=-1", "'a=-1' is not a share"),
            (
                "d=1",
                "there is no persona 'd'; known are a (impulse_buyer), b (rational_buyer), c (malicious_buyer)",
            ),
            (
                "a=1,impulse_buyer=2",
                "persona 'impulse_buyer' is named twice",
            ),
            ("a=0,b=0", "every share is 0"),
            ("", "'' is not a share"),
        ];
        for (text, expected) in rows {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    proptest! {
        /// A ramp that stops anywhere still has the mix, to within one VU of each persona.
        #[test]
        fn every_prefix_has_the_mix(a in 1_u32..100, b in 1_u32..100, c in 1_u32..100, vus in 1_u32..400) {
            let counts = counts(&format!("a={a},b={b},c={c}"), vus);
            let total = f64::from(a + b + c);
            for (weight, count) in [a, b, c].into_iter().zip(counts) {
                let owed = f64::from(weight) * f64::from(vus) / total;
                prop_assert!((count as f64 - owed).abs() <= 1.0 + 1e-9, "{count} of {owed}");
            }
        }
    }
}
