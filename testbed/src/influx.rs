//! A private InfluxDB 1.x.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
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

const READY_WITHIN: Duration = Duration::from_secs(20);

/// An InfluxDB of one's own on a free port of the loopback, ended on drop.
#[derive(Debug)]
pub struct Influx {
    // Declared before the directory, so that it is dropped before it.
    process: Mutex<Option<Process>>,
    dir: TempDir,
    address: SocketAddr,
    auth: bool,
}

impl Influx {
    /// Starts an empty InfluxDB that lets everybody in, or, with `auth`, only its users: the
    /// first one is made by the first to ask (`CREATE USER … WITH ALL PRIVILEGES`).
    pub async fn start(auth: bool) -> Result<Self, Error> {
        let mut influx = Self {
            process: Mutex::new(None),
            dir: watchdog::private_dir()?,
            // It takes a port that is free: one chosen here might be another's by then.
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            auth,
        };
        influx.address = influx.run().await?;
        Ok(influx)
    }

    /// Where it listens: `http://127.0.0.1:PORT`, without a final slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.locked().as_ref().map(Process::pid)
    }

    /// Ends it as a crash would (SIGKILL). What it had acknowledged is in its log on disk.
    pub fn kill(&self) {
        if let Some(mut process) = self.locked().take() {
            // It is dead either way; how it ended is what was asked for.
            let _ = process.end(Signal::SIGKILL);
        }
    }

    /// Starts it again on the same port with the same data, ending it first if it runs.
    pub async fn restart(&self) -> Result<(), Error> {
        self.run().await.map(drop)
    }

    /// Starts it, and tells where it listens.
    async fn run(&self) -> Result<SocketAddr, Error> {
        let program = programs::influxd()?;
        self.kill();
        let config = self.write_config()?;
        let mut command = Command::new(program);
        command.arg("-config").arg(config).current_dir("/");
        let mut process = Process::spawn(Launch {
            program: "influxd",
            command,
            end: Signal::SIGKILL,
            log: self.log(),
            stdout: None,
            user: None,
        })?;
        let ready = async || {
            let address = listens_at(&self.log())?;
            ping(address).map(|()| address)
        };
        let address = process.wait_until(READY_WITHIN, ready).await?;
        *self.locked() = Some(process);
        Ok(address)
    }

    /// Ends it, as dropping does.
    pub fn stop(self) {
        drop(self);
    }

    fn write_config(&self) -> Result<PathBuf, Error> {
        let dir = self.dir.path().display();
        let text = format!(
            "reporting-disabled = true\n\
             bind-address = \"127.0.0.1:0\"\n\
             [meta]\ndir = \"{dir}/meta\"\n\
             [data]\ndir = \"{dir}/data\"\nwal-dir = \"{dir}/wal\"\n\
             [monitor]\nstore-enabled = false\n\
             [http]\nbind-address = \"{}\"\nauth-enabled = {}\nlog-enabled = false\n",
            self.address, self.auth
        );
        let path = self.dir.path().join("influxdb.conf");
        fs::write(&path, text).map_err(|source| Error::Io {
            doing: format!("write {}", path.display()),
            source,
        })?;
        Ok(path)
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn locked(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address of the line in which it says that it listens. A start with the same log finds the
/// one before, which is the same address.
fn listens_at(log: &Path) -> Option<SocketAddr> {
    let log = fs::read_to_string(log).ok()?;
    let line = log
        .lines()
        .find(|line| line.contains("Listening on HTTP"))?;
    let (_, rest) = line.split_once(" addr=")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Whether it answers `GET /ping`.
fn ping(address: SocketAddr) -> Option<()> {
    let limit = Duration::from_millis(500);
    let mut stream = TcpStream::connect_timeout(&address, limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    stream
        .write_all(b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .ok()?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    answer.starts_with(b"HTTP/1.1 204").then_some(())
}
