//! The load as the lead of a run on several machines has it: the workers make it, and their seconds
//! go to whoever watches a load that is made here.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::attempt::Run;
use super::drive::{Driven, Watch, end_grace, newcomers};
use super::lead::Lead;
use super::muster::Muster;
use crate::executor::{Clock, Plan};
use crate::fleet::{self, Decoder, Gather, Second, Totals, Whole, disagreement, settled};
use crate::health::Health;
use crate::metrics::{Recorder, Snapshot};
use crate::sampler::{Tick, UnderLoad};
use crate::suite::{Suite, User};
use crate::vu::Failures;

/// How often the store is asked for seconds.
const EVERY: Duration = Duration::from_millis(100);

/// Has the workers make the load. Gives what came of it, the users with what they know, and the
/// watch back.
pub(super) async fn conduct<S: Suite>(
    run: Run<'_>,
    lead: &Lead,
    world: &Arc<S::World>,
    watch: Watch,
) -> (Driven, Vec<S::User>, Watch) {
    let Some(bytes) = S::pack_world(world) else {
        let error = "what the set-up learned can't be told to workers".to_owned();
        return (Driven::failed(error), Vec::new(), watch);
    };
    let say = |text: &str| watch.outlets.progress.step(text);
    let start = match lead.open(&bytes, run.control, say).await {
        Ok(start) => start,
        Err(super::prepare::Refusal::Signal) => return (Driven::default(), Vec::new(), watch),
        Err(refusal) => return (Driven::failed(refusal.to_string()), Vec::new(), watch),
    };
    let mut conductor = Conductor::new(run, lead, start, watch);
    let grace = conductor.plan.graceful_stop();
    tokio::select! {
        () = conductor.run(run) => {}
        never = end_grace(run.control, grace) => match never {},
    }
    let (driven, knows, watch) = conductor.finish();
    match users::<S>(run, world, knows, driven.error.is_none()) {
        Ok(users) => (driven, users, watch),
        Err(error) => {
            let error = Some(error);
            (Driven { error, ..driven }, Vec::new(), watch)
        }
    }
}

/// The users of all workers, as they would be here.
fn users<S: Suite>(
    run: Run<'_>,
    world: &Arc<S::World>,
    mut knows: HashMap<u32, Vec<u8>>,
    all: bool,
) -> Result<Vec<S::User>, String> {
    if !all {
        return Ok(Vec::new());
    }
    let mut users = newcomers::<S>(run, world);
    for user in &mut users {
        let number = user.vu().number;
        let known = knows.remove(&number);
        let known = known.ok_or_else(|| format!("no worker had virtual user {number}"))?;
        user.unpack(&known)
            .map_err(|error| format!("what virtual user {number} did can't be read: {error}"))?;
    }
    match knows.len() {
        0 => Ok(users),
        more => Err(format!(
            "workers had {more} virtual users that the run doesn't have"
        )),
    }
}

struct Conductor<'a> {
    muster: Muster<'a>,
    gather: Gather,
    decoder: Decoder,
    totals: BTreeMap<u32, Totals>,
    plan: Plan,
    clocks: Vec<Arc<Clock>>,
    /// Milliseconds since 1970, by the store's clock.
    start_ms: i64,
    /// Samples of the set-up, which the lead makes.
    own: Snapshot,
    second: Snapshot,
    total: Snapshot,
    under_load: UnderLoad,
    watch: Watch,
}

impl<'a> Conductor<'a> {
    fn new(run: Run<'_>, lead: &'a Lead, start: i64, watch: Watch) -> Self {
        let plan = run.config.plan();
        let recorder = Recorder::default();
        for noted in run.server.admin.take_noted() {
            noted.record(&recorder, None);
        }
        let mut own = Snapshot::default();
        recorder.drain(&mut own);
        let named = Snapshot {
            names: run.config.names(),
            ..Snapshot::default()
        };
        Self {
            muster: Muster::new(lead),
            gather: Gather::new(lead.workers),
            decoder: Decoder::default(),
            totals: BTreeMap::new(),
            clocks: plan.clocks(),
            plan,
            start_ms: start / 1_000,
            own,
            second: named.clone(),
            total: named,
            under_load: UnderLoad::default(),
            watch,
        }
    }

