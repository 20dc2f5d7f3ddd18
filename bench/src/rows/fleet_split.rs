//! The same load by one process and by three.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::ensure;
use serde_json::Value;
use testbed::Redis;

use super::{Row, tell};
use crate::{
    bench::{Bench, GENERATOR_CORE, TARGET_CORE},
    child::{Child, Ended},
    command::{load_flags, loadtest_command, pinned},
    cost::cost,
    generator::{Generator, Load, read_json},
    parse, say,
    section::{Limit, Section},
    shell,
};

pub(super) const ROW: Row = Row {
    name: "fleet-split",
    title: "The same load by one process and by three workers",
    how: "300 VUs of persona A: by one process, and by a lead with three workers, in turns. Saturated, where no VU \
          waits and every look finds answers, it is about CPU per request; at the seed's pace, with one second's wait, \
          about percentiles: there each process has wake-ups and seconds of its own, which is why three cost more. One \
          core for the target, one for all that makes the load, lead and workers together. CPU per request is the \
          workers' without the lead's; the difference of a long and a short load. Percentiles are of \
          http_req_duration, those of the three merged by the lead.",
    measure,
};

const WORKERS: u32 = 3;
const SLACK: Duration = Duration::from_secs(60);
const PERCENTILES: [&str; 3] = ["med", "p95", "p99"];
const VUS: u32 = 300;
const SATURATED: &str = "saturated";
const PACED: &str = "at the seed's pace";

/// What came of a load.
struct Made {
    summary: Value,
    requests: u64,
    /// Of those who make the load.
    cpu: Duration,
    /// Of the lead.
    lead: Duration,
}

fn measure(bench: &Bench) -> anyhow::Result<Section> {
    let target = bench.target(Some(TARGET_CORE))?;
    let redis = bench.wait(Redis::start())?;
    let mut section = Section::default();
    bench.repeat(1, 5, |_| {
        for (pace, wait) in [(SATURATED, 0), (PACED, 1)] {
            let load = Load {
                host: target.host.clone(),
                vus: VUS,
                hold: bench.pick(8, 20),
                wait,
                core: Some(GENERATOR_CORE),
                ..Load::default()
            };
            in_turns(bench, pace, &load, &redis, &mut section)?;
        }
        Ok(())
    })?;
    for pace in [SATURATED, PACED] {
        let [single, fleet] = names(pace).map(|name| format!("{name}: CPU per request, µs"));
        let ratio = format!("{pace}: CPU per request, three / one");
        section.ratio(&ratio, &fleet, &single);
        if pace == SATURATED {
            section.goal(&ratio, Limit::AtMost(1.05));
        }
    }
    for percentile in PERCENTILES {
        let [single, fleet] = names(PACED).map(|name| format!("{name}: {percentile}, ms"));
        compare(&mut section, percentile, &single, &fleet);
    }
    Ok(section)
}

/// What the results of one process and of three are called.
fn names(pace: &str) -> [String; 2] {
    ["one process", "three workers"].map(|who| format!("{pace}, {who}"))
}

/// One short and one long load by one process, then the same by three.
fn in_turns(
    bench: &Bench,
    pace: &str,
    long: &Load,
    redis: &Redis,
    section: &mut Section,
) -> anyhow::Result<()> {
    let short = Load {
        hold: 4,
        ..long.clone()
    };
    let [single, fleet] = names(pace);
    let [brief, whole] = [&short, long].map(|load| alone(bench, load, &single, section));
    note(section, &single, &brief?, &whole?)?;
    let [brief, whole] = [&short, long].map(|load| together(bench, load, redis, section));
    let (brief, whole) = (brief?, whole?);
    note(section, &fleet, &brief, &whole)?;
    let share = whole.lead.as_secs_f64() * 1e6 / whole.requests as f64;
    let name = format!("{pace}, lead: CPU per request, µs, start and end included");
    section.record(&name, share);
    Ok(())
}

fn alone(bench: &Bench, load: &Load, name: &str, section: &mut Section) -> anyhow::Result<Made> {
    let measured = Generator::Loadtest.run(bench, load)?;
    section.witness(name, &measured);
    Ok(Made {
        requests: measured.counts.requests,
        cpu: measured.cpu,
        lead: Duration::ZERO,
        summary: measured.summary,
    })
}

