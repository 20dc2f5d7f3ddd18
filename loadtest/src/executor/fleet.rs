//! The virtual users and the rules by which each goes from one iteration to the next.
//!
//! A VU needs nobody to tell it what to do: its windows and its share of the iterations follow
//! from its index, so the fleet has no dispatcher. It doesn't know who polls it either; Goose
//! does (`goose.rs`), and tests do so under paused time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Barrier, Mutex};
use tokio::time::{Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::clock::Clock;
use super::control::Control;
use super::schedule::{Iterations, Schedule, Window};
use crate::metrics::{IterationTags, Recorder};

/// What a virtual user does; the fleet says when.
pub trait Actor: Send + 'static {
    /// Name of its persona.
    fn scenario(&self) -> &'static str;
    /// Makes one iteration. Dropped half-way when it is cut.
    fn iterate(&mut self) -> BoxFuture<'_, Iterated>;
    /// Settles what a cut iteration left open.
    fn cut(&mut self);
    /// Gives back what only iterations need, such as connections.
    fn retire(&mut self);
}

/// How an iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Iterated {
    /// The server answered, whatever it said.
    Answered,
    /// The server could not be reached.
    Unreachable,
}

/// What a VU does after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Takes another.
    Continue,
    /// Nothing is left for it to do.
    Retired,
}

/// The first pause of a VU whose server doesn't answer. It doubles up to [`LONGEST_PAUSE`], so
/// that a dead server is neither hammered nor costs the machine all of its time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Every virtual user of the run.
pub struct Fleet<A> {
    vus: Vec<Mutex<Vu<A>>>,
    scenarios: Vec<&'static str>,
    /// Iterations left to all VUs together.
    shared_left: AtomicU64,
    everyone: Barrier,
    clock: Arc<Clock>,
    control: Arc<Control>,
    recorder: Arc<Recorder>,
    active: AtomicU64,
    last_end_us: AtomicU64,
}

struct Vu<A> {
    actor: A,
    windows: Vec<Window>,
    /// Index of the window it is in or waits for.
    window: usize,
    /// Iterations left to it alone.
    left: u64,
    arrived: bool,
    active: bool,
    pause: Duration,
    /// Both are kept over iterations, because registering a timer costs more than an iteration's
    /// share of looking at it.
    cut_time: Option<Pin<Box<Sleep>>>,
    cut_order: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<A: Actor> Fleet<A> {
    /// One VU per actor, in the order of their index.
    #[must_use]
    pub fn new(
        actors: Vec<A>,
        schedule: &Schedule,
        clock: Arc<Clock>,
        control: Arc<Control>,
        recorder: Arc<Recorder>,
    ) -> Self {
        let (own, shared) = match schedule.iterations() {
            Iterations::Unlimited => (u64::MAX, u64::MAX),
            Iterations::PerVu(each) => (each, u64::MAX),
            Iterations::Shared(all) => (u64::MAX, all),
        };
        let scenarios = actors.iter().map(Actor::scenario).collect();
        let everyone = Barrier::new(actors.len());
        let vu = |(k, actor)| {
            Mutex::new(Vu {
                actor,
                windows: schedule.windows(k),
                window: 0,
                left: own,
                arrived: false,
                active: false,
                pause: Duration::ZERO,
                cut_time: None,
                cut_order: Box::pin(control.cutting().clone().cancelled_owned()),
            })
        };
        Self {
            vus: (0..).zip(actors).map(vu).collect(),
            scenarios,
            shared_left: AtomicU64::new(shared),
            everyone,
            clock,
            recorder,
            active: AtomicU64::new(0),
            last_end_us: AtomicU64::new(0),
            control,
        }
    }

    /// The persona of every VU, by index.
    #[must_use]
    pub fn scenarios(&self) -> &[&'static str] {
        &self.scenarios
    }

    /// VUs within a window or its grace.
    #[must_use]
    pub fn active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }

