//! The load itself: the virtual users, and the tasks that observe them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::attempt::Run;
use super::outlets::Outlets;
use super::performer::Performer;
use super::seats::{Seats, seats};
use crate::config::{RunConfig, Scenario};
use crate::diagnosis::HealthLog;
use crate::executor::{
    self, Alarm, Clock, Closing, Control, Crew, Fleet, Gate, Plan, RuntimeError, Settled, Share,
};
use crate::fleet::{Second, Worker};
use crate::health::{Health, Lag, Monitor, Resources};
use crate::metrics::{RawSamples, Recorder, Snapshot};
use crate::output::Account;
use crate::persona::Role;
use crate::sampler::{Observer, Pace, Sampled, Tick, sample};
use crate::suite::{Suite, User};
use crate::threshold::{Moment, Threshold, Timeline, abort};
use crate::vu::{Failures, Fields, Lack, Surroundings, VirtualUser};

/// Who looks at every second of the load.
pub(super) struct Watch {
    pub(super) outlets: Outlets,
    pub(super) timeline: Timeline,
    pub(super) health: HealthLog,
    monitor: Monitor,
    control: Arc<Control>,
}

impl Watch {
    pub(super) fn new(
        config: &RunConfig,
        lag: &Arc<Lag>,
        control: &Arc<Control>,
        outlets: Outlets,
    ) -> Self {
        config
            .thresholds
            .iter()
            .for_each(Threshold::measure_exactly);
        Self {
            outlets,
            timeline: Timeline::new(&config.thresholds, &config.plan()),
            health: HealthLog::new(Resources::of_this_process(), &config.limits),
            monitor: Monitor::new(Arc::clone(lag)),
            control: Arc::clone(control),
        }
    }
}

/// A shorter time than this says little of a second: it is the rest at the end, or the beginning.
const SHORTEST_LOOK: Duration = Duration::from_millis(500);

impl Observer for Watch {
    fn tick(&mut self, tick: &Tick<'_>) {
        let health = self.monitor.look(tick.elapsed, tick.second);
        self.observe(tick, health, &[]);
    }
}

impl Watch {
    /// Judges and hands on a second in which the generator was doing so; with what each worker had
    /// of it, if there are any.
    pub(super) fn observe(&mut self, tick: &Tick<'_>, health: Health, parts: &[(u32, Second)]) {
        if tick.second.duration >= SHORTEST_LOOK {
            self.health.note(&health);
        }
        let outcomes = self.timeline.tick(&Moment {
            elapsed: tick.elapsed,
            stage: tick.stage,
            second: tick.second,
            total: tick.total,
        });
        if let Some(reason) = abort(&outcomes, tick.elapsed) {
            self.control.abort(reason);
        }
        let outlets = &mut self.outlets;
        outlets.progress.tick(tick, &outcomes);
        let probed = outlets.probes.take();
        outlets.feed.tick(tick, &outcomes, &health, &probed);
        if let Some(series) = &mut outlets.series {
            series.tick(tick, &health, &probed, parts);
        }
        if let Some(interim) = &outlets.interim {
            interim.note(tick, &outcomes, &self.health);
        }
    }
}

/// What the virtual users leave behind.
#[derive(Default)]
pub(super) struct Driven {
    pub(super) snapshot: Snapshot,
    pub(super) duration: Duration,
    pub(super) failures: Vec<(&'static str, u16, String)>,
    /// What this machine had none left of.
    pub(super) lacks: Vec<Lack>,
    /// What came of every scenario.
    pub(super) settled: Vec<Settled>,
    /// The workers, if the load was made on several machines.
    pub(super) workers: Vec<Worker>,
    /// What became of their rows.
    pub(super) outputs: Vec<Account>,
    /// Why it could not be carried through.
    pub(super) error: Option<String>,
}

impl Driven {
    /// A load that could not be carried through.
    pub(super) fn failed(error: String) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }
}

/// The part of the load that this process makes, and who watches it.
pub(super) struct Duty<O> {
    pub(super) share: Share,
    /// Where the start is set elsewhere.
    pub(super) gate: Option<Arc<Gate>>,
    /// Single samples, if an output wants them.
    pub(super) raw: Option<Arc<RawSamples>>,
    pub(super) observer: O,
}

