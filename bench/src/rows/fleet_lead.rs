//! How many workers one lead can follow.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, ensure};
use serde_json::Value;
use testbed::Redis;

use super::Row;
use crate::{
    bench::Bench,
    child::Child,
    generator::read_json,
    parse, say,
    section::{Limit, Section},
    shell, stats,
};

pub(super) const ROW: Row = Row {
    name: "fleet-lead",
    title: "One lead with 1,000 workers",
    how: "A real lead and a real Redis; the workers have the real heartbeat, encoding and store, but replay seconds \
          that were made up and encoded before (170 requests a second in 20 series, every phase, and two series of \
          iterations). All of them share the cores of one machine. CPU is that of the load, without \
          start and end; a second is behind from its end to its line in series.jsonl.",
    measure,
};

/// Start, end and report of so many workers.
const SLACK: Duration = Duration::from_secs(120);
const RUN: &str = "bench";

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let (workers, seconds) = (bench.pick(100, 1_000), bench.pick(10, 30));
    let redis = bench.wait(Redis::start())?;
    let target = bench.target(None)?;
    let reports = bench.work.join("fleet");
    // Of this run alone, so that its series is the only one.
    let _ = std::fs::remove_dir_all(&reports);
    let lead = lead_command(bench, &redis, workers, seconds, &target.host);
    let limit = Duration::from_secs(seconds) + SLACK;
    let running = Child::start(&lead, &bench.work.join("fleet-lead"))?;
    let mut made_up = Command::new(&bench.tools.made_up);
    made_up.args(["__workers", redis.url(), RUN]);
    made_up.args([&workers.to_string(), &seconds.to_string()]);
    made_up.arg(running.pid().to_string()).arg(&reports);
    let made_up = Child::start(&made_up, &bench.work.join("fleet-workers"))?.finish(limit)?;
    ensure!(
        made_up.status.success(),
        "the workers ended with {}: {}",
        made_up.status,
        made_up.log_tail()
    );
    let lead_ended = running.finish(limit)?;
    let said: Value = serde_json::from_str(&made_up.stdout).context("what the workers say")?;
    let summary = read_json(&summary(bench)).with_context(|| lead_ended.log_tail())?;
    let counted = parse::loadtest(&summary)?.requests;
    ensure!(
        said["samples"].as_u64() == Some(counted),
        "{counted} requests counted, {} sent: {}",
        said["samples"],
        lead_ended.log_tail()
    );
    let mut section = found(&said)?;
    section.record("lead: peak memory, MB", lead_ended.peak_bytes as f64 / 1e6);
    section.record(
        "lead: exit code",
        lead_ended.status.code().unwrap_or(-1).into(),
    );
    section.command("lead", &shell::line(&lead, &bench.root));
    section.goal("lead: CPU, cores", Limit::AtMost(1.0));
    section.goal("behind at most, s", Limit::AtMost(3.0));
    Ok(section)
}

fn summary(bench: &Bench) -> PathBuf {
    bench.work.join("fleet-lead.json")
}

fn lead_command(bench: &Bench, redis: &Redis, workers: u32, seconds: u64, host: &str) -> Command {
    let mut lead = Command::new(&bench.tools.made_up);
    lead.args(["--fleet", redis.url(), "--fleet-run", RUN, "--index", "0"]);
    lead.args(["--workers", &workers.to_string(), "--host", host]);
    lead.args(["--mix", "a=1,b=1", "--vus", &workers.to_string()]);
    lead.args(["--duration", &format!("{seconds}s"), "--quiet"]);
    lead.arg("--summary-json").arg(summary(bench));
    lead.arg("--report-dir").arg(bench.work.join("fleet"));
    lead.current_dir(&bench.root);
    lead
}

/// What the workers say of lead and store.
fn found(said: &Value) -> anyhow::Result<Section> {
    let number = |name: &str| parse::number(said, &[name]);
    let behind = said["behind_ms"].as_array().context("no seconds")?;
    let behind: Vec<f64> = behind
        .iter()
        .filter_map(Value::as_f64)
        .map(|ms| ms / 1_000.0)
        .collect();
    let most = behind.iter().copied().fold(0.0, f64::max);
    let median = stats::median(&behind).context("no seconds")?;
    let mut section = Section::default();
    section.record("lead: CPU, cores", number("cpu_share")?);
    section.record("behind, median, s", median);
    section.record("behind at most, s", most);
    section.record("bytes of one worker's second", number("frame_bytes")?);
    section.record("into the store, MB/s", number("store_in")? / 1e6);
    section.record("out of the store, MB/s", number("store_out")? / 1e6);
    section.record(
        "store: memory at the end, MB",
        number("store_memory")? / 1e6,
    );
    section.record("store: CPU, cores", number("store_cpu_share")?);
    say(&format!(
        "    lead: {:.2} cores, {most:.2} s behind at most",
        number("cpu_share")?
    ));
    Ok(section)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_worst_second_counts() {
        let said = json!({
            "behind_ms": [200, 2_500, 400], "cpu_share": 0.5, "frame_bytes": 9_000,
            "store_in": 9e6, "store_out": 9e6, "store_memory": 3e8, "store_cpu_share": 0.25,
        });
        let section = found(&said).unwrap();
        assert_eq!(section.values("behind at most, s"), [2.5]);
        assert_eq!(section.values("behind, median, s"), [0.4]);
        assert_eq!(section.values("into the store, MB/s"), [9.0]);
        assert!(found(&json!({ "behind_ms": [] })).is_err());
    }
}
