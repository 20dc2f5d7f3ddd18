//! Whether a rate was kept while it was held, and if not, what was missing.

use std::time::Duration;

use serde::Serialize;

use super::stage::{HOLD, RISE, of_stage};
use crate::format::{given_percent, grouped, ms_unit};
use crate::health::{LATE_MS, late_starts};
use crate::metrics::{Counter, TrendOf};
use crate::report::RunResult;
use crate::threshold::Limits;

/// From this share on, all VUs were busy: one that ended an iteration may be seen before its next.
const ALL_BUSY: f64 = 0.9;

/// What became of the iterations that were due in the hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pace {
    /// Iterations that started, per second.
    pub started_per_second: f64,
    /// Iterations that were due.
    pub scheduled: u64,
    /// Of them, those that never started.
    pub dropped: u64,
    /// Of those that started, those that started more than [`LATE_MS`] late.
    pub late: u64,
    /// VUs that there were.
    pub vus: u64,
    /// The most of them that were busy at once, by a look a second over the whole trial.
    pub busy_vus: u64,
    /// 95th percentile of `iteration_duration`, in ms.
    pub iteration_p95: f64,
    /// Why the rate was not kept, in words; empty if it was.
    pub unkept: Vec<String>,
    /// Personas, each of which has VUs of its own.
    #[serde(skip)]
    pub personas: usize,
}

impl Pace {
    /// Reads it off a trial; nothing where VUs made the load.
    #[must_use]
    pub(super) fn of(result: &RunResult, hold: Duration, limits: &Limits) -> Option<Self> {
        let arrivals: Vec<_> = result.arrivals.iter().flatten().collect();
        let first = result.config.scenarios.first()?;
        if arrivals.is_empty() {
            return None;
        }
        let snapshot = &result.snapshot;
        let trend = |metric| snapshot.trend(metric, &of_stage(HOLD));
        let starts = trend(TrendOf::StartDelay);
        // Arrivals that are left at the end are dropped after the last stage, but were due in it.
        let dropped: u64 = arrivals.iter().map(|account| account.dropped).sum();
        let earlier = snapshot.counter(Counter::Dropped, &of_stage(RISE));
        let dropped = dropped.saturating_sub(earlier);
        let mut pace = Self {
            started_per_second: starts.count() as f64 / hold.as_secs_f64(),
            scheduled: starts.count() + dropped,
            dropped,
            late: late_starts(&starts),
            vus: snapshot.vus_max.value,
            busy_vus: snapshot.vus.max,
            iteration_p95: trend(TrendOf::IterationDuration).percentile_ms(95.0),
            unkept: Vec::new(),
            personas: first.mix.shares().count(),
        };
        pace.unkept = pace.reasons(limits);
        Some(pace)
    }

    /// Why it is not the rate that was asked for, within the limits. Starts count as late whoever
    /// shares the machine: times of iterations that came late are no times of that rate.
    fn reasons(&self, limits: &Limits) -> Vec<String> {
        let beyond = |count: u64, of: u64, limit: f64| count as f64 > limit * of as f64;
        let started = self.scheduled - self.dropped;
        let why = self.why();
        let mut reasons = Vec::new();
        if beyond(self.dropped, self.scheduled, limits.dropped) {
            reasons.push(format!(
                "the rate was not kept: {} of {} iterations due in the hold never started, more than {} (--limit dropped): {why}",
                grouped(self.dropped),
                grouped(self.scheduled),
                given_percent(limits.dropped)
            ));
        }
        if beyond(self.late, started, limits.late_starts) {
            reasons.push(format!(
                "the rate was not kept: {} of {} iterations started more than {LATE_MS:.0} ms late in the hold, more than {} (--limit late-starts): {why}",
                grouped(self.late),
                grouped(started),
                given_percent(limits.late_starts)
            ));
        }
        reasons
    }

    /// Whether nearly every VU was busy at once, so that iterations waited for one.
    #[must_use]
    pub(super) fn all_busy(&self) -> bool {
        self.busy_vus as f64 >= ALL_BUSY * self.vus as f64
    }

