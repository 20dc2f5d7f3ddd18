//! The wiring of a run: server, set-up, load, audit, verdict, reports. Only this folder knows every
//! part, and only it is generic over the suite.

mod attempt;
mod attend;
mod baseline;
mod conduct;
mod drive;
mod ended;
mod interim;
mod judged;
mod keeping;
mod kept;
mod lead;
mod load;
mod merge;
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
mod showing;
mod stint;
mod undeclared;
mod union;
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
pub use self::merge::{Merging, merge};
pub(crate) use self::missing::Missing;
use self::outlets::Outlets;
use self::perform::perform;
use self::prepare::{Refusal, run_id};
pub(crate) use self::prepare::{check_file, check_named};
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
use crate::web::Web;

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
    if let Some(fleet) = &config.fleet {
        match Lead::join::<S>(fleet, &config, &attempt.control, &attempt.telemetry).await {
            Ok(lead) => attempt.lead = Some(lead),
            Err(refusal) => {
                tell(&format!("error: {refusal}"));
                return refusal.exit();
            }
        }
    }
    let (exit, reason) = carry_out::<S>(config, &attempt).await;
    if let Some(lead) = attempt.lead {
        lead.over(exit, &reason).await;
    }
    exit
}

/// Makes the run and reports it; gives its exit code, and why.
async fn carry_out<S: Suite>(config: RunConfig, attempt: &Attempt) -> (ExitCode, String) {
    let directory = config.report_dir.join(&attempt.id);
    // Before anything is shown or started: a baseline that doesn't fit is said at once.
    let baseline = match Baseline::open(&config, &Generator::of_this_machine()) {
        Ok(baseline) => baseline,
        Err(refusal) => return refused(config, attempt, &directory, &refusal),
    };
    let progress = Progress::asked_for(&config, &attempt.control);
    let (server, outlets, web) = match open::<S>(&config, attempt, &directory, progress).await {
        Ok(opened) => opened,
        Err(refusal) => return refused(config, attempt, &directory, &refusal),
    };
    let (result, outlets) = perform::<S>(config, &server, attempt, outlets).await;
    let result = conclude(
        result,
        outlets,
        baseline.as_ref(),
        (&directory, &attempt.control),
    )
    .await;
    let reason = result.judgement.reasons.join("; ");
    if result.judgement.exit == ExitCode::BadConfiguration {
        return (leave(&result, Some(&directory)), reason);
    }
    let exit = publish(&result, &directory);
    if let Some(web) = web {
        showing::part(web, &directory, &attempt.control).await;
    }
    (exit, reason)
}

/// Leaves what can be written of a run that was refused; gives its exit code, and why.
fn refused(
    mut config: RunConfig,
    attempt: &Attempt,
    directory: &Path,
    refusal: &Refusal,
) -> (ExitCode, String) {
    // Reports are made from the series, which may not have been begun yet.
    let can_leave = prepare::can_leave(directory, &mut config)
        && Recording::of_run(directory, &attempt.id, &config).is_ok();
    if !can_leave {
        // What another put there stays.
        let _ = std::fs::remove_file(directory.join(SERIES_FILE));
        let _ = std::fs::remove_dir(directory);
    }
    let result = unbegun(config, attempt, refusal);
    let exit = leave(&result, can_leave.then_some(directory));
    (exit, refusal.to_string())
}

/// Finds the server and opens whatever the run is written to, and shown on.
async fn open<S: Suite>(
    config: &RunConfig,
    attempt: &Attempt,
    directory: &Path,
    progress: Progress,
) -> Result<(Server, Outlets, Option<Web>), Refusal> {
    let opened = async {
        prepare::check_writable(directory, config)?;
        let listener = showing::listen(config)?;
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
        let files = (&*server.label, directory);
        let shown = showing::show(listener, (config, attempt), files, &progress)?;
        Ok((server, series, probes, feed, shown))
    };
    match opened.await {
        Ok((server, series, probes, (feed, raw), shown)) => {
            let (interim, web) = shown.unzip();
            let outlets = Outlets {
                progress,
                probes,
                feed,
                series: Some(series),
                raw,
                interim,
            };
            Ok((server, outlets, web))
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
    let accounts = tokio::select! {
        accounts = closing => accounts,
        never = hurried => match never {},
    };
    // Before those of the workers.
    result.outputs.splice(0..0, accounts);
    let lost = lost_rows(&result.outputs, result.config.limits.lost_rows);
    result.judgement = result.judgement.doubted(lost);
    outlets.progress.finish();
    result
}
