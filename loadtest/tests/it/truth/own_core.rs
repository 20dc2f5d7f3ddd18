//! A core of its own for the target, so that it and the generator are as good as on two machines.

use std::process::Command;
use std::time::Duration;

use crate::program::allowed_cores;

/// A core that the rest of this process is kept from until this is dropped.
pub(super) struct OwnCore {
    core: String,
    allowed: String,
}

impl OwnCore {
    /// Takes the last core that this process may run on from all of its threads.
    pub(super) fn take() -> Self {
        let list = |cores: &[u32]| {
            let cores: Vec<_> = cores.iter().map(u32::to_string).collect();
            cores.join(",")
        };
        let allowed = allowed_cores();
        let (last, rest) = allowed.split_last().expect("Linux tells the cores");
        assert!(!rest.is_empty(), "generator and target need a core each");
        assert!(taskset(&["-a", "-c", "-p", &list(rest), &own_process()]));
        Self {
            core: last.to_string(),
            allowed: list(&allowed),
        }
    }

    /// The calling thread runs there and nowhere else.
    pub(super) fn keep_this_thread(&self) {
        let thread = std::fs::read_link("/proc/thread-self").expect("Linux has it");
        let thread = thread.file_name().and_then(|name| name.to_str());
        let thread = thread.expect("a number");
        assert!(taskset(&["-c", "-p", &self.core, thread]));
    }
}

/// How long the calling thread was ready to run and had no core to do so.
pub(super) fn waited_for_it() -> Duration {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    // On a core, waiting for one, and how many times, in nanoseconds.
    let waited = times.split(' ').nth(1).and_then(|ns| ns.parse().ok());
    Duration::from_nanos(waited.unwrap_or(0))
}

impl Drop for OwnCore {
    fn drop(&mut self) {
        taskset(&["-a", "-c", "-p", &self.allowed, &own_process()]);
    }
}

fn own_process() -> String {
    std::process::id().to_string()
}

fn taskset(args: &[&str]) -> bool {
    let output = Command::new("taskset").args(args).output();
    output.is_ok_and(|output| output.status.success())
}