impl Duty<Watch> {
    /// That of a process alone.
    pub(super) fn whole(watch: Watch) -> Self {
        Self {
            share: Share::whole(),
            gate: None,
            raw: watch.outlets.raw.clone(),
            observer: watch,
        }
    }
}

/// What the virtual users of a process share.
struct Common {
    recorder: Arc<Recorder>,
    failures: Arc<Failures>,
    fields: Arc<Fields>,
    raw: Option<Arc<RawSamples>>,
    cookies: bool,
}

impl Common {
    fn new<S: Suite>(run: Run<'_>, raw: Option<Arc<RawSamples>>) -> Self {
        Self {
            recorder: Arc::default(),
            failures: Arc::default(),
            fields: Arc::new(Fields::new(&run.server.target, &run.config.headers)),
            raw,
            cookies: run.config.cookies || S::COOKIES,
        }
    }

    fn surroundings(&self, run: Run<'_>, clock: &Arc<Clock>) -> Surroundings {
        Surroundings {
            target: Arc::clone(&run.server.target),
            http_timeout: run.config.http_timeout,
            fields: Arc::clone(&self.fields),
            cookies: self.cookies,
            redirects: run.config.redirects,
            recorder: Arc::clone(&self.recorder),
            clock: Arc::clone(clock),
            failures: Arc::clone(&self.failures),
            raw: self.raw.clone(),
        }
    }
}

/// Every user of the run, who has done nothing.
pub(super) fn newcomers<S: Suite>(run: Run<'_>, world: &Arc<S::World>) -> Vec<S::User> {
    let common = Common::new::<S>(run, None);
    let clocks = run.config.plan().clocks();
    let around = |clock: &Arc<Clock>| common.surroundings(run, clock);
    let crews = crews::<S>(run.config, &Share::whole(), &clocks, world, around);
    let performers = crews.into_iter().flat_map(|crew| crew.actors);
    performers.map(Performer::into_user).collect()
}

/// Runs the virtual users, and measures them, until the last one has retired. Gives the users and
/// the observer back.
pub(super) async fn drive<S: Suite, O: Observer>(
    run: Run<'_>,
    world: &Arc<S::World>,
    duty: Duty<O>,
) -> (Driven, Vec<S::User>, O) {
    let plan = run.config.plan();
    let clocks = plan.clocks();
    let alarm = match alarm(&plan) {
        Ok(alarm) => alarm,
        Err(error) => return (Driven::failed(error), Vec::new(), duty.observer),
    };
    let common = Common::new::<S>(run, duty.raw);
    let (recorder, failures) = (Arc::clone(&common.recorder), Arc::clone(&common.failures));
    for noted in run.server.admin.take_noted() {
        noted.record(&recorder, common.raw.as_deref());
    }
    let around = |clock: &Arc<Clock>| common.surroundings(run, clock);
    let crews = crews::<S>(run.config, &duty.share, &clocks, world, around);
    let control = Arc::clone(run.control);
    let pace = match duty.gate {
        Some(_) => Pace::OfRun,
        None => Pace::OfDay,
    };
    let fleet = Fleet::new(crews, control, Arc::clone(&recorder), alarm);
    let fleet = Arc::new(fleet.behind(duty.gate));
    let sampled = Sampled {
        recorder,
        clocks,
        names: run.config.names(),
        plan,
        vus: fleet.kinds().len() as u32,
        active: {
            let fleet = Arc::clone(&fleet);
            move || fleet.active()
        },
        pace,
    };
    let (ran, settled, mut snapshot, watch) = measured(run, &fleet, sampled, duty.observer).await;
    snapshot.duration = fleet.duration();
    tracing::info!(duration = ?snapshot.duration, "every virtual user has retired");
    let driven = Driven {
        duration: snapshot.duration,
        snapshot,
        failures: failures.samples(),
        lacks: failures.lacks(),
        settled,
        workers: Vec::new(),
        outputs: Vec::new(),
        error: ran.err().map(|error| error.to_string()),
    };
    // Goose has dropped its scenarios and the sampler has ended: no other owner is left.
    let users = Arc::into_inner(fleet).map(|fleet| {
        let performers = fleet.into_actors();
        performers.map(Performer::into_user).collect()
    });
    (driven, users.unwrap_or_default(), watch)
}

