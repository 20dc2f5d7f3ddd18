//! A worker of a run on several machines: it takes the lead's configuration, makes its share of the
//! load, and leaves what came of it at the store. The verdict is the lead's.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::attempt::Run;
use super::attend::{Attend, lead_lost};
use super::drive::{Driven, Duty, drive};
use super::keeping::{Keeping, Left};
use super::kept::{Head, name_of};
use super::lead::{Briefing, join, newcomer};
use super::prepare::Refusal;
use super::relay::{Relay, Relayed};
use super::seats::users;
use super::server::Server;
use crate::config::{Fleet, Outline, Problem, Program, RunConfig, load_told};
use crate::executor::{Control, Gate, Share};
use crate::fleet::{Frame, Kind, Message, Phase, Pulse, SILENCE, Skew, Store, Totals, Worker};
use crate::health::Lag;
use crate::metrics::{Counter, TagFilter};
use crate::progress::Progress;
use crate::report::Generator;
use crate::suite::{Suite, User, WorkerOf};
use crate::threshold::{ExitCode, Threshold};
use crate::tui::tell;

/// How often the store is asked for what the lead has to tell.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// How long the lead may take to hear why a worker can't go on.
const HEARD_WITHIN: Duration = Duration::from_secs(3);

/// Why a worker ends without the lead's verdict.
#[derive(Debug)]
struct Ended {
    exit: ExitCode,
    why: String,
    /// Whether the lead doesn't know it.
    is_news: bool,
}

impl Ended {
    fn lost(why: String) -> Self {
        Self {
            exit: ExitCode::Invalid,
            why,
            is_news: false,
        }
    }

    /// What this process lacks, and the lead is to hear.
    fn unfit(why: String) -> Self {
        Self {
            exit: ExitCode::BadConfiguration,
            why,
            is_news: true,
        }
    }
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Self {
            exit: refusal.exit(),
            ..Self::unfit(refusal.to_string())
        }
    }
}

/// Makes a worker's share of a run.
pub async fn work<S: Suite>(
    outline: &Outline,
    fleet: Fleet,
    variables: Vec<(String, String)>,
    control: Arc<Control>,
    telemetry: Handle,
) -> ExitCode {
    let name = format!("worker {}", fleet.place.index);
    let digest = (!fleet.told.is_empty()).then(|| fleet.told.digest());
    let newcomer = newcomer(&fleet, digest, outline.program.version);
    let joined = tokio::select! {
        joined = join(&fleet, &newcomer) => joined,
        () = control.stopping().cancelled() => Err(Refusal::Signal),
    };
    let store = match joined {
        Ok(store) => store,
        Err(refusal) => {
            tell(&format!("error: {name}: {refusal}"));
            return refusal.exit();
        }
    };
    let post = Post {
        pulse: Pulse::start(store.clone(), false, &telemetry),
        store,
        fleet,
        control,
        telemetry,
        left: OnceLock::new(),
    };
    let ended = post.serve::<S>(outline, &variables).await;
    let ended = match ended {
        Ok(()) => post.verdict().await,
        Err(ended) => post.bow_out(ended).await,
    };
    tell(&format!("{name}: {}", ended.why));
    post.settle(outline.program.name);
    let _ = timeout(HEARD_WITHIN, post.store.clone().leave()).await;
    ended.exit
}

/// A worker's place in its run.
struct Post {
    store: Store,
    pulse: Pulse,
    fleet: Fleet,
    control: Arc<Control>,
    telemetry: Handle,
    /// The file in which its seconds are kept, when its load is over.
    left: OnceLock<Left>,
}

