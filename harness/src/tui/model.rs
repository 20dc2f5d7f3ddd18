//! What the live view shows. Pure: ticks go in, and nothing is asked of a clock or a terminal.

use std::collections::VecDeque;
use std::time::Duration;

use crate::config::RunConfig;
use crate::executor::{Control, Schedule};
use crate::metrics::{Counter, Snapshot, TagFilter, who};
use crate::report::title_of;
use crate::sampler::Tick;
use crate::threshold::Outcome;

/// Seconds that are remembered: more than any terminal has columns.
const REMEMBERED: usize = 600;
/// Events that are remembered.
const EVENTS: usize = 100;

/// Everything there is to see.
#[derive(Debug, Clone)]
pub struct Model {
    /// What is run.
    pub load: Load,
    /// What is being done now.
    pub step: String,
    /// How the run is being ended, if it is.
    pub ending: Ending,
    /// Time since the start, nothing before it.
    pub elapsed: Option<Duration>,
    /// Name of the current stage.
    pub stage: String,
    /// Complete iterations.
    pub iterations: u64,
    /// The last seconds, the latest at the end.
    pub seconds: VecDeque<Second>,
    /// Requests by name, and all of them in the last row.
    pub requests: Vec<Requests>,
    /// Persona, check, how often it held, how often not; failing ones first.
    pub checks: Vec<(String, &'static str, u64, u64)>,
    /// Where every threshold stands.
    pub thresholds: Vec<Outcome>,
    /// What happened, the latest at the end.
    pub events: VecDeque<Event>,
    /// Whether the keys are explained.
    pub help: bool,
}

/// What is known of the load before it begins.
#[derive(Debug, Clone)]
pub struct Load {
    /// What the run is called.
    pub title: String,
    /// The executor's name.
    pub executor: String,
    /// When the schedule ends, at the latest.
    pub end: Duration,
    /// How many iterations there will be, where that is fixed.
    pub planned: Option<u64>,
    /// The load of each stage in words, by its number; none where several scenarios run.
    pub stages: Vec<String>,
}

/// How a run is being ended by a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ending {
    /// It isn't.
    #[default]
    No,
    /// Running iterations may finish.
    Graceful,
    /// Running iterations are cut.
    Now,
}

/// A second of the load.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Second {
    /// Active VUs.
    pub vus: u64,
    /// VUs that the schedule wants.
    pub target: u32,
    /// Requests per second.
    pub rate: f64,
    /// Requests that failed.
    pub failed: u64,
    /// p50, p95 and p99 of the second in ms, nothing without requests.
    pub latency: Option<[f64; 3]>,
}

/// Requests of a name since the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Requests {
    /// The name.
    pub name: String,
    /// How many.
    pub count: u64,
    /// How many per second in the last second.
    pub rate: f64,
    /// How many failed.
    pub failed: u64,
    /// p50, p95 and p99 in ms.
    pub latency: [f64; 3],
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, since the start.
    pub at: Duration,
    /// Whether it is bad news.
    pub bad: bool,
    /// What.
    pub text: String,
}

impl Load {
    /// What a configuration says of it.
    #[must_use]
    pub fn of(config: &RunConfig) -> Self {
        let plan = config.plan();
        Self {
            title: title_of(config),
            executor: config.executors(),
            end: plan.end(),
            planned: plan.planned_iterations(),
            stages: match plan.parts() {
                [one] => loads(&one.schedule),
                _ => Vec::new(),
            },
        }
    }
}

/// `0→300 VUs`, `500/s`.
fn loads(schedule: &Schedule) -> Vec<String> {
    let unit = match schedule.executor.is_open() {
        true => "",
        false => " VUs",
    };
    let loads = schedule.stage_loads().into_iter();
    loads.map(|load| format!("{load}{unit}")).collect()
}

impl Ending {
    /// What was asked of a run.
    #[must_use]
    pub fn of(control: &Control) -> Self {
        match () {
            () if control.cutting().is_cancelled() => Self::Now,
            () if control.stopping().is_cancelled() => Self::Graceful,
            () => Self::No,
        }
    }
}

impl Model {
    /// Before anything has happened.
    #[must_use]
    pub fn new(load: Load) -> Self {
        Self {
            load,
            step: "starting".to_owned(),
            ending: Ending::No,
            elapsed: None,
            stage: String::new(),
            iterations: 0,
            seconds: VecDeque::new(),
            requests: Vec::new(),
            checks: Vec::new(),
            thresholds: Vec::new(),
            events: VecDeque::new(),
            help: false,
        }
    }

