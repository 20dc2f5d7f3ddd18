//! From what was seen to a result: evidence gathered, verdict made.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::attempt::Attempt;
use super::drive::Driven;
use super::load::Load;
use super::prepare::{PORTS, Refusal};
use super::server::Server;
use crate::config::RunConfig;
use crate::diagnosis::HealthLog;
use crate::executor::Settled;
use crate::failing::Faults;
use crate::fidelity::{self, PersonaShare, shares};
use crate::fleet::Worker;
use crate::format::{given_percent, grouped};
use crate::health::{self, LATE_MS, Resources};
use crate::invariant::Invariant;
use crate::metrics::{Counter, Phase, Snapshot, TagFilter, Trend, TrendOf};
use crate::output::Account;
use crate::report::{Generator, PRIVATE_STACK, RunResult, same_time};
use crate::secret::scrub;
use crate::threshold::{Evidence, Judgement, Outcome, Timeline, Verdict, any_stands, judge};
use crate::vu::Lack;

/// How a run went beside its load.
pub(super) struct Course {
    pub(super) id: String,
    pub(super) started_at: SystemTime,
    pub(super) timeline: Timeline,
    pub(super) health: HealthLog,
    pub(super) signalled: bool,
    pub(super) aborted: Option<String>,
}

impl Course {
    /// Of a run that never came to its load.
    fn unbegun(config: &RunConfig, attempt: &Attempt) -> Self {
        Self {
            id: attempt.id.clone(),
            started_at: attempt.started_at,
            timeline: Timeline::new(&config.thresholds, &config.plan()),
            health: HealthLog::new(Resources::of_this_process(), &config.limits),
            signalled: attempt.control.signalled(),
            aborted: None,
        }
    }
}

/// What is said of a run for which there was no server, or nothing to write to. Who waits for its
/// summary or its JUnit file finds the reason there.
pub(super) fn unbegun(config: RunConfig, attempt: &Attempt, refusal: &Refusal) -> RunResult {
    let course = Course::unbegun(&config, attempt);
    let reason = scrub(&refusal.to_string()).into_owned();
    let mut result = judged(config, course, None, Load::failed(reason.clone()));
    result.judgement = Judgement {
        verdict: Verdict::Invalid,
        exit: refusal.exit(),
        reasons: vec![reason],
    };
    result
}

/// Everything that is known of the run, judged; without a server if none was found.
pub(super) fn judged(
    config: RunConfig,
    course: Course,
    server: Option<&Server>,
    load: Load,
) -> RunResult {
    let thresholds = course.timeline.finish(&load.driven.snapshot);
    let mix = mix(&config, &load.driven);
    let (mut saturated, mut warnings) = findings(&config, &course, server, &load.driven);
    saturated.extend(load.driven.lacks.iter().copied().map(told));
    let insecure = "--insecure: certificates were not verified";
    let is_insecure = server.is_some_and(|server| server.target.is_insecure());
    warnings.extend(is_insecure.then(|| insecure.to_owned()));
    warnings.extend(load.warnings.iter().cloned());
    warnings.extend(same_times(&load.driven.snapshot));
    warnings.extend(fidelity::diluted(&mix, &load.driven.snapshot));
    let faults = Faults::of(&load.driven.snapshot);
    let found = (&thresholds[..], &saturated[..], &mix[..], &faults);
    let judgement = judgement(&config, &course, &load, found);
    warnings.extend(unjudged(judgement.verdict, &faults, &thresholds));
    let driven = load.driven;
    let arrivals = driven.settled.iter().map(|settled| settled.arrivals);
    RunResult {
        id: course.id,
        host: match server {
            Some(server) => server.label.clone(),
            None => config.host.clone().unwrap_or(PRIVATE_STACK.to_owned()),
        },
        config,
        started_at: course.started_at,
        duration: driven.duration,
        arrivals: arrivals.collect(),
        snapshot: driven.snapshot,
        unfit: !saturated.is_empty(),
        thresholds,
        invariants: load.invariants,
        failures: driven.failures,
        generator: Generator::of_this_machine(),
        comparison: None,
        outputs: driven.outputs,
        mix,
        unknown_outcomes: load.unknown,
        health: course.health,
        workers: driven.workers,
        warnings,
        judgement,
    }
}

