//! What `/proc` says of a machine. Pure.

use super::look::{Look, Reading};

/// The texts of `/proc` that are read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Texts<'a> {
    /// `/proc/stat`
    pub(super) stat: &'a str,
    /// `/proc/diskstats`
    pub(super) disks: &'a str,
    /// `/proc/net/dev`
    pub(super) net: &'a str,
    /// `/proc/pressure/cpu`, where there is one.
    pub(super) pressure: &'a str,
}

/// The modes of the first line of `/proc/stat`, in its order.
const MODES: [&str; 8] = [
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal",
];
/// Jiffies in a second: the kernel tells them so to everybody (`USER_HZ`).
const HZ: f64 = 100.0;
const SECTOR: f64 = 512.0;

/// Reads the texts of a machine with so many cores; what is missing in them is left out.
pub(super) fn look(texts: Texts<'_>, cores: f64) -> Look {
    let mut look = Look::default();
    cpu(texts.stat, cores, &mut look);
    if let Some(running) = field(texts.stat, "procs_running") {
        // Who asks is running, too.
        let queue = (running - 1.0).max(0.0);
        look.gauges.push(Reading::new("host_run_queue", "", queue));
    }
    if let Some(stalled) = stalled(texts.pressure) {
        let percent = Reading::new("host_cpu_stalled_percent", "", stalled / 1e4);
        look.counters.push(percent);
    }
    for (name, [read, written, busy_ms]) in texts.disks.lines().filter_map(disk) {
        let disk = |metric, value| Reading::new(metric, name, value);
        look.counters
            .push(disk("host_disk_read_bytes", read * SECTOR));
        look.counters
            .push(disk("host_disk_written_bytes", written * SECTOR));
        look.counters
            .push(disk("host_disk_busy_percent", busy_ms / 10.0));
    }
    for (name, [received, sent]) in texts.net.lines().filter_map(interface) {
        look.counters
            .push(Reading::new("host_net_received_bytes", name, received));
        look.counters
            .push(Reading::new("host_net_sent_bytes", name, sent));
    }
    look
}

/// CPU by mode and busy in all: 100 is all cores.
fn cpu(stat: &str, cores: f64, look: &mut Look) {
    let first = stat.lines().next().unwrap_or_default();
    let Some(numbers) = first.strip_prefix("cpu ") else {
        return;
    };
    let percent = |jiffies: f64| jiffies / HZ / cores.max(1.0) * 100.0;
    let jiffies = numbers
        .split_whitespace()
        .map_while(|text| text.parse::<f64>().ok());
    let mut busy = 0.0;
    for (mode, jiffies) in MODES.into_iter().zip(jiffies) {
        if !matches!(mode, "idle" | "iowait") {
            busy += jiffies;
        }
        look.counters
            .push(Reading::new("host_cpu_percent", mode, percent(jiffies)));
    }
    look.counters
        .push(Reading::new("host_cpu_busy_percent", "", percent(busy)));
}

fn field(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = lines.find(|(key, _)| *key == name)?;
    value.trim().parse().ok()
}

/// Microseconds in which something waited for a CPU.
fn stalled(pressure: &str) -> Option<f64> {
    let some = pressure.lines().find(|line| line.starts_with("some "))?;
    some.split("total=").nth(1)?.trim().parse().ok()
}

/// A whole disk: its name, sectors read and written, and ms in which it was busy. Partitions would
/// be told twice.
fn disk(line: &str) -> Option<(&str, [f64; 3])> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let name = *words.get(2)?;
    let is_disk = ["sd", "vd", "xvd", "hd"]
        .iter()
        .any(|start| name.starts_with(start))
        && !name.ends_with(|c: char| c.is_ascii_digit());
    let is_nvme = name.starts_with("nvme") && !name.contains('p');
    let number = |at: usize| words.get(at)?.parse::<f64>().ok();
    let numbers = [number(5)?, number(9)?, number(12)?];
    (is_disk || is_nvme).then_some((name, numbers))
}

/// An interface with bytes received and sent.
fn interface(line: &str) -> Option<(&str, [f64; 2])> {
    let (name, numbers) = line.split_once(':')?;
    let numbers: Vec<f64> = numbers
        .split_whitespace()
        .filter_map(|text| text.parse().ok())
        .collect();
    let both = [*numbers.first()?, *numbers.get(8)?];
    // What was never used is none of the machine's ways.
    (both != [0.0, 0.0]).then_some((name.trim(), both))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: Texts<'_> = Texts {
        stat: "cpu  100 0 50 800 20 0 10 0 0 0\ncpu0 1 2\nctxt 5\nprocs_running 4\n",
        disks: " 254 0 vda 5 0 16 1 7 0 32 2 0 1500 9 0 0\n 254 1 vda1 5 0 16 1 7 0 32 2 0 9 9\n\
                7 0 loop0 1 1 1 1 1 1 1 1 1 1 1\n",
        net: "Inter-|   Receive\n face |bytes\n    lo: 700 1 0 0 0 0 0 0 900 1 0 0\n",
        pressure: "some avg10=1.00 avg60=0.0 avg300=0.0 total=20000\nfull avg10=0 total=7\n",
    };

    #[test]
    fn cpu_disks_and_network_are_read() {
        let look = look(TEXTS, 2.0);
        assert_eq!(look.gauges, [Reading::new("host_run_queue", "", 3.0)]);
        let counter = |metric: &str, of: &str| {
            let found = look
                .counters
                .iter()
                .find(|one| one.metric == metric && one.of == of);
            found.map(|one| one.value)
        };
        assert_eq!(counter("host_cpu_percent", "user"), Some(50.0));
        assert_eq!(counter("host_cpu_busy_percent", ""), Some(80.0));
        assert_eq!(counter("host_cpu_stalled_percent", ""), Some(2.0));
        assert_eq!(counter("host_disk_read_bytes", "vda"), Some(8_192.0));
        assert_eq!(counter("host_disk_written_bytes", "vda"), Some(16_384.0));
        assert_eq!(counter("host_disk_busy_percent", "vda"), Some(150.0));
        assert_eq!(counter("host_disk_busy_percent", "vda1"), None);
        assert_eq!(counter("host_net_received_bytes", "lo"), Some(700.0));
        assert_eq!(counter("host_net_sent_bytes", "lo"), Some(900.0));
    }

    #[test]
    fn what_is_missing_is_left_out() {
        assert_eq!(look(Texts::default(), 1.0), Look::default());
    }
}
