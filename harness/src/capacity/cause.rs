//! The bottleneck: found by comparing the smallest load that failed with the lightest load.

use super::pace::Pace;
use super::trial::Trial;
use crate::format::{listed, ms_unit};

/// From here on a machine has no CPU to spare.
const BUSY_MACHINE: f64 = 90.0;
/// From here on the generator is late by the order of what it measures, in ms, and sends less.
const LATE_TIMERS: f64 = 100.0;

/// Says in words what saturated beyond the found `capacity`; nothing when no load failed there. (A
/// load below it may have failed once, by chance.)
#[must_use]
pub(super) fn saturated(
    trials: &[Trial],
    capacity: Option<u32>,
    cores: usize,
) -> Option<Vec<String>> {
    let beyond = |trial: &&Trial| !trial.holds && capacity.is_none_or(|held| trial.load > held);
    let knee = trials
        .iter()
        .filter(beyond)
        .min_by_key(|trial| trial.load)?;
    let base = trials
        .iter()
        .min_by_key(|trial| (trial.load, !trial.holds))?;
    let lighter = Some(base).filter(|base| base.load < knee.load);
    if !knee.too_small_for.is_empty() {
        return Some(vec![too_small(knee)]);
    }
    // A check or a rule that fails under any load is not the machine's.
    if !knee.slow && lighter.is_none() {
        return Some(vec![served(knee, None)]);
    }
    let mut words = machine(knee, cores);
    let pace = knee.pace.as_ref().filter(|pace| !pace.unkept.is_empty());
    words.extend(pace.map(|pace| pace.gave_out(lighter.and_then(|base| base.pace.as_ref()))));
    // Where the SLA held and the rate was not kept, a little more time in the server is not why.
    let slowed =
        pace.is_some_and(Pace::all_busy) && lighter.is_some_and(|base| knee.p95 >= base.p95 * 2.0);
    if !knee.only_unkept() || slowed {
        words.push(served(knee, lighter));
    }
    Some(words)
}

/// Says why not even the smallest load held, and what to do about it.
#[must_use]
pub(super) fn none_holds(trials: &[Trial]) -> String {
    let failed = trials.iter().filter(|trial| !trial.holds);
    let Some(smallest) = failed.min_by_key(|trial| trial.load) else {
        return "no load was tried".to_owned();
    };
    if !smallest.too_small_for.is_empty() {
        return format!(
            "{}; begin with a larger --from, or leave it out: a search raises the load until \
             a trial fails",
            too_small(smallest)
        );
    }
    let none = "not even the smallest load holds";
    match (smallest.slow, smallest.load) {
        (true, 2..) => format!("{none}; try a smaller --from"),
        (true, _) => none.to_owned(),
        (false, _) => format!(
            "{none}, and not because it is slow: {}",
            smallest.reasons.join("; ")
        ),
    }
}

fn too_small(trial: &Trial) -> String {
    format!(
        "the load of {} is too small for {}",
        trial.load,
        trial.too_small_for.join(", ")
    )
}

/// What the machine and the generator on it had no more of.
fn machine(knee: &Trial, cores: usize) -> Vec<String> {
    let mut words = Vec::new();
    if knee.machine_cpu >= BUSY_MACHINE {
        let own = knee.generator_cpu / cores as f64 / knee.machine_cpu * 100.0;
        words.push(format!(
            "the machine's CPU: {:.0} % of it was busy, {own:.0} % of that with the generator",
            knee.machine_cpu
        ));
    }
    if knee.lag >= LATE_TIMERS {
        words.push(format!(
            "the generator: its timers fired up to {:.0} ms late",
            knee.lag
        ));
    }
    words
}

/// Where the time of requests went, compared with the lightest load.
fn served(knee: &Trial, lighter: Option<&Trial>) -> String {
    let Some(base) = lighter else {
        return format!(
            "no lighter load to compare with; what failed was {}",
            knee.reasons.join("; ")
        );
    };
    let grown = knee.p95 - base.p95;
    let is_time = knee.slow || knee.p95 >= base.p95 * 2.0;
    let parts = knee.server.grown(&base.server);
    let largest = parts.max_by(|a, b| a.1.total_cmp(&b.1));
    if grown <= 0.0 || !is_time {
        format!(
            "not time: p95 was {}, and what failed was {}",
            ms_unit(knee.p95),
            knee.reasons.join("; ")
        )
    } else if let Some((part, largest)) = largest {
        in_a_part(knee, grown, part, largest)
    } else {
        format!(
            "the server, the network or the generator: p95 grew by {}, and the suite names no parts \
             of the server's time",
            ms_unit(grown)
        )
    }
}

