//! Child processes that cannot outlive this one.
//!
//! A child is ended when its [`Process`] is dropped, and by the watchdog for
//! every other way in which this process can end. It is started through a
//! shell that writes its own process id into the watchdog's pipe before it
//! turns into the program (`exec` keeps the id). So there is no moment in
//! which a child runs and the watchdog does not know it.

use std::{
    env,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use crate::{Error, watchdog};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

/// How long a child may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much of a log is quoted in an error.
const LOG_TAIL: u64 = 2_000;

/// Turns into the program after telling the watchdog who it is. `$0` is the
/// signal that ends it; its standard input is the watchdog's pipe.
const REGISTER_THEN_EXEC: &str = r#"echo "add $$ $0" >&0 && exec "$@" </dev/null"#;

/// How to start a child.
pub(crate) struct Launch {
    /// The name used in errors.
    pub(crate) program: &'static str,
    /// The program, its arguments, environment and working directory. Its
    /// standard streams are replaced.
    pub(crate) command: Command,
    /// The signal that ends it soonest without leaving anything behind.
    pub(crate) end: Signal,
    /// Where its standard error goes.
    pub(crate) log: PathBuf,
    /// Where its standard output goes, if not into the log.
    pub(crate) stdout: Option<PathBuf>,
    /// The user and group that it runs as, if not this process's own.
    pub(crate) user: Option<(u32, u32)>,
}

/// A running child, ended on drop.
#[derive(Debug)]
pub(crate) struct Process {
    program: &'static str,
    child: Child,
    end: Signal,
    log: PathBuf,
    reaped: Option<ExitStatus>,
}

impl Process {
    pub(crate) fn spawn(launch: Launch) -> Result<Self, Error> {
        let Launch {
            program,
            command,
            end,
            log,
            stdout,
            user,
        } = launch;
        let starting = || Error::io(format!("start {program}"));
        let errors = append(&log).map_err(starting())?;
        let output = match stdout {
            Some(path) => append(&path).map_err(starting())?,
            None => errors.try_clone().map_err(starting())?,
        };
        let mut shell = guarded(&command, end)?;
        if let Some((uid, gid)) = user {
            shell.uid(uid).gid(gid);
        }
        let child = shell
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(starting())?;
        Ok(Self {
            program,
            child,
            end,
            log,
            reaped: None,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Polls `ready` until it gives a value; an error if the child ends or
    /// `limit` passes first.
    pub(crate) async fn wait_until<T>(
        &mut self,
        limit: Duration,
        mut ready: impl AsyncFnMut() -> Option<T>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        loop {
            if let Some(value) = ready().await {
                return Ok(value);
            }
            if let Some(status) = self.ended() {
                let log = tail(&self.log);
                return Err(Error::Exited {
                    program: self.program,
                    status,
                    log,
                });
            }
            if started.elapsed() > limit {
                let log = tail(&self.log);
                return Err(Error::TimedOut {
                    program: self.program,
                    after: limit,
                    log,
                });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for a child whose work is done when it ends.
    pub(crate) async fn finish(mut self, limit: Duration) -> Result<(), Error> {
        match self.wait_until(limit, async || None::<()>).await {
            Err(Error::Exited { status, .. }) if status.success() => Ok(()),
            result => result,
        }
    }

    /// Sends a signal to the child's group.
    pub(crate) fn signal(&self, signal: Signal) {
        // The only failure is that the group is gone, which is what most
        // signals are sent for.
        let _ = killpg(self.group(), signal);
    }

    /// Ends the child by `signal`, kills it if it takes too long, and returns
    /// how it ended. Blocks for as long as that takes, some milliseconds as
    /// a rule.
    pub(crate) fn end(&mut self, signal: Signal) -> io::Result<ExitStatus> {
        // Once it is reaped, its id may be another process's.
        if let Some(status) = self.reaped {
            return Ok(status);
        }
        self.signal(signal);
        let started = Instant::now();
        while self.ended().is_none() && started.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(2));
        }
        self.signal(Signal::SIGKILL);
        let status = self.child.wait()?;
        self.reaped = Some(status);
        watchdog::forget(self.pid());
        Ok(status)
    }

    fn group(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.pid()).expect("process ids fit into pid_t"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A destructor has nobody to report to, and the child is dead anyway.
        let _ = self.end(self.end);
    }
}

/// The same program with the same arguments, environment and directory, but without the `PG*`
/// variables of this process, which are about another PostgreSQL. It is in a process group of its
/// own that the watchdog ends by `end` when this process is gone. Once the child is reaped, it must
/// be [forgotten](crate::forget). Its standard input is empty; the other streams are to be set.
///
/// # Errors
/// When the watchdog can't be started.
pub fn guarded(command: &Command, end: Signal) -> Result<Command, Error> {
    let registration = watchdog::pipe()?
        .try_clone()
        .map_err(Error::io("reach the watchdog"))?;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", REGISTER_THEN_EXEC, end_name(end)]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, _) in env::vars_os() {
        if name.as_encoded_bytes().starts_with(b"PG") {
            shell.env_remove(name);
        }
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        shell.current_dir(dir);
    }
    shell.stdin(registration).process_group(0);
    Ok(shell)
}

/// The name of a signal as `kill` of every shell takes it: without SIG.
fn end_name(signal: Signal) -> &'static str {
    signal.as_str().trim_start_matches("SIG")
}

fn append(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().create(true).append(true).open(path)
}

/// The last lines of a log; an explanation in its place if it can't be read.
pub(crate) fn tail(log: &Path) -> String {
    let read = || {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        io::Result::Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    match read() {
        Ok(text) if text.is_empty() => "(nothing)".to_owned(),
        Ok(text) => text,
        Err(error) => format!("({}: {error})", log.display()),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::watchdog::private_dir;

    fn launch(dir: &TempDir, script: &str) -> Launch {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Launch {
            program: "sh",
            command,
            end: Signal::SIGTERM,
            log: dir.path().join("log"),
            stdout: None,
            user: None,
        }
    }

    #[tokio::test]
    async fn a_child_that_ends_early_is_reported_with_its_log() {
        let dir = private_dir().unwrap();
        let mut process = Process::spawn(launch(&dir, "echo no such luck >&2; exit 3")).unwrap();
        let error = process
            .wait_until(Duration::from_secs(5), async || None::<()>)
            .await
            .unwrap_err();
        match error {
            Error::Exited { status, log, .. } => {
                assert_eq!(status.code(), Some(3));
                assert_eq!(log, "no such luck");
            }
            other => panic!("expected Exited, got {other}"),
        }
    }

    #[tokio::test]
    async fn a_child_that_is_never_ready_is_a_time_out() {
        let dir = private_dir().unwrap();
        let mut process = Process::spawn(launch(&dir, "echo waiting; exec sleep 60")).unwrap();
        let limit = Duration::from_millis(100);
        let error = process
            .wait_until(limit, async || None::<()>)
            .await
            .unwrap_err();
        match error {
            Error::TimedOut { after, log, .. } => {
                assert_eq!(after, limit);
                assert_eq!(log, "waiting");
            }
            other => panic!("expected TimedOut, got {other}"),
        }
    }

    #[test]
    fn dropping_ends_the_whole_group() {
        let dir = private_dir().unwrap();
        let process = Process::spawn(launch(&dir, "sleep 60 & sleep 60")).unwrap();
        let group = process.group();
        drop(process);
        // A killed grandchild may take a moment until init has reaped it.
        let gone = (0..200).any(|_| {
            thread::sleep(Duration::from_millis(10));
            nix::sys::signal::killpg(group, None).is_err()
        });
        assert!(gone, "the group still has members");
    }
}
