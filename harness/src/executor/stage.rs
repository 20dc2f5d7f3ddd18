//! The stage table of a ramp, and its target over time. Pure.

use std::time::Duration;

/// One row of the stage table: go to `target` VUs, evenly, within `duration`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What thresholds and reports call it, such as `hold`.
    pub name: String,
    /// How long it takes; zero jumps.
    pub duration: Duration,
    /// VUs at its end.
    pub target: u32,
}

/// A stage placed in time, with the VUs at both ends.
///
/// ```text
/// to    ┤      ╱
///       │    ╱
/// from  ┤  ╱
///       └──┬───┬──▶ t
///        start end
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// When it starts.
    pub start: Duration,
    /// When it ends.
    pub end: Duration,
    /// VUs at its start.
    pub from: u32,
    /// VUs at its end.
    pub to: u32,
}

/// Places the stages one after the other, the first one beginning with `start_vus`.
#[must_use]
pub fn segments(start_vus: u32, stages: &[Stage]) -> Vec<Segment> {
    let mut start = Duration::ZERO;
    let mut from = start_vus;
    stages
        .iter()
        .map(|stage| {
            let segment = Segment {
                start,
                end: start + stage.duration,
                from,
                to: stage.target,
            };
            (start, from) = (segment.end, segment.to);
            segment
        })
        .collect()
}

impl Segment {
    /// VUs wanted at `t` within the segment: the line between its ends, rounded up, so that
    /// exactly the VUs *k* with `target(t) > k` are active.
    #[must_use]
    pub fn target(&self, t: Duration) -> u32 {
        let length = (self.end - self.start).as_nanos();
        if length == 0 {
            return self.to;
        }
        let passed = (t.saturating_sub(self.start)).as_nanos().min(length);
        let (from, to) = (u128::from(self.from), u128::from(self.to));
        let scaled = from * (length - passed) + to * passed;
        u32::try_from(scaled.div_ceil(length)).expect("lies between two u32")
    }
}

/// Names for stages that were given none: by direction, numbered where that isn't enough.
#[must_use]
pub fn default_names<T: Ord>(start: &T, targets: &[T]) -> Vec<String> {
    let mut from = start;
    let directions: Vec<&str> = targets
        .iter()
        .map(|target| {
            let name = match target.cmp(from) {
                std::cmp::Ordering::Greater => "ramp_up",
                std::cmp::Ordering::Equal => "hold",
                std::cmp::Ordering::Less => "ramp_down",
            };
            from = target;
            name
        })
        .collect();
    let twice = |name: &str| directions.iter().filter(|other| **other == name).count() > 1;
    let nth = |index: usize| {
        directions[..=index]
            .iter()
            .filter(|name| **name == directions[index])
            .count()
    };
    directions
        .iter()
        .enumerate()
        .map(|(index, name)| {
            if twice(name) {
                format!("{name}_{}", nth(index))
            } else {
                (*name).to_owned()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_follows_the_line() {
        let ramp = Segment {
            start: Duration::from_secs(10),
            end: Duration::from_secs(20),
            from: 0,
            to: 100,
        };
        // (seconds, VUs)
        for (t, vus) in [
            (10.0, 0),
            (10.01, 1),
            (15.0, 50),
            (15.05, 51),
            (20.0, 100),
            (99.0, 100),
        ] {
            assert_eq!(ramp.target(Duration::from_secs_f64(t)), vus, "at {t} s");
        }
    }

    #[test]
    fn a_stage_without_length_jumps() {
        let jump = Segment {
            start: Duration::ZERO,
            end: Duration::ZERO,
            from: 5,
            to: 7,
        };
        assert_eq!(jump.target(Duration::ZERO), 7);
    }

    #[test]
    fn names_say_the_direction() {
        assert_eq!(
            default_names(&0, &[300, 300, 0]),
            ["ramp_up", "hold", "ramp_down"]
        );
        assert_eq!(
            default_names(&0, &[100, 200, 200, 0]),
            ["ramp_up_1", "ramp_up_2", "hold", "ramp_down"]
        );
    }
}
