//! The hot path: what VUs write to.
//!
//! Every thread that runs VUs writes to a shard of its own. Its lock is contended only at the
//! drain, once a second, and then only for the moment of a swap.

use parking_lot::Mutex;
use thread_local::ThreadLocal;

use super::snapshot::{IterationSeries, RequestSeries, Snapshot};
use super::tags::{CheckTags, IterationTags, RequestTags};

/// Takes samples from any thread; gives them up as snapshots.
#[derive(Debug, Default)]
pub struct Recorder {
    shards: ThreadLocal<Mutex<Snapshot>>,
    /// Emptied shards whose memory the next drain hands out again.
    spare: Mutex<Vec<Snapshot>>,
}

impl Recorder {
    /// Adds one request; `fill` writes its times into the series of its tags.
    pub fn request(&self, tags: RequestTags, fill: impl FnOnce(&mut RequestSeries)) {
        fill(self.shard().lock().requests.entry(tags).or_default());
    }

    /// Adds to the iterations; `fill` writes into the series of their tags.
    pub fn iterations(&self, tags: IterationTags, fill: impl FnOnce(&mut IterationSeries)) {
        fill(self.shard().lock().iterations.entry(tags).or_default());
    }

    /// Adds one outcome of a check.
    pub fn check(&self, tags: CheckTags, ok: bool) {
        let mut shard = self.shard().lock();
        let counts = shard.checks.entry(tags).or_default();
        *(if ok {
            &mut counts.passes
        } else {
            &mut counts.fails
        }) += 1;
    }

    /// Moves everything recorded since the last drain into `into`.
    pub fn drain(&self, into: &mut Snapshot) {
        let mut spare = self.spare.lock();
        for shard in &self.shards {
            let empty = spare.pop().unwrap_or_default();
            let mut full = std::mem::replace(&mut *shard.lock(), empty);
            into.merge(&full);
            full.clear();
            spare.push(full);
        }
    }

    fn shard(&self) -> &Mutex<Snapshot> {
        self.shards.get_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::metric::{Counter, RateOf, TrendOf};
    use super::super::phase::Phase;
    use super::super::tags::{Method, TagFilter};
    use super::*;

    const TAGS: RequestTags = RequestTags {
        scenario: "impulse_buyer",
        persona: "impulse_buyer",
        name: "5_create_order",
        method: Method::Post,
        status: 201,
        stage: 0,
        expected: true,
        trend: Some("order_time"),
        proto: crate::metrics::Proto::Http1,
    };

    /// Four threads record while a fifth drains: every sample arrives exactly once.
    #[test]
    fn drains_lose_and_double_nothing() {
        const EACH: u64 = 20_000;
        let recorder = Arc::new(Recorder::default());
        let mut total = Snapshot::default();
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        for n in 0..EACH {
                            recorder.request(TAGS, |series| {
                                series.record(Phase::Duration, Duration::from_micros(n));
                            });
                        }
                    })
                })
                .collect();
            while writers.iter().any(|writer| !writer.is_finished()) {
                recorder.drain(&mut total);
            }
        });
        recorder.drain(&mut total);
        let trend = total.trend(TrendOf::Custom("order_time"), &TagFilter::default());
        assert_eq!(trend.count(), 4 * EACH);
        let mean_us = (EACH - 1) as f64 / 2.0;
        assert_eq!(trend.avg_ms(), mean_us / 1_000.0);
        recorder.drain(&mut total);
        assert_eq!(
            total
                .trend(TrendOf::Custom("order_time"), &TagFilter::default())
                .count(),
            4 * EACH
        );
    }

    #[test]
    fn rates_follow_expectation_and_status() {
        let recorder = Recorder::default();
        let sold_out = RequestTags {
            status: 409,
            ..TAGS
        };
        let refused = RequestTags {
            status: 0,
            expected: false,
            ..TAGS
        };
        for tags in [TAGS, TAGS, sold_out, refused] {
            recorder.request(tags, |series| {
                series.record(Phase::Duration, Duration::from_millis(1));
            });
        }
        let mut snapshot = Snapshot::default();
        recorder.drain(&mut snapshot);
        let all = TagFilter::default();
        assert_eq!(snapshot.rate(RateOf::Failed, &all).share(), Some(0.25));
        assert_eq!(snapshot.rate(RateOf::Success, &all).share(), Some(0.5));
        let only = TagFilter(vec![("status".into(), "409".into())]);
        assert_eq!(snapshot.counter(Counter::Requests, &only), 1);
    }
}
