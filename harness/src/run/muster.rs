//! Which workers are present while the load runs, and what they are told: to stop, and to cut
//! what still runs. A lost worker ends the run.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::lead::Lead;
use crate::executor::Control;
use crate::fleet::{Member, Phase, SILENCE, Worker};

/// From a stop's being told to its instant: long enough for all to hear of it.
const AHEAD: Duration = Duration::from_millis(800);
/// How long workers may take for the rest when everything was cut.
const REST: Duration = Duration::from_secs(6);

/// The workers while the load runs.
pub(super) struct Muster<'a> {
    pub(super) lead: &'a Lead,
    members: BTreeMap<u32, Member>,
    lost: BTreeMap<u32, String>,
    /// What ends the run though no worker is lost.
    broken: Option<String>,
    stopped: bool,
    cut: bool,
    /// When all is to be over.
    until: Option<Instant>,
}

impl<'a> Muster<'a> {
    pub(super) const fn new(lead: &'a Lead) -> Self {
        Self {
            lead,
            members: BTreeMap::new(),
            lost: BTreeMap::new(),
            broken: None,
            stopped: false,
            cut: false,
            until: None,
        }
    }

    /// Looks who is there, and tells the others what is to be told. Gives those of whom nothing
    /// more will come.
    pub(super) async fn look(&mut self, control: &Control) -> Vec<u32> {
        let news = self.lead.pulse.news();
        if let Some(lost) = news.lost {
            self.broken.get_or_insert(lost);
            return Vec::new();
        }
        if !news.roll.is_empty() {
            self.note(&news.roll);
        }
        if self.members.values().any(|member| member.state.signalled) && !control.signalled() {
            control.terminate();
        }
        // Nobody takes over the users of a lost worker, and what it did can't be checked.
        if !self.lost.is_empty() {
            control.cut();
        }
        self.tell(control).await;
        self.lost.keys().copied().collect()
    }

    fn note(&mut self, roll: &[Member]) {
        let over = self.until.is_some_and(|until| until < Instant::now());
        for index in 1..=self.lead.workers {
            let member = roll.iter().find(|member| member.index == index);
            let is_done = |member: &Member| member.state.phase == Phase::Done;
            let why = match member {
                None => Some("the store has forgotten it".to_owned()),
                Some(member) if is_done(member) => None,
                Some(member) if member.state.phase == Phase::Failed => {
                    let reason = member.state.reason.clone();
                    Some(reason.unwrap_or_else(|| "it can't go on".to_owned()))
                }
                Some(member) if member.silent > SILENCE => {
                    let silence = SILENCE.as_secs();
                    Some(format!("nothing was heard of it for {silence} s"))
                }
                Some(_) if over => Some("it did not come to an end".to_owned()),
                Some(_) => None,
            };
            let known = self.members.get(&index);
            // What it has left is at the store, whatever became of it since.
            if let Some(why) = why.filter(|_| !known.is_some_and(is_done)) {
                self.lost.entry(index).or_insert(why);
            }
            if let Some(member) = member {
                self.members.insert(index, member.clone());
            }
        }
    }

    async fn tell(&mut self, control: &Control) {
        let mut store = self.lead.store.clone();
        if control.stopping().is_cancelled() && !self.stopped {
            let at = store.now().await;
            if let Ok(now) = at {
                let at = now + AHEAD.as_micros() as i64;
                self.stopped = store.stop(at).await.is_ok();
            }
        }
        if control.cutting().is_cancelled() && !self.cut {
            self.cut = store.cut().await.is_ok();
            self.until = Some(Instant::now() + REST);
        }
    }

    /// The workers that have left their totals.
    pub(super) fn done(&self) -> Vec<u32> {
        let done = self.members.values();
        let done = done.filter(|member| member.state.phase == Phase::Done);
        done.map(|member| member.index).collect()
    }

    /// Notes that what a worker sent can't be read.
    pub(super) fn broken(&mut self, worker: u32, error: &str) {
        self.broken
            .get_or_insert_with(|| format!("worker {worker}: {error}"));
    }

    /// Whether nothing more is to be waited for.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.broken.is_some()
    }

    /// Why the run can't say anything, if so.
    pub(super) fn error(&self) -> Option<String> {
        let lost = self.lost.iter().map(|(index, why)| {
            let member = self.members.get(index);
            let name = member.map_or_else(|| format!("worker {index}"), Member::name);
            format!("{name} was lost: {why}")
        });
        let all: Vec<String> = lost.chain(self.broken.clone()).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// The lost ones, for the table of workers.
    pub(super) fn lost(&self) -> Vec<Worker> {
        let lost = self.lost.iter().map(|(index, why)| {
            let member = self.members.get(index);
            Worker {
                index: *index,
                host: member.map_or_else(String::new, |member| member.host.clone()),
                weight: member.map_or(1, |member| member.weight),
                findings: vec![why.clone()],
                lost: true,
                ..Worker::default()
            }
        });
        lost.collect()
    }
}
