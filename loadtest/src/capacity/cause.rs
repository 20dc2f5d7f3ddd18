//! What gave out first: read off the trial at the knee and the lightest one.

use super::trial::Trial;

/// From here on a machine has no CPU to spare.
const BUSY_MACHINE: f64 = 90.0;
/// From here on the generator measures its own lateness, in ms: the order of what it measures.
const LATE_TIMERS: f64 = 100.0;

/// Says in words what saturated; nothing when no load failed.
#[must_use]
pub(super) fn saturated(trials: &[Trial], cores: usize) -> Option<Vec<String>> {
    let knee = trials
        .iter()
        .filter(|trial| !trial.holds)
        .min_by_key(|trial| trial.load)?;
    let base = trials.iter().min_by_key(|trial| trial.load)?;
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
    let grown = knee.p95 - base.p95;
    let parts = [
        ("queue", knee.server.queue - base.server.queue),
        ("db", knee.server.db - base.server.db),
        ("redis", knee.server.redis - base.server.redis),
    ];
    let largest = parts.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    words.push(if grown <= 0.0 {
        format!(
            "not time: p95 was {:.1} ms, and what failed was {}",
            knee.p95,
            knee.reasons.join("; ")
        )
    } else if largest.1 >= grown * 0.3 {
        format!(
            "the server's {}: its p95 grew by {:.1} ms while p95 in all grew by {grown:.1} ms",
            largest.0, largest.1
        )
    } else {
        format!(
            "neither the server's queue, db nor redis: p95 grew by {grown:.1} ms, of them {} by no \
             more than {:.1}; the rest is requests waiting for the server's threads, the network \
             or the generator",
            largest.0,
            largest.1.max(0.0)
        )
    });
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::super::trial::ServerParts;
    use super::*;

    fn trial(load: u32, holds: bool, p95: f64, db: f64) -> Trial {
        Trial {
            load,
            holds,
            reasons: vec!["http_req_failed: rate==0".into()],
            requests_per_second: f64::from(load) * 6.0,
            med: p95 / 2.0,
            p95,
            p99: p95 * 1.5,
            failed: 0.0,
            server: ServerParts {
                db,
                ..ServerParts::default()
            },
            generator_cpu: 40.0,
            machine_cpu: 50.0,
            lag: 3.0,
        }
    }

    #[test]
    fn nothing_failed_nothing_saturated() {
        assert_eq!(saturated(&[trial(100, true, 5.0, 1.0)], 2), None);
    }

    #[test]
    fn the_part_that_grew_is_named() {
        let words = |knee| saturated(&[trial(100, true, 5.0, 1.0), knee], 2).expect("one failed");
        let slow_db = words(trial(200, false, 300.0, 280.0));
        assert_eq!(
            slow_db,
            ["the server's db: its p95 grew by 279.0 ms while p95 in all grew by 295.0 ms"]
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
}