/// What is said of a run that passes although requests failed, where no threshold is about them.
fn unjudged(verdict: Verdict, faults: &Faults, thresholds: &[Outcome]) -> Option<String> {
    let mut metrics = thresholds.iter().map(|one| one.threshold.metric.name);
    let is_judged = verdict != Verdict::Pass || metrics.any(|name| name == "http_req_failed");
    let failed = faults.failed.as_ref().filter(|_| !is_judged)?;
    Some(format!(
        "{failed}, and no threshold is about that: --threshold 'http_req_failed: rate==0' makes \
         the run fail"
    ))
}

/// The judgement, of everything that it depends on.
fn judgement(
    config: &RunConfig,
    course: &Course,
    load: &Load,
    (thresholds, saturated, mix, faults): (&[Outcome], &[String], &[PersonaShare], &Faults),
) -> Judgement {
    let snapshot = &load.driven.snapshot;
    let counter = |counter| snapshot.counter(counter, &TagFilter::default());
    judge(&Evidence {
        thresholds,
        broken_invariants: &broken(&load.invariants),
        error: load.driven.error.as_deref(),
        unaudited: load.unaudited.as_deref(),
        faults,
        refused: load.refused.as_deref(),
        iterations: counter(Counter::Iterations),
        interrupted: counter(Counter::Interrupted),
        limits: &config.limits,
        requests: counter(Counter::Requests),
        signalled: course.signalled,
        aborted: course.aborted.as_deref(),
        saturated,
        stands: !saturated.is_empty() && any_stands(thresholds, snapshot),
        idle: &fidelity::idle(mix),
        doubts: &doubts(config, &load.driven, load.unknown),
        mix: &drift(config, course, mix),
    })
}

/// What was run of each persona, beside what was asked for.
fn mix(config: &RunConfig, driven: &Driven) -> Vec<PersonaShare> {
    let scenarios = config.scenarios.iter().zip(&driven.settled);
    scenarios
        .flat_map(|(scenario, settled)| shares(scenario, &settled.rolls, &driven.snapshot))
        .collect()
}

/// Requests whose failures look like a time-out behind the API.
fn same_times(snapshot: &Snapshot) -> Vec<String> {
    let mut times = BTreeMap::<&str, [Trend; 2]>::new();
    // Without an answer it is our own time-out, or no connection.
    let answered = snapshot
        .requests
        .iter()
        .filter(|(tags, _)| tags.status != 0);
    for (tags, series) in answered {
        let both = times.entry(tags.name).or_default();
        both[usize::from(tags.expected)].merge(series.trend(Phase::Duration));
    }
    let said = times
        .iter()
        .map(|(name, [failed, expected])| same_time(name, failed, expected));
    said.flatten().collect()
}

fn broken(invariants: &[Invariant]) -> Vec<String> {
    let broken = invariants.iter().filter(|row| !row.ok);
    broken.map(Invariant::to_string).collect()
}

/// In what the mix was not the planned one. What was ended early had no time to get there.
fn drift(config: &RunConfig, course: &Course, mix: &[PersonaShare]) -> Vec<String> {
    if course.signalled || course.aborted.is_some() {
        return Vec::new();
    }
    fidelity::findings(mix, config.limits.mix_drift)
}

/// In what the load was not the one that was asked for.
fn doubts(config: &RunConfig, driven: &Driven, unknown: u64) -> Vec<String> {
    let counter = |counter| driven.snapshot.counter(counter, &TagFilter::default());
    let started = counter(Counter::Iterations) + counter(Counter::Interrupted);
    let mut doubts = Vec::new();
    doubts.extend(dropped(&driven.settled, config.limits.dropped));
    doubts.extend(unknowns(unknown, started, config.limits.unknown));
    doubts
}