    /// Until every worker has come to its end, or is lost.
    async fn run(&mut self, run: Run<'_>) {
        let mut store = self.muster.lead.store.clone();
        loop {
            let began = Instant::now();
            for worker in self.muster.look(run.control).await {
                self.gather.end(worker);
            }
            if self.muster.is_hopeless() {
                return;
            }
            self.take_totals(&mut store).await;
            let seen = self.gather.seen();
            if !seen.is_empty()
                && let Ok(sent) = store.receive(&seen).await
            {
                sent.iter().for_each(|sent| self.take(sent));
            }
            for (worker, totals) in &self.totals {
                if self.gather.has(*worker, totals.last()) {
                    self.gather.end(*worker);
                }
            }
            while let Some(whole) = self.gather.whole() {
                self.tick(&whole);
            }
            if self.gather.is_over() {
                return;
            }
            sleep(EVERY.saturating_sub(began.elapsed())).await;
        }
    }

    /// Fetches what workers have left that are done.
    async fn take_totals(&mut self, store: &mut fleet::Store) {
        for worker in self.muster.done() {
            if self.totals.contains_key(&worker) {
                continue;
            }
            // What can't be fetched now is fetched the next time.
            if let Ok(Some(bytes)) = store.totals_of(worker).await {
                match Totals::decode(&bytes, &mut self.decoder) {
                    Ok(totals) => drop(self.totals.insert(worker, totals)),
                    Err(error) => self.muster.broken(worker, &error.to_string()),
                }
            }
        }
    }

    fn take(&mut self, sent: &fleet::Sent) {
        match Second::decode(&sent.bytes, &mut self.decoder) {
            Ok(second) if second.frame.second == sent.second => {
                self.gather.take(sent.worker, second);
            }
            Ok(_) => self
                .muster
                .broken(sent.worker, "a second has another number"),
            Err(error) => self.muster.broken(sent.worker, &error.to_string()),
        }
    }

    /// Hands a second of all workers on, as if it had been made here.
    fn tick(&mut self, whole: &Whole) {
        let frames = whole.parts.iter().map(|(_, second)| &second.frame);
        fleet::merge(frames, &mut self.second);
        if self.total.duration.is_zero() {
            self.second.merge(&self.own);
        }
        self.total.merge(&self.second);
        self.total.duration = whole.elapsed;
        let moment = (!self.gather.is_over()).then_some(whole.elapsed);
        let vus = self.second.vus.value;
        self.under_load
            .note(&mut self.total.vus, vus, moment, &self.plan);
        self.total.vus_max.set(self.second.vus_max.value);
        let mut healths = whole.parts.iter().map(|(_, second)| second.health);
        let first = healths.next().unwrap_or_default();
        let health = healths.fold(first, |all, next| all.worst(&next));
        let at_ms = u64::try_from(whole.elapsed.as_millis()).unwrap_or(u64::MAX);
        let stages = self
            .clocks
            .iter()
            .map(|clock| clock.stage_at(whole.elapsed));
        let tick = Tick {
            time_ms: self.start_ms + whole.second as i64 * 1_000,
            elapsed: whole.elapsed,
            stage: &self.plan.describe(whole.elapsed),
            stages: &stages.collect::<Vec<_>>(),
            target: self.plan.target(whole.elapsed),
            second: &self.second,
            total: &self.total,
        };
        self.watch.observe(&tick, Health { at_ms, ..health });
    }

    /// What came of it, and what every user knows.
    fn finish(mut self) -> (Driven, HashMap<u32, Vec<u8>>, Watch) {
        let mut all: Vec<Totals> = std::mem::take(&mut self.totals).into_values().collect();
        let mut whole = self.own.clone();
        all.iter()
            .for_each(|totals| whole.merge(&totals.whole.snapshot));
        let ended = all.iter().map(|totals| totals.duration).max();
        let lasted = ended.unwrap_or(self.total.duration);
        self.total.duration = lasted;
        let error = self.muster.error().or_else(|| {
            let of_worker = |totals: &Totals| {
                let error = totals.error.as_ref()?;
                Some(format!("worker {}: {error}", totals.worker.index))
            };
            all.iter().find_map(of_worker)
        });
        let error = error.or_else(|| disagreement(&self.total, &whole));
        let lost = self.muster.lost();
        let workers = all.iter().map(|totals| totals.worker.clone());
        let mut workers: Vec<_> = workers.chain(lost).collect();
        workers.sort_by_key(|worker| worker.index);
        let failures = Failures::default();
        for (name, status, text) in all.iter().flat_map(|totals| &totals.failures) {
            failures.keep(name, *status, text);
        }
        let lacks = all.iter().flat_map(|totals| totals.lacks.clone());
        lacks.for_each(|lack| failures.lack(lack));
        let users = all.iter_mut().flat_map(|totals| totals.users.drain(..));
        let knows = users.collect();
        let driven = Driven {
            snapshot: self.total,
            duration: lasted,
            failures: failures.samples(),
            lacks: failures.lacks(),
            settled: settled(&all),
            workers,
            error,
        };
        (driven, knows, self.watch)
    }
}
