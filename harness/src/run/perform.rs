//! One run against a server that is there, from the set-up to the verdict. A single run and each
//! trial of a capacity search are made of this.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::runtime::Handle;

use super::judged::{Course, judged};
use super::load::load;
use super::outlets::Outlets;
use super::server::Server;
use crate::config::RunConfig;
use crate::executor::Control;
use crate::health::Lag;
use crate::report::RunResult;
use crate::suite::Suite;

/// A run that is about to be made.
pub(super) struct Attempt {
    pub(super) id: String,
    pub(super) started_at: SystemTime,
    /// What signals act on.
    pub(super) control: Arc<Control>,
    /// The runtime of everything that only watches.
    pub(super) telemetry: Handle,
}

/// What every step of a run goes by.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) config: &'a RunConfig,
    pub(super) server: &'a Server,
    pub(super) control: &'a Arc<Control>,
    pub(super) telemetry: &'a Handle,
    pub(super) lag: &'a Arc<Lag>,
}

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
    (judged(config, course, server, load), watch.outlets)
}
