//! Which executor the given fields mean.
//!
//! The weightiest layer that names one of `stages`, `duration`, `iterations` or
//! `iterations_per_vu` decides, and those of the layers below it no longer count: `--stage 1m:10`
//! makes a ramp of any profile, while `--vus 50` only changes the number.

use std::time::Duration;

use super::parse;
use super::reader::Reader;
use crate::executor::{Executor, default_names};

const SHAPES: [&str; 4] = ["stages", "duration", "iterations", "iterations_per_vu"];
const DEFAULT_MAX_DURATION: Duration = Duration::from_secs(600);

/// The fields that each shape takes besides itself.
fn takes(shape: &str) -> &'static [&'static str] {
    match shape {
        "stages" => &["start_vus", "graceful_ramp_down"],
        "duration" => &["vus"],
        _ => &["vus", "max_duration"],
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
    refuse_misfits(reader, shape, level);
    match shape {
        "stages" => ramp(reader),
        "duration" => Some(Executor::ConstantVus {
            vus: vus(reader)?,
            duration: reader.parse("duration", parse::positive_duration)?,
        }),
        "iterations" => Some(Executor::SharedIterations {
            vus: vus(reader)?,
            iterations: reader.parse("iterations", parse::iterations)?,
            max_duration: max_duration(reader)?,
        }),
        _ => Some(Executor::PerVuIterations {
            vus: vus(reader)?,
            iterations: reader.parse("iterations_per_vu", parse::iterations)?,
            max_duration: max_duration(reader)?,
        }),
    }
}

/// A field beside or above the shape that the shape has no use for is a misunderstanding; below
/// it, it belonged to what was overridden.
fn refuse_misfits(reader: &mut Reader, shape: &str, level: usize) {
    for key in ["start_vus", "vus", "max_duration", "graceful_ramp_down"] {
        let given_for_it = reader.level(key).is_some_and(|given| given >= level);
        if given_for_it && !takes(shape).contains(&key) {
            reader.problem(
                key,
                format!("does not apply to {shape}; leave it out or give another load"),
            );
        }
    }
}

fn ramp(reader: &mut Reader) -> Option<Executor> {
    let mut stages = reader.parse_all("stages", parse::stage)?;
    let start_vus = match reader.value("start_vus") {
        Some(_) => reader.parse("start_vus", parse::vus)?,
        None => 0,
    };
    let targets: Vec<u32> = stages.iter().map(|stage| stage.target).collect();
    for (stage, name) in stages.iter_mut().zip(default_names(start_vus, &targets)) {
        if stage.name.is_empty() {
            stage.name = name;
        }
    }
    if stages.iter().all(|stage| stage.duration.is_zero()) {
        reader.problem("stages", "take no time; give at least one stage a duration");
        return None;
    }
    if start_vus == 0 && targets.iter().all(|target| *target == 0) {
        reader.problem(
            "stages",
            "never want a VU; give at least one stage a target above 0",
        );
        return None;
    }
    Some(Executor::RampingVus { start_vus, stages })
}

fn vus(reader: &mut Reader) -> Option<u32> {
    match reader.value("vus") {
        Some(_) => reader.parse("vus", parse::some_vus),
        None => Some(1),
    }
}

fn max_duration(reader: &mut Reader) -> Option<Duration> {
    match reader.value("max_duration") {
        Some(_) => reader.parse("max_duration", parse::positive_duration),
        None => Some(DEFAULT_MAX_DURATION),
    }
}
