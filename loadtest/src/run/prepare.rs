//! Before the load: what a run needs, or why there is none.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::config::{RunConfig, SummaryJson};
use crate::health::Resources;
use crate::output::OpenError;
use crate::progress::Progress;
use crate::report::{PRIVATE_STACK, RecordedError};
use crate::shop::Admin;
use crate::threshold::ExitCode;
use crate::vu::{Target, TargetError, TlsError};

/// What ends a run before anything was sent.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
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
    #[error(
        "{vus} VUs need about {needed} file descriptors, and this process may have {limit}: \
         raise the limit (ulimit -n {needed}), or ask for fewer VUs"
    )]
    Files { vus: u64, needed: u64, limit: u64 },
    #[error("--host: {0}")]
    Host(TargetError),
    #[error(transparent)]
    Tls(TlsError),
    #[error("--local-address: {0}")]
    LocalAddress(TargetError),
    #[error("the private stack could not be started: {0}")]
    Stack(#[from] testbed::Error),
    #[error("the program can't start itself as the server: {0}")]
    OwnPath(std::io::Error),
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    #[error("--out: {0}")]
    Output(#[from] OpenError),
    #[error("--baseline: {0}")]
    Baseline(#[from] RecordedError),
    #[error(
        "--baseline doesn't fit, so --fail-on-regression would judge by it in vain: {0}; make a new baseline, or leave --fail-on-regression out"
    )]
    Misfit(String),
    #[error("stopped by a signal before the load")]
    Signal,
}

impl From<TargetError> for Refusal {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Tls(error) => Self::Tls(error),
            error @ (TargetError::NotLocal { .. } | TargetError::OtherFamily(_)) => {
                Self::LocalAddress(error)
            }
            error => Self::Host(error),
        }
    }
}

impl Refusal {
    pub(super) const fn exit(&self) -> ExitCode {
        match self {
            Self::ReportDir { .. }
            | Self::SummaryJson { .. }
            | Self::Files { .. }
            | Self::Host(_)
            | Self::Tls(_)
            | Self::LocalAddress(_)
            | Self::Output(_)
            | Self::Baseline(_)
            | Self::Misfit(_) => ExitCode::BadConfiguration,
            Self::Stack(_) | Self::OwnPath(_) | Self::Client(_) => ExitCode::Invalid,
            Self::Signal => ExitCode::Interrupted,
        }
    }
}

/// The server that is tested, and the private stack that carries it, if there is one.
pub(super) struct Server {
    pub(super) target: Arc<Target>,
    pub(super) admin: Admin,
    pub(super) label: String,
    /// Whether it runs on this machine on purpose.
    pub(super) shares_machine: bool,
    _stack: Option<testbed::Stack>,
}

/// How long a connection to the server may take before the load.
const PROBE_WITHIN: Duration = Duration::from_secs(5);

/// `20261123-182557-flow_iterations-3fa9`: sorts by time, says what it was, and is unique.
pub(super) fn run_id(profile: &str, started_at: SystemTime) -> String {
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
pub(super) fn report_directory(parent: &Path, id: &str) -> Result<PathBuf, Refusal> {
    let path = parent.join(id);
    let cannot = |source| Refusal::ReportDir {
        path: path.clone(),
        source,
    };
    std::fs::create_dir_all(&path).map_err(cannot)?;
    tempfile::tempfile_in(&path).map_err(cannot)?;
    Ok(path)
}

pub(super) fn check_summary_json(target: Option<&SummaryJson>) -> Result<(), Refusal> {
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

pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// File descriptors for what isn't a virtual user's connection: runtimes, outputs, reports.
const OTHER_FILES: u64 = 64;

/// Has room made for the files of a run, and finds out whether there may be so many.
fn check_files(config: &RunConfig) -> Result<(), Refusal> {
    let vus = u64::from(config.plan().vus_max());
    let needed = vus + OTHER_FILES;
    server::files::prepare(needed);
    let limit = Resources::of_this_process().fds;
    if needed > limit {
        return Err(Refusal::Files { vus, needed, limit });
    }
    Ok(())
}

/// The server to test: the given one, or a private stack.
pub(super) async fn server(config: &RunConfig, progress: &Progress) -> Result<Server, Refusal> {
    check_files(config)?;
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
    let target = Arc::new(Target::resolve(&address, &config.connect).await?);
    target.probe(PROBE_WITHIN).await?;
    let label = if stack.is_some() {
        format!("{address} {PRIVATE_STACK}")
    } else {
        address
    };
    Ok(Server {
        admin: Admin::new(&target)?,
        target,
        label,
        shares_machine: stack.is_some() || config.shared_machine,
        _stack: stack,
    })
}
