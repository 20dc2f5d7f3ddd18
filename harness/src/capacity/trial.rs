//! What one trial showed.

use std::time::Duration;

use serde::Serialize;

use super::pace::Pace;
use super::parts::ServerParts;
use super::search::Outcome;
use super::stage::{HOLD, of_stage};
use crate::format::{grouped, ms_unit};
use crate::metrics::{Kind, RateOf, TagFilter, TrendOf};
use crate::report::RunResult;
use crate::threshold::{ExitCode, Limits, Operator, Outcome as Crossed};

/// One trial: a load, held for a while.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// VUs, or iterations a second.
    pub load: u32,
    /// Whether the SLA held, nothing failed, the books added up and a rate was kept.
    pub holds: bool,
    /// Why not.
    pub reasons: Vec<String>,
    /// Whether a threshold on times was crossed, or the rate was not kept: less load may hold.
    #[serde(skip)]
    pub slow: bool,
    /// The crossed thresholds that want more load, if nothing else went wrong.
    #[serde(skip)]
    pub too_small_for: Vec<String>,
    /// Requests a second while the load was held.
    pub requests_per_second: f64,
    /// Median of `http_req_duration`, in ms.
    pub med: f64,
    /// 95th percentile of it, in ms.
    pub p95: f64,
    /// 99th percentile of it, in ms.
    pub p99: f64,
    /// Share of the requests that failed.
    pub failed: f64,
    /// 95th percentiles of what the server says of its own time.
    pub server: ServerParts,
    /// CPU of the generator, at the median of the seconds: 100 is one core.
    pub generator_cpu: f64,
    /// CPU of the whole machine, at the median of the seconds: 100 is all cores.
    pub machine_cpu: f64,
    /// How late the generator's timers fired at worst, in ms.
    pub lag: f64,
    /// How the rate was kept, if the load is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
}

impl Trial {
    /// Reads a trial off its run. `limits` say when a rate was kept.
    #[must_use]
    pub fn of(load: u32, result: &RunResult, hold: Duration, limits: &Limits) -> Self {
        let seconds = &result.health.series;
        let hold_only = of_stage(HOLD);
        let pace = Pace::of(result, hold, limits);
        let unkept: Vec<String> = pace
            .iter()
            .flat_map(|pace| pace.unkept.iter().cloned())
            .collect();
        let crossed: Vec<&Crossed> = result.thresholds.iter().filter(|one| !one.ok).collect();
        let is_time = |one: &&Crossed| one.threshold.metric.kind() == Kind::Trend;
        let slow = !unkept.is_empty() || crossed.iter().any(is_time);
        let too_small_for: Vec<String> = crossed
            .iter()
            .filter(|one| wants_more(one))
            .map(|one| one.threshold.to_string())
            .collect();
        let mut reasons = result.judgement.reasons.clone();
        reasons.extend(unkept);
        let nothing_else = reasons.len() == too_small_for.len();
        let snapshot = &result.snapshot;
        let parts = snapshot.names.catalogue.server_parts.iter().enumerate();
        let server = parts.map(|(index, part)| {
            let trend = snapshot.trend(TrendOf::Part(index), &hold_only);
            (part.name.clone(), trend.percentile_ms(95.0))
        });
        let duration = snapshot.durations(&hold_only);
        let [med, p95_all, p99] = duration.percentiles_ms([50.0, 95.0, 99.0]);
        Self {
            load,
            holds: result.judgement.exit == ExitCode::Pass && reasons.is_empty(),
            reasons,
            slow,
            too_small_for: match nothing_else {
                true => too_small_for,
                false => Vec::new(),
            },
            requests_per_second: duration.count() as f64 / hold.as_secs_f64(),
            med,
            p95: p95_all,
            p99,
            failed: snapshot
                .rate(RateOf::Failed, &TagFilter::default())
                .share()
                .unwrap_or(1.0),
            server: ServerParts(server.collect()),
            generator_cpu: median(seconds.iter().map(|health| health.cpu_percent)),
            machine_cpu: median(seconds.iter().map(|health| health.machine_cpu_percent)),
            lag: seconds
                .iter()
                .map(|health| health.lag_ms)
                .fold(0.0, f64::max),
            pace,
        }
    }

    /// Whether nothing but the rate kept it from holding.
    #[must_use]
    pub(super) fn only_unkept(&self) -> bool {
        let unkept = self.pace.as_ref().map(|pace| &pace.unkept);
        !self.holds && unkept == Some(&self.reasons)
    }

