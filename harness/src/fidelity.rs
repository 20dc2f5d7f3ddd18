//! Whether the load that was sent is the one that was planned: the shares of the personas, and
//! how often each of their iterations sends what. Pure.

use serde::Serialize;

use crate::config::Scenario;
use crate::executor::{Executor, Roll};
use crate::format::percent;
use crate::metrics::{Counter, Snapshot, TagFilter};
use crate::persona::Role;

/// A persona's part in a scenario, planned and achieved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PersonaShare {
    /// The scenario's name.
    pub scenario: String,
    /// The persona's.
    pub persona: &'static str,
    /// Share, 0 to 1, that it should have: of the iterations where the executor says how many
    /// there are, else of the virtual users.
    pub planned: f64,
    /// Share that it had.
    pub achieved: f64,
    /// Iterations that it completed.
    pub iterations: u64,
    /// What its iterations sent.
    pub requests: Vec<RequestShare>,
}

/// How often a persona sent a request, per iteration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RequestShare {
    /// The request's name.
    pub name: &'static str,
    /// The least of it in an iteration.
    pub least: u32,
    /// The most of it.
    pub most: u32,
    /// How many of it there were per complete iteration.
    pub achieved: f64,
    /// How far that is from the plan, as a part of it; 0 within it.
    pub drift: f64,
}

/// Compares a scenario's plan with what was measured. `rolls` are its personas' virtual users.
#[must_use]
pub fn shares(
    scenario: &Scenario,
    rolls: &[(&'static str, Roll)],
    snapshot: &Snapshot,
) -> Vec<PersonaShare> {
    let by_iterations = matches!(
        scenario.schedule.executor,
        Executor::PerVuIterations { .. }
            | Executor::ConstantArrivalRate { .. }
            | Executor::RampingArrivalRate { .. }
    );
    let roll = |persona: &str| {
        let own = rolls.iter().find(|(known, _)| *known == persona);
        own.map_or(Roll::default(), |(_, roll)| *roll)
    };
    let vus: u64 = rolls.iter().map(|(_, roll)| roll.vus).sum();
    let worked: u64 = rolls.iter().map(|(_, roll)| roll.worked).sum();
    let parts = scenario.mix.shares().map(|(persona, _)| {
        let filter = filter(scenario, &persona);
        let completed = snapshot.counter(Counter::Iterations, &filter);
        let cut = snapshot.counter(Counter::Interrupted, &filter);
        (persona, filter, completed, completed + cut)
    });
    let parts: Vec<_> = parts.collect();
    let all: u64 = parts.iter().map(|(_, _, _, started)| started).sum();
    parts
        .into_iter()
        .map(|(persona, filter, completed, started)| {
            let own = roll(persona.name);
            let is_open = scenario.schedule.executor.is_open();
            PersonaShare {
                scenario: scenario.label().to_owned(),
                persona: persona.name,
                planned: if is_open {
                    scenario.mix.share_of(persona.name)
                } else {
                    share(own.vus, vus)
                },
                achieved: if by_iterations {
                    share(started, all)
                } else {
                    share(own.worked, worked)
                },
                iterations: completed,
                requests: requests(&persona, &filter, completed, started, snapshot),
            }
        })
        .collect()
}

fn filter(scenario: &Scenario, persona: &Role) -> TagFilter {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    TagFilter(vec![
        pair("scenario", scenario.label()),
        pair("persona", persona.name),
    ])
}

fn requests(
    persona: &Role,
    filter: &TagFilter,
    completed: u64,
    started: u64,
    snapshot: &Snapshot,
) -> Vec<RequestShare> {
    let mut filter = filter.clone();
    let mut of_name = |name: &str| {
        filter.0.truncate(2);
        filter.0.push(("name".to_owned(), name.to_owned()));
        snapshot.counter(Counter::Requests, &filter) as f64
    };
    persona
        .requests
        .iter()
        .map(|&(name, least, most)| {
            let count = of_name(name);
            // Iterations that were cut have sent some of theirs.
            let (at_most, at_least) = (
                count / completed.max(1) as f64,
                count / started.max(1) as f64,
            );
            let missing = (f64::from(least) - at_most) / f64::from(least.max(1));
            let surplus = (at_least - f64::from(most)) / f64::from(most.max(1));
            RequestShare {
                name,
                least,
                most,
                achieved: at_most,
                drift: missing.max(surplus).max(0.0),
            }
        })
        .collect()
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// What is too far from the plan, in words.
#[must_use]
pub fn findings(shares: &[PersonaShare], limit: f64) -> Vec<String> {
    let mut findings = Vec::new();
    for share in shares {
        let place = format!("{} in {}", share.persona, share.scenario);
        // Shares of a whole have the odd user more or less.
        if (share.achieved - share.planned).abs() > limit + 1e-9 {
            findings.push(format!(
                "the mix is not what was planned: {place} had {:.1} % where {:.1} % were planned",
                share.achieved * 100.0,
                share.planned * 100.0
            ));
        }
        for request in share
            .requests
            .iter()
            .filter(|request| request.drift > limit)
        {
            let planned = if request.least == request.most {
                request.least.to_string()
            } else {
                format!("{} to {}", request.least, request.most)
            };
            findings.push(format!(
                "the mix is not what was planned: {place} sent {} {:.2} times an iteration where {planned} were planned",
                request.name, request.achieved
            ));
        }
    }
    findings
}

/// What percentiles over all requests say little of, in words: a persona that makes nearly all of
/// them with its part of the virtual users.
#[must_use]
pub fn diluted(shares: &[PersonaShare], snapshot: &Snapshot) -> Vec<String> {
    /// Of a scenario's requests, with less than `MANY` of its users.
    const NEARLY_ALL: f64 = 0.9;
    const MANY: f64 = 0.75;
    let sent = |pairs: &[(&str, &str)]| {
        let tags = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        snapshot.counter(Counter::Requests, &TagFilter(tags.collect()))
    };
    let told = shares.iter().filter_map(|one| {
        let scenario = ("scenario", one.scenario.as_str());
        let own = sent(&[scenario, ("persona", one.persona)]);
        let part = share(own, sent(&[scenario]));
        (part >= NEARLY_ALL && one.achieved < MANY).then(|| {
            format!(
                "{} in {} makes {} of the requests with {} of the mix: its requests, not those of \
                 the others, make the percentiles over all; look at the others by persona or \
                 request, or give it a longer --think-time",
                one.persona,
                one.scenario,
                percent(part),
                percent(one.achieved)
            )
        })
    });
    told.collect()
}

/// Scenarios and personas that have nothing to show, in words.
#[must_use]
pub fn idle(shares: &[PersonaShare]) -> Vec<String> {
    let mut idle = Vec::new();
    let mut scenarios: Vec<&str> = shares.iter().map(|share| share.scenario.as_str()).collect();
    scenarios.dedup();
    for scenario in scenarios {
        let own = || shares.iter().filter(|share| share.scenario == scenario);
        if own().all(|share| share.iterations == 0) {
            idle.push(format!("scenario {scenario} completed no iteration"));
            continue;
        }
        idle.extend(
            own()
                .filter(|share| share.iterations == 0)
                .map(|share| format!("{} in {scenario} completed no iteration", share.persona)),
        );
    }
    idle
}

#[cfg(test)]
#[path = "fidelity_tests.rs"]
mod tests;
