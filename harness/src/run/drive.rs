//! The load itself: virtual users on one side, who watches them on the other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::attempt::Run;
use super::outlets::Outlets;
use super::performer::Performer;
use crate::config::{RunConfig, Scenario};
use crate::diagnosis::HealthLog;
use crate::executor::{
    self, Alarm, Cast, Clock, Closing, Control, Crew, Fleet, Plan, Portion, RuntimeError, Settled,
    Share,
};
use crate::health::{Monitor, Resources};
use crate::metrics::{Recorder, Snapshot};
use crate::persona::Role;
use crate::sampler::{Observer, Sampled, Tick, sample};
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
    pub(super) fn new(run: Run<'_>, outlets: Outlets) -> Self {
        let config = run.config;
        config
            .thresholds
            .iter()
            .for_each(Threshold::measure_exactly);
        Self {
            outlets,
            timeline: Timeline::new(&config.thresholds, &config.plan()),
            health: HealthLog::new(Resources::of_this_process(), &config.limits),
            monitor: Monitor::new(Arc::clone(run.lag)),
            control: Arc::clone(run.control),
        }
    }
}

/// A shorter time than this says little of a second: it is the rest at the end, or the beginning.
const SHORTEST_LOOK: Duration = Duration::from_millis(500);

impl Observer for Watch {
    fn tick(&mut self, tick: &Tick<'_>) {
        let health = self.monitor.look(tick.elapsed, tick.second);
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
        outlets.feed.tick(tick, &outcomes, &health);
        if let Some(series) = &mut outlets.series {
            series.tick(tick, &health);
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

/// Runs the virtual users, and measures them, until the last one has retired. Gives the users and
/// the watch back.
pub(super) async fn drive<S: Suite>(
    run: Run<'_>,
    world: &Arc<S::World>,
    watch: Watch,
) -> (Driven, Vec<S::User>, Watch) {
    let plan = run.config.plan();
    let recorder = Arc::new(Recorder::default());
    let clocks = plan.clocks();
    let failures = Arc::new(Failures::default());
    let alarm = match alarm(&plan) {
        Ok(alarm) => alarm,
        Err(error) => return (Driven::failed(error), Vec::new(), watch),
    };
    let fields = Arc::new(Fields::new(&run.server.target, &run.config.headers));
    let raw = watch.outlets.raw.clone();
    for noted in run.server.admin.take_noted() {
        noted.record(&recorder, raw.as_deref());
    }
    let surroundings = |clock: &Arc<Clock>| Surroundings {
        target: Arc::clone(&run.server.target),
        http_timeout: run.config.http_timeout,
        fields: Arc::clone(&fields),
        cookies: run.config.cookies || S::COOKIES,
        redirects: run.config.redirects,
        recorder: Arc::clone(&recorder),
        clock: Arc::clone(clock),
        failures: Arc::clone(&failures),
        raw: raw.clone(),
    };
    let crews = crews::<S>(run.config, &Share::whole(), &clocks, world, surroundings);
    let control = Arc::clone(run.control);
    let fleet = Arc::new(Fleet::new(crews, control, Arc::clone(&recorder), alarm));
    let sampled = Sampled {
        recorder,
        clocks,
        names: run.config.names(),
        plan,
        active: {
            let fleet = Arc::clone(&fleet);
            move || fleet.active()
        },
    };
    let (ran, settled, mut snapshot, watch) = measured(run, &fleet, sampled, watch).await;
    snapshot.duration = fleet.duration();
    tracing::info!(duration = ?snapshot.duration, "every virtual user has retired");
    let driven = Driven {
        duration: snapshot.duration,
        snapshot,
        failures: failures.samples(),
        lacks: failures.lacks(),
        settled,
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
    let mut before = 0;
    let scenarios = config.scenarios.iter().zip(clocks);
    let crew = |(scenario, clock): (&Scenario, &Arc<Clock>)| {
        let around = Arc::new(surroundings(clock));
        let performer = |(role, number): (Role, u32)| {
            let persona = personas.iter().find(|persona| persona.name == role.name);
            let persona = persona.expect("a mix has only personas of its suite");
            let around = Arc::clone(&around);
            let vu = VirtualUser::new(number, scenario.label(), role.name, config.seed, around);
            let think = scenario.think.of(role.name);
            Performer::new(S::user(vu, world), persona, scenario.label(), think)
        };
        let roles = scenario.mix.deal(scenario.schedule.vus_max());
        let pattern = scenario.mix.pattern();
        let cast = Cast {
            personas: &roles.iter().map(|role| role.name).collect::<Vec<_>>(),
            pattern: &pattern,
            before,
        };
        let portion = Portion::of(&cast, share);
        // Counted over the whole run, whoever has them.
        let seat = |k: &u32| (roles[*k as usize], before as u32 + k + 1);
        let actors = portion.seats().iter().map(seat).map(performer).collect();
        before += roles.len();
        Crew {
            portion,
            actors,
            schedule: scenario.schedule.clone(),
            clock: Arc::clone(clock),
            pattern,
        }
    };
    scenarios.map(crew).collect()
}

/// Runs the fleet and samples it beside.
async fn measured<U: User>(
    run: Run<'_>,
    fleet: &Arc<Fleet<Performer<U>>>,
    sampled: Sampled<impl Fn() -> u64 + Send + 'static>,
    watch: Watch,
) -> (Result<(), RuntimeError>, Vec<Settled>, Snapshot, Watch) {
    let stop = CancellationToken::new();
    let grace = sampled.plan.graceful_stop();
    // On threads of its own: neither a drain nor a slow output may hold a virtual user up.
    let sampling = run.telemetry.spawn(sample(sampled, watch, stop.clone()));
    // A task like the virtual users', so that it waits for a thread as they do.
    let lag = Arc::clone(run.lag);
    let watching = tokio::spawn(async move { lag.watch().await });
    let ran = tokio::select! {
        ran = executor::run(fleet, run.server.target.base().as_str()) => ran,
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

/// Cuts what still runs when the grace after the first signal is over, or the time that is left.
async fn end_grace(control: &Control, grace: Duration) -> Infallible {
    control.stopping().cancelled().await;
    tokio::select! {
        () = tokio::time::sleep(grace) => {}
        () = control.time_is_up(Closing::Iterations) => {}
    }
    control.cut();
    std::future::pending().await
}
