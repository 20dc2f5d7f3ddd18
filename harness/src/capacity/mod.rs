//! Finds the largest load under which the SLA holds: `loadtest capacity`.
//!
//! Every trial is a run of its own, set-up and audit included, against the same server: the load
//! is brought up, held, and judged by what happened while it was held. The load is VUs, or a rate,
//! which must also have been kept.

mod by;
mod cause;
mod pace;
mod parts;
mod report;
mod request;
mod search;
mod stage;
mod trial;

use std::io::{self, Write};
use std::sync::Arc;

use tokio::runtime::Handle;

pub use self::by::By;
pub use self::pace::Pace;
pub use self::parts::ServerParts;
pub use self::report::Capacity;
pub use self::request::{Request, SHORTEST_HOLD};
pub use self::search::{Next, Outcome, Search};
pub use self::stage::HOLD;
pub use self::trial::Trial;
use crate::config::{Outline, RunConfig};
use crate::executor::Control;
use crate::files::write_whole;
use crate::metrics::Kind;
use crate::report::{RunResult, fit_tables};
use crate::run::{Missing, Session};
use crate::secret::scrub;
use crate::stdout;
use crate::suite::Suite;
use crate::threshold::{ExitCode, Limits, Threshold};
use crate::tui::{columns, tell};

/// The shortest time that a threshold asks for, in ms: what p95 is drawn against.
fn time_limit(thresholds: &[Threshold]) -> Option<f64> {
    thresholds
        .iter()
        .filter(|threshold| threshold.metric.kind() == Kind::Trend)
        .map(|threshold| threshold.limit)
        .min_by(f64::total_cmp)
}

/// Searches, telling every trial on standard error; the outcome goes to standard output.
pub async fn run<S: Suite>(
    outline: Outline,
    request: Request,
    variables: Vec<(String, String)>,
    control: Arc<Control>,
    telemetry: Handle,
) -> ExitCode {
    let config = |load| {
        request
            .trial(&outline, load, variables.clone())
            .expect("a trial differs from the first, which was valid, in its load alone")
    };
    let first = config(request.search.from);
    let found = match Session::<S>::open(&first, control, telemetry).await {
        Ok(session) => search(&request, &session, config).await,
        Err(error) => Found::ended(Vec::new(), error.exit(), &error.to_string()),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let saturated = cause::saturated(&found.trials, found.capacity, cores);
    let exit = found.exit();
    let outcome = Capacity {
        by: request.by,
        at_least: match found.ended {
            Some(_) => found.capacity.is_some(),
            None => saturated.is_none(),
        },
        saturated: saturated.unwrap_or_default(),
        thresholds: first.thresholds.iter().map(ToString::to_string).collect(),
        capacity: found.capacity,
        ended: found.ended.map(|(_, reason)| reason),
        trials: found.trials,
    };
    publish(&outcome, time_limit(&first.thresholds), &request).exit(exit)
}

/// What a search came to.
struct Found {
    capacity: Option<u32>,
    trials: Vec<Trial>,
    /// Why it ended before it was done, if it did.
    ended: Option<(ExitCode, String)>,
}

impl Found {
    /// A search that can't go on: what has held by then has held.
    fn ended(trials: Vec<Trial>, exit: ExitCode, reason: &str) -> Self {
        tell(&format!("error: {reason}"));
        let outcomes: Vec<Outcome> = trials.iter().map(Trial::outcome).collect();
        Self {
            capacity: search::held(&outcomes),
            trials,
            ended: Some((exit, scrub(reason).into_owned())),
        }
    }

    fn exit(&self) -> ExitCode {
        match (&self.ended, self.capacity) {
            (Some((exit, _)), _) => *exit,
            (None, Some(_)) => ExitCode::Pass,
            (None, None) => ExitCode::ThresholdCrossed,
        }
    }
}

/// Tries loads until the largest that holds is found, or no other can be tried.
async fn search<S: Suite>(
    request: &Request,
    session: &Session<S>,
    config: impl Fn(u32) -> RunConfig,
) -> Found {
    let mut trials: Vec<Trial> = Vec::new();
    loop {
        let outcomes: Vec<Outcome> = trials.iter().map(Trial::outcome).collect();
        let load = match request.search.next(&outcomes) {
            Next::Try(load) => load,
            Next::Found(capacity) => {
                return Found {
                    capacity,
                    trials,
                    ended: None,
                };
            }
        };
        let unit = request.by.unit();
        // Of each: a larger load needs more, and the trial before may have left ports that rest.
        if let Err(error) = session.check(&config(load)) {
            let why = format!("{load} {unit} can't be tried: {error}; or give --to a smaller load");
            return Found::ended(trials, ExitCode::Invalid, &why);
        }
        tell(&format!("trial {}: {load} {unit} …", trials.len() + 1));
        let result = tried(request, session, config(load)).await;
        if session.signalled() {
            let why = "stopped by a signal: the capacity was not found";
            return Found::ended(trials, ExitCode::Interrupted, why);
        }
        let reasons = || result.judgement.reasons.join("; ");
        if result.judgement.exit == ExitCode::BadConfiguration {
            return Found::ended(trials, ExitCode::BadConfiguration, &reasons());
        }
        let trial = Trial::of(load, &result, request.hold, &config(load).limits);
        if trial.requests_per_second == 0.0 {
            let why = format!("no request was made: {}", reasons());
            return Found::ended(trials, ExitCode::Invalid, &why);
        }
        tell(&trial.told());
        trials.push(trial);
    }
}

async fn tried<S: Suite>(
    request: &Request,
    session: &Session<S>,
    mut config: RunConfig,
) -> RunResult {
    if request.by == By::Rate {
        // Whether the rate was kept is asked of the hold, and not of the rise as well.
        config.limits = Limits {
            dropped: 1.0,
            late_starts: 1.0,
            ..config.limits
        };
    }
    session.run(config).await
}

/// Shows the outcome, and writes it where it was asked for; `limit` is the SLA's time in ms. Gives
/// what could not be written.
fn publish(outcome: &Capacity, limit: Option<f64>, request: &Request) -> Missing {
    let mut missing = Missing::default();
    // Without a trial there are no tables, and the reason was told.
    if !outcome.trials.is_empty() {
        missing.note("standard output", show(outcome, limit));
    }
    if let Some(path) = &request.json {
        let written = write_whole(path, |out| outcome.write_json(out));
        missing.note(path.display(), written);
    }
    missing
}

fn show(outcome: &Capacity, limit: Option<f64>) -> io::Result<()> {
    stdout::check()?;
    fit_tables(columns(&io::stdout()));
    outcome.write_terminal(limit, anstream::stdout())?;
    io::stdout().flush()
}