/// Why the generator may be what was measured, and what is only worth a warning.
fn findings(
    config: &RunConfig,
    course: &Course,
    server: Option<&Server>,
    driven: &Driven,
) -> (Vec<String>, Vec<String>) {
    // The workers' own, where they made the load: a lead that is busy is only late to tell of it.
    let mut findings = match &driven.workers[..] {
        [] => course.health.findings(),
        workers => workers.iter().flat_map(of_worker).collect(),
    };
    let delays = driven
        .snapshot
        .trend(TrendOf::StartDelay, &TagFilter::default());
    findings.extend(late_starts(&delays, config.limits.late_starts));
    // On a machine that is shared on purpose, a busy machine is what is to be expected.
    if server.is_some_and(|server| server.shares_machine) {
        let shared = |finding| format!("{finding}; the server shares this machine");
        (Vec::new(), findings.into_iter().map(shared).collect())
    } else {
        (findings, Vec::new())
    }
}

/// What a worker's health says of the run; of a lost one there is nothing to say but that.
fn of_worker(worker: &Worker) -> Vec<String> {
    let findings = worker.findings.iter().filter(|_| !worker.lost);
    findings
        .map(|finding| format!("worker {} on {}: {finding}", worker.index, worker.host))
        .collect()
}

/// What a machine that has none left means, and how to fix it.
fn told(lack: Lack) -> String {
    let text = match lack {
        Lack::Port => {
            return format!("this machine had no port left for another connection: {PORTS}");
        }
        Lack::File => {
            "no file descriptor was left for another connection: raise the limit (ulimit -n), or \
             ask for fewer VUs"
        }
    };
    text.to_owned()
}

/// Whether a part of all is more than this share: exact at the limit, where a product is not (29 %
/// of 100 is 28.999999999999996).
fn beyond(part: u64, all: u64, limit: f64) -> bool {
    part as f64 / all as f64 > limit
}

/// Iterations that were due and never started, beyond the limit.
fn dropped(settled: &[Settled], limit: f64) -> Option<String> {
    let arrivals = || settled.iter().filter_map(|settled| settled.arrivals);
    let scheduled: u64 = arrivals().map(|account| account.scheduled).sum();
    let dropped: u64 = arrivals().map(|account| account.dropped).sum();
    beyond(dropped, scheduled, limit).then(|| {
        let [dropped, scheduled] = [dropped, scheduled].map(grouped);
        format!(
            "{dropped} of {scheduled} iterations were dropped, more than {}: the rate was not kept; \
             give more --max-vus, or ask for a lower rate (--limit dropped)",
            given_percent(limit)
        )
    })
}

/// Iterations that started late, beyond the limit.
fn late_starts(delays: &Trend, limit: f64) -> Option<String> {
    let (starts, late) = (delays.count(), health::late_starts(delays));
    beyond(late, starts, limit).then(|| {
        let [late, starts] = [late, starts].map(grouped);
        format!(
            "{late} of {starts} iterations started more than {LATE_MS:.0} ms late, more than {}: \
             give more --max-vus, or a machine with more to spare (--limit late-starts)",
            given_percent(limit)
        )
    })
}

fn unknowns(unknown: u64, started: u64, limit: f64) -> Option<String> {
    beyond(unknown, started, limit).then(|| {
        let [unknown, started] = [unknown, started].map(grouped);
        format!(
            "{unknown} operations in {started} iterations have an unknown outcome, more than {}: \
             the audit can't be exact (--limit unknown)",
            given_percent(limit)
        )
    })
}

