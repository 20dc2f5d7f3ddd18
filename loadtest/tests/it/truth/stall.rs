//! Coordinated omission, by a real target that stalls once: who sees it?

use std::sync::Arc;
use std::time::Duration;

use harness::executor::{Executor, Rate};
use harness::metrics::{TagFilter, Trend, TrendOf};

use super::target::{Stall, Truth};
use super::{measured, requests};

const PER_SECOND: u64 = 200;
/// What the target takes for an answer otherwise.
const ANSWER: Duration = Duration::from_millis(2);

/// So many requests, in the midst of which the target stalls.
#[derive(Debug, Clone, Copy)]
struct Load {
    requests: u64,
    stall: Duration,
}

impl Load {
    /// The 99th percentile of the response time in milliseconds, if the target takes no time but
    /// in its stall. Iterations are due every 5 ms; those that are due in the stall wait for its
    /// end:
    ///
    /// ```text
    /// stall, stall − 5, stall − 10, …, 5 ms
    /// ```
    ///
    /// Of 4,000 iterations 40 are slower than the 99th percentile: after a stall of 2,000 ms it is
    /// 2,000 − 40 · 5 = 1,800 ms.
    fn p99_ms(self) -> f64 {
        let slower = self.requests - (self.requests * 99).div_ceil(100);
        self.stall.as_secs_f64() * 1_000.0 - (slower * 1_000 / PER_SECOND) as f64
    }

    /// A target that stalls when so many requests have come.
    fn target(self, before: u64) -> (Arc<Truth>, String) {
        let stall = Stall {
            after: before as usize,
            lasts: self.stall,
        };
        Truth::of(vec![ANSWER]).stalling(stall).serve()
    }

    /// Response times at 200/s, with a VU for each iteration that waits for the stall's end.
    async fn open(self) -> Trend {
        let (_truth, host) = self.target(self.requests * 2 / 5);
        let executor = Executor::ConstantArrivalRate {
            rate: Rate::new(PER_SECOND as f64, Duration::from_secs(1)).expect("a rate"),
            duration: Duration::from_secs(self.requests / PER_SECOND),
            max_vus: self.stall.as_millis() as u32 * PER_SECOND as u32 / 1_000 + 50,
            max_start_delay: Duration::from_secs(60),
        };
        let (snapshot, account) = measured(&host, executor, |_| {}).await;
        assert_eq!(account.map(|all| all.started), Some(self.requests));
        snapshot.trend(TrendOf::ResponseTime, &TagFilter::default())
    }

    /// Durations of as many requests, one after the other.
    async fn closed(self) -> Trend {
        let (_truth, host) = self.target(self.requests * 2 / 5);
        let executor = Executor::PerVuIterations {
            vus: 1,
            iterations: self.requests,
            max_duration: Duration::from_secs(600),
        };
        let (snapshot, _) = measured(&host, executor, |_| {}).await;
        requests(&snapshot)
    }
}

/// A busy machine makes it worse, but never better than arithmetic says: the request that begins
/// the stall comes when it is due or later, so the stall ends when it should or later.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_shows_it_and_a_closed_loop_hides_it() {
    let load = Load {
        requests: 1_000,
        stall: Duration::from_millis(500),
    };
    let (open, closed) = tokio::join!(load.open(), load.closed());
    assert_eq!((open.count(), closed.count()), (1_000, 1_000));
    assert_eq!(load.p99_ms(), 450.0);
    let shown = open.percentile_ms(99.0);
    assert!((450.0..900.0).contains(&shown), "{shown} ms");
    // It was there, once in a thousand; ten others are nearer to the 99th percentile.
    assert!(closed.max_ms() >= 500.0, "{} ms", closed.max_ms());
    let hidden = closed.percentile_ms(99.0);
    assert!(hidden < 100.0, "{hidden} ms");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes half a minute of a quiet machine"]
async fn a_stall_of_two_seconds_in_twenty_to_the_percent() {
    let load = Load {
        requests: 4_000,
        stall: Duration::from_secs(2),
    };
    assert_eq!(load.p99_ms(), 1_800.0);
    let shown = load.open().await.percentile_ms(99.0);
    let closed = load.closed().await;
    let [p99, p999] = closed.percentiles_ms([99.0, 99.9]);
    println!(
        "p99 at 200/s: {shown:.1} ms (1800 by arithmetic); of a closed loop: {p99:.1} ms, \
         p99.9 {p999:.1} ms, max {:.1} ms",
        closed.max_ms()
    );
    assert!((1_800.0..=1_818.0).contains(&shown), "{shown} ms");
    assert!(closed.max_ms() >= 2_000.0 && p999 < 20.0, "{p999} ms");
}
