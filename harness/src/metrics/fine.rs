//! Where a trend keeps durations to the microsecond: around the limits of thresholds.
//!
//! A trend's buckets are up to 0.1 % wide. A percentile that falls into the bucket of its limit
//! could be on either side of it. So the durations in that bucket are kept one by one.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// More limits than these are judged by their bucket. Each costs a comparison per duration.
const MOST: usize = 64;

/// First and last microsecond of each bucket, and how many there are. As with names, what a process
/// has once asked for stays: it makes percentiles more exact, and no other difference.
static BOUNDS: [(AtomicU64, AtomicU64); MOST] =
    [const { (AtomicU64::new(0), AtomicU64::new(0)) }; MOST];
static KNOWN: AtomicUsize = AtomicUsize::new(0);
static ADDING: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

/// Keeps the durations of this bucket one by one, from now on.
pub(super) fn keep(bucket: &RangeInclusive<u64>) {
    let _adding = ADDING.lock();
    let known = KNOWN.load(Ordering::Relaxed);
    if *bucket.start() == 0 || bucket.start() == bucket.end() || known == MOST || is_fine(bucket) {
        return;
    }
    BOUNDS[known].0.store(*bucket.start(), Ordering::Relaxed);
    BOUNDS[known].1.store(*bucket.end(), Ordering::Relaxed);
    KNOWN.store(known + 1, Ordering::Release);
}

fn is_fine(bucket: &RangeInclusive<u64>) -> bool {
    contains(*bucket.start())
}

/// Whether a duration of so many microseconds is in one of these buckets.
pub(super) fn contains(us: u64) -> bool {
    let known = KNOWN.load(Ordering::Acquire);
    BOUNDS[..known].iter().any(|(first, last)| {
        first.load(Ordering::Relaxed) <= us && us <= last.load(Ordering::Relaxed)
    })
}