/// The clock that arrivals wake up by, where there are any.
fn alarm(plan: &Plan) -> Result<Alarm, String> {
    let (some_are_open, _) = plan.is_open();
    if !some_are_open {
        return Ok(Alarm::default());
    }
    Alarm::start().map_err(|error| format!("no thread for the arrivals' alarm clock: {error}"))
}

/// This process's virtual users of every scenario, numbered through.
fn crews<S: Suite>(
    config: &RunConfig,
    share: &Share,
    clocks: &[Arc<Clock>],
    world: &Arc<S::World>,
    surroundings: impl Fn(&Arc<Clock>) -> Surroundings,
) -> Vec<Crew<Performer<S::User>>> {
    let personas = S::personas();
    let seats = seats(&config.scenarios, share);
    let scenarios = config.scenarios.iter().zip(clocks).zip(seats);
    let crew = |((scenario, clock), seats): ((&Scenario, &Arc<Clock>), Seats)| {
        let around = Arc::new(surroundings(clock));
        let performer = |(role, number): (Role, u32)| {
            let persona = personas.iter().find(|persona| persona.name == role.name);
            let persona = persona.expect("a mix has only personas of its suite");
            let around = Arc::clone(&around);
            let vu = VirtualUser::new(number, scenario.label(), role.name, config.seed, around);
            let think = scenario.think.of(role.name);
            Performer::new(S::user(vu, world), persona, scenario.label(), think)
        };
        Crew {
            actors: seats.users().map(performer).collect(),
            portion: seats.portion,
            schedule: scenario.schedule.clone(),
            clock: Arc::clone(clock),
            pattern: seats.pattern,
        }
    };
    scenarios.map(crew).collect()
}

/// Runs the fleet and samples it beside.
async fn measured<U: User, O: Observer>(
    run: Run<'_>,
    fleet: &Arc<Fleet<Performer<U>>>,
    sampled: Sampled<impl Fn() -> u64 + Send + 'static>,
    watch: O,
) -> (Result<(), RuntimeError>, Vec<Settled>, Snapshot, O) {
    let stop = CancellationToken::new();
    let grace = sampled.plan.graceful_stop();
    // On threads of its own: neither a drain nor a slow output may hold a virtual user up.
    let sampling = run.telemetry.spawn(sample(sampled, watch, stop.clone()));
    // A task like the virtual users', so that it waits for a thread as they do.
    let lag = Arc::clone(run.lag);
    let watching = tokio::spawn(async move { lag.watch().await });
    let ran = tokio::select! {
        ran = load_of(run, fleet) => ran,
        never = end_grace(run.control, grace) => match never {},
    };
    let settled = fleet.settle().await;
    stop.cancel();
    watching.abort();
    let (snapshot, watch) = sampling
        .await
        .expect("the sampler ends only when it is told to");
    (ran, settled, snapshot, watch)
}

/// Runs the virtual users; of a share that has none, what is left is to begin with the others.
async fn load_of<U: User>(
    run: Run<'_>,
    fleet: &Arc<Fleet<Performer<U>>>,
) -> Result<(), RuntimeError> {
    if !fleet.kinds().is_empty() {
        return executor::run(fleet, run.server.target.base().as_str()).await;
    }
    tokio::select! {
        () = fleet.begin_without_vus() => {}
        () = run.control.stopping().cancelled() => {}
    }
    Ok(())
}

/// Cuts what still runs when the grace after the first signal is over, or the time that is left.
pub(super) async fn end_grace(control: &Control, grace: Duration) -> Infallible {
    control.stopping().cancelled().await;
    tokio::select! {
        () = tokio::time::sleep(grace) => {}
        () = control.time_is_up(Closing::Iterations) => {}
    }
    control.cut();
    std::future::pending().await
}
