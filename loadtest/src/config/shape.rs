//! Which executor the given fields mean.
//!
//! The weightiest layer that names one of `stages`, `duration`, `iterations` or
//! `iterations_per_vu` decides, and those of the layers below it no longer count: `--stage 1m:10`
//! makes a ramp of any profile, while `--vus 50` only changes the number. A rate makes an arrival
//! rate of stages and duration.

use std::time::Duration;

use super::parse::{self, StageText, Target};
use super::reader::Reader;
use crate::executor::{Executor, Rate, RateStage, Stage, default_names};

pub(super) const SHAPES: [&str; 4] = ["stages", "duration", "iterations", "iterations_per_vu"];
const DEFAULT_MAX_DURATION: Duration = Duration::from_secs(600);
const DEFAULT_MAX_START_DELAY: Duration = Duration::from_secs(1);

/// The fields that an executor takes besides its shape, and what messages call it.
fn takes(shape: &str, open: bool) -> (&'static [&'static str], &'static str) {
    match (shape, open) {
        ("stages", false) => (&["start_vus", "graceful_ramp_down", "think_time"], "stages"),
        ("stages", true) => (
            &["rate_stages", "start_rate", "max_vus", "max_start_delay"],
            "stages of a rate",
        ),
        ("duration", false) => (&["vus", "think_time"], "duration"),
        ("duration", true) => (&["rate", "max_vus", "max_start_delay"], "a rate"),
        ("iterations", _) => (&["vus", "max_duration", "think_time"], "iterations"),
        _ => (&["vus", "max_duration", "think_time"], "iterations_per_vu"),
    }
}

/// The executor, nothing when the fields don't make one.
pub(super) fn executor(reader: &mut Reader) -> Option<Executor> {
    let level = SHAPES.iter().filter_map(|key| reader.level(key)).max()?;
    let named: Vec<&str> = SHAPES
        .into_iter()
        .filter(|key| reader.layers[level].get(key).is_some())
        .collect();
    let [shape] = named[..] else {
        reader.problem(
            named[1],
            format!(
                "contradicts {}; give one of {}",
                named[0],
                SHAPES.join(", ")
            ),
        );
        return None;
    };
    match shape {
        "stages" => {
            let stages = reader.parse_all("stages", parse::stage);
            let stages = stages.or_else(|| {
                refuse_misfits(reader, shape, level, false);
                None
            })?;
            let rates = |stage: &StageText| matches!(stage.target, Target::Rate(_));
            let open = reader.is_on("rate_stages") || stages.iter().any(rates);
            refuse_misfits(reader, shape, level, open);
            if open {
                rate_ramp(reader, &stages)
            } else {
                ramp(reader, &stages)
            }
        }
        "duration" => {
            // VUs that are given above a rate take its place.
            let (rate, by_vus) = (reader.level("rate"), reader.level("vus"));
            let open = rate.is_some() && rate >= by_vus;
            let above = match by_vus {
                Some(by_vus) if !open => level.max(by_vus),
                _ => level,
            };
            refuse_misfits(reader, shape, above, open);
            let duration = reader.parse("duration", parse::positive_duration);
            if open {
                return Some(Executor::ConstantArrivalRate {
                    rate: reader.parse("rate", parse::some_rate)?,
                    max_vus: max_vus(reader)?,
                    max_start_delay: max_start_delay(reader)?,
                    duration: duration?,
                });
            }
            Some(Executor::ConstantVus {
                vus: vus(reader)?,
                duration: duration?,
            })
        }
        "iterations" => {
            refuse_misfits(reader, shape, level, false);
            Some(Executor::SharedIterations {
                vus: vus(reader)?,
                iterations: reader.parse("iterations", parse::iterations)?,
                max_duration: max_duration(reader)?,
            })
        }
        _ => {
            refuse_misfits(reader, shape, level, false);
            Some(Executor::PerVuIterations {
                vus: vus(reader)?,
                iterations: reader.parse("iterations_per_vu", parse::iterations)?,
                max_duration: max_duration(reader)?,
            })
        }
    }
}

