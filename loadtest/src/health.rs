//! How the generator itself is doing: a generator out of breath measures itself.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// One look at the generator.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Health {
    /// CPU time of this process in the last second: 100 is one core.
    pub cpu_percent: f64,
    /// CPU time of the whole machine: 100 is all cores.
    pub machine_cpu_percent: f64,
    /// Resident memory.
    pub memory_bytes: u64,
    /// How late a timer fired, at worst, on the threads that run the VUs.
    pub lag: Duration,
}

/// Looks at the generator once a second.
#[derive(Debug)]
pub struct Monitor {
    /// Nothing where the system doesn't tell.
    system: Option<System>,
    process: Option<Pid>,
    lag: Arc<Lag>,
}

impl Monitor {
    /// A monitor that reads `lag`.
    #[must_use]
    pub fn new(lag: Arc<Lag>) -> Self {
        let mut monitor = Self {
            system: System::new().ok(),
            process: sysinfo::get_current_pid().ok(),
            lag,
        };
        // CPU time is a difference: the first look is only what later ones are compared with.
        monitor.look();
        monitor
    }

    /// Looks.
    pub fn look(&mut self) -> Health {
        let lag = self.lag.take();
        let (Some(system), Some(pid)) = (&mut self.system, self.process) else {
            return Health {
                lag,
                ..Health::default()
            };
        };
        system.refresh_cpu_usage();
        let kind = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, kind);
        let own = system.process(pid);
        Health {
            cpu_percent: own.map_or(0.0, |process| f64::from(process.cpu_usage())),
            machine_cpu_percent: f64::from(system.global_cpu_usage()),
            memory_bytes: own.map_or(0, sysinfo::Process::memory),
            lag,
        }
    }
}

/// The scheduling lag of the runtime that runs the VUs.
#[derive(Debug, Default)]
pub struct Lag(AtomicU64);

/// How often a timer is tried.
const EVERY: Duration = Duration::from_millis(20);

impl Lag {
    /// Tries timers for ever; to be run beside the VUs.
    pub async fn watch(&self) -> Infallible {
        loop {
            let due = Instant::now() + EVERY;
            tokio::time::sleep_until(due.into()).await;
            let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.0.fetch_max(late, Ordering::Relaxed);
        }
    }

    fn take(&self) -> Duration {
        Duration::from_micros(self.0.swap(0, Ordering::Relaxed))
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

    #[test]
    fn busy_time_and_memory_are_seen() {
        let mut monitor = Monitor::new(Arc::default());
        let until = Instant::now() + Duration::from_millis(400);
        let mut spun = 0_u64;
        while Instant::now() < until {
            spun = spun.wrapping_add(1);
        }
        let health = monitor.look();
        assert!(health.cpu_percent > 20.0, "{health:?} after {spun} turns");
        assert!(health.memory_bytes > 1_000_000, "{health:?}");
    }
}
