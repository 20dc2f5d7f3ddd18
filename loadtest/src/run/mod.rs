//! The wiring of a run: stack, set-up, load, audit, verdict, reports. Only this folder knows every part.

mod baseline;
mod drive;
mod judged;
mod prepare;
mod publish;
mod recording;
mod render;
mod session;

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::runtime::Handle;

use self::baseline::Baseline;
use self::drive::{Driven, Run, Watch, drive};
use self::judged::{Course, Load, judged, lost_rows};
use self::prepare::{Refusal, check_summary_json, report_directory, run_id, server};
pub use self::publish::write_comparison_json;
use self::publish::{publish, tell};
use self::recording::Recording;
pub use self::render::{RenderError, Renderings, render};
pub use self::session::{Session, SessionError};
use crate::audit::audit;
use crate::config::RunConfig;
use crate::executor::Control;
use crate::health::Lag;
use crate::metrics::{RawSamples, Snapshot, TagFilter};
use crate::output::{Feed, Rows, Source};
use crate::progress::Progress;
use crate::report::{Generator, Head, SERIES_FILE, SERIES_VERSION};
use crate::shop::{Admin, AdminError, Ledger, World};
use crate::threshold::ExitCode;

/// Carries out a run and reports it. `control` is what signals act on; `telemetry` runs
/// everything that only watches, beside the runtime of the virtual users.
pub async fn run(config: RunConfig, control: Arc<Control>, telemetry: Handle) -> ExitCode {
    let started_at = SystemTime::now();
    let id = run_id(&config.profile, started_at);
    let generator = generator();
    // Before anything is shown or started: a baseline that doesn't fit is said at once.
    let baseline = match Baseline::open(&config, &generator) {
        Ok(baseline) => baseline,
        Err(refusal) => {
            tell(&format!("error: {refusal}"));
            return refusal.exit();
        }
    };
    let progress = Progress::asked_for(&config, &control);
    let lag = Arc::new(Lag::default());
    let raw = config.influx_raw.then(|| Arc::new(RawSamples::default()));
    let prepared = async {
        let directory = report_directory(&config.report_dir, &id)?;
        check_summary_json(config.summary_json.as_ref())?;
        let series = recording(&directory, &id, &config)?;
        let server = tokio::select! {
            server = server(&config, &progress) => server?,
            () = control.stopping().cancelled() => return Err(Refusal::Signal),
        };
        // After the server: a run that is refused must not stay "running" in an output.
        let source = Source {
            rows: Rows {
                run_id: id.clone(),
                instance: instance(),
            },
            thresholds: config.thresholds.len(),
            raw: raw.clone(),
        };
        let (addresses, spools) = (config.outputs.clone(), directory.clone());
        let opening = telemetry.spawn(async move { Feed::open(source, &addresses, &spools).await });
        let feed = opening.await.expect("opening an output doesn't panic")?;
        Ok((directory, feed, series, server))
    };
    let (directory, feed, series, server) = match prepared.await {
        Ok(prepared) => prepared,
        Err(refusal) => {
            progress.finish();
            tell(&format!("error: {refusal}"));
            // Nothing was sent, so there is nothing to keep; what another put there stays.
            let directory = config.report_dir.join(&id);
            let _ = std::fs::remove_file(directory.join(SERIES_FILE));
            let _ = std::fs::remove_dir(directory);
            return refusal.exit();
        }
    };
    let parts = Run {
        config: &config,
        server: &server,
        control: &control,
        telemetry: &telemetry,
        lag: &lag,
        raw: raw.as_ref(),
    };
    let watch = Watch {
        series: Some(series),
        ..Watch::new(&config, progress, feed, &lag, &control)
    };
    let (load, watch) = load(parts, watch).await;
    watch.progress.step("delivering the last metrics");
    let series = watch.series.map(Recording::finish);
    let course = Course {
        id,
        started_at,
        timeline: watch.timeline,
        health: watch.health,
        signalled: control.signalled(),
        aborted: control.aborted().map(str::to_owned),
    };
    let mut result = judged(config, course, &server, load);
    if let Some(Err(error)) = series {
        let warning = format!(
            "{SERIES_FILE} is not whole, and neither is what the reports make of it: {error}"
        );
        result.warnings.push(warning);
    }
    if let Some(baseline) = baseline {
        watch.progress.step("comparing with the baseline");
        baseline.apply(&mut result, &directory);
    }
    result.outputs = watch
        .feed
        .close(&result.invariants, &result.judgement)
        .await;
    // What was lost is known only now.
    let lost = lost_rows(&result.outputs, result.config.limits.lost_rows);
    result.judgement = result.judgement.doubted(lost);
    watch.progress.finish();
    publish(&result, &directory)
}