/// The part that slowed requests down, if one grew by much of what p95 in all grew.
fn in_a_part(knee: &Trial, grown: f64, part: &str, largest: f64) -> String {
    if largest >= grown * 0.3 {
        return format!(
            "the server's {part}: its p95 grew by {} while p95 in all grew by {}",
            ms_unit(largest),
            ms_unit(grown)
        );
    }
    let names = knee.server.0.iter().map(|(name, _)| name.as_str());
    let neither = if knee.server.0.len() > 1 {
        "neither"
    } else {
        "not"
    };
    format!(
        "{neither} the server's {}: p95 grew by {}, of which {part} by no more than {}; the rest is \
         requests waiting for the server's threads, the network or the generator",
        listed(names, "nor"),
        ms_unit(grown),
        ms_unit(largest.max(0.0))
    )
}

#[cfg(test)]
mod tests {
    use super::super::pace::tests::kept;
    use super::super::trial::tests::{parts, trial, unkept};
    use super::*;

    fn words(trials: &[Trial], capacity: Option<u32>) -> Vec<String> {
        saturated(trials, capacity, 2).expect("one failed")
    }

    #[test]
    fn nothing_failed_nothing_saturated() {
        assert_eq!(saturated(&[trial(100, true, 5.0, 1.0)], Some(100), 2), None);
        let by_chance = [
            trial(100, false, 300.0, 280.0),
            trial(100, true, 5.0, 1.0),
            trial(100, true, 5.0, 1.0),
        ];
        assert_eq!(saturated(&by_chance, Some(100), 2), None);
    }

    #[test]
    fn the_part_that_grew_is_named() {
        let words = |knee| words(&[trial(100, true, 5.0, 1.0), knee], Some(100));
        let slow_db = words(trial(200, false, 300.0, 280.0));
        assert_eq!(
            slow_db,
            ["the server's db: its p95 grew by 279 ms while p95 in all grew by 295 ms"]
        );
        let elsewhere = words(trial(200, false, 300.0, 2.0));
        assert!(elsewhere[0].starts_with("neither"), "{elsewhere:?}");
        let failed = words(trial(200, false, 4.0, 1.0));
        assert!(failed[0].contains("http_req_failed"), "{failed:?}");
        let busy = words(Trial {
            machine_cpu: 100.0,
            generator_cpu: 80.0,
            lag: 150.0,
            ..trial(200, false, 300.0, 280.0)
        });
        assert_eq!(
            &busy[..2],
            [
                "the machine's CPU: 100 % of it was busy, 40 % of that with the generator",
                "the generator: its timers fired up to 150 ms late"
            ]
        );
    }

    #[test]
    fn the_parts_are_the_suites() {
        let served = |of: [&[(&str, f64)]; 2]| {
            let [base, knee] = of.map(parts);
            let base = Trial {
                server: base,
                ..trial(100, true, 5.0, 0.0)
            };
            let knee = Trial {
                server: knee,
                ..trial(200, false, 300.0, 0.0)
            };
            words(&[base, knee], Some(100))
        };
        let slow = served([
            &[("lock", 1.0), ("pool", 2.0)],
            &[("lock", 281.0), ("pool", 3.0)],
        ]);
        assert_eq!(
            slow,
            ["the server's lock: its p95 grew by 280 ms while p95 in all grew by 295 ms"]
        );
        let elsewhere = "p95 grew by 295 ms, of which lock by no more than 1.00 ms; the rest is requests \
                         waiting for the server's threads, the network or the generator";
        let other = served([
            &[("lock", 1.0), ("pool", 2.0)],
            &[("lock", 2.0), ("pool", 2.5)],
        ]);
        assert_eq!(
            other,
            [format!("neither the server's lock nor pool: {elsewhere}")]
        );
        let other = served([&[("lock", 1.0)], &[("lock", 2.0)]]);
        assert_eq!(other, [format!("not the server's lock: {elsewhere}")]);
        assert_eq!(
            served([&[], &[]]),
            [
                "the server, the network or the generator: p95 grew by 295 ms, and the suite names \
              no parts of the server's time"
            ]
        );
    }

