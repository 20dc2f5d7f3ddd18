//! When a virtual user is active: a pure function of its index and the stage table.
//!
//! VU *k* is active exactly while `target(t) > k`. With the line of a stage from `a` VUs to `b`
//! in `d`, that is solved for `t`:
//!
//! ```text
//! up   (a < b):  t > (k − a) · d / (b − a)      it opens at that time
//! down (a > b):  t < (a − k) · d / (a − b)      it closes at that time
//! ```
//!
//! No dispatcher: any machine can work out its own share of *k*.

use std::ops::Range;
use std::time::Duration;

use super::stage::Segment;

/// The intervals in which VU `k` is active, in order, neither touching nor overlapping.
/// Exact to the nanosecond.
#[must_use]
pub fn windows(segments: &[Segment], k: u32) -> Vec<Range<Duration>> {
    let mut windows: Vec<Range<Duration>> = Vec::new();
    for segment in segments {
        let Some(active) = active(segment, k) else {
            continue;
        };
        match windows.last_mut() {
            Some(last) if last.end == active.start => last.end = active.end,
            _ => windows.push(active),
        }
    }
    windows
}

fn active(segment: &Segment, k: u32) -> Option<Range<Duration>> {
    let length = (segment.end - segment.start).as_nanos();
    let at = |nanos: u128| segment.start + Duration::from_nanos_u128(nanos);
    let (from, to, vu) = (
        u128::from(segment.from),
        u128::from(segment.to),
        u128::from(k),
    );
    let range = match (from > vu, to > vu) {
        (true, true) => segment.start..segment.end,
        (false, false) => return None,
        // The first whole nanosecond after the line passes k.
        (false, true) => at((vu - from) * length / (to - from) + 1)..segment.end,
        // The first whole nanosecond at which the line is down to k.
        (true, false) => segment.start..at(((from - vu) * length).div_ceil(from - to)),
    };
    (range.start < range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::stage::{Stage, segments};
    use super::*;

    fn stages(rows: &[(u64, u32)]) -> Vec<Stage> {
        rows.iter()
            .map(|(ms, target)| Stage {
                name: String::new(),
                duration: Duration::from_millis(*ms),
                target: *target,
            })
            .collect()
    }

    fn secs(range: &Range<Duration>) -> (f64, f64) {
        let round = |t: Duration| (t.as_secs_f64() * 1e6).round() / 1e6;
        (round(range.start), round(range.end))
    }

    /// The seed's `flow_300vus`: 30s→300, 2m→300, 20s→0.
    #[test]
    fn the_seeds_ramp() {
        let segments = segments(0, &stages(&[(30_000, 300), (120_000, 300), (20_000, 0)]));
        let window = |k| windows(&segments, k).iter().map(secs).collect::<Vec<_>>();
        assert_eq!(window(0), [(0.0, 170.0)]);
        assert_eq!(window(150), [(15.0, 160.0)]);
        assert_eq!(window(299), [(29.9, 150.066667)]);
        assert_eq!(window(300), []);
    }

    #[test]
    fn a_valley_gives_two_windows() {
        let segments = segments(10, &stages(&[(10_000, 0), (10_000, 10)]));
        let window: Vec<_> = windows(&segments, 5).iter().map(secs).collect();
        assert_eq!(window, [(0.0, 5.0), (15.0, 20.0)]);
    }

    #[test]
    fn jumps_open_and_close_at_once() {
        let segments = segments(0, &stages(&[(0, 3), (1_000, 3), (0, 1), (1_000, 1)]));
        assert_eq!(
            windows(&segments, 0).iter().map(secs).collect::<Vec<_>>(),
            [(0.0, 2.0)]
        );
        assert_eq!(
            windows(&segments, 2).iter().map(secs).collect::<Vec<_>>(),
            [(0.0, 1.0)]
        );
    }

    proptest! {
        /// Over all VUs, the windows add up to the stage table's target at every instant.
        #[test]
        fn windows_reproduce_the_target(
            start_vus in 0_u32..40,
            rows in prop::collection::vec((0_u64..5_000, 0_u32..40), 1..8),
            instants in prop::collection::vec(0.0_f64..1.0, 1..50),
        ) {
            let segments = segments(start_vus, &stages(&rows));
            let all: Vec<_> = (0..40).map(|k| windows(&segments, k)).collect();
            let end = segments.last().expect("at least one").end;
            for share in instants {
                let t = end.mul_f64(share);
                // A jump has no length: the segment that holds t is the last one begun.
                let Some(segment) = segments.iter().find(|s| s.start <= t && t < s.end) else { continue };
                let active = all.iter().filter(|own| own.iter().any(|w| w.contains(&t))).count();
                prop_assert_eq!(active as u32, segment.target(t), "at {:?}", t);
            }
        }

        #[test]
        fn windows_are_ordered_and_apart(
            start_vus in 0_u32..20,
            rows in prop::collection::vec((0_u64..5_000, 0_u32..20), 1..8),
            k in 0_u32..20,
        ) {
            let segments = segments(start_vus, &stages(&rows));
            let own = windows(&segments, k);
            prop_assert!(own.iter().all(|w| w.start < w.end));
            prop_assert!(own.windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
