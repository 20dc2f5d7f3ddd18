//! How things that are numbered 0, 1, 2, … are dealt over the workers of a run. Pure.
//!
//! A worker's exact share of the first *t* things is `t · w / W`, with its weight `w` and the sum
//! `W` of all weights. It shall always be less than one away from that share. So the thing that is
//! its number *x*, counted from 0, must have a place in this range:
//!
//! ```text
//! from     ⌊x · W / w⌋               before, it would be one ahead
//! before   ⌈(x + 1) · W / w⌉         after, it would be one behind
//! ```
//!
//! Each place goes to the worker whose time runs out first, of those who may have it. There is
//! always one (the rule "earliest deadline first", which keeps every deadline that can be kept).
//! After `W` places everybody has exactly its share, and the pattern repeats.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// One worker among those of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    weights: Vec<u32>,
    worker: usize,
}

impl Share {
    /// A process that does everything alone.
    #[must_use]
    pub fn whole() -> Self {
        Self {
            weights: vec![1],
            worker: 0,
        }
    }

    /// The share of `worker`, from 0, among workers with these weights; nothing if there is no
    /// such worker or somebody has no weight.
    #[must_use]
    pub fn new(weights: Vec<u32>, worker: usize) -> Option<Self> {
        let all_work = weights.iter().all(|weight| *weight > 0);
        (worker < weights.len() && all_work).then_some(Self { weights, worker })
    }

    /// The weights of all workers.
    #[must_use]
    pub fn weights(&self) -> &[u32] {
        &self.weights
    }

    /// Number of this worker, from 0.
    #[must_use]
    pub const fn worker(&self) -> usize {
        self.worker
    }
}

/// When a worker's next thing is due: the time, its turn among equals, its number, how many it has.
type Due = Reverse<(u128, usize, usize, u64)>;

/// The worker of each thing: a pattern that repeats. Every prefix is less than one away from every
/// worker's exact share. Among equals, worker `turn` comes first, so that what is dealt in several
/// lots doesn't always begin with the same worker. Empty if every weight is 0.
#[must_use]
pub fn deal(weights: &[u32], turn: usize) -> Vec<usize> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let weight = |worker: usize| u128::from(weights[worker] / divisor);
    let workers = weights.len();
    let sum: u128 = (0..workers).map(weight).sum();
    let from = |worker, had: u64| u128::from(had) * sum / weight(worker);
    let before = |worker, had: u64| ((u128::from(had) + 1) * sum).div_ceil(weight(worker));
    let mut waiting: BinaryHeap<Due> = (0..workers)
        .filter(|worker| weights[*worker] > 0)
        .map(|worker| Reverse((0, (worker + workers - turn % workers) % workers, worker, 0)))
        .collect();
    let mut ready: BinaryHeap<Due> = BinaryHeap::new();
    let mut pattern = Vec::new();
    for place in 0..sum {
        while let Some(Reverse((from, rank, worker, had))) = waiting.peek().copied()
            && from <= place
        {
            waiting.pop();
            ready.push(Reverse((before(worker, had), rank, worker, had)));
        }
        let Reverse((_, rank, worker, had)) =
            ready.pop().expect("whoever is behind its share is ready");
        pattern.push(worker);
        waiting.push(Reverse((from(worker, had + 1), rank, worker, had + 1)));
    }
    pattern
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equals_take_turns_from_whoever_comes_first() {
        assert_eq!(deal(&[1, 1, 1], 0), [0, 1, 2]);
        assert_eq!(deal(&[2, 2, 2], 1), [1, 2, 0]);
        assert_eq!(deal(&[1, 2], 0), [1, 0, 1]);
        assert_eq!(deal(&[0, 3], 0), [1]);
        assert_eq!(deal(&[0, 0], 0), [0; 0]);
        assert_eq!(deal(&[], 0), [0; 0]);
    }

    #[test]
    fn a_share_is_of_a_worker_that_there_is() {
        assert!(Share::new(vec![1, 2], 1).is_some());
        assert!(Share::new(vec![1, 2], 2).is_none());
        assert!(Share::new(vec![1, 0], 0).is_none());
        assert_eq!(Some(Share::whole()), Share::new(vec![1], 0));
    }

    proptest! {
        #[test]
        fn every_prefix_is_within_one_of_every_share(
            weights in prop::collection::vec(0_u32..50, 1..40),
            turn in 0_usize..100,
        ) {
            let pattern = deal(&weights, turn);
            let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
            prop_assert_eq!(pattern.is_empty(), sum == 0);
            let mut dealt = vec![0_u64; weights.len()];
            // Twice through it, to see that it may repeat.
            for (place, worker) in (1_u64..).zip(pattern.iter().chain(&pattern)) {
                dealt[*worker] += 1;
                for (weight, count) in weights.iter().zip(&dealt) {
                    let (owed, has) = (place * u64::from(*weight), count * sum);
                    prop_assert!(owed.abs_diff(has) < sum, "{count} of {owed}/{sum}");
                }
            }
        }
    }
}
