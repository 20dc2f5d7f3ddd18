//! When each of several scenarios ran, with its own stages. Pure.

use super::charts::Charts;
use super::plot::{Band, Tick, band, time_ticks};
use super::summary::{Run, StageRow};
use crate::format::clock;

/// A scenario's row.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) name: String,
    /// Its stages, with what each asks for in words.
    pub(super) stages: Vec<(Band, String)>,
}

/// A row for each scenario over the time axis of the other charts.
#[derive(Debug, Default)]
pub(super) struct Timetable {
    pub(super) lanes: Vec<Lane>,
    pub(super) x: Vec<Tick>,
}

impl Charts<'_> {
    /// The timetable of several scenarios; nothing where there is one, or where a summary of an
    /// older version doesn't say whose a stage is.
    pub(super) fn timetable(&self, run: &Run) -> Timetable {
        let end = self.measured.end_ms;
        let lane = |name: &str| {
            let own = run.stages.iter();
            let own = own.filter(|stage| stage.scenario.as_deref() == Some(name));
            let stages = own.enumerate().filter(|(_, stage)| stage.start_ms < end);
            let stages = stages.map(|(index, stage)| {
                let label = format!("{} {}", stage.name, load(stage));
                let drawn = band(stage.start_ms, stage.end_ms, end, &label, index % 2 == 1);
                (drawn, words(stage))
            });
            Lane {
                name: name.to_owned(),
                stages: stages.collect(),
            }
        };
        let lanes = run.scenarios.iter().map(|one| lane(&one.name));
        let lanes: Vec<Lane> = lanes.filter(|lane| !lane.stages.is_empty()).collect();
        if lanes.len() < 2 {
            return Timetable::default();
        }
        Timetable {
            lanes,
            x: time_ticks(end),
        }
    }
}

/// What a stage asks for: VUs, or iterations at a rate.
fn load(stage: &StageRow) -> String {
    match stage.load.ends_with("/s") {
        true => stage.load.clone(),
        false => format!("{} VUs", stage.load),
    }
}

fn words(stage: &StageRow) -> String {
    let (from, to) = (clock(stage.start_ms), clock(stage.end_ms));
    format!("{}: {}, from {from} to {to}", stage.name, load(stage))
}
