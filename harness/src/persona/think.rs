//! How long personas think between iterations.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Role, find};

/// A distribution of pauses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ThinkTime {
    /// None.
    #[default]
    None,
    /// Any time between the two is as likely as another; the same twice is a fixed time.
    Uniform(Duration, Duration),
    /// As between independent events: mostly short, now and then long, with this mean.
    Exponential(Duration),
}

impl ThinkTime {
    /// A pause.
    pub fn draw(self, rng: &mut ChaCha8Rng) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Uniform(least, most) => least + (most - least).mul_f64(rng.random()),
            // From [0, 1), so that the logarithm is of (0, 1].
            Self::Exponential(mean) => mean.mul_f64(-(1.0 - rng.random::<f64>()).ln()),
        }
    }
}

impl std::fmt::Display for ThinkTime {
    /// As it is parsed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = |time| humantime::format_duration(time);
        match self {
            Self::None => f.write_str("0s"),
            Self::Uniform(least, most) if least == most => write!(f, "{}", time(*least)),
            Self::Uniform(least, most) => write!(f, "{}..{}", time(*least), time(*most)),
            Self::Exponential(mean) => write!(f, "exp({})", time(*mean)),
        }
    }
}

/// The think time of each persona.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThinkTimes(Vec<(Option<&'static str>, ThinkTime)>);

impl ThinkTimes {
    /// Reads `2s`, `1s..3s` or `exp(2s)`, for all personas or, as in `b=1s..3s`, for one.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub fn parse_one(
        text: &str,
        roles: &[Role],
    ) -> Result<(Option<&'static str>, ThinkTime), String> {
        let (persona, time) = match text.split_once('=') {
            Some((persona, time)) => {
                let found = find(persona.trim(), roles).map_err(|error| error.to_string())?;
                (Some(found.name), time)
            }
            None => (None, text),
        };
        let wrong =
            || format!("'{text}' is not a think time; write 2s, 1s..3s, exp(2s), or b=1s..3s");
        let duration = |text: &str| humantime::parse_duration(text.trim()).map_err(|_| wrong());
        let mean = time.trim().strip_prefix("exp(");
        let time = if let Some(mean) = mean.and_then(|rest| rest.strip_suffix(')')) {
            ThinkTime::Exponential(duration(mean)?)
        } else if let Some((least, most)) = time.split_once("..") {
            let (least, most) = (duration(least)?, duration(most)?);
            if least > most {
                return Err(wrong());
            }
            ThinkTime::Uniform(least, most)
        } else {
            let fixed = duration(time)?;
            ThinkTime::Uniform(fixed, fixed)
        };
        Ok((persona, time))
    }

    /// Sets the time of a persona, or of all that have none of their own; false when it has one.
    pub fn set(&mut self, persona: Option<&'static str>, time: ThinkTime) -> bool {
        let new = !self.0.iter().any(|(known, _)| *known == persona);
        self.0.push((persona, time));
        new
    }

    /// The personas that have a time of their own.
    pub fn personas(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter_map(|(persona, _)| *persona)
    }

    /// The time of a persona.
    #[must_use]
    pub fn of(&self, persona: &str) -> ThinkTime {
        let find = |of: Option<&str>| self.0.iter().find(|(known, _)| *known == of);
        find(Some(persona))
            .or_else(|| find(None))
            .map_or(ThinkTime::None, |(_, time)| *time)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::fixture::ROLES;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_persona_has_its_own_or_the_common_time() {
        let mut think = ThinkTimes::default();
        for text in ["1s..3s", "b = exp(2s)", "c=500ms"] {
            let (persona, time) = ThinkTimes::parse_one(text, &ROLES).expect(text);
            assert!(think.set(persona, time), "{text}");
        }
        let [a, b, c] = ROLES.map(|persona| think.of(persona.name));
        assert_eq!(a, ThinkTime::Uniform(SECOND, 3 * SECOND));
        assert_eq!(b, ThinkTime::Exponential(2 * SECOND));
        assert_eq!(c, ThinkTime::Uniform(SECOND / 2, SECOND / 2));
        assert!(!think.set(None, ThinkTime::None), "there is one for all");
    }

    #[test]
    fn mistakes_are_named() {
        for text in ["fast", "3s..1s", "exp(2s", "1s..", "b="] {
            let error = ThinkTimes::parse_one(text, &ROLES).expect_err(text);
            assert!(
                error.contains("is not a think time; write 2s, 1s..3s"),
                "{error}"
            );
        }
        let error = ThinkTimes::parse_one("d=1s", &ROLES).expect_err("nobody");
        assert!(error.starts_with("there is no persona 'd'"), "{error}");
    }

    /// A hundred thousand draws of a fixed seed: the mean is the distribution's, and so is the
    /// share beyond twice the mean.
    #[test]
    fn draws_follow_their_distribution() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut draws = |time: ThinkTime| -> (f64, f64) {
            let all: Vec<f64> = (0..100_000)
                .map(|_| time.draw(&mut rng).as_secs_f64())
                .collect();
            let beyond = all.iter().filter(|t| **t > 4.0).count();
            (all.iter().sum::<f64>() / 1e5, beyond as f64 / 1e5)
        };
        let (mean, beyond) = draws(ThinkTime::Exponential(2 * SECOND));
        assert!((mean - 2.0).abs() < 0.05, "{mean}");
        assert!((beyond - (-2.0_f64).exp()).abs() < 0.01, "{beyond}");
        let (mean, beyond) = draws(ThinkTime::Uniform(SECOND, 3 * SECOND));
        assert!(
            (mean - 2.0).abs() < 0.02 && beyond == 0.0,
            "{mean} {beyond}"
        );
        let fixed = ThinkTime::Uniform(SECOND, SECOND);
        assert_eq!(fixed.draw(&mut rng), SECOND);
        assert_eq!(ThinkTime::None.draw(&mut rng), Duration::ZERO);
    }
}