/// A field beside or above the shape that the shape has no use for is a misunderstanding; below
/// it, it belonged to what was overridden.
fn refuse_misfits(reader: &mut Reader, shape: &str, level: usize, open: bool) {
    const ALL: [&str; 10] = [
        "start_vus",
        "vus",
        "max_duration",
        "graceful_ramp_down",
        "rate",
        "rate_stages",
        "start_rate",
        "max_vus",
        "max_start_delay",
        "think_time",
    ];
    let (taken, name) = takes(shape, open);
    for key in ALL {
        let given_for_it = reader.level(key).is_some_and(|given| given >= level);
        if given_for_it && !taken.contains(&key) {
            reader.problem(
                key,
                format!("does not apply to {name}; leave it out or give another load"),
            );
        }
    }
}

fn ramp(reader: &mut Reader, rows: &[StageText]) -> Option<Executor> {
    let start_vus = match reader.value("start_vus") {
        Some(_) => reader.parse("start_vus", parse::vus)?,
        None => 0,
    };
    let target = |row: &StageText| match row.target {
        Target::Number(vus) => vus,
        Target::Rate(_) => 0,
    };
    let targets: Vec<u32> = rows.iter().map(target).collect();
    let stages: Vec<Stage> = rows
        .iter()
        .zip(names(rows, &start_vus, &targets))
        .map(|(row, name)| Stage {
            name,
            duration: row.duration,
            target: target(row),
        })
        .collect();
    takes_time(reader, rows)?;
    if start_vus == 0 && targets.iter().all(|target| *target == 0) {
        reader.problem(
            "stages",
            "never want a VU; give at least one stage a target above 0",
        );
        return None;
    }
    Some(Executor::RampingVus { start_vus, stages })
}

fn rate_ramp(reader: &mut Reader, rows: &[StageText]) -> Option<Executor> {
    let start_rate = match reader.value("start_rate") {
        Some(_) => reader.parse("start_rate", parse::rate)?,
        None => Rate::default(),
    };
    let target = |row: &StageText| match row.target {
        Target::Number(per_second) => Rate::new(f64::from(per_second), Duration::from_secs(1)),
        Target::Rate(rate) => Some(rate),
    };
    // No more VUs can be written than rates can be.
    let targets: Vec<Rate> = rows.iter().filter_map(target).collect();
    let stages: Vec<RateStage> = rows
        .iter()
        .zip(names(rows, &start_rate, &targets))
        .zip(&targets)
        .map(|((row, name), target)| RateStage {
            name,
            duration: row.duration,
            target: *target,
        })
        .collect();
    takes_time(reader, rows)?;
    if start_rate.is_zero() && targets.iter().all(|rate| rate.is_zero()) {
        reader.problem(
            "stages",
            "never start anything; give at least one stage a rate above 0",
        );
        return None;
    }
    Some(Executor::RampingArrivalRate {
        start_rate,
        stages,
        max_vus: max_vus(reader)?,
        max_start_delay: max_start_delay(reader)?,
    })
}

/// The names that were given, and names by direction where there are none.
fn names<T: Ord>(rows: &[StageText], start: &T, targets: &[T]) -> Vec<String> {
    rows.iter()
        .zip(default_names(start, targets))
        .map(|(row, by_direction)| {
            if row.name.is_empty() {
                by_direction
            } else {
                row.name.clone()
            }
        })
        .collect()
}

fn takes_time(reader: &mut Reader, rows: &[StageText]) -> Option<()> {
    if rows.iter().all(|stage| stage.duration.is_zero()) {
        reader.problem("stages", "take no time; give at least one stage a duration");
        return None;
    }
    Some(())
}

fn vus(reader: &mut Reader) -> Option<u32> {
    match reader.value("vus") {
        Some(_) => reader.parse("vus", parse::some_vus),
        None => Some(1),
    }
}

fn max_vus(reader: &mut Reader) -> Option<u32> {
    if reader.value("max_vus").is_none() {
        reader.problem(
            "max_vus",
            "is missing: a rate needs VUs to keep it; write about rate × seconds of an iteration, and some more",
        );
        return None;
    }
    reader.parse("max_vus", parse::some_vus)
}

fn max_duration(reader: &mut Reader) -> Option<Duration> {
    match reader.value("max_duration") {
        Some(_) => reader.parse("max_duration", parse::positive_duration),
        None => Some(DEFAULT_MAX_DURATION),
    }
}

fn max_start_delay(reader: &mut Reader) -> Option<Duration> {
    match reader.value("max_start_delay") {
        Some(_) => reader.parse("max_start_delay", parse::duration),
        None => Some(DEFAULT_MAX_START_DELAY),
    }
}
