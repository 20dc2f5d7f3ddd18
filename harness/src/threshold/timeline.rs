//! Thresholds over the time of a run: windows that slide, the second of a crossing, and crossings
//! that end the run. Pure: seconds are passed in.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use super::crossing::Crossing;
use super::evaluate::{Gathered, Outcome, evaluate, may_still_hold};
use super::parse::Threshold;
use crate::executor::Plan;
use crate::format::clock;
use crate::metrics::{Kind, Snapshot};

/// A second of the run.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Time since the start of the run.
    pub elapsed: Duration,
    /// What the current stage is called.
    pub stage: &'a str,
    /// The second.
    pub second: &'a Snapshot,
    /// The run so far.
    pub total: &'a Snapshot,
}

/// Follows every threshold through a run.
#[derive(Debug, Clone)]
pub struct Timeline(Vec<Track>);

#[derive(Debug, Clone)]
struct Track {
    threshold: Threshold,
    /// When its stages are on: what a count is expected in.
    on: Vec<Range<Duration>>,
    /// The window's seconds, the latest last.
    seconds: VecDeque<(Gathered, Duration)>,
    /// The worst window so far and where it ended.
    worst: Option<(f64, Crossing)>,
    /// Since when it hasn't held.
    crossed: Option<Crossing>,
}

impl Timeline {
    /// Follows these thresholds through a run of this plan.
    #[must_use]
    pub fn new(thresholds: &[Threshold], plan: &Plan) -> Self {
        let track = |threshold: &Threshold| Track {
            threshold: threshold.clone(),
            on: times(threshold, plan),
            seconds: VecDeque::new(),
            worst: None,
            crossed: None,
        };
        Self(thresholds.iter().map(track).collect())
    }

    /// Takes a second in; gives how every threshold would come out if the run ended now.
    pub fn tick(&mut self, moment: &Moment<'_>) -> Vec<Outcome> {
        let tracks = self.0.iter_mut();
        tracks.map(|track| track.tick(moment)).collect()
    }

    /// How every threshold came out, with the snapshot of the whole run.
    #[must_use]
    pub fn finish(&self, total: &Snapshot) -> Vec<Outcome> {
        let outcome = |track: &Track| {
            let mut outcome = track.outcome(total);
            if !outcome.is_crossed() {
                outcome.crossing = None;
            } else if let (Some(crossing), None) = (&mut outcome.crossing, track.threshold.window) {
                // By the end, another series may have had the larger part.
                let whole = Crossing::find(&track.threshold, Duration::ZERO, "", total);
                crossing.culprit = whole.culprit;
            }
            outcome
        };
        self.0.iter().map(outcome).collect()
    }
}

