//! How many files a process may have open. Each connection is one.

use std::io;

use nix::fcntl::{FcntlArg, fcntl};
use nix::unistd::close;
use rlimit::Resource;

/// Raises the limit of open files as far as possible, and makes the kernel grow its table to
/// `expected` files at once, or to the limit.
///
/// When a process's table of files is full, Linux doubles it, and a thread that opens a file
/// meanwhile is blocked for 10 ms or more: an RCU grace period (`expand_fdtable` in `fs/file.c`).
/// When a thousand connections open one after the other, that would happen five times.
pub fn prepare(expected: u64) {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    if let Err(error) = make_room(expected) {
        tracing::debug!(%error, "the kernel's table of open files grows in steps");
    }
}

fn make_room(expected: u64) -> io::Result<()> {
    let (limit, _) = Resource::NOFILE.get()?;
    let last = i32::try_from(expected.min(limit).saturating_sub(1)).unwrap_or(i32::MAX);
    Ok(close(fcntl(
        io::stderr(),
        FcntlArg::F_DUPFD_CLOEXEC(last),
    )?)?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// For how many files the kernel's table has room.
    fn room() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("FDSize:"));
        let room = line.and_then(|room| room.trim().parse().ok());
        room.expect("a number")
    }

    #[test]
    fn there_is_room_for_as_many_as_are_expected_and_may_be() {
        let before = room();
        assert!(before < 2_000);
        prepare(2_000);
        assert!((2_000..4_000).contains(&room()));
        // More than there may be is no error, and nothing is left open.
        let (_, most) = Resource::NOFILE.get().expect("a limit");
        Resource::NOFILE.set(4_000, most).expect("less is allowed");
        make_room(u64::MAX).expect("it has a bound");
        assert!((4_000..8_000).contains(&room()));
        let open = std::fs::read_dir("/proc/self/fd").expect("Linux").count();
        assert!(open < 100, "{open} files are open");
    }
}