/// Outputs that lost more rows than they may.
pub(super) fn lost_rows(outputs: &[Account], limit: f64) -> Vec<String> {
    let beyond = |output: &&Account| beyond(output.lost, output.produced, limit);
    let torn = |output: &&Account| output.must_be_whole && output.lost > 0;
    outputs
        .iter()
        .filter(|output| beyond(output) || torn(output))
        .map(|output| {
            let [lost, produced] = [output.lost, output.produced].map(grouped);
            if torn(&output) {
                let error = output.error.as_deref().unwrap_or("it was too slow");
                return format!(
                    "{} is not whole: {lost} of {produced} rows are missing: {error}",
                    output.name
                );
            }
            format!(
                "{lost} of {produced} rows for {} were lost, more than {} (--limit lost-rows)",
                output.name,
                given_percent(limit)
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_the_machine_lacks_is_said_with_the_way_out() {
        assert!(told(Lack::Port).contains("ip_local_port_range"));
        assert!(told(Lack::File).contains("ulimit -n"));
    }
    use crate::executor;

    #[test]
    fn failures_that_no_threshold_is_about_are_told() {
        let faults = Faults {
            failed: Some("1 of 2 requests failed, all 503".to_owned()),
            ..Faults::NONE
        };
        let outcome = |text: &str| {
            let threshold = crate::threshold::parse(text, &[]).expect("a threshold");
            Outcome::of(&threshold, Some(0.5))
        };
        let unjudged = |verdict, text| unjudged(verdict, &faults, &[outcome(text)]);
        let said = unjudged(Verdict::Pass, "checks: rate>=0").expect("a failure");
        assert!(
            said.starts_with("1 of 2 requests failed, all 503, and no"),
            "{said}"
        );
        assert_eq!(unjudged(Verdict::Pass, "http_req_failed: rate<1"), None);
        assert_eq!(unjudged(Verdict::Fail, "checks: rate>=0"), None);
    }

    #[test]
    fn a_share_is_exact_at_its_limit() {
        for percent in 0..=100 {
            let limit = crate::decimal::shifted(&percent.to_string(), -2).expect("a number");
            for all in [100, 700, 1_100] {
                let part = percent * all / 100;
                assert!(!beyond(part, all, limit), "{part} of {all}");
                assert!(beyond(part + 1, all, limit), "{part} + 1 of {all}");
            }
        }
        assert!(!beyond(0, 0, 0.0), "nothing of nothing");
        assert!(beyond(1, 0, 0.05), "but something");
    }

    #[test]
    fn rows_may_be_lost_up_to_the_limit() {
        let output = |lost| Account {
            name: "influxdb".to_owned(),
            produced: 1_000,
            delivered: 1_000 - lost,
            lost,
            ..Account::default()
        };
        let found = lost_rows(&[output(10), output(11)], 0.01);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("11 of 1,000 rows for influxdb were lost, more than 1 %"),
            "{found:?}"
        );
    }

    #[test]
    fn iterations_may_be_dropped_and_operations_unknown_up_to_the_limit() {
        let settled = |dropped| Settled {
            arrivals: Some(executor::Account {
                scheduled: 100,
                started: 100 - dropped,
                dropped,
            }),
            ..Settled::default()
        };
        let closed = Settled::default();
        assert_eq!(dropped(std::slice::from_ref(&closed), 0.0), None);
        assert_eq!(dropped(&[settled(2), settled(0), closed], 0.01), None);
        assert!(dropped(&[settled(3), settled(0)], 0.01).is_some());
        assert_eq!(unknowns(5, 100, 0.05), None);
        assert!(unknowns(6, 100, 0.05).is_some());
    }

    #[test]
    fn iterations_may_start_late_up_to_the_limit() {
        let mut delays = Trend::default();
        for late in [1, 10, 11, 500] {
            (0..5).for_each(|_| delays.record(Duration::from_millis(late)));
        }
        assert_eq!(late_starts(&delays, 0.5), None);
        let found = late_starts(&delays, 0.45).expect("half of them");
        assert!(
            found.starts_with("10 of 20 iterations started more than 10 ms late, more than 45 %"),
            "{found}"
        );
        assert_eq!(late_starts(&Trend::default(), 0.0), None, "a closed model");
    }
}
