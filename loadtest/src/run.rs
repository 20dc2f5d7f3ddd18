//! The wiring of a run: stack, set-up, load, audit, verdict, reports. Only this file knows every part.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::audit::{Invariant, audit};
use crate::config::{RunConfig, SummaryJson};
use crate::executor::{self, Clock, Control, Fleet};
use crate::metrics::{Recorder, Snapshot, TagFilter};
use crate::progress::Progress;
use crate::report::{RunResult, write_json, write_terminal};
use crate::sampler::sample;
use crate::shop::{Admin, AdminError, Ledger, Shopper, World};
use crate::threshold::{Evidence, ExitCode, evaluate, judge};
use crate::vu::{Failures, Surroundings, Target, TargetError, VirtualUser};

/// What ends a run before anything was sent.
#[derive(Debug, Error)]
enum Refusal {
    #[error("--report-dir: {path} can't be written: {source}")]
    ReportDir {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("--summary-json: {path} can't be written: {source}")]
    SummaryJson {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("--host: {0}")]
    Host(#[from] TargetError),
    #[error("the private stack could not be started: {0}")]
    Stack(#[from] testbed::Error),
    #[error("the program can't start itself as the server: {0}")]
    OwnPath(std::io::Error),
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    #[error("stopped by a signal before the load")]
    Signal,
}

impl Refusal {
    const fn exit(&self) -> ExitCode {
        match self {
            Self::ReportDir { .. } | Self::SummaryJson { .. } | Self::Host(_) => {
                ExitCode::BadConfiguration
            }
            Self::Stack(_) | Self::OwnPath(_) | Self::Client(_) => ExitCode::Invalid,
            Self::Signal => ExitCode::Interrupted,
        }
    }
}

/// The server that is tested, and the private stack that carries it, if there is one.
struct Server {
    target: Arc<Target>,
    admin: Admin,
    label: String,
    _stack: Option<testbed::Stack>,
}

/// What came of the load.
#[derive(Default)]
struct Load {
    snapshot: Snapshot,
    duration: Duration,
    invariants: Vec<Invariant>,
    failures: Vec<(&'static str, u16, String)>,
    /// Why set-up, load or audit could not be carried through.
    error: Option<String>,
}

/// How long a connection to the server may take before the load.
const PROBE_WITHIN: Duration = Duration::from_secs(5);

/// Carries out a run and reports it; `control` is what signals act on.
pub async fn run(config: RunConfig, control: Arc<Control>) -> ExitCode {
    let started_at = SystemTime::now();
    let id = run_id(&config.profile, started_at);
    let mut progress = Progress::new(config.quiet, &config.schedule);
    let prepared = async {
        let directory = report_directory(&config.report_dir, &id)?;
        check_summary_json(config.summary_json.as_ref())?;
        let server = tokio::select! {
            server = server(&config, &progress) => server?,
            () = control.stopping().cancelled() => return Err(Refusal::Signal),
        };
        Ok((directory, server))
    };
    let (directory, server) = match prepared.await {
        Ok(prepared) => prepared,
        Err(refusal) => {
            progress.finish();
            tell(&format!("error: {refusal}"));
            return refusal.exit();
        }
    };
    let load = load(&config, &server, &control, &mut progress).await;
    progress.finish();
    let result = judged(config, id, started_at, &server, load, control.signalled());
    publish(&result, &directory)
}

/// `20261123-182557-flow_iterations-3fa9`: sorts by time, says what it was, and is unique.
fn run_id(profile: &str, started_at: SystemTime) -> String {
    let digits = |c: &char| c.is_ascii_digit() || *c == 'T';
    let time = humantime::format_rfc3339_seconds(started_at).to_string();
    let time: String = time
        .chars()
        .filter(digits)
        .collect::<String>()
        .replace('T', "-");
    let name = Path::new(profile)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let name: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    format!("{time}-{name}-{:04x}", rand::random::<u16>())
}

/// Makes the run's directory, and so finds out before the load whether it can be written.
fn report_directory(parent: &Path, id: &str) -> Result<PathBuf, Refusal> {
    let path = parent.join(id);
    let cannot = |source| Refusal::ReportDir {
        path: path.clone(),
        source,
    };
    std::fs::create_dir_all(&path).map_err(cannot)?;
    tempfile::tempfile_in(&path).map_err(cannot)?;
    Ok(path)
}

fn check_summary_json(target: Option<&SummaryJson>) -> Result<(), Refusal> {
    let Some(SummaryJson::File(path)) = target else {
        return Ok(());
    };
    let cannot = |source| Refusal::SummaryJson {
        path: path.clone(),
        source,
    };
    if path.is_dir() {
        return Err(cannot(std::io::ErrorKind::IsADirectory.into()));
    }
    tempfile::tempfile_in(directory_of(path)).map_err(cannot)?;
    Ok(())
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

async fn server(config: &RunConfig, progress: &Progress) -> Result<Server, Refusal> {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let (address, stack) = match &config.host {
        Some(host) => (host.clone(), None),
        None => {
            progress.step("starting a private PostgreSQL, Redis and server");
            let command = testbed::sut::command_for_current_exe().map_err(Refusal::OwnPath)?;
            let stack = testbed::Stack::start(command).await?;
            tracing::info!(address = stack.base_url(), "the private stack runs");
            (stack.base_url().to_owned(), Some(stack))
        }
    };
    let target = Arc::new(Target::resolve(&address).await?);
    target.probe(PROBE_WITHIN).await?;
    let label = if stack.is_some() {
        format!("{address} (private stack)")
    } else {
        address
    };
    Ok(Server {
        admin: Admin::new(target.base())?,
        target,
        label,
        _stack: stack,
    })
}

async fn load(
    config: &RunConfig,
    server: &Server,
    control: &Arc<Control>,
    progress: &mut Progress,
) -> Load {
    progress.step("setting the shop up");
    let set_up = tokio::select! {
        set_up = set_up(config, &server.admin) => set_up,
        () = control.stopping().cancelled() => return Load::default(),
    };
    let (world, before) = match set_up {
        Ok(set_up) => set_up,
        Err(error) => {
            return Load {
                error: Some(format!("set-up failed: {error}")),
                ..Load::default()
            };
        }
    };
    let (mut load, shoppers) = drive(config, server, control, world, progress).await;
    let Some(before) = before.filter(|_| load.error.is_none()) else {
        return load;
    };
    progress.step("auditing the books");
    let whole = !control.signalled() && interrupted(&load.snapshot) == 0;
    let planned = config.schedule.planned_iterations().filter(|_| whole);
    let audited = tokio::select! {
        audited = audit(&server.admin, &before, shoppers, planned) => audited.map_err(|error| error.to_string()),
        () = control.cutting().cancelled(), if !control.cutting().is_cancelled() => Err("cut by a signal".to_owned()),
    };
    match audited {
        Ok(invariants) => load.invariants = invariants,
        Err(error) => load.error = Some(format!("the books could not be audited: {error}")),
    }
    load
}

/// Fills the shop; reads its books if they are to be audited.
async fn set_up(config: &RunConfig, admin: &Admin) -> Result<(World, Option<Ledger>), AdminError> {
    /// The seed's number of users; more VUs get theirs as well.
    const USERS: u32 = 300;
    let users = config.schedule.vus_max().max(USERS);
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

/// Runs the virtual users, and measures them, until the last one has retired.
async fn drive(
    config: &RunConfig,
    server: &Server,
    control: &Arc<Control>,
    world: World,
    progress: &mut Progress,
) -> (Load, Vec<Shopper>) {
    let schedule = &config.schedule;
    let recorder = Arc::new(Recorder::default());
    let clock = Arc::new(Clock::new(schedule));
    let surroundings = Arc::new(Surroundings {
        target: Arc::clone(&server.target),
        http_timeout: config.http_timeout,
        recorder: Arc::clone(&recorder),
        clock: Arc::clone(&clock),
        failures: Failures::default(),
    });
    let world = Arc::new(world);
    let shoppers = (1..)
        .zip(config.mix.deal(schedule.vus_max()))
        .map(|(number, persona)| {
            let vu = VirtualUser::new(number, persona.name, config.seed, Arc::clone(&surroundings));
            Shopper::new(vu, Arc::clone(&world), persona)
        });
    let fleet = Arc::new(Fleet::new(
        shoppers.collect(),
        schedule,
        Arc::clone(&clock),
        Arc::clone(control),
        Arc::clone(&recorder),
    ));
    let stop = CancellationToken::new();
    let sampled = sample(
        recorder,
        clock,
        schedule.clone(),
        || fleet.active(),
        |tick| progress.tick(tick),
        stop.clone(),
    );
    let driven = async {
        let driven = tokio::select! {
            driven = executor::run(&fleet, server.target.base().as_str()) => driven,
            never = end_grace(control, schedule.graceful_stop) => match never {},
        };
        stop.cancel();
        driven
    };
    let (mut snapshot, driven) = tokio::join!(sampled, driven);
    let duration = fleet.duration();
    tracing::info!(?duration, "every virtual user has retired");
    snapshot.duration = duration;
    let load = Load {
        snapshot,
        duration,
        failures: surroundings.failures.samples(),
        error: driven.err().map(|error| error.to_string()),
        ..Load::default()
    };
    // Goose has dropped its scenarios, and with them the last other owners.
    let shoppers = Arc::into_inner(fleet).map(|fleet| fleet.into_actors().collect());
    (load, shoppers.unwrap_or_default())
}

/// Cuts what still runs when the grace after the first signal is over.
async fn end_grace(control: &Control, grace: Duration) -> std::convert::Infallible {
    control.stopping().cancelled().await;
    tokio::time::sleep(grace).await;
    control.cut();
    std::future::pending().await
}

fn interrupted(snapshot: &Snapshot) -> u64 {
    snapshot
        .counter("interrupted_iterations", &TagFilter::default())
        .unwrap_or(0)
}

fn judged(
    config: RunConfig,
    id: String,
    started_at: SystemTime,
    server: &Server,
    load: Load,
    signalled: bool,
) -> RunResult {
    let all = TagFilter::default();
    let counter = |name| load.snapshot.counter(name, &all).unwrap_or(0);
    let thresholds = evaluate(&config.thresholds, &load.snapshot);
    let broken: Vec<String> = load
        .invariants
        .iter()
        .filter(|row| !row.ok)
        .map(Invariant::to_string)
        .collect();
    let judgement = judge(&Evidence {
        thresholds: &thresholds,
        broken_invariants: &broken,
        error: load.error.as_deref(),
        iterations: counter("iterations"),
        interrupted: counter("interrupted_iterations"),
        max_interrupted: config.max_interrupted,
        requests: counter("http_reqs"),
        signalled,
    });
    RunResult {
        id,
        host: server.label.clone(),
        config,
        started_at,
        duration: load.duration,
        snapshot: load.snapshot,
        thresholds,
        invariants: load.invariants,
        failures: load.failures,
        judgement,
    }
}

/// Writes every report; gives the exit code, which a report that can't be written doesn't hide.
fn publish(result: &RunResult, directory: &Path) -> ExitCode {
    let summary = directory.join("summary.json");
    let mut files = vec![summary.clone()];
    let mut tables_to_stderr = false;
    match &result.config.summary_json {
        Some(SummaryJson::File(path)) => files.push(path.clone()),
        Some(SummaryJson::Stdout) => tables_to_stderr = true,
        None => {}
    }
    // Both strip what is only for a terminal when they are none, or NO_COLOR is set.
    let shown = if tables_to_stderr {
        write_terminal(result, anstream::stderr())
            .and_then(|()| write_json(result, std::io::stdout().lock()))
    } else {
        write_terminal(result, anstream::stdout())
    };
    if let Err(error) = shown {
        tracing::warn!(%error, "the summary could not be shown");
    }
    for path in files {
        if let Err(error) = write_whole(&path, result) {
            tell(&format!(
                "error: {} could not be written: {error}",
                path.display()
            ));
        }
    }
    tell(&format!("report: {}", summary.display()));
    result.judgement.exit
}

/// Writes a file whole or not at all.
fn write_whole(path: &Path, result: &RunResult) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory_of(path))?;
    write_json(result, std::io::BufWriter::new(&mut file))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn tell(line: &str) {
    // Nobody is left to read it when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