fn together(
    bench: &Bench,
    load: &Load,
    redis: &Redis,
    section: &mut Section,
) -> anyhow::Result<Made> {
    let limit = Duration::from_secs(load.hold) + SLACK;
    let mut running = Vec::new();
    for index in 0..=WORKERS {
        let command = command(bench, load, redis, index);
        let name = if index == 0 { "lead" } else { "each worker" };
        section.command(name, &shell::line(&command, &bench.root));
        let log = bench.work.join(format!("fleet-{index}"));
        running.push(Child::start(&pinned(command, load.core), &log)?);
    }
    let ended = running.into_iter().map(|child| child.finish(limit));
    let ended: Vec<Ended> = ended.collect::<Result<_, _>>()?;
    for one in &ended {
        // A crossed threshold or a busy generator is no failure of the run.
        let ran = matches!(one.status.code(), Some(0 | 97..=99));
        ensure!(ran, "ended with {}: {}", one.status, one.log_tail());
    }
    let summary = read_json(&summary(bench))?;
    Ok(Made {
        requests: parse::loadtest(&summary)?.requests,
        cpu: ended[1..].iter().map(|worker| worker.cpu).sum(),
        lead: ended[0].cpu,
        summary,
    })
}

fn summary(bench: &Bench) -> PathBuf {
    bench.work.join("fleet-split.json")
}

fn command(bench: &Bench, load: &Load, redis: &Redis, index: u32) -> Command {
    let mut flags = vec!["--fleet".to_owned(), redis.url().to_owned()];
    flags.extend(["--index".to_owned(), index.to_string()]);
    if index == 0 {
        flags.extend(["--workers".to_owned(), WORKERS.to_string()]);
        flags.extend(load_flags(load));
        return loadtest_command(bench, &bench.tools.loadtest, &flags, &summary(bench));
    }
    let mut worker = Command::new(&bench.tools.loadtest);
    worker.args(flags).current_dir(&bench.root);
    worker
}

fn note(section: &mut Section, name: &str, short: &Made, long: &Made) -> anyhow::Result<()> {
    let micros = cost((long.cpu, long.requests), (short.cpu, short.requests));
    let micros = micros.unwrap_or(f64::NAN);
    section.record(&format!("{name}: CPU per request, µs"), micros);
    let counts = parse::loadtest(&long.summary)?;
    section.record(&format!("{name}: requests/s"), counts.per_second);
    for percentile in PERCENTILES {
        let path = ["metrics", "http_req_duration", percentile];
        let ms = parse::number(&long.summary, &path)?;
        section.record(&format!("{name}: {percentile}, ms"), ms);
    }
    if counts.failed > 0 {
        section.note(format!(
            "**{name}: {} requests or checks failed.**",
            counts.failed
        ));
    }
    tell(Generator::Loadtest, &format!("{name}: {micros:.1} µs"));
    Ok(())
}

/// Says whether the merged runs' median is among what single runs show.
fn compare(section: &mut Section, percentile: &str, single: &str, fleet: &str) {
    let least = section
        .values(single)
        .iter()
        .copied()
        .fold(f64::MAX, f64::min);
    let most = section.values(single).iter().copied().fold(0.0, f64::max);
    let median = crate::stats::median(section.values(fleet)).unwrap_or(f64::NAN);
    let within = (least..=most).contains(&median);
    let is = if within { "is within" } else { "is not within" };
    let text = format!(
        "{PACED}, {percentile}: the median of the merged runs, {median:.3} ms, {is} that of single runs, \
         {least:.3} to {most:.3} ms."
    );
    say(&format!("    {text}"));
    section.note(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_runs_are_held_to_the_scatter_of_single_ones() {
        let mut section = Section::default();
        for (one, three) in [(1.0, 2.0), (3.0, 2.5), (2.0, 3.5)] {
            section.record("one", one);
            section.record("three", three);
        }
        compare(&mut section, "p50", "one", "three");
        section.record("three", 9.0);
        section.record("three", 9.0);
        compare(&mut section, "p50", "one", "three");
        let said: Vec<bool> = section
            .notes
            .iter()
            .map(|note| note.contains("is within"))
            .collect();
        assert_eq!(said, [true, false], "{:?}", section.notes);
    }
}
