//! Limits that this run never reaches, whatever the server does.

use super::filter::Filter;
use super::occurring::Values;
use super::outcome::{CUT, Outcome, Pairs, outcomes, wanted};
use super::scenario::{Scenario, plan};
use super::together::{all_series, takes};
use crate::metrics::{Aggregation, Counter, Of, RateOf};
use crate::threshold::{Operator, Threshold};

/// Refuses more iterations than are planned, and more VUs than there are.
///
/// # Errors
/// How many there are.
pub(super) fn refuse_beyond(filter: Filter<'_>, scenarios: &[Scenario]) -> Result<(), String> {
    let threshold = filter.0;
    let asked = scenarios
        .iter()
        .filter(|one| filter.takes("scenario", one.label()));
    let counts = threshold.aggregation == Aggregation::Count && threshold.window.is_none();
    let (most, what) = match threshold.metric.of {
        Of::Counter(Counter::Iterations) if counts => {
            let planned = asked.map(planned_iterations).sum::<Option<u64>>();
            (planned, "iterations are planned")
        }
        Of::Counter(Counter::Dropped) if counts => {
            let due = asked.filter_map(due_iterations).sum::<u64>();
            (Some(due), "iterations are planned at a rate")
        }
        Of::Gauge(_) => (
            Some(plan(scenarios).vus_max().into()),
            "VUs are the most that there are",
        ),
        _ => (None, ""),
    };
    let Some(most) = most.map(|most| most as f64) else {
        return Ok(());
    };
    let is_beyond = match threshold.operator {
        Operator::Greater => threshold.limit >= most,
        Operator::GreaterOrEqual | Operator::Equal => threshold.limit > most,
        _ => false,
    };
    if is_beyond {
        return Err(format!("'{threshold}' never holds: {most} {what}"));
    }
    Ok(())
}

/// How many iterations of a scenario may start, where that is known.
fn planned_iterations(scenario: &Scenario) -> Option<u64> {
    let schedule = &scenario.schedule;
    due_iterations(scenario).or_else(|| schedule.planned_iterations())
}

/// How many iterations are due at the scenario's rate, if it has one.
fn due_iterations(scenario: &Scenario) -> Option<u64> {
    let arrivals = scenario.schedule.arrivals();
    arrivals.map(|(arrivals, _)| arrivals.scheduled())
}

/// Refuses a limit of a share that is the same for every request with the threshold's tags, such as
/// the failed ones among those with status 503.
///
/// # Errors
/// Which share it always is.
pub(super) fn refuse_constant(
    values: &Values<'_>,
    threshold: &Threshold,
    scenarios: &[Scenario],
) -> Result<(), String> {
    let Some(share) = constant_share(values, threshold, scenarios) else {
        return Ok(());
    };
    if threshold.operator.holds(share, threshold.limit) {
        return Ok(());
    }
    let (metric, filter) = (threshold.metric.name, &threshold.filter);
    Err(format!(
        "'{threshold}' never holds: {metric} is always {share} with {filter}; count such requests, \
         as in 'http_reqs{filter}: count<10'"
    ))
}

/// The share that all requests with the threshold's tags have, if it is the same for each.
fn constant_share(
    values: &Values<'_>,
    threshold: &Threshold,
    scenarios: &[Scenario],
) -> Option<f64> {
    let counts: fn(Outcome) -> bool = match threshold.metric.of {
        Of::Rate(RateOf::Failed) => |(_, expected)| !expected,
        Of::Rate(RateOf::Success) => |(status, _)| (1..400).contains(&status),
        _ => return None,
    };
    let pairs: Pairs<'_> = threshold.filter.0.iter().collect();
    let all = all_series(values, threshold, scenarios);
    let taken = all
        .iter()
        .filter(|series| takes(values, threshold.metric.of, series, &pairs));
    let requests = taken.filter_map(|series| series.request);
    // A request that was cut is in no share.
    let mut shares = requests
        .flat_map(|request| outcomes(values, request))
        .filter(|outcome| *outcome != CUT && wanted(&pairs, *outcome))
        .map(counts);
    let first = shares.next()?;
    let is_constant = shares.all(|other| other == first);
    is_constant.then_some(if first { 1.0 } else { 0.0 })
}

#[cfg(test)]
#[path = "reach_tests.rs"]
mod tests;
