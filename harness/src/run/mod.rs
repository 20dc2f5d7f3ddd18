//! The wiring of a run: server, set-up, load, audit, verdict, reports. Only this folder knows every
//! part, and only it is generic over the suite.

mod attempt;
mod attend;
mod baseline;
mod conduct;
mod drive;
mod judged;
mod lead;
mod load;
mod missing;
mod muster;
mod outlets;
mod perform;
mod performer;
mod prepare;
mod probing;
mod publish;
mod recording;
mod relay;
mod render;
mod seats;
mod server;
mod session;
mod undeclared;
mod worker;

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::runtime::Handle;

use self::attempt::Attempt;
use self::baseline::Baseline;
pub(crate) use self::baseline::check as check_baseline;
use self::judged::{lost_rows, unbegun};
use self::lead::Lead;
pub(crate) use self::missing::Missing;
use self::outlets::Outlets;
use self::perform::perform;
pub(crate) use self::prepare::check_file;
use self::prepare::{Refusal, run_id};
use self::probing::open_probes;
pub use self::publish::write_comparison_json;
use self::publish::{leave, publish};
use self::recording::Recording;
pub use self::render::{RenderError, Rendered, Renderings, render};
use self::seats::users;
use self::server::Server;
pub use self::session::{Session, SessionError};
pub use self::worker::work;
use crate::config::RunConfig;
use crate::executor::{Closing, Control, Share};
use crate::progress::Progress;
use crate::report::{Generator, RunResult, SERIES_FILE};
use crate::suite::Suite;
use crate::threshold::ExitCode;
use crate::tui::tell;

/// Carries out a run and reports it. `control` is what signals act on; `telemetry` runs
/// everything that only watches, beside the runtime of the virtual users.
pub async fn run<S: Suite>(
    config: RunConfig,
    control: Arc<Control>,
    telemetry: Handle,
) -> ExitCode {
    let started_at = SystemTime::now();
    let mut attempt = Attempt {
        id: run_id(config.title(), started_at),
        started_at,
        control,
        telemetry,
        lead: None,
    };
    // Before anything is shown or started: a baseline that doesn't fit is said at once.
    let baseline = match Baseline::open(&config, &Generator::of_this_machine()) {
        Ok(baseline) => baseline,
        Err(refusal) => {
            tell(&format!("error: {refusal}"));
            return refusal.exit();
        }
    };
    if let Some(fleet) = &config.fleet {
        match Lead::join::<S>(fleet, &config, &attempt.control, &attempt.telemetry).await {
            Ok(lead) => attempt.lead = Some(lead),
            Err(refusal) => {
                tell(&format!("error: {refusal}"));
                return refusal.exit();
            }
        }
    }
    let (exit, reason) = carry_out::<S>(config, &attempt, baseline.as_ref()).await;
    if let Some(lead) = attempt.lead {
        lead.over(exit, &reason).await;
    }
    exit
}

/// Makes the run and reports it; gives its exit code, and why.
async fn carry_out<S: Suite>(
    config: RunConfig,
    attempt: &Attempt,
    baseline: Option<&Baseline>,
) -> (ExitCode, String) {
    let directory = config.report_dir.join(&attempt.id);
    let progress = Progress::asked_for(&config, &attempt.control);
    let (server, outlets) = match open::<S>(&config, attempt, &directory, progress).await {
        Ok(opened) => opened,
        Err(refusal) if refusal.is_of_reports() => {
            tell(&format!("error: {refusal}"));
            // What another put there stays.
            let _ = std::fs::remove_file(directory.join(SERIES_FILE));
            let _ = std::fs::remove_dir(&directory);
            return (refusal.exit(), refusal.to_string());
        }
        Err(refusal) => {
            let result = unbegun(config, attempt, &refusal);
            return (leave(&result, &directory), refusal.to_string());
        }
    };
    let (result, outlets) = perform::<S>(config, &server, attempt, outlets).await;
    let result = conclude(result, outlets, baseline, (&directory, &attempt.control)).await;
    let reason = result.judgement.reasons.join("; ");
    if result.judgement.exit == ExitCode::BadConfiguration {
        return (leave(&result, &directory), reason);
    }
    (publish(&result, &directory), reason)
}

/// Finds the server and opens whatever the run is written to.
async fn open<S: Suite>(
    config: &RunConfig,
    attempt: &Attempt,
    directory: &Path,
    progress: Progress,
) -> Result<(Server, Outlets), Refusal> {
    let opened = async {
        prepare::check_writable(directory, config)?;
        let series = Recording::of_run(directory, &attempt.id, config)?;
        let found = async {
            // A lead has no virtual users.
            let users = match attempt.lead {
                Some(_) => Vec::new(),
                None => users(&config.scenarios, &Share::whole()),
            };
            let server = Server::find::<S>(config, &users, &progress).await?;
            if let Some(lead) = &attempt.lead {
                let say = |text: &str| progress.step(text);
                lead.brief(&attempt.id, config, &attempt.control, say)
                    .await?;
            }
            // After the server: a run that is refused must not stay "running" in an output.
            let probes = open_probes(config, &server, attempt).await?;
            let feed = outlets::open_feed(config, attempt, directory).await?;
            Ok::<_, Refusal>((server, probes, feed))
        };
        let (server, probes, feed) = tokio::select! {
            found = found => found?,
            () = attempt.control.stopping().cancelled() => return Err(Refusal::Signal),
        };
        Ok((server, series, probes, feed))
    };
    match opened.await {
        Ok((server, series, probes, (feed, raw))) => {
            let outlets = Outlets {
                progress,
                probes,
                feed,
                series: Some(series),
                raw,
            };
            Ok((server, outlets))
        }
        Err(refusal) => {
            progress.finish();
            Err(refusal)
        }
    }
}

/// What is known only after the verdict: the series on disk, the baseline, the rows delivered.
async fn conclude(
    mut result: RunResult,
    outlets: Outlets,
    baseline: Option<&Baseline>,
    (directory, control): (&Path, &Control),
) -> RunResult {
    undeclared::note(&mut result);
    result.warnings.extend(outlets.probes.warnings());
    outlets.progress.step("delivering the last metrics");
    if let Some(Err(error)) = outlets.series.map(Recording::finish) {
        let torn = format!(
            "{SERIES_FILE} is not whole, and neither is what the reports make of it: {error}"
        );
        result.judgement = result.judgement.doubted(vec![torn]);
    }
    if let Some(baseline) = baseline {
        outlets.progress.step("comparing with the baseline");
        baseline.apply(&mut result, directory);
    }
    let hurry = outlets.feed.hurry();
    let closing = outlets.feed.close(&result.invariants, &result.judgement);
    let hurried = async {
        control.cut_short(Closing::Outputs).await;
        hurry.cancel();
        std::future::pending::<Infallible>().await
    };
    result.outputs = tokio::select! {
        accounts = closing => accounts,
        never = hurried => match never {},
    };
    let lost = lost_rows(&result.outputs, result.config.limits.lost_rows);
    result.judgement = result.judgement.doubted(lost);
    outlets.progress.finish();
    result
}
