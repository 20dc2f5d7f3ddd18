//! The lead of a run on several machines, before and after the load: it waits for the workers,
//! tells them what the run is, and in the end how it came out.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::prepare::Refusal;
use crate::config::{Fleet, RunConfig, Told};
use crate::executor::Control;
use crate::fleet::{
    Member, Message, Newcomer, News, Over, Phase, Pulse, SILENCE, Store, StoreError,
};
use crate::output::Address;
use crate::report::Generator;
use crate::suite::Suite;
use crate::threshold::ExitCode;
use crate::tui::tell;

/// From the last worker's being ready to the start: long enough for all to hear of it.
const AHEAD: Duration = Duration::from_millis(1_200);
/// How long workers may take to leave when the run is over.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// What the workers are told before the set-up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Briefing {
    /// Name of the run.
    pub(super) id: String,
    /// The configuration.
    pub(super) told: Told,
    /// Where chance begins.
    pub(super) seed: u64,
    /// How much of the load each worker takes.
    pub(super) weights: Vec<u32>,
    /// Where each sends its samples, if they are asked for; secrets are each process's own.
    #[serde(default)]
    pub(super) samples: Vec<String>,
}

/// The lead's place at the store.
pub(super) struct Lead {
    pub(super) store: Store,
    pub(super) pulse: Pulse,
    pub(super) workers: u32,
    wait: Duration,
    told: Told,
}

/// Why a wait for workers is over.
enum Waited {
    /// All of them are so far.
    Done(Vec<Member>),
    /// One of them can't go on, or there is one too many.
    Hopeless(String),
    /// One of them was told to end.
    Signalled,
}

pub(super) fn newcomer(fleet: &Fleet, digest: Option<String>, version: &str) -> Newcomer {
    Newcomer {
        index: fleet.place.index,
        token: format!(
            "{:016x}{:016x}",
            rand::random::<u64>(),
            rand::random::<u64>()
        ),
        version: version.to_owned(),
        digest,
        weight: fleet.place.weight,
        host: Generator::host_name(),
        workers: fleet.place.workers.filter(|_| fleet.place.is_lead()),
    }
}

/// Joins the run. An engine may start the store with the processes, so one that doesn't answer yet is
/// waited for.
pub(super) async fn join(fleet: &Fleet, newcomer: &Newcomer) -> Result<Store, Refusal> {
    const TRY_AGAIN_AFTER: Duration = Duration::from_millis(500);
    let place = &fleet.place;
    let began = Instant::now();
    let mut said = false;
    loop {
        match Store::join(&place.store, &place.run, newcomer).await {
            Ok(store) => return Ok(store),
            Err(error) if error.may_pass() && began.elapsed() < fleet.wait => {
                if !said {
                    tell(&format!("waiting for {error}"));
                    said = true;
                }
                sleep(TRY_AGAIN_AFTER).await;
            }
            Err(error) => return Err(Refusal::Fleet(explained(&error))),
        }
    }
}

fn explained(error: &StoreError) -> String {
    match error {
        StoreError::Redis(_) => format!("{error}; the processes can't meet there"),
        error => error.to_string(),
    }
}

impl Lead {
    /// Takes the lead's place.
    pub(super) async fn join<S: Suite>(
        fleet: &Fleet,
        config: &RunConfig,
        control: &Control,
        telemetry: &Handle,
    ) -> Result<Self, Refusal> {
        if S::pack_world(&S::World::default()).is_none() {
            let name = config.program.name;
            let message = format!(
                "{name} can't run on several machines: it does not say what \
                workers must know of its set-up (Suite::pack_world)"
            );
            return Err(Refusal::Fleet(message));
        }
        let version = config.program.version;
        let newcomer = newcomer(fleet, Some(fleet.told.digest()), version);
        let store = tokio::select! {
            store = join(fleet, &newcomer) => store?,
            () = control.stopping().cancelled() => return Err(Refusal::Signal),
        };
        Ok(Self {
            pulse: Pulse::start(store.clone(), true, telemetry),
            store,
            workers: fleet.place.workers.unwrap_or(1),
            wait: fleet.wait,
            told: fleet.told.clone(),
        })
    }

    /// Tells the workers what the run is, when all have come, and waits until each has found the
    /// server and has room for its share.
    pub(super) async fn brief(
        &self,
        id: &str,
        config: &RunConfig,
        control: &Control,
        say: impl Fn(&str),
    ) -> Result<(), Refusal> {
        let roll = self.until(Phase::Joined, control, &say).await?;
        let briefing = Briefing {
            id: id.to_owned(),
            told: self.told.clone(),
            seed: config.seed,
            weights: roll.iter().map(|member| member.weight).collect(),
            samples: match config.influx_raw {
                true => config.outputs.iter().filter_map(Address::shared).collect(),
                false => Vec::new(),
            },
        };
        let bytes = serde_json::to_vec(&briefing).unwrap_or_default();
        let published = self.store.clone().publish(Message::Briefing, &bytes).await;
        published.map_err(|error| Refusal::Fleet(explained(&error)))?;
        self.until(Phase::There, control, &say).await.map(drop)
    }

    /// Gives the workers what the set-up learned, and sets the start when all are ready: in
    /// microseconds of the store's clock.
    pub(super) async fn open(
        &self,
        world: &[u8],
        control: &Control,
        say: impl Fn(&str),
    ) -> Result<i64, Refusal> {
        let told = |error: StoreError| Refusal::Fleet(explained(&error));
        let mut store = self.store.clone();
        store.publish(Message::Opening, world).await.map_err(told)?;
        self.until(Phase::Ready, control, &say).await?;
        let missing = store.start(AHEAD).await.map_err(told)?;
        if let Some(index) = missing.first() {
            let message = format!("worker {index} was lost before the start");
            return Err(Refusal::Fleet(message));
        }
        let start = self.pulse.until(|news| {
            let lost = news.lost.clone().map(Err);
            news.heard.start.map(Ok).or(lost)
        });
        start.await.map_err(Refusal::Fleet)
    }