    /// A load that failed by chance is lighter than what really gave out.
    #[test]
    fn the_knee_lies_beyond_the_capacity() {
        let trials = [
            trial(100, true, 5.0, 1.0),
            trial(200, false, 4.0, 1.0),
            trial(200, true, 5.0, 1.0),
            trial(400, false, 300.0, 280.0),
        ];
        assert_eq!(
            words(&trials, Some(200)),
            ["the server's db: its p95 grew by 279 ms while p95 in all grew by 295 ms"]
        );
    }

    #[test]
    fn the_first_load_has_nothing_to_be_compared_with() {
        assert_eq!(
            words(&[trial(100, false, 300.0, 280.0)], None),
            [
                "no lighter load to compare with; what failed was threshold crossed: http_req_failed: rate==0 (was 10.0 %)"
            ]
        );
    }

    /// Each row: the trial of the smallest load, what is said of the outcome, and of what gave out.
    #[test]
    fn the_reason_of_an_ending_is_the_true_one() {
        let busy = |trial: Trial| Trial {
            machine_cpu: 100.0,
            generator_cpu: 80.0,
            ..trial
        };
        let small = Trial {
            too_small_for: vec!["http_reqs: rate>5000".to_owned()],
            ..trial(100, false, 5.0, 1.0)
        };
        let broken = Trial {
            reasons: vec!["check order 201: 3 of 9 failed".to_owned()],
            ..trial(100, false, 5.0, 1.0)
        };
        let none = "not even the smallest load holds";
        let machine = "the machine's CPU: 100 % of it was busy, 40 % of that with the generator";
        let rows = [
            (
                small,
                "the load of 100 is too small for http_reqs: rate>5000; begin with a larger --from, \
                 or leave it out: a search raises the load until a trial fails"
                    .to_owned(),
                "the load of 100 is too small for http_reqs: rate>5000",
            ),
            (
                broken,
                format!(
                    "{none}, and not because it is slow: check order 201: 3 of 9 failed"
                ),
                "no lighter load to compare with; what failed was check order 201: 3 of 9 failed",
            ),
            (
                trial(100, false, 300.0, 280.0),
                format!("{none}; try a smaller --from"),
                machine,
            ),
            (trial(1, false, 300.0, 280.0), none.to_owned(), machine),
        ];
        for (trial, told, gave_out) in rows {
            let trials = [busy(trial)];
            assert_eq!(none_holds(&trials), told);
            assert_eq!(words(&trials, None)[0], gave_out);
        }
    }

    /// A check that fails under a load, while times stay as they are, is not about time.
    #[test]
    fn what_fails_without_being_slower_is_not_blamed_on_a_part() {
        let trials = [trial(100, true, 5.0, 1.0), trial(200, false, 6.0, 2.0)];
        assert_eq!(
            words(&trials, Some(100)),
            [
                "not time: p95 was 6.00 ms, and what failed was threshold crossed: http_req_failed: rate==0 (was 10.0 %)"
            ]
        );
    }

    /// The server's parts are named only if the server was slow.
    #[test]
    fn a_rate_that_was_not_kept_is_not_blamed_on_the_server() {
        let generator = "the rate: 0 iterations started late and 50 never; \
                         the generator was late, for no more than 130 of 600 VUs were busy at once";
        let vus = "the VUs: 600 of 600 were busy at once; the p95 of an iteration was 1,200 ms, \
                   and 900 ms under the lightest load";
        let db = "the server's db: its p95 grew by 79.0 ms while p95 in all grew by 95.0 ms";
        let slow = Trial {
            reasons: vec!["threshold crossed".to_owned()],
            ..unkept(200, 100.0, 80.0, 130)
        };
        let rows = [
            (unkept(200, 6.0, 2.0, 130), vec![generator]),
            (unkept(200, 100.0, 80.0, 130), vec![generator]),
            (unkept(200, 6.0, 2.0, 600), vec![vus]),
            (unkept(200, 100.0, 80.0, 600), vec![vus, db]),
            (slow, vec![generator, db]),
        ];
        for (knee, expected) in rows {
            let base = Trial {
                pace: Some(Pace {
                    iteration_p95: 900.0,
                    ..kept()
                }),
                ..trial(100, true, 5.0, 1.0)
            };
            assert_eq!(words(&[base, knee], Some(100)), expected);
        }
        assert_eq!(
            words(&[unkept(100, 100.0, 80.0, 600)], None),
            ["the VUs: 600 of 600 were busy at once; the p95 of an iteration was 1,200 ms"]
        );
    }
}