/// Begins the run's series.
fn recording(directory: &Path, id: &str, config: &RunConfig) -> Result<Recording, Refusal> {
    let head = Head {
        version: SERIES_VERSION,
        run_id: id.to_owned(),
        stages: config.plan().stage_names().to_vec(),
    };
    let path = directory.join(SERIES_FILE);
    Recording::start(&path, &head).map_err(|source| Refusal::ReportDir { path, source })
}

/// The generator's name in rows: the host's.
fn instance() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "localhost".to_owned())
}

/// The machine that the load comes from.
fn generator() -> Generator {
    let kind = sysinfo::MemoryRefreshKind::nothing().with_ram();
    let (memory_bytes, cpu) = sysinfo::System::new().map_or_else(
        |_| (0, String::new()),
        |mut system| {
            system.refresh_memory_specifics(kind);
            system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
            let cpu = system
                .cpus()
                .first()
                .map(|cpu| cpu.brand().trim().to_owned());
            (system.total_memory(), cpu.unwrap_or_default())
        },
    );
    Generator {
        host: instance(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        cpus: std::thread::available_parallelism().map_or(1, Into::into),
        cpu,
        memory_bytes,
    }
}

async fn load(run: Run<'_>, watch: Watch) -> (Load, Watch) {
    let Run {
        config,
        server,
        control,
        ..
    } = run;
    watch.progress.step("setting the shop up");
    let set_up = tokio::select! {
        set_up = set_up(config, &server.admin) => set_up,
        () = control.stopping().cancelled() => return (Load::default(), watch),
    };
    let (world, before) = match set_up {
        Ok(set_up) => set_up,
        Err(error) => {
            let error = Some(format!("set-up failed: {error}"));
            let driven = Driven {
                error,
                ..Driven::default()
            };
            return (
                Load {
                    driven,
                    ..Load::default()
                },
                watch,
            );
        }
    };
    let (mut driven, watch) = drive(run, world, watch).await;
    let unknown = driven
        .shoppers
        .iter()
        .map(|shopper| shopper.book.unknowns())
        .sum();
    let Some(before) = before.filter(|_| driven.error.is_none()) else {
        let load = Load {
            driven,
            unknown,
            ..Load::default()
        };
        return (load, watch);
    };
    watch.progress.step("auditing the books");
    let whole = !control.stopping().is_cancelled() && interrupted(&driven.snapshot) == 0;
    let shoppers = std::mem::take(&mut driven.shoppers);
    let planned = config.plan().planned_iterations().filter(|_| whole);
    let audited = tokio::select! {
        audited = audit(&server.admin, &before, shoppers, planned) => audited.map_err(|error| error.to_string()),
        () = control.cutting().cancelled(), if !control.cutting().is_cancelled() => Err("cut by a signal".to_owned()),
    };
    let invariants = audited.unwrap_or_else(|error| {
        driven.error = Some(format!("the books could not be audited: {error}"));
        Vec::new()
    });
    let load = Load {
        driven,
        invariants,
        unknown,
    };
    (load, watch)
}

/// Fills the shop; reads its books if they are to be audited.
async fn set_up(config: &RunConfig, admin: &Admin) -> Result<(World, Option<Ledger>), AdminError> {
    /// The seed's number of users; more VUs get theirs as well.
    const USERS: u32 = 300;
    let users = config.plan().vus_max().max(USERS);
    let policies = admin.init(users, config.coupons).await?;
    let prices = admin.prices().await?;
    tracing::info!(
        users,
        policies = policies.len(),
        products = prices.len(),
        "the shop is set up"
    );
    let before = if config.audit {
        Some(admin.ledger().await?)
    } else {
        None
    };
    Ok((World::new(policies, prices, config.coupon_wait), before))
}

fn interrupted(snapshot: &Snapshot) -> u64 {
    snapshot
        .counter("interrupted_iterations", &TagFilter::default())
        .unwrap_or(0)
}
