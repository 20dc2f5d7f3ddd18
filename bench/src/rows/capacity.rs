//! The most load that keeps the SLA.

use std::{path::Path, process::Command, time::Duration};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::Row;
use crate::{
    bench::Bench,
    child::Child,
    generator::read_json,
    parse, say,
    section::{Limit, Section},
    shell,
};

pub(super) const ROW: Row = Row {
    name: "capacity",
    title: "Capacity under the SLA",
    how: "`loadtest capacity` looks for the most VUs of persona A, with one second's wait, that keep p95 below 200 ms \
          with no failed request, check or audit; generator, server, PostgreSQL and Redis share all cores. One search, \
          whose answer must have held five times (quick: once, and only to within 20 %). The seed's server broke \
          between 100 and 300. With --against, three searches, in turns with that commit's.",
    measure,
};

/// A search that takes longer has lost its way.
const LIMIT: Duration = Duration::from_secs(45 * 60);

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let mut section = Section::default();
    let mut programs = vec![("loadtest", &bench.tools.loadtest)];
    programs.extend(
        bench
            .before
            .iter()
            .map(|before| ("before", &before.loadtest)),
    );
    // One search takes minutes: beside another version, three of each in turns.
    let times = if bench.before.is_some() { 3 } else { 1 };
    bench.repeat(1, times, |_| {
        programs
            .iter()
            .try_for_each(|(name, program)| search(bench, name, program, &mut section))
    })?;
    section.goal("loadtest: VUs", Limit::AtLeast(6_000.0));
    if bench.before.is_some() {
        let label = "VUs: loadtest / before";
        section.ratio(label, "loadtest: VUs", "before: VUs");
        section.goal(label, Limit::AtLeast(1.3));
    }
    Ok(section)
}

fn search(bench: &Bench, name: &str, program: &Path, section: &mut Section) -> anyhow::Result<()> {
    let quick = "--from 3000 --to 12000 --hold 3s --precision 20% --repeats 1";
    let full = "--from 1000 --to 12000 --hold 10s --precision 5% --repeats 5";
    let json = bench.work.join("capacity.json");
    let _ = std::fs::remove_file(&json);
    let mut command = Command::new(program);
    command.args(["capacity", "--sla", "p(95)<200"]);
    command.args(bench.pick(quick, full).split(' '));
    command.arg("--json").arg(&json);
    command.current_dir(&bench.root);
    let ended = Child::start(&command, &bench.work.join("capacity"))?.finish(LIMIT)?;
    // 99: not even the first load held, which is an answer as well.
    ensure!(
        matches!(ended.status.code(), Some(0 | 99)),
        "ended with {}: {}",
        ended.status,
        ended.log_tail()
    );
    found(&read_json(&json)?, name, section)?;
    section.command(name, &shell::line(&command, &bench.root));
    Ok(())
}

/// What the search says of its answer, and of every trial at that load that held.
fn found(outcome: &Value, name: &str, section: &mut Section) -> anyhow::Result<()> {
    let capacity = outcome["capacity"].as_f64().unwrap_or(0.0);
    section.record(&format!("{name}: VUs"), capacity);
    say(&format!("    {name:<9} {capacity} VUs"));
    let trials = outcome["trials"].as_array().context("no trials")?;
    for trial in trials {
        let at_capacity = trial["load"].as_f64() == Some(capacity);
        if at_capacity && trial["holds"] == true {
            section.record(
                &format!("{name}: p95 there, ms"),
                parse::number(trial, &["p95"])?,
            );
            let rate = parse::number(trial, &["requests_per_second"])?;
            section.record(&format!("{name}: requests/s there"), rate);
        }
    }
    let limits: Vec<&str> = outcome["saturated"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    section.note(if limits.is_empty() {
        format!("{name}: no load failed: the limit is beyond the search.")
    } else {
        format!("{name}: what gave out beyond it: {}.", limits.join("; "))
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_trials_that_held_at_the_answer_count() {
        let trial = |load: u32, holds: bool, p95: f64| json!({ "load": load, "holds": holds, "p95": p95, "requests_per_second": 7_000.0 });
        let outcome = json!({
            "by": "vus",
            "capacity": 4_000,
            "saturated": ["the machine's CPU"],
            "trials": [
                trial(3_000, true, 20.0), trial(4_000, false, 250.0), trial(4_000, true, 150.0),
                trial(4_000, true, 160.0), trial(5_000, false, 300.0),
            ],
        });
        let mut section = Section::default();
        found(&outcome, "ours", &mut section).unwrap();
        assert_eq!(section.values("ours: VUs"), [4_000.0]);
        assert_eq!(section.values("ours: p95 there, ms"), [150.0, 160.0]);
        assert_eq!(
            section.notes,
            ["ours: what gave out beyond it: the machine's CPU."]
        );

        let none =
            json!({ "capacity": null, "trials": [trial(100, false, 300.0)], "saturated": [] });
        found(&none, "none", &mut section).unwrap();
        assert_eq!(section.values("none: VUs"), [0.0]);
        assert!(found(&json!({}), "x", &mut section).is_err());
    }
}
