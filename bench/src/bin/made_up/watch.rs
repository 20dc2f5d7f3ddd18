//! What the lead and the store do while they are watched from outside.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;

const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Times in `/proc` are counted in these.
const TICKS_A_SECOND: f64 = 100.0;
/// The first seconds and the end are not the load's.
const SETTLED_AFTER: Duration = Duration::from_secs(3);
/// How far behind the last second may be; then nothing more is waited for.
const MOST: Duration = Duration::from_secs(60);

/// The lead's process and its files.
pub(crate) struct Lead {
    pid: String,
    reports: PathBuf,
}

/// How the lead took it.
pub(crate) struct Watched {
    /// For each second, how long after its end it was in the series.
    pub(crate) behind: Vec<Duration>,
    /// Of one core.
    pub(crate) cpu_share: f64,
}

/// What went through the store in a second.
pub(crate) struct Taken {
    pub(crate) bytes_in: f64,
    pub(crate) bytes_out: f64,
    /// In the end.
    pub(crate) memory: f64,
    pub(crate) cpu_share: f64,
}

impl Lead {
    pub(crate) fn new(pid: &str, reports: &str) -> Self {
        Self {
            pid: pid.to_owned(),
            reports: reports.into(),
        }
    }

    /// Watches it until the last second is in the series.
    pub(crate) fn watch(
        &self,
        store: &Store,
        start: Instant,
        seconds: u64,
    ) -> anyhow::Result<(Watched, Taken)> {
        let since = |at: Instant| at.saturating_duration_since(start);
        let mut behind = Vec::new();
        let mut before = None;
        let mut after = None;
        let load = Duration::from_secs(seconds);
        while (behind.len() as u64) < seconds {
            thread::sleep(LOOK_EVERY);
            let elapsed = since(Instant::now());
            anyhow::ensure!(
                elapsed < load + MOST,
                "{} seconds of {seconds} came",
                behind.len()
            );
            if before.is_none() && elapsed >= SETTLED_AFTER {
                before = Some((elapsed, self.cpu()?, store.look()?));
            }
            if after.is_none() && elapsed >= load {
                after = Some((elapsed, self.cpu()?, store.look()?));
            }
            for second in behind.len()..self.seconds() {
                behind.push(elapsed.saturating_sub(Duration::from_secs(second as u64 + 1)));
            }
        }
        let (began, cpu, looked) = before.context("the load was too short")?;
        let (ended, cpu_after, last) = match after {
            Some(after) => after,
            None => (since(Instant::now()), self.cpu()?, store.look()?),
        };
        let took = (ended - began).as_secs_f64();
        let watched = Watched {
            behind,
            cpu_share: (cpu_after - cpu) / took,
        };
        let taken = Taken {
            bytes_in: (last.bytes_in - looked.bytes_in) / took,
            bytes_out: (last.bytes_out - looked.bytes_out) / took,
            memory: last.memory,
            cpu_share: (last.cpu - looked.cpu) / took,
        };
        Ok((watched, taken))
    }

    /// Seconds in its series, which has a head.
    fn seconds(&self) -> usize {
        let runs = fs::read_dir(&self.reports).into_iter().flatten().flatten();
        let mut series = runs.map(|run| run.path().join("series.jsonl"));
        let text = series.find_map(|path| fs::read(path).ok());
        let lines = |text: Vec<u8>| text.iter().filter(|byte| **byte == b'\n').count();
        text.map_or(0, lines).saturating_sub(1)
    }

    fn cpu(&self) -> anyhow::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        cpu_in(&stat).context("the kernel says nothing of the lead's time")
    }
}

/// User and system time, in seconds, as `/proc/PID/stat` has them behind the program's name.
fn cpu_in(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut times = rest.split(' ').skip(11);
    let mut next = || times.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / TICKS_A_SECOND)
}

/// The store, by its socket.
pub(crate) struct Store {
    socket: String,
}

/// What it says of itself.
struct Look {
    bytes_in: f64,
    bytes_out: f64,
    memory: f64,
    cpu: f64,
}

impl Store {
    pub(crate) fn new(url: &str) -> Self {
        let socket = url.trim_start_matches("redis+unix://").to_owned();
        Self { socket }
    }

    fn look(&self) -> anyhow::Result<Look> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.write_all(b"INFO everything\r\nQUIT\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|number| number.trim().parse().ok());
            number.with_context(|| format!("the store doesn't say its {name}"))
        };
        Ok(Look {
            bytes_in: number("total_net_input_bytes:")?,
            bytes_out: number("total_net_output_bytes:")?,
            memory: number("used_memory:")?,
            cpu: number("used_cpu_user:")? + number("used_cpu_sys:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_behind_a_name_with_anything_in_it() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0";
        assert_eq!(cpu_in(stat), Some(3.0));
        assert_eq!(cpu_in("7 (a"), None);
    }
}
