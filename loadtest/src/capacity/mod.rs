//! Finds the largest load under which the SLA holds: `loadtest capacity`.
//!
//! Every trial is a run of its own, set-up and audit included, against the same server: the load
//! is brought up, held, and judged by what happened while it was held.

mod cause;
mod report;
mod search;
mod trial;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

pub use self::report::Capacity;
pub use self::search::{Next, Outcome, Search};
pub use self::trial::{HOLD, ServerParts, Trial};
use crate::config::{self, Field, Inputs, Layer, Problem, RunConfig};
use crate::executor::Control;
use crate::metrics::Kind;
use crate::run::{Session, directory_of};
use crate::threshold::{self, ExitCode, Threshold};

/// A shorter hold has too few whole seconds to judge.
pub const SHORTEST_HOLD: Duration = Duration::from_secs(2);

/// What the user asks for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The search.
    pub search: Search,
    /// How long each trial holds its load.
    pub hold: Duration,
    /// Flags of every trial: server, shop, SLA.
    pub flags: Layer,
    /// Where the outcome goes as JSON.
    pub json: Option<PathBuf>,
}

impl Request {
    /// The configuration of the trial of one load. `variables` are the environment's.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn trial(
        &self,
        load: u32,
        variables: Vec<(String, String)>,
    ) -> Result<RunConfig, Vec<Problem>> {
        /// New VUs a second while the load is brought up: each connects anew.
        const RISE: u32 = 1_000;
        let mut flags = self.flags.clone();
        let mut set = |key: &str, texts: Vec<String>| {
            flags.set_flag(Field::of_key(key).expect("it is one of the fields"), texts);
        };
        let rise = load.div_ceil(RISE).max(2);
        let hold = self.hold.as_millis();
        set(
            "stages",
            vec![
                format!("rise={rise}s:{load}"),
                format!("{HOLD}={hold}ms:{load}"),
            ],
        );
        set("quiet", vec![]);
        let mut config = config::load(Inputs { flags, variables })?;
        config
            .thresholds
            .push(threshold::parse("http_req_failed: rate==0", &[]).expect("the grammar has it"));
        for threshold in &mut config.thresholds {
            // While the load is brought up, the server warms up.
            if threshold.metric.kind == Kind::Trend {
                let stage = ("stage".to_owned(), HOLD.to_owned());
                threshold.filter.0.push(stage);
            }
        }
        Ok(config)
    }
}

/// The shortest time that a threshold asks for, in ms: what p95 is drawn against.
fn time_limit(thresholds: &[Threshold]) -> Option<f64> {
    thresholds
        .iter()
        .filter(|threshold| threshold.metric.kind == Kind::Trend)
        .map(|threshold| threshold.limit)
        .min_by(f64::total_cmp)
}

/// Writes a file whole or not at all.
fn write_whole(path: &Path, outcome: &Capacity) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory_of(path))?;
    outcome.write_json(std::io::BufWriter::new(&mut file))?;
    file.persist(path)?;
    Ok(())
}

/// Searches, telling every trial on standard error; the outcome goes to standard output.
pub async fn run(
    request: Request,
    variables: Vec<(String, String)>,
    control: Arc<Control>,
    telemetry: Handle,
) -> ExitCode {
    let tell = |line: &str| {
        // Nobody is left to read it when standard error is closed.
        let _ = writeln!(anstream::stderr(), "{line}");
    };
    let config = |load| {
        request
            .trial(load, variables.clone())
            .expect("a trial differs from the first, which was valid, in its load alone")
    };
    let session = match Session::open(&config(request.search.from), control, telemetry).await {
        Ok(session) => session,
        Err(error) => {
            tell(&format!("error: {error}"));
            return error.exit();
        }
    };
    let mut trials: Vec<Trial> = Vec::new();
    let capacity = loop {
        let outcomes: Vec<Outcome> = trials.iter().map(Trial::outcome).collect();
        let load = match request.search.next(&outcomes) {
            Next::Try(load) => load,
            Next::Found(found) => break found,
        };
        tell(&format!("trial {}: {load} VUs …", trials.len() + 1));
        let result = session.run(config(load)).await;
        if session.signalled() {
            tell("stopped by a signal: the capacity was not found");
            return ExitCode::Interrupted;
        }
        let trial = Trial::of(load, &result, request.hold);
        if trial.requests_per_second == 0.0 {
            tell(&format!(
                "error: no request was made: {}",
                trial.reasons.join("; ")
            ));
            return ExitCode::Invalid;
        }
        tell(&format!(
            "  {} p95 {:.1} ms, {:.0} requests/s{}",
            if trial.holds { "holds:" } else { "fails:" },
            trial.p95,
            trial.requests_per_second,
            trial
                .reasons
                .iter()
                .map(|reason| format!("\n    {reason}"))
                .collect::<String>()
        ));
        trials.push(trial);
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let thresholds = config(request.search.from).thresholds;
    let outcome = Capacity {
        by: "vus",
        saturated: cause::saturated(&trials, cores).unwrap_or_default(),
        thresholds: thresholds.iter().map(ToString::to_string).collect(),
        capacity,
        trials,
    };
    let limit = time_limit(&thresholds);
    if let Err(error) = outcome.write_terminal(limit, anstream::stdout()) {
        tracing::warn!(%error, "the outcome could not be shown");
    }
    if let Some(path) = &request.json
        && let Err(error) = write_whole(path, &outcome)
    {
        tell(&format!(
            "error: {} could not be written: {error}",
            path.display()
        ));
    }
    match capacity {
        Some(_) => ExitCode::Pass,
        None => ExitCode::ThresholdCrossed,
    }
}
