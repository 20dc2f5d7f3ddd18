//! Set-up, load and audit, one after the other.

use std::sync::Arc;
use std::time::Duration;

use super::attempt::Run;
use super::conduct::conduct;
use super::drive::{Driven, Duty, Watch, drive};
use super::outlets::Outlets;
use crate::admin::Admin;
use crate::executor::Closing;
use crate::invariant::Invariant;
use crate::metrics::{Counter, Snapshot, TagFilter};
use crate::progress::Progress;
use crate::suite::{Audit, Disturbed, Error, Refused, SetUp, Suite, User};

/// What came of the load.
#[derive(Default)]
pub(super) struct Load {
    pub(super) driven: Driven,
    pub(super) invariants: Vec<Invariant>,
    /// Operations with an unknown outcome.
    pub(super) unknown: u64,
    /// What the suite says that makes no verdict.
    pub(super) warnings: Vec<String>,
    /// Why the suite refused to begin, if it did.
    pub(super) refused: Option<String>,
    /// Why the load could not be audited, if it couldn't.
    pub(super) unaudited: Option<String>,
}

impl Load {
    pub(super) fn failed(error: String) -> Self {
        Self {
            driven: Driven::failed(error),
            ..Self::default()
        }
    }
}

/// Sets the server up, runs the load, audits it.
pub(super) async fn load<S: Suite>(run: Run<'_>, outlets: Outlets) -> (Load, Watch) {
    let watch = Watch::new(run.config, run.lag, run.control, outlets);
    watch.outlets.progress.step("setting the server up");
    let world = tokio::select! {
        world = set_up::<S>(run, &watch.outlets.progress) => world,
        () = run.control.stopping().cancelled() => return (Load::default(), watch),
    };
    let world = match world {
        Ok(world) => Arc::new(world),
        Err(error) if error.is::<Refused>() => {
            let refused = Some(error.to_string());
            let load = Load {
                refused,
                ..Load::default()
            };
            return (load, watch);
        }
        Err(error) => return (Load::failed(format!("set-up failed: {error}")), watch),
    };
    // What the stores did in the set-up is no part of the load.
    drop(watch.outlets.probes.take());
    let (driven, users, watch) = match run.lead {
        Some(lead) => conduct::<S>(run, lead, &world, watch).await,
        None => drive::<S, _>(run, &world, Duty::whole(watch)).await,
    };
    let unknown = users.iter().map(User::unknown_outcomes).sum();
    let mut load = Load {
        driven,
        unknown,
        warnings: S::warnings(&world),
        ..Load::default()
    };
    load.warnings
        .extend(out_of_time(run, &load.driven.snapshot));
    if run.config.audit && load.driven.error.is_none() {
        watch.outlets.progress.step("auditing the load");
        match audit::<S>(run, &world, users, &load.driven.snapshot).await {
            Ok(invariants) => load.invariants = invariants,
            Err(error) if error.is::<Disturbed>() => load.driven.error = Some(error.to_string()),
            Err(error) => {
                load.unaudited = Some(format!("the load could not be audited: {error}"));
            }
        }
    }
    (load, watch)
}

/// What is to be said of planned iterations that the time did not suffice for.
fn out_of_time(run: Run<'_>, snapshot: &Snapshot) -> Option<String> {
    let planned = run.config.plan().planned_iterations()?;
    let count = |counter| snapshot.counter(counter, &TagFilter::default());
    let begun = count(Counter::Iterations) + count(Counter::Interrupted);
    let stopped = run.control.stopping().is_cancelled();
    (begun < planned && !stopped).then(|| {
        format!("{begun} of {planned} iterations began within their time (--max-duration)")
    })
}

async fn set_up<S: Suite>(run: Run<'_>, progress: &Progress) -> Result<S::World, Error> {
    let config = run.config;
    let set_up = SetUp {
        admin: &run.server.admin,
        vus: config.plan().vus_max(),
        personas: &config.personas(),
        options: &config.options,
        audited: config.audit,
        host: config.host.as_deref(),
        progress,
    };
    within(config.setup_timeout, &run.server.admin, S::set_up(set_up)).await
}

async fn audit<S: Suite>(
    run: Run<'_>,
    world: &S::World,
    users: Vec<S::User>,
    snapshot: &Snapshot,
) -> Result<Vec<Invariant>, Error> {
    let config = run.config;
    let count = |counter| snapshot.counter(counter, &TagFilter::default());
    let whole = !run.control.stopping().is_cancelled() && count(Counter::Interrupted) == 0;
    // Those that --max-duration left no time for were never made.
    let made = |planned: u64| planned.min(count(Counter::Iterations));
    let planned = config.plan().planned_iterations().filter(|_| whole);
    let audit = Audit {
        admin: &run.server.admin,
        world,
        users,
        options: &config.options,
        planned_iterations: planned.map(made),
    };
    tokio::select! {
        audited = within(config.setup_timeout, &run.server.admin, S::audit(audit)) => audited,
        () = run.control.cut_short(Closing::Audit) => Err("cut by a signal".into()),
    }
}

async fn within<T>(
    limit: Duration,
    admin: &Admin,
    what: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    // A single call that takes as long ends first, and its error says which one it was.
    const AFTER: Duration = Duration::from_millis(100);
    match tokio::time::timeout(limit + AFTER, what).await {
        Ok(done) => done,
        Err(_) => {
            let limit = humantime::format_duration(limit);
            let last = admin.last();
            let last =
                last.map_or_else(String::new, |last| format!("; the last request was {last}"));
            Err(format!("it took longer than {limit} (--setup-timeout){last}").into())
        }
    }
}
