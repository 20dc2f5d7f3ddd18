//! What a search varies (VUs or a rate), and the stages of a trial with that much of it. Pure.

use std::time::Duration;

use serde::Serialize;

use super::stage::{HOLD, RISE};

/// What a load is counted in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// VUs that wait for the server (the closed model).
    #[default]
    Vus,
    /// Iterations a second, however slow the server is (the open model).
    Rate,
}

/// New VUs a second while the load is brought up: each connects anew.
const NEW_VUS: u32 = 1_000;
/// A shorter rise is a blow, in seconds.
const SHORTEST_RISE: u32 = 2;
/// A rate that is brought up for longer, in seconds, has more VUs than it needs.
const LONGEST_RISE: u32 = 15;
/// How long an iteration may take beyond its own waits before VUs get short.
const SPARE: Duration = Duration::from_secs(5);
/// So many at least, so that a persona with a hundredth of the mix has one.
const FEWEST_VUS: u32 = 100;
/// More there can't be (`config/parse.rs`).
const MOST_VUS: u32 = 100_000;

impl By {
    /// Every one, as `--by` takes it.
    pub const ALL: [(&'static str, Self); 2] = [("vus", Self::Vus), ("rate", Self::Rate)];

    /// What a number of it is followed by.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Vus => "VUs",
            Self::Rate => "iterations/s",
        }
    }

    /// The stages of a trial that has `vus` VUs, as `--stage` takes them.
    #[must_use]
    pub(super) fn stages(self, load: u32, vus: u32, hold: Duration) -> Vec<String> {
        let rise = self.rise(load, vus);
        let hold = hold.as_millis();
        let target = match self {
            Self::Vus => load.to_string(),
            Self::Rate => format!("{load}/s"),
        };
        vec![
            format!("{RISE}={rise}s:{target}"),
            format!("{HOLD}={hold}ms:{target}"),
        ]
    }

    /// How long the load is brought up, in seconds. A rate is until every VU has had an
    /// iteration, and so has its connection, before the hold: a rise of `t` has `load · t / 2`.
    fn rise(self, load: u32, vus: u32) -> u32 {
        match self {
            Self::Vus => load.div_ceil(NEW_VUS).max(SHORTEST_RISE),
            Self::Rate => vus
                .saturating_mul(2)
                .div_ceil(load.max(1))
                .clamp(SHORTEST_RISE, LONGEST_RISE),
        }
    }
}

/// VUs that there are for a rate where nothing else is said: enough for iterations that take
/// their own waits and five seconds, far longer than any under an SLA worth the name, so that it
/// is the server that gives out and not the VUs.
#[must_use]
pub(super) fn vus_for(rate: u32, pause: Duration) -> u32 {
    let iteration = u64::try_from((pause + SPARE).as_millis()).unwrap_or(u64::MAX);
    let vus = u64::from(rate).saturating_mul(iteration).div_ceil(1_000);
    u32::try_from(vus)
        .unwrap_or(MOST_VUS)
        .clamp(FEWEST_VUS, MOST_VUS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_trial_rises_and_holds_in_the_unit_of_its_search() {
        let ms = Duration::from_millis;
        let rows = [
            (
                By::Vus,
                300,
                300,
                10 * SECOND,
                "rise=2s:300 hold=10000ms:300",
            ),
            (
                By::Vus,
                4_001,
                4_001,
                ms(2_500),
                "rise=5s:4001 hold=2500ms:4001",
            ),
            // 600 iterations in the rise: each of the VUs has had one.
            (
                By::Rate,
                100,
                600,
                10 * SECOND,
                "rise=12s:100/s hold=10000ms:100/s",
            ),
            (
                By::Rate,
                100,
                601,
                10 * SECOND,
                "rise=13s:100/s hold=10000ms:100/s",
            ),
            (
                By::Rate,
                100,
                5,
                2 * SECOND,
                "rise=2s:100/s hold=2000ms:100/s",
            ),
            (
                By::Rate,
                1,
                100_000,
                2 * SECOND,
                "rise=15s:1/s hold=2000ms:1/s",
            ),
        ];
        for (by, load, vus, hold, stages) in rows {
            assert_eq!(by.stages(load, vus, hold).join(" "), stages);
        }
    }

    #[test]
    fn a_rate_has_vus_for_the_wait_and_five_seconds() {
        let rows = [
            (1_000, SECOND, 6_000),
            (1_000, Duration::ZERO, 5_000),
            (333, Duration::from_millis(100), 1_699),
            (1, SECOND, 100),
            (1_000_000, SECOND, 100_000),
            (u32::MAX, 1_000_000 * SECOND, 100_000),
        ];
        for (rate, wait, vus) in rows {
            assert_eq!(vus_for(rate, wait), vus, "{rate}/s with {wait:?}");
        }
    }
}
