//! A private Redis.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{
    Error,
    process::{Launch, Process},
    programs, watchdog,
};

const READY_WITHIN: Duration = Duration::from_secs(10);

/// What a Redis begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// Nothing.
    Empty,
    /// The snapshot that it wrote last (`SAVE`).
    Snapshot,
    /// Its log of every write, from the time when `CONFIG SET appendonly yes`
    /// was said. It goes on with it, and writes it to the disk before it
    /// answers.
    Log,
}

/// A Redis of one's own without persistence: Unix socket, ended on drop.
#[derive(Debug)]
pub struct Redis {
    // Declared before the directory, so that it is dropped before it.
    process: Mutex<Option<Process>>,
    dir: TempDir,
    url: String,
}

impl Redis {
    /// Starts an empty Redis.
    pub async fn start() -> Result<Self, Error> {
        Self::start_in(watchdog::private_dir()?).await
    }

    /// The same, with its files below `parent`: a disk that can be filled, say.
    pub async fn start_below(parent: &Path) -> Result<Self, Error> {
        Self::start_in(watchdog::private_dir_below(parent)?).await
    }

    async fn start_in(dir: TempDir) -> Result<Self, Error> {
        let socket = socket(dir.path());
        let path = socket.to_str().ok_or_else(|| Error::Path(socket.clone()))?;
        let redis = Self {
            process: Mutex::new(None),
            url: format!("redis+unix://{path}"),
            dir,
        };
        redis.restart().await?;
        Ok(redis)
    }

    /// The URL of database 0, as the redis crate takes it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL of another of its 1,024 databases.
    #[must_use]
    pub fn database_url(&self, number: u16) -> String {
        format!("{}?db={number}", self.url)
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.locked().as_ref().map(Process::pid)
    }

    /// Ends it as a crash would (SIGKILL), with everything that it held.
    pub fn kill(&self) {
        if let Some(mut process) = self.locked().take() {
            // It is dead either way; how it ended is what was asked for.
            let _ = process.end(Signal::SIGKILL);
        }
    }

    /// Starts it again, empty, on the same socket, ending it first if it runs.
    pub async fn restart(&self) -> Result<(), Error> {
        self.restart_with(Memory::Empty).await
    }

    /// Starts it again on the same socket with what it left on the disk, ending
    /// it first if it runs.
    pub async fn restart_with(&self, memory: Memory) -> Result<(), Error> {
        let program = programs::redis_server()?;
        self.kill();
        if memory == Memory::Empty {
            self.forget()?;
        }
        let append = if memory == Memory::Log { "yes" } else { "no" };
        let socket = socket(self.dir.path());
        let mut command = Command::new(program);
        command
            .args(["--port", "0", "--databases", "1024"])
            .args(["--save", "", "--appendonly", append])
            .args(["--appendfsync", "always"])
            // For tests in which it is to stand still (DEBUG SLEEP).
            .args(["--enable-debug-command", "local"])
            .arg("--unixsocket")
            .arg(&socket)
            .arg("--dir")
            .arg(self.dir.path())
            .current_dir("/");
        let mut process = Process::spawn(Launch {
            program: "redis-server",
            command,
            end: Signal::SIGKILL,
            log: self.dir.path().join("log"),
            stdout: None,
            user: None,
        })?;
        process
            .wait_until(READY_WITHIN, async || ping(&socket))
            .await?;
        *self.locked() = Some(process);
        Ok(())
    }

    /// Ends it, as dropping does.
    pub fn stop(self) {
        drop(self);
    }

    /// Removes what it left on the disk.
    fn forget(&self) -> Result<(), Error> {
        let snapshot = fs::remove_file(self.dir.path().join("dump.rdb"));
        let log = fs::remove_dir_all(self.dir.path().join("appendonlydir"));
        for removed in [snapshot, log] {
            match removed {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Error::io("remove what Redis left")(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn locked(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn socket(dir: &Path) -> PathBuf {
    dir.join("redis.sock")
}

/// One PING in the inline protocol; a client library for it alone would be
/// a heavy dependency of the harness.
fn ping(socket: &Path) -> Option<()> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .ok()?;
    stream.write_all(b"PING\r\n").ok()?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).ok()?;
    (&answer == b"+PONG\r\n").then_some(())
}
