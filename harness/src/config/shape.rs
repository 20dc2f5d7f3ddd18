//! Which executor the given fields mean.
//!
//! The layer with the highest precedence that gives one of `stages`, `duration`, `iterations` or
//! `iterations_per_vu` decides; those of lower layers are ignored. So `--stage 1m:10` turns any
//! profile into a ramp, while `--vus 50` only changes the number. With a rate, stages and duration
//! make an arrival rate.

use std::time::Duration;

use super::field::{FIELDS, Load};
use super::parse::{self, StageText, Target};
use super::reader::Reader;
use crate::executor::{Executor, Rate, RateStage, Stage, default_names};

const DEFAULT_MAX_DURATION: Duration = Duration::from_secs(600);
const DEFAULT_MAX_START_DELAY: Duration = Duration::from_secs(1);

/// The keys of the fields that decide which load it is.
pub(super) fn shapes() -> impl Iterator<Item = &'static str> {
    FIELDS
        .iter()
        .filter(|field| field.is_shape)
        .map(|field| field.key)
}

/// The executor, nothing when the fields don't make one.
pub(super) fn executor(reader: &mut Reader) -> Option<Executor> {
    let level = shapes().filter_map(|key| reader.level(key)).max()?;
    let named: Vec<&str> = shapes()
        .filter(|key| reader.layers[level].get(key).is_some())
        .collect();
    let is_below = |key: &&str| reader.level(key).is_some_and(|given| given < level);
    let below: Vec<_> = shapes().filter(is_below).collect();
    reader.overridden.extend(below);
    // As in k6, a time for iterations is the longest that they may take.
    if let ["duration", "iterations"] = named[..] {
        return of_iterations(reader, level, "duration");
    }
    let [shape] = named[..] else {
        let all: Vec<&str> = shapes().collect();
        reader.problem(
            named[1],
            format!("contradicts {}; give one of {}", named[0], all.join(", ")),
        );
        return None;
    };
    match shape {
        "stages" => of_stages(reader, level),
        "duration" => of_duration(reader, level),
        "iterations" => of_iterations(reader, level, "max_duration"),
        _ => {
            refuse_misfits(reader, Load::IterationsPerVu, level);
            Some(Executor::PerVuIterations {
                vus: vus(reader)?,
                iterations: reader.parse("iterations_per_vu", parse::iterations)?,
                max_duration: max_duration(reader, "max_duration")?,
            })
        }
    }
}

/// Iterations that VUs share, for no longer than the key `limit` says.
fn of_iterations(reader: &mut Reader, level: usize, limit: &'static str) -> Option<Executor> {
    refuse_misfits(reader, Load::Iterations, level);
    match reader.level("max_duration") {
        Some(given) if limit == "duration" && given >= level => {
            reader.problem(
                "max_duration",
                "says the same as duration where iterations are given; give one of them",
            );
            return None;
        }
        Some(_) if limit == "duration" => reader.overridden.push("max_duration"),
        _ => {}
    }
    Some(Executor::SharedIterations {
        vus: vus(reader)?,
        iterations: reader.parse("iterations", parse::iterations)?,
        max_duration: max_duration(reader, limit)?,
    })
}

fn of_stages(reader: &mut Reader, level: usize) -> Option<Executor> {
    let stages = reader.parse_all("stages", parse::stage);
    let stages = stages.or_else(|| {
        refuse_misfits(reader, Load::Stages, level);
        None
    })?;
    let rates = |stage: &StageText| matches!(stage.target, Target::Rate(_));
    if reader.is_on("rate_stages") || stages.iter().any(rates) {
        refuse_misfits(reader, Load::RateStages, level);
        rate_ramp(reader, &stages)
    } else {
        refuse_misfits(reader, Load::Stages, level);
        ramp(reader, &stages)
    }
}

fn of_duration(reader: &mut Reader, level: usize) -> Option<Executor> {
    // VUs that are given above a rate take its place.
    let (rate, by_vus) = (reader.level("rate"), reader.level("vus"));
    if rate.is_some() && rate >= by_vus {
        refuse_misfits(reader, Load::Rate, level);
        let duration = reader.parse("duration", parse::positive_duration);
        return Some(Executor::ConstantArrivalRate {
            rate: reader.parse("rate", parse::some_rate)?,
            max_vus: max_vus(reader)?,
            max_start_delay: max_start_delay(reader)?,
            duration: duration?,
        });
    }
    let above = by_vus.map_or(level, |by_vus| level.max(by_vus));
    refuse_misfits(reader, Load::Duration, above);
    let duration = reader.parse("duration", parse::positive_duration);
    Some(Executor::ConstantVus {
        vus: vus(reader)?,
        duration: duration?,
    })
}

/// A field beside or above the shape that the load has no use for is a misunderstanding; below
/// it, it belonged to what was overridden.
fn refuse_misfits(reader: &mut Reader, load: Load, level: usize) {
    for field in FIELDS.iter().filter(|f| !f.is_shape && !f.fits(load)) {
        match reader.level(field.key) {
            Some(given) if given >= level => {
                let why = match field.key {
                    // The load of the profile is what it doesn't apply to: nobody wrote that.
                    "rate" if given > level => {
                        "needs a duration as well, such as --duration 1m".to_owned()
                    }
                    _ => format!(
                        "does not apply to {}; leave it out or give another load",
                        load.name()
                    ),
                };
                reader.problem(field.key, why);
            }
            Some(_) => reader.overridden.push(field.key),
            None => {}
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

/// How long iterations may take, by the key `limit`.
fn max_duration(reader: &mut Reader, limit: &'static str) -> Option<Duration> {
    match reader.value(limit) {
        Some(_) => reader.parse(limit, parse::positive_duration),
        None => Some(DEFAULT_MAX_DURATION),
    }
}

fn max_start_delay(reader: &mut Reader) -> Option<Duration> {
    match reader.value("max_start_delay") {
        Some(_) => reader.parse("max_start_delay", parse::duration),
        None => Some(DEFAULT_MAX_START_DELAY),
    }
}
