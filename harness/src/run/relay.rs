//! A worker's seconds on their way to the lead.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::keeping::Keeping;
use crate::diagnosis::HealthLog;
use crate::fleet::{Frame, Kind, SILENCE, Second, Store, StoreError};
use crate::health::{Health, Lag, Monitor, Resources};
use crate::metrics::Snapshot;
use crate::output::Feed;
use crate::sampler::{Observer, Tick};
use crate::threshold::Limits;

/// What a worker's sampler tells.
pub(super) struct Relay {
    monitor: Monitor,
    health: HealthLog,
    worst: Health,
    seconds: UnboundedSender<(u64, Vec<u8>)>,
    sending: JoinHandle<Result<(), String>>,
    keeping: Option<Keeping>,
    /// Where the samples go, if they are asked for.
    feed: Option<Feed>,
    sent: u64,
    next: u64,
}

/// What is left of it at the end.
pub(super) struct Relayed {
    /// How many seconds were sent.
    pub(super) sent: u64,
    /// The number of the last one.
    pub(super) last: u64,
    /// What the worker's health says of the run.
    pub(super) findings: Vec<String>,
    /// The worst of every look, CPU in % of the worker's cores.
    pub(super) worst: Health,
}

impl Relay {
    /// `keeping` has the seconds as well, where they can be kept; samples go to `feed`.
    pub(super) fn start(
        store: Store,
        (keeping, feed): (Option<Keeping>, Option<Feed>),
        lag: &Arc<Lag>,
        (limits, on): (&Limits, &Handle),
    ) -> Self {
        // Bounded by the run's end when the store is gone for good: a second has some kilobytes.
        let (seconds, received) = unbounded_channel();
        Self {
            monitor: Monitor::new(Arc::clone(lag)),
            health: HealthLog::new(Resources::of_this_process(), limits),
            worst: Health::default(),
            seconds,
            sending: on.spawn(send(store, received)),
            keeping,
            feed,
            sent: 0,
            next: 0,
        }
    }

    /// What is known now, and what is still on its way.
    pub(super) fn end(self) -> (Relayed, Pending) {
        let relayed = Relayed {
            sent: self.sent,
            last: self.next.saturating_sub(1),
            findings: self.health.findings(),
            worst: Health {
                cpu_percent: self.worst.cpu_percent / self.health.resources.cores,
                ..self.worst
            },
        };
        let pending = Pending {
            sending: self.sending,
            keeping: self.keeping,
            feed: self.feed,
        };
        (relayed, pending)
    }
}

/// What is still on its way when the load is over.
pub(super) struct Pending {
    /// Seconds to the store.
    sending: JoinHandle<Result<(), String>>,
    /// Those that are kept.
    pub(super) keeping: Option<Keeping>,
    /// Samples to the outputs.
    pub(super) feed: Option<Feed>,
}

impl Pending {
    /// Waits until all seconds are at the store.
    pub(super) async fn sent(self) -> Result<(), String> {
        let sent = self.sending.await;
        sent.map_err(|_| "sending seconds failed".to_owned())?
    }
}

/// A shorter time than this says little of a second.
const SHORTEST_LOOK: Duration = Duration::from_millis(500);

impl Observer for Relay {
    fn tick(&mut self, tick: &Tick<'_>) {
        let health = self.monitor.look(tick.elapsed, tick.second);
        if let Some(feed) = &mut self.feed {
            feed.tick(tick, &[], &health, &[]);
        }
        if tick.second.duration >= SHORTEST_LOOK {
            self.health.note(&health);
            self.worst = self.worst.worst(&health);
        }
        // The second that is over, or has begun if it is the last look; no two have one number.
        let second = tick.elapsed.as_secs().saturating_sub(1).max(self.next);
        let frame = Frame {
            second,
            elapsed: tick.elapsed,
            snapshot: used(tick.second),
        };
        self.next = second + 1;
        self.sent += 1;
        let bytes = Second { frame, health }.encode();
        // First, for whatever becomes of the store.
        if let Some(keeping) = &mut self.keeping {
            keeping.add(Kind::Second, &bytes);
        }
        // Without a receiver the store is gone, which is found by the heartbeat.
        let _ = self.seconds.send((second, bytes));
    }
}

/// What there is of a snapshot; series of seconds before have nothing in them.
fn used(second: &Snapshot) -> Snapshot {
    let mut used = Snapshot::default();
    used.merge(second);
    used.iterations.retain(|_, series| {
        series.duration.count() + series.start_delay.count() + series.interrupted + series.dropped
            > 0
    });
    used.checks
        .retain(|_, counts| counts.passes + counts.fails > 0);
    used.duration = second.duration;
    used.vus = second.vus;
    used.vus_max = second.vus_max;
    used
}

/// Sends seconds in their sequence, each until it is there or the store is lost.
async fn send(
    mut store: Store,
    mut seconds: UnboundedReceiver<(u64, Vec<u8>)>,
) -> Result<(), String> {
    while let Some((second, bytes)) = seconds.recv().await {
        let delivered = deliver(&mut store, second, &bytes).await;
        delivered.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn deliver(store: &mut Store, second: u64, bytes: &[u8]) -> Result<(), StoreError> {
    let began = Instant::now();
    loop {
        match store.send(second, bytes).await {
            Err(error) if !error.is_final() && began.elapsed() < SILENCE => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            sent => return sent,
        }
    }
}
