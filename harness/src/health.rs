//! How the generator itself is doing: when overloaded, it is late and sends less than was planned.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::metrics::{Counter, Snapshot, TagFilter, Trend, TrendOf};
use crate::quota;

/// An iteration that starts later than this after its time is a late start, in milliseconds.
pub const LATE_MS: f64 = 10.0;

/// How many of these start delays are of late starts.
pub(crate) fn late_starts(delays: &Trend) -> u64 {
    delays.count() - delays.count_up_to_ms(LATE_MS)
}

/// One look at the generator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// When, from the start of the run.
    pub at_ms: u64,
    /// CPU time of this process in the last second: 100 is one core.
    pub cpu_percent: f64,
    /// CPU time of the whole machine: 100 is all cores.
    pub machine_cpu_percent: f64,
    /// Resident memory.
    pub memory_bytes: u64,
    /// How late a timer fired, at worst, on the threads that run the VUs.
    pub lag_ms: f64,
    /// Iterations of the open model that started in the second.
    pub starts: u64,
    /// Of them, those that started more than [`LATE_MS`] late.
    pub late_starts: u64,
    /// Iterations that were dropped in the second.
    pub dropped: u64,
    /// Of the periods of the quota of its cgroup, how many ended with the quota used up, so that
    /// everything in it stood still: 100 is all of them.
    pub throttled_percent: f64,
    /// File descriptors in use; 0 where the system doesn't tell.
    pub fds: u64,
    /// Of them, sockets.
    pub sockets: u64,
}

impl Health {
    /// Combines two measurements: the worst of levels, the sum of counts.
    #[must_use]
    pub fn worst(&self, other: &Self) -> Self {
        Self {
            at_ms: self.at_ms,
            cpu_percent: self.cpu_percent.max(other.cpu_percent),
            machine_cpu_percent: self.machine_cpu_percent.max(other.machine_cpu_percent),
            memory_bytes: self.memory_bytes.max(other.memory_bytes),
            lag_ms: self.lag_ms.max(other.lag_ms),
            throttled_percent: self.throttled_percent.max(other.throttled_percent),
            starts: self.starts + other.starts,
            late_starts: self.late_starts + other.late_starts,
            dropped: self.dropped + other.dropped,
            fds: self.fds.max(other.fds),
            sockets: self.sockets.max(other.sockets),
        }
    }
}

/// What there is on this machine for the generator to use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Resources {
    /// Cores that this process may use: those that it may run on, or what a cgroup's quota is
    /// worth, such as 0.5.
    pub cores: f64,
    /// File descriptors that it may have.
    pub fds: u64,
}

impl Resources {
    /// Asks the system.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self {
            cores: quota::cores(),
            fds: rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(u64::MAX, |(soft, _)| soft),
        }
    }
}

/// Looks at the generator once a second.
#[derive(Debug)]
pub struct Monitor {
    /// Nothing where the system doesn't tell.
    system: Option<System>,
    process: Option<Pid>,
    lag: Arc<Lag>,
    /// File descriptors and sockets as they were last seen: nobody can look where none is left.
    files: (u64, u64),
    /// Periods of the cgroup's quota as they were at the last look.
    periods: quota::Periods,
}

impl Monitor {
    /// A monitor that reads `lag`.
    #[must_use]
    pub fn new(lag: Arc<Lag>) -> Self {
        let mut monitor = Self {
            system: System::new().ok(),
            process: sysinfo::get_current_pid().ok(),
            lag,
            files: (0, 0),
            periods: quota::Periods::default(),
        };
        // CPU time is a difference: the first look is only what later ones are compared with.
        monitor.look(Duration::ZERO, &Snapshot::default());
        monitor
    }

    /// Looks, at `elapsed` after the start and with what the last second had.
    pub fn look(&mut self, elapsed: Duration, second: &Snapshot) -> Health {
        let all = TagFilter::default();
        let delays = second.trend(TrendOf::StartDelay, &all);
        self.files = files().unwrap_or(self.files);
        let (fds, sockets) = self.files;
        let before = std::mem::replace(&mut self.periods, quota::periods());
        let mut health = Health {
            at_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            lag_ms: self.lag.take().as_secs_f64() * 1_000.0,
            starts: delays.count(),
            late_starts: late_starts(&delays),
            dropped: second.counter(Counter::Dropped, &all),
            throttled_percent: self.periods.throttled_since(before) * 100.0,
            fds,
            sockets,
            ..Health::default()
        };
        if let (Some(system), Some(pid)) = (&mut self.system, self.process) {
            system.refresh_cpu_usage();
            let kind = ProcessRefreshKind::nothing().with_cpu().with_memory();
            system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
            let own = system.process(pid);
            health.cpu_percent = own.map_or(0.0, |process| f64::from(process.cpu_usage()));
            health.machine_cpu_percent = f64::from(system.global_cpu_usage());
            health.memory_bytes = own.map_or(0, sysinfo::Process::memory);
        }
        health
    }
}

