//! Where the figures come from: machine and versions.

use std::{fs, num::NonZero, path::Path, process::Command, thread, time::SystemTime};

use crate::bench::Bench;

/// Names and values, in the order in which they are shown.
pub(crate) type Facts = Vec<(&'static str, String)>;

/// The machine and the programs.
pub(crate) fn facts(bench: &Bench) -> Facts {
    let file = |path| fs::read_to_string(path).unwrap_or_default();
    let cores = thread::available_parallelism().map_or(0, NonZero::get);
    let version = |program: &Path, args: &[&str]| first_line(program, args, bench);
    let path = Path::new;
    vec![
        ("cores", cores.to_string()),
        ("CPU", value_of(&file("/proc/cpuinfo"), "model name")),
        (
            "memory",
            gigabytes(&value_of(&file("/proc/meminfo"), "MemTotal")),
        ),
        (
            "kernel",
            file("/proc/sys/kernel/osrelease").trim().to_owned(),
        ),
        ("rustc", version(path("rustc"), &["--version"])),
        ("k6", words(&version(&bench.tools.k6, &["version"]), 2)),
        ("wrk", words(&version(&bench.tools.wrk, &["-v"]), 2)),
        ("PostgreSQL", version(&bench.tools.pgbench, &["--version"])),
        (
            "Redis",
            words(&version(path("redis-server"), &["--version"]), 3),
        ),
        (
            "InfluxDB",
            words(&version(path("influxd"), &["version"]), 2),
        ),
    ]
}

/// Now, the command and the commit, as a row's results name them.
pub(crate) fn occasion(bench: &Bench, mode: &str) -> String {
    let git = |args: &[&str]| first_line(Path::new("git"), args, bench);
    // The results are written after every row: they are no change of what is measured.
    let status = [
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        ".",
        ":!bench/RESULTS.md",
    ];
    let changed = if git(&status).is_empty() {
        ""
    } else {
        ", and changes since"
    };
    format!(
        "{} by `{mode}` on {}{changed}",
        humantime::format_rfc3339_seconds(SystemTime::now()),
        git(&["log", "-1", "--format=%h"]),
    )
}

/// The first so many words: what follows a version is of no use to a reader.
fn words(text: &str, count: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().take(count).collect();
    words.join(" ")
}

/// The first line that a program prints; wrk ends with an error after it.
fn first_line(program: &Path, args: &[&str], bench: &Bench) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(&bench.root)
        .output();
    let Ok(output) = output else {
        return "not found".to_owned();
    };
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// The value of the first line `name : value`.
fn value_of(text: &str, name: &str) -> String {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map_or_else(
            || "unknown".to_owned(),
            |(_, value)| value.trim().to_owned(),
        )
}

/// `24615040 kB` as `25.2 GB`.
fn gigabytes(kib: &str) -> String {
    let number = kib
        .strip_suffix("kB")
        .and_then(|n| n.trim().parse::<f64>().ok());
    number.map_or_else(
        || kib.to_owned(),
        |kib| format!("{:.1} GB", kib * 1_024.0 / 1e9),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_read() {
        let cpuinfo =
            "processor\t: 0\nmodel name\t: AMD EPYC\nprocessor\t: 1\nmodel name\t: other\n";
        assert_eq!(value_of(cpuinfo, "model name"), "AMD EPYC");
        assert_eq!(value_of(cpuinfo, "bogomips"), "unknown");
        assert_eq!(gigabytes("24615040 kB"), "25.2 GB");
        assert_eq!(gigabytes("unknown"), "unknown");
        assert_eq!(words("k6 v1.1.0 (commit/0e3fb953be)", 2), "k6 v1.1.0");
    }
}
