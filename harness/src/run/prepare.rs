//! Before the load: what a run needs, or why there is none.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use thiserror::Error;

use crate::admin::chain;
use crate::config::{RunConfig, SummaryJson};
use crate::files::{DASH, check, own_path};
use crate::health::Resources;
use crate::output::{Address, OpenError};
use crate::persona::Role;
use crate::ports::{self, Ports};
use crate::probe::Unreachable;
use crate::report::RecordedError;
use crate::suite::Error as SuiteError;
use crate::threshold::ExitCode;
use crate::vu::{TargetError, TlsError};

/// What ends a run before anything was sent.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("--report-dir: {path} can't be written: {source}")]
    ReportDir {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("--out: {0} is written by another --out or --summary-json already; name another file")]
    Twice(PathBuf),
    #[error("{0}: {DASH}")]
    Dash(&'static str),
    #[error("{flag}: {path} can't be written: {source}")]
    File {
        flag: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(
        "{vus} VUs need about {needed} file descriptors, and this process may have {limit}: \
         raise the limit (ulimit -n {needed}), or ask for fewer VUs"
    )]
    Files { vus: u64, needed: u64, limit: u64 },
    #[error(
        "{vus} VUs need about {needed} connections, and this machine has {} ports left for them ({} \
         minus {} in use, also by a run of the last minute, TIME_WAIT): {PORTS}",
        .ports.all - .ports.taken,
        .ports.all,
        .ports.taken
    )]
    Ports { vus: u64, needed: u64, ports: Ports },
    #[error("--host: {0}")]
    Host(TargetError),
    #[error(transparent)]
    Tls(TlsError),
    #[error("--local-address: {0}")]
    LocalAddress(TargetError),
    #[error("the private server could not be started: {}", chain(.0.as_ref()))]
    Private(SuiteError),
    #[error("--host: is missing; give the address of the server to test")]
    NoServer,
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    #[error(
        "--web: {address} can't be served: {source}; give another one, as --web 127.0.0.1:0 for \
         any free port"
    )]
    Web {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("--out: {0}")]
    Output(#[from] OpenError),
    #[error("--baseline: {0}")]
    Baseline(#[from] RecordedError),
    #[error("--probe: {0}")]
    Probe(#[from] Unreachable),
    #[error("--fleet: {0}")]
    Fleet(String),
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
            | Self::Dash(_)
            | Self::File { .. }
            | Self::Twice(_)
            | Self::Files { .. }
            | Self::Ports { .. }
            | Self::Host(_)
            | Self::Tls(_)
            | Self::LocalAddress(_)
            | Self::Web { .. }
            | Self::Output(_)
            | Self::Baseline(_)
            | Self::Probe(_)
            | Self::NoServer
            | Self::Fleet(_) => ExitCode::BadConfiguration,
            Self::Private(_) | Self::Client(_) => ExitCode::Invalid,
            Self::Signal => ExitCode::Interrupted,
        }
    }
}

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

/// Makes the run's directory, and so finds out before the load whether its reports can be written.
pub(super) fn check_writable(directory: &Path, config: &RunConfig) -> Result<(), Refusal> {
    check_directory(directory)?;
    check_named(config)
}

/// Whether a run that is refused can leave its files in its directory. A summary that can't be
/// written where it was asked for is not asked for any more.
pub(super) fn can_leave(directory: &Path, config: &mut RunConfig) -> bool {
    let is_lost = match (check_named(config), &config.summary_json) {
        (Err(Refusal::Twice(twice)), Some(SummaryJson::File(path))) => {
            own_path(path) == own_path(&twice)
        }
        (Err(Refusal::File { .. } | Refusal::Dash(_)), _) => true,
        _ => false,
    };
    if is_lost {
        config.summary_json = None;
    }
    check_directory(directory).is_ok()
}

fn check_directory(directory: &Path) -> Result<(), Refusal> {
    let cannot = |source| Refusal::ReportDir {
        path: directory.to_owned(),
        source,
    };
    std::fs::create_dir_all(directory).map_err(cannot)?;
    tempfile::tempfile_in(directory).map_err(cannot)?;
    Ok(())
}

