//! CPU time of processes that go on, as the kernel counts it in `/proc`.

use std::{fs, time::Duration};

use anyhow::Context;

/// `/proc` counts in hundredths of a second, whatever the kernel's own clock does (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// User and system time of a process, of its children that run, and of those that have ended: a
/// PostgreSQL is one process a connection.
///
/// # Errors
/// When it has ended.
pub(crate) fn family(pid: u32) -> anyhow::Result<Duration> {
    let read = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        times(&stat)
    };
    let own = read(pid).with_context(|| format!("process {pid} is gone"))?;
    let tasks = format!("/proc/{pid}/task/{pid}/children");
    let children = fs::read_to_string(&tasks).with_context(|| format!("can't read {tasks}"))?;
    // One that ends just now is counted with its parent the next time.
    let living = children
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .filter_map(read)
        .map(|times| times.own);
    Ok(own.own + own.ended + living.sum::<Duration>())
}

/// What `/proc/PID/stat` says.
#[derive(Debug, PartialEq, Eq)]
struct Times {
    own: Duration,
    /// Of its children that have ended.
    ended: Duration,
}

fn times(stat: &str) -> Option<Times> {
    // The name, in brackets, may have anything in it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11).map(str::parse::<u32>);
    let mut next = || fields.next()?.ok().map(|ticks| TICK * ticks);
    Some(Times {
        own: next()? + next()?,
        ended: next()? + next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_time_and_that_of_ended_children_are_apart() {
        let stat = "71 (post (gres)) S 1 71 71 0 -1 4194560 900 80 0 0 120 30 500 7 20 0 1 0 88";
        let ms = Duration::from_millis;
        let read = Times {
            own: ms(1_500),
            ended: ms(5_070),
        };
        assert_eq!(times(stat), Some(read));
        assert_eq!(times("71 (x) S 1"), None);
    }

    #[test]
    fn a_process_that_works_takes_time() {
        let pid = std::process::id();
        let before = family(pid).unwrap();
        let started = std::time::Instant::now();
        while family(pid).unwrap() == before {
            assert!(started.elapsed() < Duration::from_secs(60));
        }
        assert!(family(u32::MAX).is_err());
    }
}
