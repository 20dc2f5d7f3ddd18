//! A worker's share of the load, from the start to its totals.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Handle;

use super::attempt::Run;
use super::attend::Attend;
use super::drive::{Driven, Duty, drive};
use super::ended::Ended;
use super::keeping::{Keeping, Left};
use super::kept::{Head, name_of};
use super::lead::Briefing;
use super::relay::{Relay, Relayed};
use super::server::Server;
use crate::config::{Fleet, RunConfig};
use crate::executor::{Control, Gate, Share};
use crate::fleet::{Frame, Kind, News, Pulse, SILENCE, Skew, Store, Totals, Worker};
use crate::health::{Lag, Resources};
use crate::metrics::{Counter, RawSamples, TagFilter};
use crate::output::{Account, Feed};
use crate::report::Generator;
use crate::suite::{Suite, User};
use crate::threshold::Threshold;
use crate::tui::tell;

/// Where samples go, and where they wait for it.
pub(super) type Samples = (Feed, Arc<RawSamples>);

/// A worker that is about to make its share.
#[derive(Clone, Copy)]
pub(super) struct Stint<'a> {
    pub(super) store: &'a Store,
    pub(super) pulse: &'a Pulse,
    pub(super) fleet: &'a Fleet,
    /// What signals act on.
    pub(super) signals: &'a Control,
    pub(super) telemetry: &'a Handle,
    pub(super) config: &'a RunConfig,
    pub(super) server: &'a Server,
}

