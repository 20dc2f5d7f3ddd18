//! The counters from which the virtual users of a scenario take their iterations: a free VU takes
//! the next number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::arrivals::{Arrivals, Lane};
use super::clock::Clock;
use super::portion::{Portion, kinds_of};
use super::schedule::{Iterations, Schedule};

/// What became of a scenario's arrivals: started + dropped = scheduled, up to where it stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Iterations that were due.
    pub scheduled: u64,
    /// Iterations that started.
    pub started: u64,
    /// Iterations for which no VU was free.
    pub dropped: u64,
}

/// What came of a scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Its arrivals, in the open model.
    pub arrivals: Option<Account>,
    /// Its virtual users, by persona.
    pub rolls: Vec<(&'static str, Roll)>,
}

impl Settled {
    pub(super) fn count(&mut self, persona: &'static str, worked: bool) {
        let roll = self.roll(persona);
        roll.vus += 1;
        roll.worked += u64::from(worked);
    }

    fn roll(&mut self, persona: &'static str) -> &mut Roll {
        let at = self.rolls.iter().position(|(known, _)| *known == persona);
        let at = at.unwrap_or_else(|| {
            self.rolls.push((persona, Roll::default()));
            self.rolls.len() - 1
        });
        &mut self.rolls[at].1
    }

    /// Adds what came of another process's share of the scenario.
    pub fn add(&mut self, other: &Self) {
        if let Some(theirs) = other.arrivals {
            let own = self.arrivals.get_or_insert_default();
            own.scheduled += theirs.scheduled;
            own.started += theirs.started;
            own.dropped += theirs.dropped;
        }
        for (persona, theirs) in &other.rolls {
            let own = self.roll(persona);
            own.vus += theirs.vus;
            own.worked += theirs.worked;
        }
    }
}

/// How many virtual users of a persona there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roll {
    /// Those that there were.
    pub vus: u64,
    /// Those that completed an iteration.
    pub worked: u64,
}

/// The iterations of one scenario.
pub(super) struct Work {
    pub(super) clock: Arc<Clock>,
    /// When it ends, if time is what it was asked for by.
    pub(super) lasts_until: Option<Duration>,
    kind: Kind,
}

enum Kind {
    /// As many as fit, or a number that each VU counts for itself.
    Unlimited,
    /// Iterations left to all VUs together.
    Shared(AtomicU64),
    Open(Open),
}

/// The arrivals of the open model.
pub(super) struct Open {
    arrivals: Arrivals,
    start_time: Duration,
    max_start_delay: Duration,
    lanes: Vec<Taken>,
    scheduled: AtomicU64,
    started: AtomicU64,
    dropped: AtomicU64,
}

/// The arrivals for one kind of VU, and which of them this process takes.
struct Taken {
    kind: &'static str,
    /// Its share of all arrivals.
    lane: Lane,
    /// The part of the lane that is taken here.
    part: Lane,
    /// How many of the part were taken.
    next: AtomicU64,
}

impl Taken {
    /// How many of the first `n` arrivals are taken here.
    fn count_below(&self, n: u64) -> u64 {
        self.part.count_below(self.lane.count_below(n))
    }

    /// The next of them, by its number among all arrivals.
    fn take(&self) -> Option<u64> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.lane.nth(self.part.nth(next)?)
    }
}

impl Work {
    /// `pattern` says which kind of VU each arrival is for; it repeats.
    pub(super) fn new(
        schedule: &Schedule,
        clock: Arc<Clock>,
        pattern: &[&'static str],
        portion: &Portion,
    ) -> Self {
        let kind = match (schedule.arrivals(), schedule.iterations()) {
            (Some((arrivals, max_start_delay)), _) => {
                let lanes = lanes(pattern, portion);
                Kind::Open(Open {
                    scheduled: AtomicU64::new(in_lanes(&lanes, arrivals.scheduled())),
                    arrivals,
                    start_time: schedule.start_time,
                    max_start_delay,
                    lanes,
                    started: AtomicU64::new(0),
                    dropped: AtomicU64::new(0),
                })
            }
            (None, Iterations::Shared(all)) => Kind::Shared(AtomicU64::new(portion.shared_of(all))),
            (None, Iterations::Unlimited | Iterations::PerVu(_)) => Kind::Unlimited,
        };
        Self {
            clock,
            lasts_until: schedule.lasts_until(),
            kind,
        }
    }

    pub(super) fn open(&self) -> Option<&Open> {
        match &self.kind {
            Kind::Open(open) => Some(open),
            _ => None,
        }
    }

    /// Whether an iteration of the closed model is left.
    pub(super) fn has_more(&self) -> bool {
        match &self.kind {
            Kind::Shared(left) => left.load(Ordering::Relaxed) > 0,
            Kind::Unlimited | Kind::Open(_) => true,
        }
    }

    /// Takes an iteration of the closed model, if one is left.
    pub(super) fn take(&self) -> bool {
        match &self.kind {
            Kind::Shared(left) => left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_ok(),
            // Unbounded runs have no shared counter: every VU would write to it.
            Kind::Unlimited | Kind::Open(_) => true,
        }
    }
}

fn lanes(pattern: &[&'static str], portion: &Portion) -> Vec<Taken> {
    let taken = |kind| Taken {
        kind,
        lane: Lane::of(pattern, kind),
        part: portion.part_of(kind),
        next: AtomicU64::new(0),
    };
    kinds_of(pattern).into_iter().map(taken).collect()
}

/// How many of the first `n` arrivals are in these lanes.
fn in_lanes(lanes: &[Taken], n: u64) -> u64 {
    lanes.iter().map(|lane| lane.count_below(n)).sum()
}

impl Open {
    /// Number of the lane of this kind of VU.
    pub(super) fn lane_of(&self, kind: &str) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.kind == kind)
    }

    /// When the next arrival of a lane is due, from the start of the run; nothing when there are
    /// no more.
    pub(super) fn take(&self, lane: usize) -> Option<Duration> {
        let n = self.lanes.get(lane)?.take()?;
        (n < self.arrivals.scheduled()).then(|| self.start_time + self.arrivals.arrival(n))
    }

    /// Whether an iteration that is due then is too late at `now`.
    pub(super) fn is_too_late(&self, due: Duration, now: Duration) -> bool {
        now > due + self.max_start_delay
    }

    pub(super) fn note_started(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// When no VU is left: the arrivals that none of them came to. After a stop, only what was
    /// due by then was scheduled.
    pub(super) fn settle(&self, stopped_at: Option<Duration>) -> u64 {
        let due = match stopped_at {
            Some(t) if t < self.start_time => 0,
            Some(t) => self.arrivals.due_by(t - self.start_time),
            None => self.arrivals.scheduled(),
        };
        let scheduled = in_lanes(&self.lanes, due);
        self.scheduled.store(scheduled, Ordering::Relaxed);
        let Account {
            started, dropped, ..
        } = self.account();
        let left = scheduled.saturating_sub(started + dropped);
        self.dropped.fetch_add(left, Ordering::Relaxed);
        left
    }

    pub(super) fn account(&self) -> Account {
        Account {
            scheduled: self.scheduled.load(Ordering::Relaxed),
            started: self.started.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
        }
    }
}
