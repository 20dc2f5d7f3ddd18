//! What one trial showed.

use std::time::Duration;

use serde::Serialize;

use super::search::Outcome;
use crate::metrics::TagFilter;
use crate::report::RunResult;
use crate::threshold::ExitCode;

/// Name of the stage that counts; the one before it only brings the load up.
pub const HOLD: &str = "hold";

/// One trial: a load, held for a while.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// VUs, or iterations a second.
    pub load: u32,
    /// Whether the SLA held, nothing failed and the books added up.
    pub holds: bool,
    /// Why not.
    pub reasons: Vec<String>,
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
}

/// The server's own parts of a request's time (`Server-Timing`), in ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct ServerParts {
    /// Waiting for its turn.
    pub queue: f64,
    /// PostgreSQL.
    pub db: f64,
    /// Redis.
    pub redis: f64,
}

impl Trial {
    /// Reads a trial off its run.
    #[must_use]
    pub fn of(load: u32, result: &RunResult, hold: Duration) -> Self {
        let seconds = &result.health.series;
        let hold_only = TagFilter(vec![("stage".to_owned(), HOLD.to_owned())]);
        let snapshot = &result.snapshot;
        let p95 = |metric| snapshot.trend(metric, &hold_only).percentile_ms(95.0);
        let duration = snapshot.trend("http_req_duration", &hold_only);
        let [med, p95_all, p99] = duration.percentiles_ms([50.0, 95.0, 99.0]);
        Self {
            load,
            holds: result.judgement.exit == ExitCode::Pass,
            reasons: result.judgement.reasons.clone(),
            requests_per_second: duration.count() as f64 / hold.as_secs_f64(),
            med,
            p95: p95_all,
            p99,
            failed: snapshot
                .rate("http_req_failed", &TagFilter::default())
                .and_then(crate::metrics::Rate::share)
                .unwrap_or(1.0),
            server: ServerParts {
                queue: p95("server_timing_queue"),
                db: p95("server_timing_db"),
                redis: p95("server_timing_redis"),
            },
            generator_cpu: median(seconds.iter().map(|health| health.cpu_percent)),
            machine_cpu: median(seconds.iter().map(|health| health.machine_cpu_percent)),
            lag: seconds
                .iter()
                .map(|health| health.lag_ms)
                .fold(0.0, f64::max),
        }
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

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