    /// From the start of the run to the end of its last iteration.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.last_end_us.load(Ordering::Relaxed))
    }

    /// The actors, when all VUs have retired.
    pub fn into_actors(self) -> impl Iterator<Item = A> {
        self.vus.into_iter().map(|vu| vu.into_inner().actor)
    }

    /// Takes VU `index` one iteration further, waiting for its next window first if need be.
    pub async fn step(&self, index: usize) -> Step {
        let vu = &mut *self.vus[index].lock().await;
        if !vu.arrived {
            vu.arrived = true;
            tokio::select! {
                biased;
                () = self.control.stopping().cancelled() => {}
                _ = self.everyone.wait() => { self.clock.start(); }
            }
        }
        match self.next_window(vu).await {
            Some(window) if self.take_iteration(vu) => {
                self.iterate(vu, window).await;
                Step::Continue
            }
            _ => {
                self.set_active(vu, false);
                vu.actor.retire();
                Step::Retired
            }
        }
    }

    /// The window in which an iteration may start now; waits for it to open. Nothing when there
    /// is none left or the run is stopping.
    async fn next_window(&self, vu: &mut Vu<A>) -> Option<Window> {
        if self.control.stopping().is_cancelled() {
            return None;
        }
        let now = self.clock.elapsed();
        while vu.windows.get(vu.window)?.close <= now {
            vu.window += 1;
            vu.cut_time = None;
        }
        let window = vu.windows[vu.window];
        if now < window.open {
            self.set_active(vu, false);
            tokio::select! {
                biased;
                () = self.control.stopping().cancelled() => return None,
                () = sleep_until(self.clock.start() + window.open) => {}
            }
        }
        self.set_active(vu, true);
        Some(window)
    }

    fn take_iteration(&self, vu: &mut Vu<A>) -> bool {
        let take = |left: u64| {
            if left == u64::MAX {
                Some(left)
            } else {
                left.checked_sub(1)
            }
        };
        let Some(left) = take(vu.left) else {
            return false;
        };
        vu.left = left;
        // Unbounded runs leave the shared counter alone: every VU would write to it.
        self.shared_left.load(Ordering::Relaxed) == u64::MAX
            || self
                .shared_left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_ok()
    }

    async fn iterate(&self, vu: &mut Vu<A>, window: Window) {
        let tags = IterationTags {
            scenario: vu.actor.scenario(),
            stage: self.clock.stage(),
        };
        let started = self.clock.elapsed();
        let cut_time = vu
            .cut_time
            .get_or_insert_with(|| Box::pin(sleep_until(self.clock.start() + window.cut)));
        let iterated = tokio::select! {
            biased;
            iterated = vu.actor.iterate() => Some(iterated),
            () = cut_time => None,
            () = &mut vu.cut_order => None,
        };
        let ended = self.clock.elapsed();
        let ended_us = u64::try_from(ended.as_micros()).unwrap_or(u64::MAX);
        self.last_end_us.fetch_max(ended_us, Ordering::Relaxed);
        let Some(iterated) = iterated else {
            vu.actor.cut();
            self.recorder.interrupted(tags);
            // What cut it stays true: this window, or the whole run, is over.
            vu.window += 1;
            vu.cut_time = None;
            return;
        };
        self.recorder.iteration(tags, ended - started);
        self.pause(vu, iterated).await;
    }

    async fn pause(&self, vu: &mut Vu<A>, iterated: Iterated) {
        if iterated == Iterated::Answered {
            vu.pause = Duration::ZERO;
            return;
        }
        vu.pause = (vu.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        tokio::select! {
            () = self.control.stopping().cancelled() => {}
            () = tokio::time::sleep(vu.pause) => {}
        }
    }

    fn set_active(&self, vu: &mut Vu<A>, active: bool) {
        if vu.active == active {
            return;
        }
        vu.active = active;
        if active {
            self.active.fetch_add(1, Ordering::Relaxed);
        } else {
            self.active.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
