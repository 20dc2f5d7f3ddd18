//! A worker of a run on several machines: it takes the lead's configuration, makes its share of the
//! load, and writes its results to the store. The lead makes the verdict.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::attend::lead_lost;
use super::ended::Ended;
use super::keeping::Left;
use super::kept::directory_in;
use super::lead::{Briefing, join, newcomer};
use super::outlets::open_samples;
use super::prepare::Refusal;
use super::seats::users;
use super::server::Server;
use super::stint::{Samples, Stint, skew};
use crate::config::{Fleet, Outline, Problem, RunConfig, load_told};
use crate::executor::{Control, Share};
use crate::fleet::{Message, Phase, Pulse, SILENCE, Store, Totals};
use crate::output::Address;
use crate::progress::Progress;
use crate::suite::{Suite, WorkerOf};
use crate::threshold::ExitCode;
use crate::tui::tell;

/// How often the store is asked for what the lead has to tell.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// How long the lead may take to hear why a worker can't go on.
const HEARD_WITHIN: Duration = Duration::from_secs(3);

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
        let briefing: Briefing = serde_json::from_slice(&briefing).map_err(|error| {
            Ended::unfit(format!("the lead's configuration can't be read: {error}"))
        })?;
        let config = load_told(outline, &briefing.told, briefing.seed, variables)
            .map_err(|problems| Ended::unfit(joined(&problems)))?;
        let share = Share::new(briefing.weights.clone(), index as usize - 1);
        let share =
            share.ok_or_else(|| Ended::unfit("the lead knows no such worker".to_owned()))?;
        let users = users(&config.scenarios, &share);
        let progress = Progress::new(true, &config.plan());
        let server = Server::find::<S>(&config, &users, &progress).await?;
        let samples = self.samples(&config, &briefing, variables).await?;
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
        let skew = skew(&self.store).await?;
        let stint = Stint {
            store: &self.store,
            pulse: &self.pulse,
            fleet: &self.fleet,
            signals: &self.control,
            telemetry: &self.telemetry,
            config: &config,
            server: &server,
        };
        let (left, totals) = stint
            .make::<S>((share, skew), &Arc::new(world), briefing, samples)
            .await;
        if let Some(left) = left {
            let _ = self.left.set(left);
        }
        self.leave(&totals?).await
    }

    /// Opens the outputs that take samples, if they are asked for.
    async fn samples(
        &self,
        config: &RunConfig,
        briefing: &Briefing,
        variables: &[(String, String)],
    ) -> Result<Option<Samples>, Ended> {
        if briefing.samples.is_empty() {
            return Ok(None);
        }
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| known == name);
            found.map(|(_, text)| text.clone())
        };
        let addresses = briefing.samples.iter();
        let addresses = addresses.map(|text| Address::parse(text, &variable));
        let addresses: Vec<Address> = addresses
            .collect::<Result<_, _>>()
            .map_err(|error| Ended::unfit(format!("--out: output {error}")))?;
        let index = self.fleet.place.index;
        let spools = directory_in(&self.fleet.report_dir, &briefing.id, index);
        let of = (briefing.id.as_str(), index);
        let opened = open_samples(config, of, addresses, (&spools, &self.telemetry)).await;
        Ok(Some(opened.map_err(Refusal::from)?))
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
                why: format!("no message from the lead for {} (--fleet-wait)", humantime::format_duration(wait)),
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
