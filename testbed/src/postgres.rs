//! A private PostgreSQL.

use std::{
    fs,
    os::unix::fs::chown,
    path::Path,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::{
    sys::signal::Signal,
    unistd::{User, geteuid},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tempfile::TempDir;

use crate::{
    Error,
    process::{Launch, Process},
    programs, watchdog,
};

const READY_WITHIN: Duration = Duration::from_secs(30);

/// The number in the name of its socket.
const PORT: u16 = 5432;

/// Settings for one load test on a small machine. fsync and synchronous_commit
/// are written out because what is measured without them is another database.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("max_connections", "100"),
    ("shared_buffers", "256MB"),
    ("max_wal_size", "2GB"),
    ("checkpoint_timeout", "15min"),
    ("random_page_cost", "1.1"),
    ("jit", "off"),
    ("track_wal_io_timing", "on"),
];

/// A PostgreSQL of one's own: fresh data directory, Unix socket, ended and
/// removed on drop.
#[derive(Debug)]
pub struct Postgres {
    // Declared before the directory, so that it is dropped before it.
    process: Mutex<Option<Process>>,
    dir: TempDir,
    socket_dir: String,
    url: String,
    user: Option<(u32, u32)>,
}

impl Postgres {
    /// Creates a data directory and starts PostgreSQL on it; about a second.
    pub async fn start() -> Result<Self, Error> {
        Self::start_in(watchdog::private_dir()?).await
    }

    /// The same, with its files below `parent`: a disk that can be filled, say.
    pub async fn start_below(parent: &Path) -> Result<Self, Error> {
        Self::start_in(watchdog::private_dir_below(parent)?).await
    }

    async fn start_in(dir: TempDir) -> Result<Self, Error> {
        let programs = programs::postgres()?;
        let user = unprivileged_user();
        let own = geteuid();
        if user.is_none() && matches!(User::from_uid(own), Ok(None)) {
            return Err(Error::NoUser(own.as_raw()));
        }
        if let Some((uid, gid)) = user {
            chown(dir.path(), Some(uid), Some(gid)).map_err(Error::io(format!(
                "give {} to an unprivileged user",
                dir.path().display()
            )))?;
        }
        let socket_dir = path_in_url(dir.path())?;
        let postgres = Self {
            process: Mutex::new(None),
            url: url_of(&socket_dir, "postgres"),
            dir,
            socket_dir,
            user,
        };
        postgres.initdb(&programs.initdb).await?;
        postgres.restart().await?;
        Ok(postgres)
    }

    /// The URL of the database `postgres`, as sqlx takes it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Creates an empty database and returns its URL. `name` is quoted.
    pub async fn create_database(&self, name: &str) -> Result<String, Error> {
        let failed = |source| Error::Database {
            doing: format!("create the database {name:?}"),
            source,
        };
        let mut connection = self.options().connect().await.map_err(failed)?;
        let statement = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .map_err(failed)?;
        // The database exists; a connection that won't close is no failure.
        let _ = connection.close().await;
        Ok(url_of(&self.socket_dir, name))
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.locked().as_ref().map(Process::pid)
    }

    /// Ends it as a crash would (SIGKILL); [`Self::restart`] recovers.
    pub fn kill(&self) {
        if let Some(mut process) = self.locked().take() {
            let _ = process.end(Signal::SIGKILL);
        }
    }

    /// Starts it again on the same data, ending it first if it runs.
    pub async fn restart(&self) -> Result<(), Error> {
        let programs = programs::postgres()?;
        self.stop_process();
        let mut command = Command::new(programs.postgres);
        command.arg("-D").arg(self.dir.path().join("data"));
        command.arg("-k").arg(self.dir.path());
        for (name, value) in SETTINGS {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.current_dir("/");
        let mut process = Process::spawn(Launch {
            program: "postgres",
            command,
            // The immediate shutdown: nothing here is wanted afterwards.
            end: Signal::SIGQUIT,
            log: self.dir.path().join("log"),
            stdout: None,
            user: self.user,
        })?;
        let state = self.dir.path().join("data/postmaster.pid");
        let pid = process.pid();
        process
            .wait_until(READY_WITHIN, async || is_ready(&state, pid).then_some(()))
            .await?;
        *self.locked() = Some(process);
        Ok(())
    }

    /// Ends it and removes its data, as dropping does.
    pub fn stop(self) {
        drop(self);
    }

    async fn initdb(&self, program: &Path) -> Result<(), Error> {
        let mut command = Command::new(program);
        // `--no-sync` is about this one-time set-up only. The C locale makes
        // comparisons independent of what the machine has installed.
        command
            .args([
                "--username=postgres",
                "--auth=trust",
                "--no-sync",
                "--no-instructions",
            ])
            .args(["--encoding=UTF8", "--locale=C"])
            .arg("-D")
            .arg(self.dir.path().join("data"))
            .current_dir("/");
        let process = Process::spawn(Launch {
            program: "initdb",
            command,
            end: Signal::SIGKILL,
            log: self.dir.path().join("initdb.log"),
            stdout: None,
            user: self.user,
        })?;
        process.finish(READY_WITHIN).await
    }

    fn options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.dir.path())
            .port(PORT)
            .ssl_mode(PgSslMode::Disable)
            .username("postgres")
            .database("postgres")
            .disable_statement_logging()
    }

    fn stop_process(&self) {
        self.locked().take();
    }

    fn locked(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// PostgreSQL refuses to run as root: then the user that its package creates,
/// or else nobody.
fn unprivileged_user() -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| User::from_name(name).ok().flatten())
        .map(|user| (user.uid.as_raw(), user.gid.as_raw()))
}

/// Whether the process takes connections, by what it writes for `pg_ctl`: a client would read `PG*`
/// variables, which are about other servers. One that was killed leaves the file behind.
fn is_ready(state: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(state).unwrap_or_default();
    let line = |number: usize| text.lines().nth(number).unwrap_or_default().trim();
    line(0) == pid.to_string() && line(7) == "ready"
}

/// The socket directory as a query parameter; everything that could end the
/// parameter is escaped.
fn path_in_url(path: &Path) -> Result<String, Error> {
    let path = path.to_str().ok_or_else(|| Error::Path(path.to_owned()))?;
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(escaped)
}

fn url_of(socket_dir: &str, database: &str) -> String {
    format!("postgres://postgres@localhost:{PORT}/{database}?host={socket_dir}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_no_sign_of_another() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let said = "4711\n/data\n1\n5432\n/socket\n\n  1  2\nready   \n";
        fs::write(file.path(), said).expect("written");
        assert!(is_ready(file.path(), 4711));
        assert!(!is_ready(file.path(), 4712));
        fs::write(file.path(), said.replace("ready", "starting")).expect("written");
        assert!(!is_ready(file.path(), 4711));
        assert!(!is_ready(Path::new("/nowhere"), 4711));
    }
}
