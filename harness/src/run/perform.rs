//! One run against a server that is there, from the set-up to the verdict. A single run and each
//! trial of a capacity search are made of this.

use std::sync::Arc;

use super::attempt::{Attempt, Run};
use super::judged::{Course, judged};
use super::load::load;
use super::outlets::Outlets;
use super::server::Server;
use crate::config::RunConfig;
use crate::health::Lag;
use crate::report::RunResult;
use crate::suite::Suite;

/// Makes a run; gives what came of it, and the outlets back.
pub(super) async fn perform<S: Suite>(
    config: RunConfig,
    server: &Server,
    attempt: &Attempt,
    outlets: Outlets,
) -> (RunResult, Outlets) {
    let lag = Arc::new(Lag::default());
    let run = Run {
        config: &config,
        server,
        control: &attempt.control,
        telemetry: &attempt.telemetry,
        lag: &lag,
        lead: attempt.lead.as_ref(),
    };
    let (load, watch) = load::<S>(run, outlets).await;
    let course = Course {
        id: attempt.id.clone(),
        started_at: attempt.started_at,
        timeline: watch.timeline,
        health: watch.health,
        signalled: attempt.control.signalled(),
        aborted: attempt.control.aborted().map(str::to_owned),
    };
    (judged(config, course, Some(server), load), watch.outlets)
}