impl Post {
    /// From the lead's first word to the totals.
    async fn serve<S: Suite>(
        &self,
        outline: &Outline,
        variables: &[(String, String)],
    ) -> Result<(), Ended> {
        let index = self.fleet.place.index;
        tell(&format!("worker {index}: waiting for the lead"));
        let briefing = self.message(Message::Briefing).await?;
        let briefing: Briefing = serde_json::from_slice(&briefing)
            .map_err(|error| Ended::unfit(format!("what the lead told can't be read: {error}")))?;
        let config = load_told(outline, &briefing.told, briefing.seed, variables)
            .map_err(|problems| Ended::unfit(joined(&problems)))?;
        let share = Share::new(briefing.weights.clone(), index as usize - 1);
        let share =
            share.ok_or_else(|| Ended::unfit("the lead knows no such worker".to_owned()))?;
        let users = users(&config.scenarios, &share);
        let progress = Progress::new(true, &config.plan());
        let server = Server::find::<S>(&config, &users, &progress).await?;
        let (vus, all) = (users.len(), config.plan().vus_max());
        let (id, host) = (&briefing.id, &server.label);
        tell(&format!(
            "worker {index}: {vus} of {all} VUs of {id} against {host}"
        ));
        self.pulse.say(|state| state.phase = Phase::There);
        let opening = self.message(Message::Opening).await?;
        let worker = WorkerOf {
            number: index - 1,
            workers: briefing.weights.len() as u32,
            options: &config.options,
        };
        let world = S::unpack_world(&opening, &worker)
            .map_err(|error| Ended::unfit(format!("the lead's set-up can't be read: {error}")))?;
        let skew = self.skew().await?;
        let totals = self
            .load::<S>(
                (&config, &server),
                (share, skew),
                &Arc::new(world),
                briefing,
            )
            .await?;
        self.leave(&totals).await
    }

    /// Makes the load.
    async fn load<S: Suite>(
        &self,
        (config, server): (&RunConfig, &Server),
        (share, skew): (Share, Skew),
        world: &Arc<S::World>,
        briefing: Briefing,
    ) -> Result<Totals, Ended> {
        let thresholds = config.thresholds.iter();
        thresholds.for_each(Threshold::measure_exactly);
        let gate = Arc::new(Gate::default());
        let attend = Attend::new(&self.pulse, &self.store, skew, &gate, &self.control);
        let lag = Arc::new(Lag::default());
        let keeping = self.keep(&config.program, briefing, attend.started());
        let on = (&config.limits, &self.telemetry);
        let relay = Relay::start(self.store.clone(), keeping, &lag, on);
        let run = Run {
            config,
            server,
            control: attend.control(),
            telemetry: &self.telemetry,
            lag: &lag,
            lead: None,
        };
        let duty = Duty {
            share,
            gate: Some(Arc::clone(&gate)),
            raw: None,
            observer: relay,
        };
        let (driven, users, relay) = tokio::select! {
            driven = drive::<S, _>(run, world, duty) => driven,
            never = attend.listen() => match never {},
        };
        let (relayed, sending, keeping) = relay.end();
        let drift = match attend.trouble() {
            Some(why) => Err(Ended::lost(why.to_owned())),
            None => self.skew().await.map(|now| now.since(&skew)),
        };
        let known = *drift.as_ref().unwrap_or(&0);
        let worker = self.worker(&driven, &relayed, (skew, known), gate.passed());
        let mut totals = totals(driven, &relayed, worker);
        if let Some(keeping) = keeping {
            self.left(keeping, &totals, drift.as_ref().err());
        }
        drift?;
        sending.finish().await.map_err(Ended::lost)?;
        totals.users = users.into_iter().map(known_of).collect();
        Ok(totals)
    }

