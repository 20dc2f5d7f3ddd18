//! The load of a run on several machines, as seen by the lead: the workers make it, and their
//! seconds go to the same observers as those of a local load.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::attempt::Run;
use super::drive::{Driven, Watch, end_grace, newcomers};
use super::lead::Lead;
use super::muster::Muster;
use super::union::Union;
use crate::fleet::{self, Decoder, Second, Totals};
use crate::metrics::{Recorder, Snapshot};
use crate::suite::{Suite, User};

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
    let grace = conductor.grace;
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
    decoder: Decoder,
    totals: BTreeMap<u32, Totals>,
    grace: Duration,
    union: Union,
}

impl<'a> Conductor<'a> {
    fn new(run: Run<'_>, lead: &'a Lead, start: i64, watch: Watch) -> Self {
        let recorder = Recorder::default();
        for noted in run.server.admin.take_noted() {
            noted.record(&recorder, watch.outlets.raw.as_deref());
        }
        let mut own = Snapshot::default();
        recorder.drain(&mut own);
        Self {
            muster: Muster::new(lead),
            decoder: Decoder::default(),
            totals: BTreeMap::new(),
            grace: run.config.plan().graceful_stop(),
            union: Union::new(run.config, (lead.workers, start), own, watch),
        }
    }

    /// Until every worker has come to its end, or is lost.
    async fn run(&mut self, run: Run<'_>) {
        let mut store = self.muster.lead.store.clone();
        loop {
            let began = Instant::now();
            for worker in self.muster.look(run.control).await {
                self.union.gather.end(worker);
            }
            if self.muster.is_hopeless() {
                return;
            }
            self.take_totals(&mut store).await;
            let seen = self.union.gather.seen();
            if !seen.is_empty()
                && let Ok(sent) = store.receive(&seen).await
            {
                sent.iter().for_each(|sent| self.take(sent));
            }
            for (worker, totals) in &self.totals {
                if self.union.gather.has(*worker, totals.last()) {
                    self.union.gather.end(*worker);
                }
            }
            self.union.flow();
            if self.union.gather.is_over() {
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
                self.union.take(sent.worker, second);
            }
            Ok(_) => self
                .muster
                .broken(sent.worker, "a second has another number"),
            Err(error) => self.muster.broken(sent.worker, &error.to_string()),
        }
    }

    /// What came of it, and what every user knows.
    fn finish(self) -> (Driven, HashMap<u32, Vec<u8>>, Watch) {
        let mut all: Vec<Totals> = self.totals.into_values().collect();
        let users = all.iter_mut().flat_map(|totals| totals.users.drain(..));
        let knows = users.collect();
        let error = self.muster.error().or_else(|| {
            let of_worker = |totals: &Totals| {
                let error = totals.error.as_ref()?;
                Some(format!("worker {}: {error}", totals.worker.index))
            };
            all.iter().find_map(of_worker)
        });
        let error = error.or_else(|| self.union.disagreement(&all));
        let lost = self.muster.lost();
        let (driven, watch) = self.union.finish(&all, lost, error);
        (driven, knows, watch)
    }
}
