//! The virtual users and the rules by which each goes from one iteration to the next.
//!
//! There is no dispatcher: a VU computes its windows and its share of the iterations from its
//! index, and takes arrivals from a counter. The fleet doesn't know what polls it: in a run it is
//! Goose (`goose.rs`), in tests it is the test under paused time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Barrier, Mutex};
use tokio::task::unconstrained;
use tokio::time::{Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::actor::{Actor, Crew, Iterated};
use super::alarm::Alarm;
use super::clock::Clock;
use super::control::Control;
use super::gate::Gate;
use super::schedule::{Iterations, Schedule, Window};
use super::work::{Open, Settled, Work};
use crate::metrics::{IterationTags, Recorder};

/// What a VU does after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Takes another.
    Continue,
    /// Nothing is left for it to do.
    Retired,
}

/// The first pause of a VU whose server doesn't answer. It doubles up to [`LONGEST_PAUSE`], so
/// that a dead server is neither hammered nor costs the machine all of its time. (At an arrival
/// rate, the rate is the bound.)
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Every virtual user of the run.
pub struct Fleet<A> {
    vus: Vec<Mutex<Vu<A>>>,
    kinds: Vec<(&'static str, &'static str)>,
    works: Vec<Work>,
    everyone: Barrier,
    control: Arc<Control>,
    recorder: Arc<Recorder>,
    alarm: Alarm,
    gate: Option<Arc<Gate>>,
    active: AtomicU64,
    last_end_us: AtomicU64,
}

struct Vu<A> {
    actor: A,
    /// Index of its scenario's work, and in the open model of its lane there.
    work: usize,
    lane: usize,
    windows: Vec<Window>,
    /// Index of the window it is in or waits for.
    window: usize,
    /// Iterations left to it alone.
    left: u64,
    /// Whether it has completed one.
    worked: bool,
    arrived: bool,
    active: bool,
    pause: Duration,
    /// All three are kept over iterations, because registering a timer costs more than an
    /// iteration's share of looking at it.
    cut_time: Option<Pin<Box<Sleep>>>,
    cut_order: Pin<Box<WaitForCancellationFutureOwned>>,
    stop_order: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// An iteration that is to start now.
struct Turn {
    window: Window,
    /// When it should have started, in the open model.
    due: Option<Duration>,
}

impl<A: Actor> Fleet<A> {
    /// One VU per actor of each scenario.
    #[must_use]
    pub fn new(
        crews: Vec<Crew<A>>,
        control: Arc<Control>,
        recorder: Arc<Recorder>,
        alarm: Alarm,
    ) -> Self {
        let (mut vus, mut works) = (Vec::new(), Vec::new());
        for crew in crews {
            let work = Work::new(&crew.schedule, crew.clock, &crew.pattern, &crew.portion);
            for (k, actor) in crew.portion.seats().iter().zip(crew.actors) {
                vus.push(Vu::new(
                    *k,
                    actor,
                    &crew.schedule,
                    &work,
                    works.len(),
                    &control,
                ));
            }
            works.push(work);
        }
        Self {
            kinds: vus.iter().map(Vu::kind).collect(),
            everyone: Barrier::new(vus.len()),
            vus: vus.into_iter().map(Mutex::new).collect(),
            works,
            recorder,
            alarm,
            gate: None,
            active: AtomicU64::new(0),
            last_end_us: AtomicU64::new(0),
            control,
        }
    }

    /// The same fleet, which starts when the gate opens and not when everyone is there.
    #[must_use]
    pub fn behind(mut self, gate: Option<Arc<Gate>>) -> Self {
        self.gate = gate;
        self
    }

    /// The scenario and persona of every VU, by index.
    #[must_use]
    pub fn kinds(&self) -> &[(&'static str, &'static str)] {
        &self.kinds
    }

    /// VUs within a window or its grace; in the open model, those that have an iteration.
    #[must_use]
    pub fn active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }

    /// From the start of the run to the end of its schedule, or to that of its last iteration if
    /// that is later; of a schedule that was stopped, to the stop.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_micros(self.last_end_us.load(Ordering::Relaxed))
    }

    /// Drops the arrivals that no VU came to; gives what came of every scenario. To be called
    /// once, when all VUs have retired.
    pub async fn settle(&self) -> Vec<Settled> {
        let mut settled = vec![Settled::default(); self.works.len()];
        let mut tags = vec![None; self.works.len()];
        for vu in &self.vus {
            let vu = vu.lock().await;
            settled[vu.work].count(vu.actor.persona(), vu.worked);
            tags[vu.work] = Some(vu.tags(self.works[vu.work].clock.stage()));
        }
        for ((work, settled), tags) in self.works.iter().zip(&mut settled).zip(tags) {
            let Some(open) = work.open() else { continue };
            let stopped_at = self.control.stopped_at().map(|at| work.clock.at(at));
            let left = open.settle(stopped_at);
            if let Some(tags) = tags.filter(|_| left > 0) {
                self.recorder
                    .iterations(tags, |series| series.dropped += left);
            }
            settled.arrivals = Some(open.account());
        }
        settled
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
                () = self.begin(&self.works[vu.work].clock) => {}
            }
        }
        let work = &self.works[vu.work];
        let turn = match work.open() {
            Some(open) => self.next_arrival(vu, work, open).await,
            None => self.next_iteration(vu, work).await,
        };
        match turn {
            Some(turn) => {
                self.iterate(vu, work, &turn).await;
                Step::Continue
            }
            None => {
                self.set_active(vu, false);
                vu.actor.retire();
                self.wait_for_the_end(vu, work).await;
                Step::Retired
            }
        }
    }

    /// Waits until everyone is there, and for the start where somebody else sets it.
    async fn begin(&self, clock: &Clock) {
        self.everyone.wait().await;
        let Some(gate) = &self.gate else {
            clock.start();
            return;
        };
        clock.start_at(gate.start().await);
        sleep_until(clock.start()).await;
        gate.note_passed(clock.elapsed());
    }

    /// Begins a fleet that has no virtual users: its share of the run is nothing but the time.
    pub async fn begin_without_vus(&self) {
        if let (Some(gate), Some(work)) = (&self.gate, self.works.first()) {
            work.clock.start_at(gate.start().await);
            sleep_until(work.clock.start()).await;
        }
    }

    /// A load that was asked for by its time lasts that long, also when nothing is left to do in
    /// it. What is left of it after a stop never happens.
    async fn wait_for_the_end(&self, vu: &mut Vu<A>, work: &Work) {
        let Some(end) = work.lasts_until else { return };
        if !self.control.stopping().is_cancelled() {
            tokio::select! {
                biased;
                () = &mut vu.stop_order => {}
                () = sleep_until(work.clock.start() + end) => {}
            }
        }
        // Not the moment of waking: a timer fires a little late.
        self.note_end(work.clock.elapsed().min(end));
    }

    /// The run lasts until then at least.
    fn note_end(&self, ended: Duration) {
        let ended_us = u64::try_from(ended.as_micros()).unwrap_or(u64::MAX);
        self.last_end_us.fetch_max(ended_us, Ordering::Relaxed);
    }

    /// The next arrival, when it is due; what is too late for is dropped. Nothing when there are
    /// no more or the run is stopping.
    async fn next_arrival(&self, vu: &mut Vu<A>, work: &Work, open: &Open) -> Option<Turn> {
        let window = *vu.windows.get(vu.window)?;
        loop {
            if self.control.stopping().is_cancelled() {
                return None;
            }
            let due = open.take(vu.lane)?;
            let now = work.clock.elapsed();
            if open.is_too_late(due, now) {
                open.note_dropped();
                let tags = vu.tags(work.clock.stage_of_arrival(due));
                self.recorder.iterations(tags, |series| series.dropped += 1);
                // A VU that was busy for long may find a lot of them.
                tokio::task::consume_budget().await;
                continue;
            }
            if now < due {
                self.set_active(vu, false);
                tokio::select! {
                    biased;
                    () = &mut vu.stop_order => return None,
                    () = self.alarm.sleep_until(work.clock.start() + due) => {}
                }
            }
            self.set_active(vu, true);
            open.note_started();
            let due = Some(due);
            return Some(Turn { window, due });
        }
    }

    async fn next_iteration(&self, vu: &mut Vu<A>, work: &Work) -> Option<Turn> {
        let window = self.next_window(vu, work).await?;
        vu.left = vu.left.checked_sub(1)?;
        let due = None;
        work.take().then_some(Turn { window, due })
    }

    /// The window in which an iteration may start now; waits for it to open. Nothing when there
    /// is none left or the run is stopping.
    async fn next_window(&self, vu: &mut Vu<A>, work: &Work) -> Option<Window> {
        if self.control.stopping().is_cancelled() {
            return None;
        }
        let now = work.clock.elapsed();
        while vu.windows.get(vu.window)?.close <= now {
            vu.window += 1;
            vu.cut_time = None;
        }
        let window = vu.windows[vu.window];
        if now < window.open {
            self.set_active(vu, false);
            tokio::select! {
                biased;
                () = &mut vu.stop_order => return None,
                () = sleep_until(work.clock.start() + window.open) => {}
            }
        }
        self.set_active(vu, true);
        Some(window)
    }

    async fn iterate(&self, vu: &mut Vu<A>, work: &Work, turn: &Turn) {
        let clock = &work.clock;
        let started = clock.elapsed();
        let stage = match turn.due {
            Some(due) => clock.stage_of_arrival(due),
            None => clock.stage_at(started),
        };
        let tags = vu.tags(stage);
        let cut_time = vu
            .cut_time
            .get_or_insert_with(|| Box::pin(sleep_until(clock.start() + turn.window.cut)));
        let iterated = tokio::select! {
            biased;
            iterated = vu.actor.iterate() => Some(iterated),
            // Apart from tokio's budget, which an iteration that never waits uses up.
            () = unconstrained(cut_time) => None,
            () = unconstrained(&mut vu.cut_order) => None,
        };
        let ended = clock.elapsed();
        self.note_end(ended);
        self.recorder.iterations(tags, |series| {
            if let Some(due) = turn.due {
                series.start_delay.record(started.saturating_sub(due));
            }
            match (iterated, turn.due) {
                (None, _) => series.interrupted += 1,
                (Some(_), due) => {
                    series.duration.record(ended - started);
                    if let Some(due) = due {
                        series.response_time.record(ended.saturating_sub(due));
                    }
                }
            }
        });
        match iterated {
            None => {
                vu.actor.cut();
                // What cut it stays true: this window, or the whole run, is over.
                vu.window += 1;
                vu.cut_time = None;
            }
            Some(iterated) if turn.due.is_none() => {
                vu.worked = true;
                // Think time comes between iterations: after the last one the run is over.
                if vu.left > 0 && work.has_more() {
                    let pause = vu.pause_after(iterated);
                    self.rest(vu, clock, pause, turn.window.close).await;
                }
            }
            Some(_) => vu.worked = true,
        }
    }

    /// Waits before the next iteration, but not beyond the window.
    async fn rest(&self, vu: &mut Vu<A>, clock: &Clock, pause: Duration, close: Duration) {
        if pause.is_zero() {
            return;
        }
        let until = (clock.elapsed() + pause).min(close);
        tokio::select! {
            biased;
            () = &mut vu.stop_order => {}
            () = sleep_until(clock.start() + until) => {}
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

impl<A: Actor> Vu<A> {
    fn new(
        k: u32,
        actor: A,
        schedule: &Schedule,
        work: &Work,
        number: usize,
        control: &Control,
    ) -> Self {
        let lane = work.open().and_then(|open| open.lane_of(actor.persona()));
        Self {
            actor,
            work: number,
            // One that doesn't exist has no arrivals.
            lane: lane.unwrap_or(usize::MAX),
            windows: schedule.windows(k),
            window: 0,
            left: match schedule.iterations() {
                Iterations::PerVu(each) => each,
                Iterations::Unlimited | Iterations::Shared(_) => u64::MAX,
            },
            worked: false,
            arrived: false,
            active: false,
            pause: Duration::ZERO,
            cut_time: None,
            cut_order: Box::pin(control.cutting().clone().cancelled_owned()),
            stop_order: Box::pin(control.stopping().clone().cancelled_owned()),
        }
    }

    fn kind(&self) -> (&'static str, &'static str) {
        (self.actor.scenario(), self.actor.persona())
    }

    fn tags(&self, stage: u16) -> IterationTags {
        IterationTags {
            scenario: self.actor.scenario(),
            persona: self.actor.persona(),
            stage,
        }
    }

    /// How long to wait after an iteration: to think, or for a server that doesn't answer.
    fn pause_after(&mut self, iterated: Iterated) -> Duration {
        let thinks = self.actor.think();
        self.pause = match iterated {
            Iterated::Answered => Duration::ZERO,
            Iterated::Unreachable => (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE),
        };
        thinks.max(self.pause)
    }
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
