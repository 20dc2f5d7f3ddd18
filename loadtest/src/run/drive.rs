//! The load itself: virtual users on one side, who watches them on the other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::prepare::Server;
use super::recording::Recording;
use crate::config::RunConfig;
use crate::diagnosis::HealthLog;
use crate::executor::{self, Alarm, Control, Crew, Fleet, Settled};
use crate::health::{Lag, Monitor, Resources};
use crate::metrics::{RawSamples, Recorder, Snapshot};
use crate::output::Feed;
use crate::personas::Persona;
use crate::progress::Progress;
use crate::sampler::{Observer, Sampled, Tick, sample};
use crate::shop::{Shopper, World};
use crate::threshold::{Moment, Timeline, abort};
use crate::vu::{Failures, Fields, Surroundings, VirtualUser};

/// What a run is made of.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) config: &'a RunConfig,
    pub(super) server: &'a Server,
    pub(super) control: &'a Arc<Control>,
    /// The runtime of everything that only watches.
    pub(super) telemetry: &'a Handle,
    pub(super) lag: &'a Arc<Lag>,
    pub(super) raw: Option<&'a Arc<RawSamples>>,
}

/// Who looks at every second of the load.
pub(super) struct Watch {
    pub(super) progress: Progress,
    pub(super) feed: Feed,
    /// The run's seconds, where they are kept.
    pub(super) series: Option<Recording>,
    pub(super) timeline: Timeline,
    pub(super) monitor: Monitor,
    pub(super) health: HealthLog,
    pub(super) control: Arc<Control>,
}

impl Watch {
    /// Looks at a run of this configuration.
    pub(super) fn new(
        config: &RunConfig,
        progress: Progress,
        feed: Feed,
        lag: &Arc<Lag>,
        control: &Arc<Control>,
    ) -> Self {
        Self {
            progress,
            feed,
            series: None,
            timeline: Timeline::new(&config.thresholds, &config.plan()),
            monitor: Monitor::new(Arc::clone(lag)),
            health: HealthLog::new(Resources::of_this_process(), &config.limits),
            control: Arc::clone(control),
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
        self.progress.tick(tick, &outcomes);
        self.feed.tick(tick, &outcomes, &health);
        if let Some(series) = &mut self.series {
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
    /// What came of every scenario.
    pub(super) settled: Vec<Settled>,
    pub(super) shoppers: Vec<Shopper>,
    /// Why it could not be carried through.
    pub(super) error: Option<String>,
}

/// Runs the virtual users, and measures them, until the last one has retired.
pub(super) async fn drive(
    Run {
        config,
        server,
        control,
        telemetry,
        lag,
        raw,
    }: Run<'_>,
    world: World,
    watch: Watch,
) -> (Driven, Watch) {
    let plan = config.plan();
    let recorder = Arc::new(Recorder::default());
    let clocks = plan.clocks();
    let failures = Arc::new(Failures::default());
    let fields = Arc::new(Fields::new(&server.target, &config.headers));
    let world = Arc::new(world);
    let mut numbers = 1..;
    let mut crews = Vec::new();
    for (scenario, clock) in config.scenarios.iter().zip(&clocks) {
        let surroundings = Arc::new(Surroundings {
            target: Arc::clone(&server.target),
            http_timeout: config.http_timeout,
            fields: Arc::clone(&fields),
            cookies: config.cookies,
            redirects: config.redirects,
            recorder: Arc::clone(&recorder),
            clock: Arc::clone(clock),
            failures: Arc::clone(&failures),
            raw: raw.cloned(),
        });
        let personas = scenario.mix.deal(scenario.schedule.vus_max());
        // The second of a pair is left alone when the first has ended: users are numbered through.
        let shoppers = personas.into_iter().zip(&mut numbers);
        let shopper = |(persona, number): (&'static Persona, u32)| {
            let name = scenario.name.unwrap_or(persona.name);
            let around = Arc::clone(&surroundings);
            let vu = VirtualUser::new(number, name, persona.name, config.seed, around);
            Shopper::new(vu, Arc::clone(&world), persona).thinking(scenario.think.of(persona))
        };
        crews.push(Crew {
            actors: shoppers.map(shopper).collect(),
            schedule: scenario.schedule.clone(),
            clock: Arc::clone(clock),
            pattern: scenario.mix.pattern(),
        });
    }
    let alarm = match plan.is_open() {
        (true, _) => Alarm::start(),
        (false, _) => Ok(Alarm::default()),
    };
    let alarm = match alarm {
        Ok(alarm) => alarm,
        Err(error) => {
            let error = Some(format!("no thread for the arrivals' alarm clock: {error}"));
            let driven = Driven {
                error,
                ..Driven::default()
            };
            return (driven, watch);
        }
    };
    let fleet = Arc::new(Fleet::new(
        crews,
        Arc::clone(control),
        Arc::clone(&recorder),
        alarm,
    ));
    let stop = CancellationToken::new();
    let active = {
        let fleet = Arc::clone(&fleet);
        move || fleet.active()
    };
    let grace = plan.graceful_stop();
    let sampled = Sampled {
        recorder,
        clocks,
        names: config.names(),
        plan,
        active,
    };
    // On threads of its own: neither a drain nor a slow output may hold a virtual user up.
    let sampling = telemetry.spawn(sample(sampled, watch, stop.clone()));
    // A task like the virtual users', so that it waits for a thread as they do.
    let watched = Arc::clone(lag);
    let watching = tokio::spawn(async move { watched.watch().await });
    let driven = async {
        let driven = tokio::select! {
            driven = executor::run(&fleet, server.target.base().as_str()) => driven,
            never = end_grace(control, grace) => match never {},
        };
        let settled = fleet.settle().await;
        stop.cancel();
        (driven, settled)
    };
    let (driven, settled) = driven.await;
    watching.abort();
    let (mut snapshot, watch) = sampling
        .await
        .expect("the sampler ends only when it is told to");
    let duration = fleet.duration();
    tracing::info!(?duration, "every virtual user has retired");
    snapshot.duration = duration;
    // Goose has dropped its scenarios and the sampler has ended: no other owner is left.
    let shoppers = Arc::into_inner(fleet).map(|fleet| fleet.into_actors().collect());
    let driven = Driven {
        snapshot,
        duration,
        failures: failures.samples(),
        settled,
        error: driven.err().map(|error| error.to_string()),
        shoppers: shoppers.unwrap_or_default(),
    };
    (driven, watch)
}

/// Cuts what still runs when the grace after the first signal is over.
async fn end_grace(control: &Control, grace: Duration) -> Infallible {
    control.stopping().cancelled().await;
    tokio::time::sleep(grace).await;
    control.cut();
    std::future::pending().await
}
