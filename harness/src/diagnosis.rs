//! What the generator's health through a run says about the run. Pure.

use serde::Serialize;

use crate::format::{beside, grouped};
use crate::health::{Health, Resources};
use crate::threshold::Limits;

/// More looks than this are thinned out, so that memory stays flat.
const MOST_LOOKS: usize = 3_600;
/// A limit is crossed when it is exceeded in so large a share of the seconds, and in two at least:
/// a hiccup says nothing about a run.
const SHARE: f64 = 0.1;
const LEAST_SECONDS: u64 = 2;
/// The flag of the machine's CPU.
const MACHINE: &str = "--limit machine-cpu";
/// What raises the limit of throttled periods, which no flag does.
const QUOTA: &str = "give its cgroup a larger CPU quota";
/// A throttled period is one of up to 100 ms in which nothing was sent.
const THROTTLED_PERCENT: f64 = 10.0;
/// A generator that uses less of its cores than this is not what makes a machine busy.
const BUSY_PERCENT: f64 = 50.0;

/// The health of a run, second by second.
#[derive(Debug, Clone, Serialize)]
pub struct HealthLog {
    /// What there was to use.
    pub resources: Resources,
    /// The measurements, in order. In a long run, one combines several and has the worst of each.
    pub series: Vec<Health>,
    /// How many seconds one measurement covers.
    pub seconds_each: u64,
    /// How many seconds were measured. A late measurement counts for every second since the last
    /// one.
    pub seconds: u64,
    /// Limits, with how often and how far each was exceeded.
    pub exceeded: Vec<Exceeded>,
    /// Looks not yet in the series.
    #[serde(skip)]
    gathering: Option<(Health, u64)>,
    /// When the last look was.
    #[serde(skip)]
    looked_at_ms: u64,
}

/// A limit and how it was kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Exceeded {
    /// What is limited.
    pub what: &'static str,
    /// The flag that sets it.
    pub flag: &'static str,
    /// What it is measured in.
    pub unit: &'static str,
    /// The limit.
    pub limit: f64,
    /// Seconds beyond it.
    pub seconds: u64,
    /// The worst second.
    pub worst: f64,
}

impl HealthLog {
    /// An empty log.
    #[must_use]
    pub fn new(resources: Resources, limits: &Limits) -> Self {
        let limit = |what, flag, unit, limit| Exceeded {
            what,
            flag,
            unit,
            limit,
            seconds: 0,
            worst: 0.0,
        };
        let exceeded = vec![
            limit(
                "the generator's CPU",
                "--limit cpu",
                "% of its cores",
                limits.cpu * 100.0,
            ),
            limit(
                "the machine's CPU",
                MACHINE,
                "%",
                limits.machine_cpu * 100.0,
            ),
            limit(
                "the scheduling lag",
                "--limit lag",
                "ms",
                limits.lag.as_secs_f64() * 1_000.0,
            ),
            limit(
                "the share of throttled periods",
                QUOTA,
                "% of those of its CPU quota",
                THROTTLED_PERCENT,
            ),
            limit(
                "the use of file descriptors",
                "--limit fds",
                "% of the limit",
                limits.fds * 100.0,
            ),
        ];
        Self {
            resources,
            series: Vec::new(),
            seconds_each: 1,
            seconds: 0,
            exceeded,
            gathering: None,
            looked_at_ms: 0,
        }
    }

    /// Adds the measurement of a second, or of several if it is late. A generator that is too busy
    /// to measure every second must not count as healthy meanwhile.
    pub fn note(&mut self, health: &Health) {
        let passed_ms = health.at_ms.saturating_sub(self.looked_at_ms);
        let passed = ((passed_ms + 500) / 1_000).max(1);
        self.looked_at_ms = health.at_ms;
        self.seconds += passed;
        let values = [
            health.cpu_percent / self.resources.cores,
            health.machine_cpu_percent,
            health.lag_ms,
            health.throttled_percent,
            health.fds as f64 / self.resources.fds as f64 * 100.0,
        ];
        for (row, value) in self.exceeded.iter_mut().zip(values) {
            row.seconds += if value > row.limit { passed } else { 0 };
            row.worst = row.worst.max(value);
        }
        let (gathered, count) = match self.gathering.take() {
            Some((gathered, count)) => (gathered.worst(health), count + 1),
            None => (*health, 1),
        };
        if count < self.seconds_each {
            self.gathering = Some((gathered, count));
            return;
        }
        self.series.push(gathered);
        if self.series.len() >= MOST_LOOKS {
            let pairs = self.series.chunks(2);
            self.series = pairs
                .map(|pair| {
                    pair.iter()
                        .skip(1)
                        .fold(pair[0], |all, next| all.worst(next))
                })
                .collect();
            self.seconds_each *= 2;
        }
    }