    /// What came of it, for people, a line for each reason.
    #[must_use]
    pub(super) fn told(&self) -> String {
        let holds = if self.holds { "holds:" } else { "fails:" };
        let pace = self.pace.as_ref().map_or(String::new(), |pace| {
            format!(", {:.1} iterations/s started", pace.started_per_second)
        });
        let reasons: String = self
            .reasons
            .iter()
            .map(|reason| format!("\n    {reason}"))
            .collect();
        format!(
            "  {holds} p95 {}, {} requests/s{pace}{reasons}",
            ms_unit(self.p95),
            grouped(self.requests_per_second.round() as u64)
        )
    }

    /// What the search needs of it.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        Outcome {
            load: self.load,
            holds: self.holds,
        }
    }
}

/// Whether a count or a number of VUs was lower than a threshold wants it.
fn wants_more(outcome: &Crossed) -> bool {
    let threshold = &outcome.threshold;
    let grows = matches!(threshold.metric.kind(), Kind::Counter | Kind::Gauge);
    let is_lower_bound = matches!(
        threshold.operator,
        Operator::Greater | Operator::GreaterOrEqual | Operator::Equal
    );
    let below = |actual| actual <= threshold.limit;
    grows && is_lower_bound && outcome.actual.is_none_or(below)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::pace::tests::kept;
    use super::*;

    pub(in crate::capacity) fn parts(parts: &[(&str, f64)]) -> ServerParts {
        ServerParts(
            parts
                .iter()
                .map(|(name, ms)| ((*name).to_owned(), *ms))
                .collect(),
        )
    }

    /// A trial without a pace.
    pub(in crate::capacity) fn trial(load: u32, holds: bool, p95: f64, db: f64) -> Trial {
        let crossed = "threshold crossed: http_req_failed: rate==0 (was 10.0 %)";
        Trial {
            load,
            holds,
            reasons: (!holds).then(|| crossed.to_owned()).into_iter().collect(),
            slow: p95 >= 200.0,
            too_small_for: Vec::new(),
            requests_per_second: f64::from(load) * 6.0,
            med: p95 / 2.0,
            p95,
            p99: p95 * 1.5,
            failed: 0.0,
            server: parts(&[("queue", 0.0), ("db", db), ("redis", 0.0)]),
            generator_cpu: 40.0,
            machine_cpu: 50.0,
            lag: 3.0,
            pace: None,
        }
    }

    /// The trial of a rate that was not kept, for that alone.
    pub(in crate::capacity) fn unkept(load: u32, p95: f64, db: f64, busy_vus: u64) -> Trial {
        let unkept = vec!["the rate was not kept".to_owned()];
        Trial {
            reasons: unkept.clone(),
            slow: true,
            pace: Some(Pace {
                dropped: 50,
                busy_vus,
                unkept,
                ..kept()
            }),
            ..trial(load, false, p95, db)
        }
    }

    #[test]
    fn what_came_of_a_trial_is_told() {
        let rows = [
            (
                trial(100, true, 12.34, 5.0),
                "  holds: p95 12.3 ms, 600 requests/s",
            ),
            (
                trial(100, false, 12.34, 5.0),
                "  fails: p95 12.3 ms, 600 requests/s\n    threshold crossed: http_req_failed: rate==0 (was 10.0 %)",
            ),
            (
                unkept(100, 12.34, 5.0, 600),
                "  fails: p95 12.3 ms, 600 requests/s, 100.0 iterations/s started\n    the rate was not kept",
            ),
        ];
        for (trial, told) in rows {
            assert_eq!(trial.told(), told);
        }
    }

    #[test]
    fn what_failed_is_told_from_a_rate_that_was_not_kept() {
        let slow = Trial {
            pace: Some(kept()),
            ..trial(100, false, 300.0, 250.0)
        };
        let mut both = unkept(100, 300.0, 250.0, 600);
        both.reasons.insert(0, "threshold crossed".to_owned());
        let only = unkept(100, 300.0, 250.0, 600);
        let rows = [
            (trial(100, true, 5.0, 1.0), false),
            (slow, false),
            (both, false),
            (only, true),
        ];
        for (trial, expected) in rows {
            assert_eq!(trial.only_unkept(), expected, "{trial:?}");
        }
    }
}