    /// Something else is being done.
    pub fn step(&mut self, what: &str) {
        what.clone_into(&mut self.step);
        self.happened(false, what.to_owned());
    }

    /// A second of the load is over; `news` are lines that the program had to say in it.
    pub fn tick(&mut self, tick: &Tick<'_>, outcomes: &[Outcome], news: Vec<String>) {
        self.elapsed = Some(tick.elapsed);
        "running".clone_into(&mut self.step);
        if self.stage != tick.stage {
            tick.stage.clone_into(&mut self.stage);
            let number = tick.stages.first().map(|number| usize::from(*number));
            let load = number.and_then(|number| self.load.stages.get(number));
            let load = load.map_or_else(String::new, |load| format!(": {load}"));
            self.happened(false, format!("stage {}{load}", tick.stage));
        }
        news.into_iter().for_each(|line| self.happened(true, line));
        self.judge(outcomes);
        self.iterations = tick
            .total
            .counter(Counter::Iterations, &TagFilter::default());
        self.requests = requests(tick);
        self.checks = checks(tick.total);
        if self.seconds.len() == REMEMBERED {
            self.seconds.pop_front();
        }
        self.seconds.push_back(second(tick));
    }

    /// Takes the thresholds' new states; tells of those that changed.
    fn judge(&mut self, outcomes: &[Outcome]) {
        for (index, now) in outcomes.iter().enumerate() {
            let before = self.thresholds.get(index);
            let held = before.is_none_or(|before| !before.is_crossed());
            let holds = !now.is_crossed();
            if held && !holds {
                self.happened(true, format!("crossed: {}", now.threshold));
            } else if !held && holds {
                self.happened(false, format!("holds again: {}", now.threshold));
            }
        }
        self.thresholds = outcomes.to_vec();
    }

    fn happened(&mut self, bad: bool, text: String) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        let at = self.elapsed.unwrap_or_default();
        self.events.push_back(Event { at, bad, text });
    }
}

fn second(tick: &Tick<'_>) -> Second {
    let all = TagFilter::default();
    let trend = tick.second.durations(&all);
    Second {
        vus: tick.second.vus.value,
        target: tick.target,
        rate: trend.count() as f64 / length(tick.second),
        failed: failed(tick.second, &all),
        latency: (!trend.is_empty()).then(|| trend.percentiles_ms([50.0, 95.0, 99.0])),
    }
}

fn requests(tick: &Tick<'_>) -> Vec<Requests> {
    let catalogue = &tick.total.names.catalogue;
    let named = catalogue.requests.iter().map(|request| {
        let name = request.name.as_str();
        (name, TagFilter::of("name", name))
    });
    named
        .chain([("all", TagFilter::default())])
        .filter_map(|(name, filter)| {
            let trend = tick.total.durations(&filter);
            (!trend.is_empty()).then(|| Requests {
                name: name.to_owned(),
                count: trend.count(),
                rate: tick.second.counter(Counter::Requests, &filter) as f64 / length(tick.second),
                failed: failed(tick.total, &filter),
                latency: trend.percentiles_ms([50.0, 95.0, 99.0]),
            })
        })
        .collect()
}

fn checks(total: &Snapshot) -> Vec<(String, &'static str, u64, u64)> {
    let mut checks: Vec<_> = total
        .checks_by_name()
        .into_iter()
        .map(|sum| {
            let who = who(sum.scenario, sum.persona);
            (who, sum.check, sum.counts.passes, sum.counts.fails)
        })
        .collect();
    checks.sort_by_key(|(.., fails)| *fails == 0);
    checks
}

fn failed(snapshot: &Snapshot, filter: &TagFilter) -> u64 {
    snapshot.failed(filter)
}

fn length(snapshot: &Snapshot) -> f64 {
    snapshot.duration.as_secs_f64().max(0.001)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_told_with_its_load() {
        let (second, total) = (Snapshot::default(), Snapshot::default());
        let told = |stages: &[&str]| {
            let mut model = Model::new(Load {
                title: String::new(),
                executor: String::new(),
                end: Duration::from_secs(9),
                planned: None,
                stages: stages.iter().map(|&load| load.to_owned()).collect(),
            });
            let tick = Tick {
                time_ms: 0,
                elapsed: Duration::from_secs(1),
                stage: "hold",
                stages: &[1],
                target: 100,
                second: &second,
                total: &total,
            };
            model.tick(&tick, &[], Vec::new());
            model.events.back().map(|event| event.text.clone())
        };
        let hold = told(&["0/s→500/s", "500/s"]);
        assert_eq!(hold.as_deref(), Some("stage hold: 500/s"));
        assert_eq!(told(&[]).as_deref(), Some("stage hold"));
    }
}