    fn why(&self) -> String {
        let Self { busy_vus, vus, .. } = self;
        match self.personas {
            _ if self.all_busy() => format!(
                "{busy_vus} of {vus} VUs were busy at once; the server is too slow for the rate, or --max-vus too small"
            ),
            0 | 1 => format!(
                "the generator was late, for no more than {busy_vus} of {vus} VUs were busy at once"
            ),
            _ => format!(
                "no more than {busy_vus} of {vus} VUs were busy at once, so the generator was late, or all VUs of one persona were busy"
            ),
        }
    }

    /// What gave out when the rate was not kept; `lighter` is the lightest trial's.
    #[must_use]
    pub(super) fn gave_out(&self, lighter: Option<&Self>) -> String {
        let Self {
            busy_vus,
            vus,
            late,
            dropped,
            ..
        } = self;
        if !self.all_busy() {
            return format!(
                "the rate: {late} iterations started late and {dropped} never; {}",
                self.why()
            );
        }
        let before = lighter.map_or(String::new(), |lighter| {
            let before = lighter.iteration_p95;
            format!(", and {} under the lightest load", ms_unit(before))
        });
        format!(
            "the VUs: {busy_vus} of {vus} were busy at once; the p95 of an iteration was {}{before}",
            ms_unit(self.iteration_p95)
        )
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A rate of 100/s that was kept for 10 s.
    pub(in crate::capacity) fn kept() -> Pace {
        Pace {
            started_per_second: 100.0,
            scheduled: 1_000,
            dropped: 0,
            late: 0,
            vus: 600,
            busy_vus: 130,
            iteration_p95: 1_200.0,
            unkept: vec![],
            personas: 1,
        }
    }

    #[test]
    fn a_rate_is_kept_up_to_the_limits() {
        let limits = Limits::default();
        let rows = [(0, 0), (10, 99), (0, 100)];
        for (dropped, late) in rows {
            let pace = Pace {
                dropped,
                late,
                ..kept()
            };
            assert_eq!(pace.reasons(&limits), [""; 0], "{pace:?}");
        }
    }

    #[test]
    fn what_was_dropped_or_late_is_said_with_its_cause() {
        let busy = "600 of 600 VUs were busy at once; the server is too slow for the rate, or --max-vus too small";
        let nearly = busy.replacen("600", "540", 1);
        let generator = "the generator was late, for no more than 130 of 600 VUs were busy at once";
        let either = "no more than 130 of 600 VUs were busy at once, so the generator was late, or all VUs of one persona were busy";
        for (busy_vus, personas, why) in [
            (600, 1, busy),
            (540, 3, nearly.as_str()),
            (130, 1, generator),
            (130, 2, either),
        ] {
            let pace = Pace {
                dropped: 11,
                late: 99,
                busy_vus,
                personas,
                ..kept()
            };
            let expected = [
                format!(
                    "the rate was not kept: 11 of 1,000 iterations due in the hold never started, more than 1 % (--limit dropped): {why}"
                ),
                format!(
                    "the rate was not kept: 99 of 989 iterations started more than 10 ms late in the hold, more than 10 % (--limit late-starts): {why}"
                ),
            ];
            assert_eq!(pace.reasons(&Limits::default()), expected);
        }
    }

    #[test]
    fn what_gave_out_is_the_vus_or_the_generator() {
        let pace = Pace {
            dropped: 30,
            late: 400,
            ..kept()
        };
        assert_eq!(
            pace.gave_out(Some(&kept())),
            "the rate: 400 iterations started late and 30 never; the generator was late, for no more than 130 of 600 VUs were busy at once"
        );
        let busy = Pace {
            busy_vus: 590,
            iteration_p95: 7_250.4,
            ..pace
        };
        assert_eq!(
            busy.gave_out(Some(&kept())),
            "the VUs: 590 of 600 were busy at once; the p95 of an iteration was 7,250 ms, and 1,200 ms under the lightest load"
        );
    }
}
