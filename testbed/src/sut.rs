//! The system under test as a process of its own, so that the generator's CPU
//! time and memory are its own.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, ExitCode, ExitStatus},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{
    Error,
    process::{self, Launch, Process},
    watchdog,
};

/// The hidden first argument that makes a binary be the server.
pub const SUBCOMMAND: &str = "__sut";

/// What the server prints when it accepts connections, before its URL.
const LISTENING: &str = "listening on ";

const READY_WITHIN: Duration = Duration::from_secs(30);

/// The command that starts the running binary again as the server. Its `main`
/// must call [`main_if_requested`].
pub fn command_for_current_exe() -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(SUBCOMMAND);
    Ok(command)
}

/// Runs the server if the first argument is [`SUBCOMMAND`], and returns its
/// exit code. To be called first in `main`, before any runtime is built.
#[must_use]
pub fn main_if_requested() -> Option<ExitCode> {
    let mut args = env::args_os();
    let program = args.next()?;
    if args.next()? != OsStr::new(SUBCOMMAND) {
        return None;
    }
    Some(server::cli::main_from(std::iter::once(program).chain(args)))
}

/// A running system under test, ended on drop.
#[derive(Debug)]
pub struct Sut {
    // Declared before the directory, so that it is dropped before it.
    process: Mutex<Process>,
    pid: u32,
    base_url: String,
    dir: TempDir,
}

impl Sut {
    /// Starts `command` with `--listen 127.0.0.1:0 --allow-init` after its
    /// arguments and `DATABASE_URL` and `REDIS_URL` in its environment, and
    /// waits until it says where it listens. Streams that were set on the
    /// command are replaced: the log is kept in a temporary directory.
    pub async fn start(
        command: Command,
        database_url: &str,
        redis_url: &str,
    ) -> Result<Self, Error> {
        let address = Ipv4Addr::LOCALHOST.into();
        Self::start_at(address, command, database_url, redis_url).await
    }

    /// The same, at another address of this machine.
    pub async fn start_at(
        address: IpAddr,
        mut command: Command,
        database_url: &str,
        redis_url: &str,
    ) -> Result<Self, Error> {
        let dir = watchdog::private_dir()?;
        let stdout = dir.path().join("stdout");
        command
            .args(["--listen", &SocketAddr::new(address, 0).to_string()])
            .arg("--allow-init")
            .env("DATABASE_URL", database_url)
            .env("REDIS_URL", redis_url);
        let mut process = Process::spawn(Launch {
            program: "the server",
            command,
            end: Signal::SIGKILL,
            log: log(dir.path()),
            stdout: Some(stdout.clone()),
            user: None,
        })?;
        let base_url = process
            .wait_until(READY_WITHIN, async || announced(&stdout))
            .await?;
        Ok(Self {
            pid: process.pid(),
            process: Mutex::new(process),
            base_url,
            dir,
        })
    }

    /// Where it listens: `http://ADDRESS:PORT`, without a final slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.locked().ended().is_none()
    }

    /// Ends it as a crash would (SIGKILL).
    pub fn kill(&self) {
        // It is dead either way; how it ended is what was asked for.
        let _ = self.locked().end(Signal::SIGKILL);
    }

    /// Asks it to finish what it accepted and end (SIGTERM), without waiting.
    pub fn terminate(&self) {
        self.locked().signal(Signal::SIGTERM);
    }

    /// Waits until it has ended, for `limit` at most; `None` if it has not.
    pub async fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        let wait = async {
            loop {
                if let Some(status) = self.locked().ended() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(limit, wait).await.ok()
    }

    /// The last lines that it logged.
    #[must_use]
    pub fn log_tail(&self) -> String {
        process::tail(&log(self.dir.path()))
    }

    fn locked(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log(dir: &Path) -> PathBuf {
    dir.join("log")
}

/// The URL, once the whole line is there.
fn announced(stdout: &Path) -> Option<String> {
    let text = fs::read_to_string(stdout).ok()?;
    let (line, _) = text.split_once('\n')?;
    Some(line.strip_prefix(LISTENING)?.trim_end().to_owned())
}
