//! The store's clock as seen from here. Pure: times are arguments.
//!
//! ```text
//! here     asked ────────────── answered        offset = store − (asked + answered)/2
//! store             store                       it is off by half the round trip at most
//! ```
//!
//! Of several readings the one with the shortest round trip is used. Times of this process are of
//! its monotonic clock, so a machine whose clock of the day is wrong starts with the others.

use std::time::Duration;

/// One question for the store's time, in microseconds: this process's from any zero of its own,
/// the store's since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When it was asked, here.
    pub asked: i64,
    /// What it said.
    pub store: i64,
    /// When the answer was there, here.
    pub answered: i64,
}

/// How the store's clock lies against this process's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    /// Microseconds to add to a time here.
    offset: i64,
    /// It is off by this at most.
    pub error: Duration,
}

impl Skew {
    /// That of the best reading; nothing without any.
    #[must_use]
    pub fn of(readings: &[Reading]) -> Option<Self> {
        let trip = |reading: &&Reading| reading.answered - reading.asked;
        let best = readings.iter().min_by_key(trip)?;
        let trip = trip(&best).max(0);
        Some(Self {
            offset: best.store - (best.asked + trip / 2),
            error: Duration::from_micros((trip.unsigned_abs()).div_ceil(2)),
        })
    }

    /// The time here, in microseconds from this process's zero, at a time of the store.
    #[must_use]
    pub const fn here(&self, store: i64) -> i64 {
        store - self.offset
    }

    /// How much the store's clock went ahead of this one's since an earlier look, in
    /// microseconds; less than 0 if it fell behind.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> i64 {
        self.offset - earlier.offset
    }
}

/// The start of a run: the first whole second of the store's clock that is at least `ahead` away,
/// in microseconds since 1970.
#[must_use]
pub const fn start_after(store: i64, ahead: Duration) -> i64 {
    const SECOND: i64 = 1_000_000;
    let earliest = store + ahead.as_micros() as i64;
    (earliest + SECOND - 1).div_euclid(SECOND) * SECOND
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_start_is_a_whole_second_not_too_near() {
        let ahead = Duration::from_secs(3);
        assert_eq!(start_after(10_000_000, ahead), 13_000_000);
        assert_eq!(start_after(10_000_001, ahead), 14_000_000);
        assert_eq!(start_after(10_999_999, ahead), 14_000_000);
    }

    #[test]
    fn without_a_reading_nothing_is_known() {
        assert_eq!(Skew::of(&[]), None);
    }

    proptest! {
        /// However a round trip is split between there and back, the offset is off by half of the
        /// shortest one at most.
        #[test]
        fn the_error_is_half_the_shortest_round_trip(
            trips in prop::collection::vec((0_i64..50_000, 0_i64..50_000), 1..32),
            ahead in -4_000_000_000_000_i64..4_000_000_000_000,
            at in 0_i64..1_000_000_000_000,
        ) {
            let readings: Vec<Reading> = trips
                .iter()
                .map(|(there, back)| {
                    let (asked, store) = (at, at + there + ahead);
                    Reading { asked, store, answered: at + there + back }
                })
                .collect();
            let skew = Skew::of(&readings).expect("readings");
            let shortest = trips.iter().map(|(there, back)| there + back).min().expect("one");
            prop_assert_eq!(skew.error.as_micros() as i64, (shortest + 1) / 2);
            // The truth: a second of the store's clock is this moment here.
            let (store, here) = (at + ahead + 1_000_000, at + 1_000_000);
            prop_assert!((skew.here(store) - here).abs() <= (shortest + 1) / 2);
        }
    }
}
