//! What can be seen of a queue from outside.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::Instant;

/// How many requests wait, and since when.
pub(crate) struct Load {
    /// Requests in the queue and in the batch that is served.
    waiting: AtomicUsize,
    /// When the oldest of that batch came, in µs after `since`; 0 if there is
    /// no batch.
    oldest: AtomicU64,
    since: Instant,
}

impl Load {
    pub(crate) fn new() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            oldest: AtomicU64::new(0),
            since: Instant::now(),
        }
    }

    /// How many requests wait for an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How long the oldest of them waits.
    pub(crate) fn age(&self) -> Duration {
        match self.oldest.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            oldest => self
                .since
                .elapsed()
                .saturating_sub(Duration::from_micros(oldest)),
        }
    }

    /// One more waits.
    pub(crate) fn add(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// So many wait no longer.
    pub(crate) fn remove(&self, requests: usize) {
        self.waiting.fetch_sub(requests, Ordering::Relaxed);
    }

    /// Notes when the oldest request of a batch came.
    pub(crate) fn begin(&self, oldest: Instant) {
        let micros = oldest.saturating_duration_since(self.since).as_micros();
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        self.oldest.store(micros.max(1), Ordering::Relaxed);
    }

    /// Notes that a batch is done, before anyone in it is told.
    pub(crate) fn end(&self, requests: usize) {
        self.remove(requests);
        self.oldest.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_age_is_that_of_the_oldest_in_the_batch() {
        let load = Load::new();
        tokio::time::advance(Duration::from_secs(5)).await;
        let came = Instant::now();
        for _ in 0..3 {
            load.add();
        }
        assert_eq!((load.waiting(), load.age()), (3, Duration::ZERO));
        tokio::time::advance(Duration::from_millis(700)).await;
        load.begin(came);
        assert_eq!(load.age(), Duration::from_millis(700));
        load.end(2);
        assert_eq!((load.waiting(), load.age()), (1, Duration::ZERO));
    }
}