/// Finds out whether the files that flags name can be written, each by one.
///
/// # Errors
/// The first that can't.
pub(crate) fn check_named(config: &RunConfig) -> Result<(), Refusal> {
    let summary = match &config.summary_json {
        Some(SummaryJson::File(path)) => {
            check_file("--summary-json", path)?;
            Some(path.as_path())
        }
        Some(SummaryJson::Stdout) => Some(Path::new("/dev/stdout")),
        None => None,
    };
    let outputs = config.outputs.iter().filter_map(Address::file);
    refuse_twice(summary.into_iter().chain(outputs))
}

/// Refuses two things to be written into one file.
fn refuse_twice<'a>(files: impl Iterator<Item = &'a Path>) -> Result<(), Refusal> {
    let mut known = BTreeSet::new();
    for path in files {
        if own_path(path).is_some_and(|own| !known.insert(own)) {
            return Err(Refusal::Twice(path.to_owned()));
        }
    }
    Ok(())
}

/// Finds out whether the file that a flag names can be written.
///
/// # Errors
/// Why it can't.
pub(crate) fn check_file(flag: &'static str, path: &Path) -> Result<(), Refusal> {
    if path == Path::new("-") {
        return Err(Refusal::Dash(flag));
    }
    check(path).map_err(|source| Refusal::File {
        flag,
        path: path.to_owned(),
        source,
    })
}

/// What helps when there are too few ports.
pub(super) const PORTS: &str = "widen the range (sysctl -w \
    net.ipv4.ip_local_port_range=\"1024 65535\"), wait a minute, let Linux use ports again at once \
    (sysctl -w net.ipv4.tcp_tw_reuse=1), give more than one --local-address, or ask for fewer VUs";

/// Finds out whether there are ports for the connections of every virtual user.
pub(super) fn check_ports(
    users: &[Role],
    connections: fn(&str) -> u64,
    pairs: &[(Option<IpAddr>, SocketAddr)],
) -> Result<(), Refusal> {
    let needed = connections_of(users, connections);
    let counted = pairs.iter().map(|(from, to)| ports::between(*from, *to));
    let Some(counted) = counted.collect::<Option<Vec<Ports>>>() else {
        return Ok(());
    };
    let ports = Ports {
        all: counted.iter().map(|ports| ports.all).sum(),
        taken: counted.iter().map(|ports| ports.taken).sum(),
    };
    if needed > ports.all - ports.taken {
        let vus = users.len() as u64;
        return Err(Refusal::Ports { vus, needed, ports });
    }
    Ok(())
}

/// File descriptors for what isn't a virtual user's connection: runtimes, outputs, reports.
const OTHER_FILES: u64 = 64;

/// File descriptors for the connections of every virtual user.
fn connections_of(users: &[Role], connections: fn(&str) -> u64) -> u64 {
    users.iter().map(|role| connections(role.name)).sum()
}

/// Has room made for the files of a run, and finds out whether there may be so many.
/// `connections` says how many a user of a persona has open at once.
pub(super) fn check_files(users: &[Role], connections: fn(&str) -> u64) -> Result<(), Refusal> {
    let vus = users.len() as u64;
    let needed = connections_of(users, connections) + OTHER_FILES;
    crate::descriptors::prepare(needed);
    let limit = Resources::of_this_process().fds;
    if needed > limit {
        return Err(Refusal::Files { vus, needed, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_into_one_stream_twice() {
        let refused = |paths: [&str; 2]| refuse_twice(paths.iter().map(Path::new)).is_err();
        let rows = [
            (["/dev/stdout", "/dev/stdout"], true),
            (["/dev/stdout", "/dev/fd/1"], true),
            (["/dev/fd/2", "/dev/stderr"], true),
            (["/dev/stdout", "/dev/stderr"], false),
            (["/dev/null", "/dev/null"], false),
            (["/tmp/one.csv", "/tmp/./one.csv"], true),
            (["/tmp/one.csv", "/tmp/two.csv"], false),
        ];
        for (paths, expected) in rows {
            assert_eq!(refused(paths), expected, "{paths:?}");
        }
    }
}
