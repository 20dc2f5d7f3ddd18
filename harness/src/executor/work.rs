//! What the virtual users of a scenario take their iterations from. Nobody hands them out: a
//! free VU takes the next number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::arrivals::{Arrivals, Lane};
use super::clock::Clock;
use super::schedule::{Iterations, Schedule};

/// What became of a scenario's arrivals: started + dropped = scheduled, up to where it stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Iterations that were due.
    pub scheduled: u64,
    /// Iterations that started.
    pub started: u64,
    /// Iterations that nobody was free for.
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
        let at = self.rolls.iter().position(|(known, _)| *known == persona);
        let at = at.unwrap_or_else(|| {
            self.rolls.push((persona, Roll::default()));
            self.rolls.len() - 1
        });
        self.rolls[at].1.vus += 1;
        self.rolls[at].1.worked += u64::from(worked);
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
    /// For each kind of VU, its share of the arrivals and how many of it were taken.
    lanes: Vec<(&'static str, Lane, AtomicU64)>,
    scheduled: AtomicU64,
    started: AtomicU64,
    dropped: AtomicU64,
}

impl Work {
    /// `pattern` says which kind of VU each arrival is for; it repeats.
    pub(super) fn new(schedule: &Schedule, clock: Arc<Clock>, pattern: &[&'static str]) -> Self {
        let kind = match (schedule.arrivals(), schedule.iterations()) {
            (Some((arrivals, max_start_delay)), _) => Kind::Open(Open {
                scheduled: AtomicU64::new(arrivals.scheduled()),
                arrivals,
                start_time: schedule.start_time,
                max_start_delay,
                lanes: lanes(pattern),
                started: AtomicU64::new(0),
                dropped: AtomicU64::new(0),
            }),
            (None, Iterations::Shared(all)) => Kind::Shared(AtomicU64::new(all)),
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

fn lanes(pattern: &[&'static str]) -> Vec<(&'static str, Lane, AtomicU64)> {
    let mut kinds = pattern.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    let lane = |kind| (kind, Lane::of(pattern, kind), AtomicU64::new(0));
    kinds.into_iter().map(lane).collect()
}

impl Open {
    /// Number of the lane of this kind of VU.
    pub(super) fn lane_of(&self, kind: &str) -> Option<usize> {
        self.lanes.iter().position(|(of, _, _)| *of == kind)
    }

    /// When the next arrival of a lane is due, from the start of the run; nothing when there are
    /// no more.
    pub(super) fn take(&self, lane: usize) -> Option<Duration> {
        let (_, lane, next) = self.lanes.get(lane)?;
        let n = lane.nth(next.fetch_add(1, Ordering::Relaxed))?;
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
        let scheduled = match stopped_at {
            Some(t) if t < self.start_time => 0,
            Some(t) => self.arrivals.due_by(t - self.start_time),
            None => self.arrivals.scheduled(),
        };
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