/// `EMFILE`: this process has as many files open as it may.
const NO_FD_LEFT: i32 = 24;

/// File descriptors in use, and how many of them are sockets.
fn files() -> Option<(u64, u64)> {
    let entries = match std::fs::read_dir("/proc/self/fd") {
        Ok(entries) => entries,
        // Not one is left to look with: all are in use, and nearly all of them by connections.
        Err(error) if error.raw_os_error() == Some(NO_FD_LEFT) => {
            let all = rlimit::getrlimit(rlimit::Resource::NOFILE).map_or(0, |(soft, _)| soft);
            return Some((all, all));
        }
        // Such as ENFILE, when the whole machine has none left to look with.
        Err(_) => return None,
    };
    let is_socket = |entry: &std::fs::DirEntry| {
        let target = std::fs::read_link(entry.path());
        target.is_ok_and(|target| {
            target
                .as_os_str()
                .as_encoded_bytes()
                .starts_with(b"socket:")
        })
    };
    Some(entries.flatten().fold((0, 0), |(fds, sockets), entry| {
        (fds + 1, sockets + u64::from(is_socket(&entry)))
    }))
}

/// The scheduling lag of the runtime that runs the VUs.
#[derive(Debug)]
pub struct Lag {
    zero: Instant,
    /// How late a timer fired at worst since the last look, in microseconds.
    worst: AtomicU64,
    /// When the timer that is being tried is due, in microseconds after `zero`.
    due: AtomicU64,
}

impl Default for Lag {
    fn default() -> Self {
        Self {
            zero: Instant::now(),
            worst: AtomicU64::new(0),
            due: AtomicU64::new(NEVER),
        }
    }
}

/// How often a timer is tried.
const EVERY: Duration = Duration::from_millis(20);
/// When no timer is being tried.
const NEVER: u64 = u64::MAX;

impl Lag {
    /// Tries timers until it is dropped; to be run beside the VUs.
    pub async fn watch(&self) -> Infallible {
        let _watching = Watching(self);
        loop {
            let due = Instant::now() + EVERY;
            self.due
                .store(micros(due.duration_since(self.zero)), Ordering::Relaxed);
            tokio::time::sleep_until(due.into()).await;
            self.worst
                .fetch_max(micros(due.elapsed()), Ordering::Relaxed);
        }
    }

    /// The worst since the last look. A timer that is overdue now counts with what it is late so
    /// far: a runtime that stands still fires none, and that is the worst there is.
    fn take(&self) -> Duration {
        let worst = self.worst.swap(0, Ordering::Relaxed);
        let overdue = micros(self.zero.elapsed()).saturating_sub(self.due.load(Ordering::Relaxed));
        Duration::from_micros(worst.max(overdue))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(NEVER)
}

/// No timer is being tried any more when this is dropped.
struct Watching<'a>(&'a Lag);

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.due.store(NEVER, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_blocked_thread_is_late() {
        let lag = Lag::default();
        let blocked = async {
            tokio::time::sleep(EVERY / 2).await;
            std::thread::sleep(Duration::from_millis(120));
            tokio::task::yield_now().await;
        };
        tokio::select! {
            never = lag.watch() => match never {},
            () = async { blocked.await; tokio::time::sleep(EVERY).await } => {}
        }
        assert!(lag.take() >= Duration::from_millis(90), "{lag:?}");
        assert_eq!(lag.take(), Duration::ZERO, "it was taken");
    }

    #[tokio::test]
    async fn a_thread_that_stands_still_is_late_while_it_does() {
        let lag = Lag::default();
        {
            let mut watch = std::pin::pin!(lag.watch());
            assert!(futures::poll!(&mut watch).is_pending());
            std::thread::sleep(EVERY + Duration::from_millis(60));
            assert!(lag.take() >= Duration::from_millis(60), "{lag:?}");
            std::thread::sleep(Duration::from_millis(30));
            assert!(lag.take() >= Duration::from_millis(90), "and it still does");
        }
        assert_eq!(lag.take(), Duration::ZERO, "nothing is tried any more");
    }

    #[test]
    fn busy_time_and_memory_are_seen() {
        let mut monitor = Monitor::new(Arc::default());
        let until = Instant::now() + Duration::from_millis(400);
        let mut spun = 0_u64;
        while Instant::now() < until {
            spun = spun.wrapping_add(1);
        }
        let _socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let health = monitor.look(Duration::from_secs(3), &Snapshot::default());
        assert!(health.cpu_percent > 20.0, "{health:?} after {spun} turns");
        assert!(health.memory_bytes > 1_000_000, "{health:?}");
        assert_eq!(health.at_ms, 3_000);
        if cfg!(target_os = "linux") {
            assert!(
                health.sockets >= 1 && health.fds > health.sockets,
                "{health:?}"
            );
        }
    }
}
