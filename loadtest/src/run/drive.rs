//! The load itself: virtual users on one side, who watches them on the other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::prepare::Server;
use crate::config::RunConfig;
use crate::executor::{self, Clock, Control, Fleet};
use crate::health::Lag;
use crate::metrics::{RawSamples, Recorder, Snapshot};
use crate::output::Feed;
use crate::progress::Progress;
use crate::sampler::{Observer, Sampled, Tick, sample};
use crate::shop::{Shopper, World};
use crate::vu::{Failures, Surroundings, VirtualUser};

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
}

impl Observer for Watch {
    fn tick(&mut self, tick: &Tick<'_>) {
        self.progress.tick(tick);
        self.feed.tick(tick);
    }
}

/// What the virtual users leave behind.
#[derive(Default)]
pub(super) struct Driven {
    pub(super) snapshot: Snapshot,
    pub(super) duration: Duration,
    pub(super) failures: Vec<(&'static str, u16, String)>,
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
    let schedule = &config.schedule;
    let recorder = Arc::new(Recorder::default());
    let clock = Arc::new(Clock::new(schedule));
    let surroundings = Arc::new(Surroundings {
        target: Arc::clone(&server.target),
        http_timeout: config.http_timeout,
        recorder: Arc::clone(&recorder),
        clock: Arc::clone(&clock),
        failures: Failures::default(),
        raw: raw.cloned(),
    });
    let world = Arc::new(world);
    let shoppers = (1..)
        .zip(config.mix.deal(schedule.vus_max()))
        .map(|(number, persona)| {
            let vu = VirtualUser::new(number, persona.name, config.seed, Arc::clone(&surroundings));
            Shopper::new(vu, Arc::clone(&world), persona)
        });
    let fleet = Arc::new(Fleet::new(
        shoppers.collect(),
        schedule,
        Arc::clone(&clock),
        Arc::clone(control),
        Arc::clone(&recorder),
    ));
    let stop = CancellationToken::new();
    let active = {
        let fleet = Arc::clone(&fleet);
        move || fleet.active()
    };
    let sampled = Sampled {
        recorder,
        clock,
        schedule: schedule.clone(),
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
            never = end_grace(control, schedule.graceful_stop) => match never {},
        };
        stop.cancel();
        driven
    };
    let driven = driven.await;
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
        failures: surroundings.failures.samples(),
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