    /// Why the generator, and not the server, may be what was measured.
    ///
    /// A busy machine is the generator's doing only where the generator itself is busy.
    #[must_use]
    pub fn findings(&self) -> Vec<String> {
        let own = self.exceeded[0].worst;
        let crossed = |row: &&Exceeded| {
            row.seconds >= LEAST_SECONDS && row.seconds as f64 > SHARE * self.seconds as f64
        };
        self.exceeded
            .iter()
            .filter(crossed)
            .map(|row| {
                let who = if row.flag == MACHINE && own < BUSY_PERCENT {
                    format!("the machine is busy with something other than the generator, which used {own:.0} % of its cores at most")
                } else {
                    "generator saturated".to_owned()
                };
                format!(
                    "{who}: {} was beyond {} {} in {} of {} seconds, {} at worst ({})",
                    row.what,
                    (row.limit * 1e6).round() / 1e6,
                    row.unit,
                    row.seconds,
                    self.seconds,
                    beside(row.limit, row.worst, grouped(row.worst.round() as u64), ""),
                    row.flag
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOURCES: Resources = Resources {
        cores: 2.0,
        fds: 1_000,
    };

    fn findings(looks: &[(u64, Health)]) -> Vec<String> {
        let mut log = HealthLog::new(RESOURCES, &Limits::default());
        for (times, health) in looks {
            (0..*times).for_each(|_| log.note(health));
        }
        log.findings()
    }

    #[test]
    fn each_limit_gives_its_own_reason_when_it_is_exceeded_for_long_enough() {
        let well = Health::default();
        let rows = [
            (
                Health {
                    cpu_percent: 195.0,
                    ..well
                },
                "the generator's CPU was beyond 90 % of its cores in 11 of 100 seconds, 98 at worst (--limit cpu)",
            ),
            (
                Health {
                    machine_cpu_percent: 99.5,
                    ..well
                },
                "the machine is busy with something other than the generator, which used 0 % of its cores at most: the machine's CPU was beyond 98 %",
            ),
            (
                Health {
                    machine_cpu_percent: 99.5,
                    cpu_percent: 120.0,
                    ..well
                },
                "generator saturated: the machine's CPU was beyond 98 %",
            ),
            (
                Health {
                    machine_cpu_percent: 99.5,
                    cpu_percent: 6.0,
                    ..well
                },
                "than the generator, which used 3 % of its cores at most",
            ),
            (
                Health {
                    lag_ms: 250.0,
                    ..well
                },
                "the scheduling lag was beyond 100 ms in 11 of 100 seconds, 250 at worst (--limit lag)",
            ),
            (
                Health {
                    throttled_percent: 30.0,
                    ..well
                },
                "generator saturated: the share of throttled periods was beyond 10 % of those of its CPU quota in 11 of 100 seconds, 30 at worst (give its cgroup a larger CPU quota)",
            ),
            (
                Health { fds: 950, ..well },
                "the use of file descriptors was beyond 90 % of the limit",
            ),
        ];
        for (ill, reason) in rows {
            assert_eq!(findings(&[(90, well), (10, ill)]), [""; 0], "{reason}");
            let found = findings(&[(89, well), (11, ill)]);
            assert!(found.len() == 1 && found[0].contains(reason), "{found:?}");
            assert_eq!(findings(&[(1, ill)]), [""; 0], "a second is not enough");
        }
        let busy = Health {
            cpu_percent: 170.0,
            machine_cpu_percent: 97.0,
            lag_ms: 90.0,
            fds: 800,
            ..well
        };
        assert_eq!(findings(&[(100, busy)]), [""; 0], "within every limit");
    }

    /// A generator that gets no CPU at all can't look either: one look after four seconds.
    #[test]
    fn a_look_that_comes_late_stands_for_the_seconds_that_it_missed() {
        let look = |at_ms, lag_ms| Health {
            at_ms,
            lag_ms,
            ..Health::default()
        };
        let found = findings(&[(1, look(900, 0.0)), (1, look(4_900, 3_950.0))]);
        assert!(
            found.len() == 1 && found[0].contains("in 4 of 5 seconds, 3,950 at worst"),
            "{found:?}"
        );
        let hiccup = [(1, look(900, 0.0)), (1, look(2_300, 400.0))];
        assert_eq!(findings(&hiccup), [""; 0], "a second is not enough");
    }

    /// Three hours and a bit: the log stays bounded, and loses neither a peak nor a count.
    #[test]
    fn a_long_run_is_thinned_out_but_keeps_its_worst() {
        let mut log = HealthLog::new(RESOURCES, &Limits::default());
        for second in 0..11_000 {
            log.note(&Health {
                at_ms: second * 1_000,
                cpu_percent: if second == 7_777 { 180.0 } else { 10.0 },
                starts: 1,
                ..Health::default()
            });
        }
        assert!(
            log.series.len() < MOST_LOOKS && log.seconds_each == 4,
            "{}",
            log.series.len()
        );
        assert!(log.series.iter().any(|look| look.cpu_percent == 180.0));
        let kept: u64 = log.series.iter().map(|look| look.starts).sum();
        let gathering = log.gathering.map_or(0, |(_, count)| count);
        assert_eq!(kept + gathering, 11_000);
        assert!(
            log.series
                .windows(2)
                .all(|pair| pair[0].at_ms < pair[1].at_ms)
        );
    }
}
