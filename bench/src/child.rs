//! A measured child: bounded in time, ended with the bench, and weighed by the kernel (`wait4`).

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    process::{Child as StdChild, Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use wait4::Wait4;

/// How often a running child is looked at: rarely enough not to be felt on its core.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How much of a log is quoted in an error.
const LOG_TAIL: u64 = 2_000;

/// What a child that has ended did and cost.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    /// User and system time of the whole process, from its first instruction to its last.
    pub(crate) cpu: Duration,
    pub(crate) peak_bytes: u64,
    log: PathBuf,
}

impl Ended {
    /// What it last said on standard error.
    pub(crate) fn log_tail(&self) -> String {
        tail(&self.log)
    }
}

/// A running child; ended when it is dropped.
pub(crate) struct Child {
    // Until it is reaped.
    child: Option<StdChild>,
    pid: u32,
    started: Instant,
    stem: PathBuf,
}

impl Child {
    /// Starts a command with its streams in `stem.out` and `stem.err`.
    pub(crate) fn start(command: &Command, stem: &Path) -> anyhow::Result<Self> {
        let create = |extension| {
            let path = stem.with_extension(extension);
            File::create(&path).with_context(|| format!("can't write {}", path.display()))
        };
        let child = testbed::guarded(command, Signal::SIGKILL)?
            .stdout(create("out")?)
            .stderr(create("err")?)
            .spawn()
            .with_context(|| format!("can't start {}", command.get_program().display()))?;
        Ok(Self {
            pid: child.id(),
            child: Some(child),
            started: Instant::now(),
            stem: stem.to_owned(),
        })
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for its end, `limit` after its start at the latest; then it is an error.
    pub(crate) fn finish(mut self, limit: Duration) -> anyhow::Result<Ended> {
        loop {
            if let Some(ended) = self.look(limit, &mut |_, _| ())? {
                return Ok(ended);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// What came of it, if it has ended; an error if it should have. Until then, `watch` is given
    /// its resident memory in bytes and its age.
    pub(crate) fn look(
        &mut self,
        limit: Duration,
        watch: &mut impl FnMut(u64, Duration),
    ) -> anyhow::Result<Option<Ended>> {
        let age = self.started.elapsed();
        let resident = resident_bytes(self.pid);
        let child = self.child.as_mut().context("it has been waited for")?;
        let Some(used) = child.try_wait4().context("can't wait for a child")? else {
            if let Some(resident) = resident {
                watch(resident, age);
            }
            if age > limit {
                let log = tail(&self.stem.with_extension("err"));
                bail!("still running after {limit:?}; it said: {log}");
            }
            return Ok(None);
        };
        self.child = None;
        testbed::forget(self.pid);
        Ok(Some(Ended {
            status: used.status,
            stdout: fs::read_to_string(self.stem.with_extension("out"))?,
            cpu: used.rusage.utime + used.rusage.stime,
            peak_bytes: used.rusage.maxrss,
            log: self.stem.with_extension("err"),
        }))
    }

    /// The first line that it prints, once it is whole.
    pub(crate) fn first_line(&mut self, limit: Duration) -> anyhow::Result<String> {
        loop {
            let text = fs::read_to_string(self.stem.with_extension("out"))?;
            if let Some((line, _)) = text.split_once('\n') {
                return Ok(line.to_owned());
            }
            if let Some(ended) = self.look(limit, &mut |_, _| ())? {
                bail!("it ended with {}: {}", ended.status, ended.log_tail());
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let group = i32::try_from(self.pid).expect("process ids fit into pid_t");
            // If it is gone already, that is what was wanted.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            let _ = child.wait();
            testbed::forget(self.pid);
        }
    }
}

/// `None` once the process is gone.
fn resident_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    resident_in(&status)
}

/// Resident memory as `/proc/PID/status` has it, which ends with it for a process that has ended.
fn resident_in(status: &str) -> Option<u64> {
    bytes_of(status, "VmRSS:")
}

/// The most that was ever resident, of the same text.
pub(crate) fn peak_bytes(status: &str) -> Option<u64> {
    bytes_of(status, "VmHWM:")
}

fn bytes_of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let read = || {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        io::Result::Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_else(|error| format!("({}: {error})", log.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_child_is_weighed_and_heard() {
        let dir = tempfile::tempdir().unwrap();
        let stem = dir.path().join("child");
        let child = Child::start(&shell("echo heard; exit 3"), &stem).unwrap();
        let ended = child.finish(Duration::from_secs(60)).unwrap();
        assert_eq!(
            (ended.status.code(), ended.stdout.as_str()),
            (Some(3), "heard\n")
        );
        assert!(ended.peak_bytes > 0);
    }

    #[test]
    fn a_child_that_takes_too_long_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let script = "echo waiting >&2; exec sleep 600";
        let child = Child::start(&shell(script), &dir.path().join("child")).unwrap();
        let pid = child.pid;
        let error = child.finish(Duration::from_millis(300)).unwrap_err();
        assert!(error.to_string().ends_with("waiting"), "{error}");
        assert_eq!(resident_bytes(pid), None);
    }

    #[test]
    fn resident_memory_is_read_in_bytes() {
        let status = "Name:\tx\nVmHWM:\t  999 kB\nVmRSS:\t    1234 kB\nThreads:\t3\n";
        assert_eq!(resident_in(status), Some(1_234 * 1_024));
        assert_eq!(peak_bytes(status), Some(999 * 1_024));
        assert_eq!(resident_in("Name:\tx\nState:\tZ (zombie)\n"), None);
    }
}