/// Why the run is to end at `elapsed`, if one of these outcomes says so. A lower bound that only
/// grows (`may_still_hold`) never does, not even when what is left of the run can't reach it: how
/// much is left is known only where iterations are planned, and there it is refused beforehand.
#[must_use]
pub fn abort(outcomes: &[Outcome], elapsed: Duration) -> Option<String> {
    let ends = |outcome: &&Outcome| {
        let due = outcome.threshold.abort_after;
        outcome.is_crossed() && due.is_some_and(|delay| elapsed >= delay)
    };
    let outcome = outcomes.iter().find(ends)?;
    let at = clock(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
    Some(format!("at {at} by {}", outcome.threshold))
}

/// When the stages are on that a threshold is about, in order.
#[must_use]
pub fn times(threshold: &Threshold, plan: &Plan) -> Vec<Range<Duration>> {
    let takes = |part: usize, stage: &str| {
        let scenario = plan.parts()[part].name;
        threshold.filter.takes_stage(scenario, stage)
    };
    let mut ranges: Vec<Range<Duration>> = plan
        .spans()
        .iter()
        .filter(|span| takes(span.part, span.name))
        .filter_map(|span| Some(span.start..span.end?))
        .collect();
    ranges.sort_by_key(|range| range.start);
    // Stages that touch are one time.
    let mut joined: Vec<Range<Duration>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// A second that is shorter is a part of one. (Ticks come up to some ms late.)
const WHOLE: Duration = Duration::from_millis(900);

impl Track {
    fn tick(&mut self, moment: &Moment<'_>) -> Outcome {
        if let Some(window) = self.threshold.window {
            self.slide(moment, window);
        }
        let mut outcome = self.outcome(moment.total);
        outcome.open = self.is_open(&outcome);
        if self.threshold.window.is_none() {
            if !outcome.is_crossed() {
                self.crossed = None;
            } else if self.crossed.is_none() {
                self.crossed = Some(self.crossing(moment));
            }
            outcome.crossing.clone_from(&self.crossed);
        }
        outcome
    }

    /// Whether it may still hold at the end of the run. A window is judged when it is full: the
    /// worst one stays the worst.
    fn is_open(&self, outcome: &Outcome) -> bool {
        let of_whole = |actual| may_still_hold(&self.threshold, actual);
        match (outcome.ok, self.threshold.window) {
            (true, _) => false,
            (false, Some(_)) => self.worst.is_none(),
            (false, None) => outcome.actual.is_some_and(of_whole),
        }
    }

    /// Takes the second into the window and the oldest one out of it.
    fn slide(&mut self, moment: &Moment<'_>, window: Duration) {
        let length = moment.second.duration;
        let began = moment.elapsed.saturating_sub(length);
        let is_on = |range: &Range<Duration>| range.start <= began && moment.elapsed <= range.end;
        // A count is low when nothing was to be sent; a percentile is of whatever there is.
        if self.threshold.metric.kind() == Kind::Counter {
            if !self.on.iter().any(is_on) {
                self.seconds.clear();
                return;
            }
            // So it is in a part of a second, as the first and the last one are.
            if length < WHOLE {
                return;
            }
        }
        let gathered = Gathered::from(&self.threshold, moment.second);
        self.seconds.push_back((gathered, length));
        let seconds = usize::try_from(window.as_secs()).unwrap_or(usize::MAX);
        while self.seconds.len() > seconds {
            self.seconds.pop_front();
        }
        if self.seconds.len() < seconds {
            return;
        }
        let Some(actual) = self.drawn() else { return };
        let Threshold {
            operator, limit, ..
        } = self.threshold;
        let is_worst = match &self.worst {
            Some((worst, _)) => operator.is_worse(actual, *worst, limit),
            None => true,
        };
        if is_worst {
            self.worst = Some((actual, self.crossing(moment)));
        }
    }

    /// The number of the seconds that are in the window.
    fn drawn(&self) -> Option<f64> {
        let mut seconds = self.seconds.iter();
        let (mut all, mut length) = seconds.next().cloned()?;
        for (gathered, duration) in seconds {
            all.merge(gathered);
            length += *duration;
        }
        all.draw(&self.threshold, length)
    }

    fn crossing(&self, moment: &Moment<'_>) -> Crossing {
        // In the window, by what its last second had: it is the one that made it the worst.
        let by = match self.threshold.window {
            Some(_) => moment.second,
            None => moment.total,
        };
        let began = moment.elapsed.saturating_sub(moment.second.duration);
        Crossing::find(&self.threshold, began, moment.stage, by)
    }

    fn outcome(&self, total: &Snapshot) -> Outcome {
        let threshold = &self.threshold;
        if threshold.window.is_none() {
            let mut whole = evaluate(std::slice::from_ref(threshold), total);
            let mut outcome = whole.pop().expect("one threshold has one outcome");
            outcome.crossing.clone_from(&self.crossed);
            return outcome;
        }
        match &self.worst {
            Some((actual, crossing)) => {
                let mut outcome = Outcome::of(threshold, Some(*actual));
                outcome.crossing = (!outcome.ok).then(|| crossing.clone());
                outcome
            }
            // A run that is shorter than the window is all in it.
            None => Outcome::of(threshold, self.drawn()),
        }
    }
}

#[cfg(test)]
#[path = "timeline_tests.rs"]
mod tests;