impl Stint<'_> {
    /// Makes the load. Gives what is kept of it, and what it came to.
    pub(super) async fn make<S: Suite>(
        &self,
        (share, began): (Share, Skew),
        world: &Arc<S::World>,
        briefing: Briefing,
        samples: Option<Samples>,
    ) -> (Option<Left>, Result<Totals, Ended>) {
        let Self { config, server, .. } = *self;
        let thresholds = config.thresholds.iter();
        thresholds.for_each(Threshold::measure_exactly);
        let gate = Arc::new(Gate::default());
        let attend = Attend::new(self.pulse, self.store, began, &gate, self.signals);
        let lag = Arc::new(Lag::default());
        let keeping = self.keep(briefing, attend.started());
        let (feed, raw) = samples.unzip();
        let on = (&config.limits, self.telemetry);
        let relay = Relay::start(self.store.clone(), (keeping, feed), &lag, on);
        let run = Run {
            config,
            server,
            control: attend.control(),
            telemetry: self.telemetry,
            lag: &lag,
            lead: None,
        };
        let duty = Duty {
            share,
            gate: Some(Arc::clone(&gate)),
            raw,
            observer: relay,
        };
        let (driven, users, relay) = tokio::select! {
            driven = drive::<S, _>(run, world, duty) => driven,
            never = attend.listen() => match never {},
        };
        let drift = match attend.trouble() {
            Some(why) => Err(Ended::lost(why.to_owned())),
            None => skew(self.store).await.map(|now| now.since(&began)),
        };
        let clock = (began, gate.passed());
        self.come_out((driven, users), relay, clock, drift).await
    }

    /// Closes what goes on beside the load. `clock` is how this process knew the store's, and how
    /// late it began; without a drift of that, the load has no verdict.
    async fn come_out<U: User>(
        &self,
        (driven, users): (Driven, Vec<U>),
        relay: Relay,
        clock: (Skew, Option<Duration>),
        drift: Result<i64, Ended>,
    ) -> (Option<Left>, Result<Totals, Ended>) {
        let (relayed, mut pending) = relay.end();
        let known = *drift.as_ref().unwrap_or(&0);
        let worker = self.worker(&driven, &relayed, clock, known);
        let mut totals = totals(driven, &relayed, worker);
        if let Some(feed) = pending.feed.take() {
            let accounts = self.delivered(feed, drift.is_err()).await;
            totals.outputs = serde_json::to_value(accounts).unwrap_or_default();
        }
        let keeping = pending.keeping.take();
        let left = keeping.map(|keeping| left(keeping, &totals, drift.as_ref().err()));
        if let Err(ended) = drift {
            return (left, Err(ended));
        }
        if let Err(error) = pending.sent().await {
            return (left, Err(Ended::lost(error)));
        }
        totals.users = users.into_iter().map(known_of).collect();
        (left, Ok(totals))
    }

    /// Waits for the last samples, and not for long when the others don't wait either.
    async fn delivered(&self, feed: Feed, at_once: bool) -> Vec<Account> {
        let hurry = feed.hurry();
        if at_once {
            hurry.cancel();
        }
        let hurried = async {
            let is_over = |news: &News| {
                let heard = &news.heard;
                let is_silent = heard.lead_silent.is_some_and(|silent| silent > SILENCE);
                heard.cut || heard.over.is_some() || news.lost.is_some() || is_silent
            };
            self.pulse.until(|news| is_over(news).then_some(())).await;
            hurry.cancel();
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            accounts = feed.finish() => accounts,
            never = hurried => match never {},
        }
    }

    /// Makes the file in which the seconds are kept. A run does without, where there can't be one.
    fn keep(&self, briefing: Briefing, started: &Arc<OnceLock<i64>>) -> Option<Keeping> {
        let place = &self.fleet.place;
        let head = Head {
            program: name_of(&self.config.program),
            worker: place.index,
            host: Generator::host_name(),
            cores: Resources::of_this_process().cores,
            start_us: 0,
            briefing,
        };
        let reports = &self.fleet.report_dir;
        match Keeping::start(reports, head, Arc::clone(started)) {
            Ok(keeping) => Some(keeping),
            Err(error) => {
                let (index, reports) = (place.index, reports.display());
                tell(&format!(
                    "warning: the seconds of worker {index} are not kept, in case the lead is lost: \
                     {reports} can't be written: {error} (--report-dir)"
                ));
                None
            }
        }
    }

    /// The line of this worker in the table of workers.
    fn worker(
        &self,
        driven: &Driven,
        relayed: &Relayed,
        (skew, began): (Skew, Option<Duration>),
        drift: i64,
    ) -> Worker {
        let all = TagFilter::default();
        let counter = |counter| driven.snapshot.counter(counter, &all);
        let rolls = driven.settled.iter().flat_map(|settled| &settled.rolls);
        let mut worker = Worker {
            index: self.fleet.place.index,
            host: Generator::host_name(),
            weight: self.fleet.place.weight,
            vus: rolls.map(|(_, roll)| roll.vus).sum(),
            requests: counter(Counter::Requests),
            iterations: counter(Counter::Iterations),
            dropped: counter(Counter::Dropped),
            cpu_percent: relayed.worst.cpu_percent,
            lag_ms: relayed.worst.lag_ms,
            began_ms: began.unwrap_or_default().as_secs_f64() * 1_000.0,
            skew_ms: skew.error.as_secs_f64() * 1_000.0,
            drift_ms: drift as f64 / 1_000.0,
            findings: relayed.findings.clone(),
            lost: false,
        };
        worker.find();
        worker
    }
}

/// How this machine's clock and the store's are to each other.
pub(super) async fn skew(store: &Store) -> Result<Skew, Ended> {
    let skew = store.clone().skew().await;
    skew.map_err(|error| Ended::lost(error.to_string()))
}

/// Closes the file of the seconds with the totals.
fn left(mut keeping: Keeping, totals: &Totals, ended: Option<&Ended>) -> Left {
    let error = ended.map(|ended| ended.why.clone());
    let totals = Totals {
        error: error.or_else(|| totals.error.clone()),
        ..totals.clone()
    };
    keeping.add(Kind::Totals, &totals.encode());
    keeping.end()
}

/// Number of a user, and what it knows.
fn known_of<U: User>(mut user: U) -> (u32, Vec<u8>) {
    (user.vu().number, user.pack())
}

fn totals(driven: Driven, relayed: &Relayed, worker: Worker) -> Totals {
    Totals {
        whole: Frame {
            second: relayed.last,
            elapsed: driven.duration,
            snapshot: driven.snapshot,
        },
        sent: relayed.sent,
        settled: driven.settled,
        failures: driven.failures,
        lacks: driven.lacks,
        error: driven.error,
        worker,
        duration: driven.duration,
        outputs: Value::Null,
        users: Vec::new(),
    }
}