    /// Waits until every worker is so far; gives them in the sequence of their numbers.
    async fn until(
        &self,
        phase: Phase,
        control: &Control,
        say: impl Fn(&str),
    ) -> Result<Vec<Member>, Refusal> {
        let mut said = String::new();
        let waited = self.pulse.until(|news| {
            let missing = missing(news, self.workers, phase);
            let waits = waits_for(&missing, phase);
            if said != waits && !missing.is_empty() {
                say(&waits);
                said = waits;
            }
            self.waited(news, &missing, phase)
        });
        let waited = tokio::select! {
            waited = timeout(self.wait, waited) => waited,
            () = control.stopping().cancelled() => return Err(Refusal::Signal),
        };
        match waited {
            Ok(Waited::Done(roll)) => Ok(roll),
            Ok(Waited::Hopeless(why)) => Err(Refusal::Fleet(why)),
            Ok(Waited::Signalled) => Err(Refusal::Signal),
            Err(_) => {
                let missing = missing(&self.pulse.news(), self.workers, phase);
                let wait = humantime::format_duration(self.wait);
                let waits = waits_for(&missing, phase);
                Err(Refusal::Fleet(format!(
                    "{waits}: gave up after {wait} (--fleet-wait)"
                )))
            }
        }
    }

    fn waited(&self, news: &News, missing: &BTreeSet<u32>, phase: Phase) -> Option<Waited> {
        if let Some(lost) = &news.lost {
            return Some(Waited::Hopeless(lost.clone()));
        }
        let workers = || news.roll.iter().filter(|member| member.index > 0);
        if let Some(one) = workers().find(|member| member.index > self.workers) {
            let (name, workers) = (one.name(), self.workers);
            let why =
                format!("{name} has joined, but there are only {workers} workers (--workers)");
            return Some(Waited::Hopeless(why));
        }
        if workers().any(|member| member.state.signalled) {
            return Some(Waited::Signalled);
        }
        let failed = workers().find(|member| member.state.phase == Phase::Failed);
        if let Some(one) = failed {
            let reason = one.state.reason.as_deref().unwrap_or("it can't go on");
            return Some(Waited::Hopeless(format!("{}: {reason}", one.name())));
        }
        // Before it has a share, another process may take its place.
        let silent = workers().find(|member| member.silent > SILENCE && phase > Phase::Joined);
        if let Some(one) = silent {
            return Some(Waited::Hopeless(format!(
                "{} was lost before the start",
                one.name()
            )));
        }
        missing
            .is_empty()
            .then(|| Waited::Done(workers().cloned().collect()))
    }

    /// Tells all how the run came out, and leaves when they have.
    pub(super) async fn over(self, exit: ExitCode, reason: &str) {
        let over = Over {
            code: exit.code(),
            reason: reason.to_owned(),
        };
        let mut store = self.store.clone();
        let told = store.over(&over).await;
        let others_left = async {
            while self
                .pulse
                .news()
                .roll
                .iter()
                .any(|member| member.index > 0 && member.silent < SILENCE)
            {
                sleep(Duration::from_millis(50)).await;
            }
        };
        if told.is_ok() && self.pulse.news().lost.is_none() {
            let _ = timeout(LEAVE_WITHIN, others_left).await;
            drop(self.pulse);
            let _ = store.leave().await;
        }
    }
}

/// The workers that aren't so far.
fn missing(news: &News, workers: u32, phase: Phase) -> BTreeSet<u32> {
    let is_so_far = |member: &&Member| member.state.phase >= phase && member.silent <= SILENCE;
    let there: BTreeSet<u32> = news
        .roll
        .iter()
        .filter(is_so_far)
        .map(|member| member.index)
        .collect();
    (1..=workers)
        .filter(|index| !there.contains(index))
        .collect()
}

/// `waits for workers 2, 3 to come`.
fn waits_for(missing: &BTreeSet<u32>, phase: Phase) -> String {
    const MOST: usize = 10;
    let mut numbers: Vec<String> = missing.iter().take(MOST).map(u32::to_string).collect();
    if missing.len() > MOST {
        numbers.push("…".to_owned());
    }
    let (s, numbers) = (
        if missing.len() == 1 { "" } else { "s" },
        numbers.join(", "),
    );
    let what = match phase {
        Phase::Joined => "to come",
        Phase::There => "to find the server",
        Phase::Ready | Phase::Done | Phase::Failed => "to be ready",
    };
    format!("waiting for worker{s} {numbers} {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::State;

    fn member(index: u32, phase: Phase, silent_ms: u64) -> Member {
        Member {
            index,
            host: "h".to_owned(),
            weight: 1,
            silent: Duration::from_millis(silent_ms),
            state: State {
                phase,
                ..State::default()
            },
        }
    }

    #[test]
    fn who_is_missing_is_named() {
        let news = News {
            roll: vec![
                member(0, Phase::Joined, 0),
                member(1, Phase::There, 10),
                member(2, Phase::Joined, 10),
                member(3, Phase::There, 6_000),
            ],
            ..News::default()
        };
        let missing = |phase| waits_for(&super::missing(&news, 4, phase), phase);
        assert_eq!(missing(Phase::Joined), "waiting for workers 3, 4 to come");
        assert_eq!(
            missing(Phase::There),
            "waiting for workers 2, 3, 4 to find the server"
        );
        let all = super::missing(&news, 100, Phase::Ready);
        assert!(waits_for(&all, Phase::Ready).contains("9, 10, … to be ready"));
    }
}