    /// Makes the file in which the seconds are kept. A run does without, where there can't be one.
    fn keep(
        &self,
        program: &Program,
        briefing: Briefing,
        started: &Arc<OnceLock<i64>>,
    ) -> Option<Keeping> {
        let place = &self.fleet.place;
        let head = Head {
            program: name_of(program),
            worker: place.index,
            host: Generator::host_name(),
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

    /// Closes the file of the seconds with the totals.
    fn left(&self, mut keeping: Keeping, totals: &Totals, ended: Option<&Ended>) {
        let error = ended.map(|ended| ended.why.clone());
        let totals = Totals {
            error: error.or_else(|| totals.error.clone()),
            ..totals.clone()
        };
        keeping.add(Kind::Totals, &totals.encode());
        let _ = self.left.set(keeping.end());
    }

    /// Takes the file away if the lead has judged the run, and otherwise tells of it.
    fn settle(&self, program: &str) {
        let Some(left) = self.left.get() else { return };
        let index = self.fleet.place.index;
        if self.pulse.news().heard.over.is_some() {
            left.remove();
        } else if let Some(told) = left.told(index, program) {
            tell(&format!("worker {index}: {told}"));
        }
    }

    /// The line of this worker in the table of workers.
    fn worker(
        &self,
        driven: &Driven,
        relayed: &Relayed,
        (skew, drift): (Skew, i64),
        began: Option<Duration>,
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

    async fn skew(&self) -> Result<Skew, Ended> {
        let skew = self.store.clone().skew().await;
        skew.map_err(|error| Ended::lost(error.to_string()))
    }

    /// Leaves the totals, and says so.
    async fn leave(&self, totals: &Totals) -> Result<(), Ended> {
        let bytes = totals.encode();
        let mut store = self.store.clone();
        let mut tries = 0;
        while let Err(error) = store.leave_totals(&bytes).await {
            tries += 1;
            if tries == 5 || error.is_final() {
                return Err(Ended::lost(error.to_string()));
            }
            sleep(ASK_EVERY).await;
        }
        self.pulse.say(|state| state.phase = Phase::Done);
        Ok(())
    }

    /// What the lead has to tell before the start.
    async fn message(&self, message: Message) -> Result<Vec<u8>, Ended> {
        let asked = async {
            let mut store = self.store.clone();
            loop {
                if let Ok(Some(bytes)) = store.published(message).await {
                    return bytes;
                }
                sleep(ASK_EVERY).await;
            }
        };
        let wait = self.fleet.wait;
        tokio::select! {
            bytes = asked => Ok(bytes),
            ended = self.ended() => Err(ended),
            () = self.signalled() => Err(Ended {
                exit: ExitCode::Interrupted,
                why: "stopped by a signal before the load".to_owned(),
                is_news: false,
            }),
            () = sleep(wait) => Err(Ended {
                exit: ExitCode::BadConfiguration,
                why: format!("no word of the lead for {} (--fleet-wait)", humantime::format_duration(wait)),
                is_news: false,
            }),
        }
    }

    /// Waits until the run is over, or nothing more can be heard of it.
    async fn ended(&self) -> Ended {
        self.pulse
            .until(|news| {
                if let Some(over) = &news.heard.over {
                    let exit = ExitCode::of_code(over.code);
                    let code = over.code;
                    let reason = match &*over.reason {
                        "" => "it passed",
                        reason => reason,
                    };
                    return Some(Ended {
                        exit,
                        why: format!("the lead ended the run with exit code {code}: {reason}"),
                        is_news: false,
                    });
                }
                if let Some(lost) = &news.lost {
                    return Some(Ended::lost(lost.clone()));
                }
                let silent = news.heard.lead_silent?;
                (silent > SILENCE).then(|| Ended::lost(lead_lost()))
            })
            .await
    }

    /// Tells the lead of a signal, and waits until it had the time to hear it.
    async fn signalled(&self) {
        self.control.stopping().cancelled().await;
        self.pulse.say(|state| state.signalled = true);
        sleep(HEARD_WITHIN).await;
    }

    /// The verdict, when this worker's share is done.
    async fn verdict(&self) -> Ended {
        // Another signal ends the wait, not the run.
        tokio::select! {
            ended = self.ended() => ended,
            () = self.control.cutting().cancelled() => Ended {
                exit: ExitCode::Interrupted,
                why: "interrupted while the lead had no verdict yet".to_owned(),
                is_news: false,
            },
        }
    }

    /// Tells the lead why this worker can't go on, and waits until it has heard it.
    async fn bow_out(&self, ended: Ended) -> Ended {
        if ended.is_news {
            let reason = Some(ended.why.clone());
            self.pulse.say(|state| {
                state.phase = Phase::Failed;
                state.reason = reason;
            });
            let _ = timeout(HEARD_WITHIN, self.ended()).await;
        }
        ended
    }
}

fn joined(problems: &[Problem]) -> String {
    let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
    problems.join("; ")
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
        users: Vec::new(),
    }
}
