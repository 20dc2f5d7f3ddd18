//! Puts the seconds of all workers side by side: a second is whole when every worker has sent it,
//! or a later one, or has come to its end. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::second::Second;

/// The seconds that wait for others.
#[derive(Debug)]
pub struct Gather {
    workers: Vec<Waiting>,
    next: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    seconds: VecDeque<Second>,
    last: Option<u64>,
    /// Nothing comes after what has come.
    ended: bool,
}

/// A second of all workers.
#[derive(Debug)]
pub struct Whole {
    /// Which one, from 0.
    pub second: u64,
    /// Time since the start at its end.
    pub elapsed: Duration,
    /// What each worker has of it, with its number, from 1.
    pub parts: Vec<(u32, Second)>,
}

impl Gather {
    /// Of so many workers.
    #[must_use]
    pub fn new(workers: u32) -> Self {
        Self {
            workers: (0..workers).map(|_| Waiting::default()).collect(),
            next: 0,
        }
    }

    /// The last second of each worker that has come; nothing of those that have ended.
    #[must_use]
    pub fn seen(&self) -> Vec<(u32, Option<u64>)> {
        let numbered = (1..).zip(&self.workers);
        let open = numbered.filter(|(_, waiting)| !waiting.ended);
        open.map(|(worker, waiting)| (worker, waiting.last))
            .collect()
    }

    /// Takes a second; those of a worker come in turn.
    pub fn take(&mut self, worker: u32, second: Second) {
        if let Some(waiting) = self.of(worker) {
            waiting.last = Some(second.frame.second);
            waiting.seconds.push_back(second);
        }
    }

    /// Whether everything up to this second of a worker has come.
    #[must_use]
    pub fn has(&self, worker: u32, last: Option<u64>) -> bool {
        let known = self.workers.get(worker as usize - 1);
        known.is_some_and(|waiting| waiting.last >= last)
    }

    /// Notes that nothing more comes of a worker.
    pub fn end(&mut self, worker: u32) {
        if let Some(waiting) = self.of(worker) {
            waiting.ended = true;
        }
    }

    fn of(&mut self, worker: u32) -> Option<&mut Waiting> {
        self.workers.get_mut((worker as usize).checked_sub(1)?)
    }

    /// Whether all workers have ended and every second was given.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let mut workers = self.workers.iter();
        workers.all(|waiting| waiting.ended && waiting.seconds.is_empty())
    }

    /// The next second, if it is whole.
    pub fn whole(&mut self) -> Option<Whole> {
        let is_known = |waiting: &Waiting| waiting.ended || !waiting.seconds.is_empty();
        if self.is_over() || !self.workers.iter().all(is_known) {
            return None;
        }
        let firsts = self
            .workers
            .iter()
            .filter_map(|waiting| waiting.seconds.front());
        // Where all were too busy to look, a second is a longer one.
        let second = firsts
            .map(|second| second.frame.second)
            .min()?
            .max(self.next);
        let mut parts = Vec::new();
        for (worker, waiting) in (1..).zip(&mut self.workers) {
            let is_due = |part: &mut Second| part.frame.second <= second;
            if let Some(part) = waiting.seconds.pop_front_if(is_due) {
                parts.push((worker, part));
            }
        }
        self.next = second + 1;
        let ends = Duration::from_secs(self.next);
        let last = parts.iter().map(|(_, part)| part.frame.elapsed).max();
        let elapsed = match self.is_over() {
            true => last.unwrap_or(ends),
            false => ends,
        };
        Some(Whole {
            second,
            elapsed,
            parts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Frame;

    fn second(second: u64) -> Second {
        let frame = Frame {
            second,
            elapsed: Duration::from_millis(second * 1_000 + 500),
            ..Frame::default()
        };
        Second {
            frame,
            ..Second::default()
        }
    }

    /// The next second: its number, and whose parts there are.
    fn next(gather: &mut Gather) -> Option<(u64, Vec<u32>)> {
        let whole = gather.whole()?;
        Some((
            whole.second,
            whole.parts.iter().map(|(worker, _)| *worker).collect(),
        ))
    }

    #[test]
    fn a_second_is_whole_when_nobody_can_add_to_it() {
        let mut gather = Gather::new(3);
        gather.take(1, second(0));
        gather.take(1, second(1));
        gather.take(2, second(0));
        assert_eq!(next(&mut gather), None, "worker 3 has sent nothing");
        gather.take(3, second(1));
        assert_eq!(next(&mut gather), Some((0, vec![1, 2])));
        assert_eq!(next(&mut gather), None);
        assert_eq!(gather.seen(), [(1, Some(1)), (2, Some(0)), (3, Some(1))]);
        assert!(gather.has(2, Some(0)) && !gather.has(2, Some(1)) && gather.has(2, None));
        gather.end(2);
        assert_eq!(next(&mut gather), Some((1, vec![1, 3])));
        gather.take(1, second(4));
        gather.end(1);
        gather.end(3);
        assert_eq!((gather.seen(), gather.is_over()), (vec![], false));
        let last = gather.whole().expect("a late look");
        assert_eq!((last.second, last.parts.len()), (4, 1));
        assert_eq!(last.elapsed, Duration::from_millis(4_500), "the rest");
        assert!(gather.is_over() && gather.whole().is_none());
    }

    #[test]
    fn what_is_not_the_last_second_ends_with_a_whole_one() {
        let mut gather = Gather::new(2);
        for worker in [1, 2] {
            gather.take(worker, second(0));
            gather.take(worker, second(1));
        }
        gather.end(1);
        gather.end(2);
        let elapsed = |gather: &mut Gather| gather.whole().expect("a second").elapsed.as_millis();
        assert_eq!([elapsed(&mut gather), elapsed(&mut gather)], [1_000, 1_500]);
    }
}
