//! The seconds of all workers, added up and handed to the observers of a load, as if one process
//! had made them.

use std::sync::Arc;

use serde::Deserialize;

use super::drive::{Driven, Watch};
use crate::config::RunConfig;
use crate::executor::{Clock, Plan};
use crate::fleet::{self, Gather, Second, Totals, Whole, Worker, disagreement, settled};
use crate::health::Health;
use crate::metrics::Snapshot;
use crate::output::Account;
use crate::sampler::{Tick, UnderLoad};
use crate::vu::Failures;

/// What became of a worker's rows.
fn outputs(totals: &Totals) -> Vec<Account> {
    let accounts = Vec::<Account>::deserialize(&totals.outputs);
    let mut accounts = accounts.unwrap_or_default();
    for account in &mut accounts {
        account.name = format!("{} of worker {}", account.name, totals.worker.index);
    }
    accounts
}

/// What several workers have made so far.
pub(super) struct Union {
    pub(super) gather: Gather,
    plan: Plan,
    clocks: Vec<Arc<Clock>>,
    /// Milliseconds since 1970, by the store's clock.
    start_ms: i64,
    /// Samples of the set-up, which no worker makes.
    own: Snapshot,
    second: Snapshot,
    total: Snapshot,
    under_load: UnderLoad,
    workers: u32,
    pub(super) watch: Watch,
}

impl Union {
    /// Of so many workers, that started at this time of the store's clock.
    pub(super) fn new(
        config: &RunConfig,
        (workers, start_us): (u32, i64),
        own: Snapshot,
        watch: Watch,
    ) -> Self {
        let plan = config.plan();
        let named = Snapshot {
            names: config.names(),
            ..Snapshot::default()
        };
        Self {
            gather: Gather::new(workers),
            clocks: plan.clocks(),
            plan,
            start_ms: start_us / 1_000,
            own,
            second: named.clone(),
            total: named,
            under_load: UnderLoad::default(),
            workers,
            watch,
        }
    }

    /// Takes a second of a worker.
    pub(super) fn take(&mut self, worker: u32, second: Second) {
        self.gather.take(worker, second);
    }

    /// Hands on every second that is complete.
    pub(super) fn flow(&mut self) {
        while let Some(whole) = self.gather.whole() {
            self.tick(&whole);
        }
    }

    fn tick(&mut self, whole: &Whole) {
        let frames = whole.parts.iter().map(|(_, second)| &second.frame);
        fleet::merge(frames, &mut self.second);
        // Those of the workers are longer and shorter by how punctual each of them was.
        self.second.duration = whole.elapsed.saturating_sub(self.total.duration);
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
        let health = Health { at_ms, ..health };
        self.watch.observe(&tick, health, &whole.parts);
    }

    /// In what the workers' totals are not the sum of their seconds, if all have left some.
    pub(super) fn disagreement(&self, all: &[Totals]) -> Option<String> {
        let mut whole = self.own.clone();
        all.iter()
            .for_each(|totals| whole.merge(&totals.whole.snapshot));
        disagreement(&self.total, &whole)
    }

    /// What came of it, with the workers that have left no totals. `error` says why it can't be
    /// judged, if it can't.
    pub(super) fn finish(
        mut self,
        all: &[Totals],
        lost: Vec<Worker>,
        error: Option<String>,
    ) -> (Driven, Watch) {
        let ended = all.iter().map(|totals| totals.duration).max();
        let ended = ended.filter(|_| all.len() == self.workers as usize);
        let lasted = ended.unwrap_or(self.total.duration);
        self.total.duration = lasted;
        let workers = all.iter().map(|totals| totals.worker.clone());
        let mut workers: Vec<_> = workers.chain(lost).collect();
        workers.sort_by_key(|worker| worker.index);
        let failures = Failures::default();
        for (name, status, text) in all.iter().flat_map(|totals| &totals.failures) {
            failures.keep(name, *status, text);
        }
        let lacks = all.iter().flat_map(|totals| totals.lacks.clone());
        lacks.for_each(|lack| failures.lack(lack));
        let driven = Driven {
            snapshot: self.total,
            duration: lasted,
            failures: failures.samples(),
            lacks: failures.lacks(),
            settled: settled(all),
            workers,
            outputs: all.iter().flat_map(outputs).collect(),
            error,
        };
        (driven, self.watch)
    }
}
