//! What `loadtest validate` shows: the plan that a configuration means.

use std::io::{self, Write};

use super::title::title_of;
use crate::config::{RunConfig, Scenario};
use crate::executor::{Iterations, Schedule};
use crate::persona::ThinkTime;

/// Writes the plan.
///
/// # Errors
/// The writer's.
pub fn write_plan(config: &RunConfig, mut out: impl Write) -> io::Result<()> {
    let private = config.private.unwrap_or("nothing");
    let host = config.host.as_deref().unwrap_or(private);
    writeln!(
        out,
        "{}: {} against {host}",
        title_of(config),
        config.executors()
    )?;
    let timeout = humantime::format_duration(config.http_timeout);
    writeln!(out, "  {:<20} {timeout}", "http time-out")?;
    for field in config.fields.own() {
        let value = config.options.get(field).unwrap_or(field.default);
        writeln!(out, "  {:<20} {value}", field.key.replace('_', " "))?;
    }
    for scenario in &config.scenarios {
        if let Some(name) = scenario.name {
            writeln!(
                out,
                "\nScenario {name} ({})",
                scenario.schedule.executor.name()
            )?;
        }
        self::scenario(scenario, &mut out)?;
    }
    writeln!(out, "\nThresholds")?;
    config
        .thresholds
        .iter()
        .try_for_each(|threshold| writeln!(out, "  {threshold}"))
}

fn scenario(scenario: &Scenario, out: &mut impl Write) -> io::Result<()> {
    let schedule = &scenario.schedule;
    let times = [
        ("start", schedule.start_time),
        ("graceful stop", schedule.graceful_stop),
        ("graceful ramp-down", schedule.graceful_ramp_down),
    ];
    for (name, time) in times {
        writeln!(out, "  {name:<20} {}", humantime::format_duration(time))?;
    }
    for (key, value) in &scenario.tags {
        writeln!(out, "  {:<20} {value}", format!("tag {key}"))?;
    }
    stages(schedule, out)?;
    personas(scenario, out)
}

fn stages(schedule: &Schedule, out: &mut impl Write) -> io::Result<()> {
    let arrivals = schedule.arrivals();
    let unit = if arrivals.is_some() { "" } else { " VUs" };
    writeln!(out, "\nStages")?;
    let names = schedule.stage_names();
    let rows = names.iter().zip(schedule.segments());
    for ((name, segment), load) in rows.zip(schedule.stage_loads()) {
        let from = humantime::format_duration(segment.start);
        let to = humantime::format_duration(segment.end);
        writeln!(out, "  {name:<20} {from} to {to}: {load}{unit}")?;
    }
    match (arrivals, schedule.iterations()) {
        (Some((arrivals, delay)), _) => {
            let delay = humantime::format_duration(delay);
            writeln!(
                out,
                "  {} iterations; one that can't start within {delay} is dropped",
                arrivals.scheduled()
            )
        }
        (None, Iterations::Unlimited) => Ok(()),
        (None, Iterations::PerVu(each)) => {
            writeln!(out, "  {each} iterations by each VU, or until the end")
        }
        (None, Iterations::Shared(all)) => {
            writeln!(out, "  {all} iterations by all VUs, or until the end")
        }
    }
}

fn personas(scenario: &Scenario, out: &mut impl Write) -> io::Result<()> {
    let dealt = scenario.mix.deal(scenario.schedule.vus_max());
    writeln!(out, "\nVirtual users, {} at most", dealt.len())?;
    for (persona, _) in scenario.mix.shares() {
        let vus = dealt
            .iter()
            .filter(|dealt| dealt.key == persona.key)
            .count();
        let think = match scenario.think.of(persona.name) {
            ThinkTime::None => String::new(),
            think => format!(", thinking {think}"),
        };
        writeln!(
            out,
            "  {vus:>6} {}: {}{think}",
            persona.name, persona.summary
        )?;
    }
    Ok(())
}
