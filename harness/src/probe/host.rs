//! This machine: a few files of `/proc`.

use std::fs::read_to_string;

use super::failure::Failure;
use super::look::Look;
use super::proc::{Texts, look};

const STAT: &str = "/proc/stat";

/// Looks at the machine.
pub(super) fn look_at_host() -> Result<Look, Failure> {
    let stat = read_to_string(STAT).map_err(|error| Failure::Proc(STAT, error))?;
    // What a kernel or a container doesn't have is left out.
    let other = |path: &str| read_to_string(path).unwrap_or_default();
    let (disks, net) = (other("/proc/diskstats"), other("/proc/net/dev"));
    let pressure = other("/proc/pressure/cpu");
    let is_core = |line: &&str| {
        let number = line.strip_prefix("cpu").unwrap_or_default();
        number.starts_with(|c: char| c.is_ascii_digit())
    };
    let cores = stat.lines().filter(is_core).count() as f64;
    let texts = Texts {
        stat: &stat,
        disks: &disks,
        net: &net,
        pressure: &pressure,
    };
    Ok(look(texts, cores))
}
