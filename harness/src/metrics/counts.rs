//! How often each duration was seen: an HDR histogram that never loses count.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer as _, V2Serializer};

use super::sparse::{self, Sparse};

/// Significant decimal digits kept: a percentile is off by 0.1 % at most.
pub(super) const SIGNIFICANT_DIGITS: u8 = 3;

/// A histogram of whole microseconds.
///
/// Its counters have 32 bits, which is enough for a second of VUs and takes half the memory of 64.
/// But the library stops counting at the largest number, without an error. So a histogram that
/// could exceed it is converted to 64 bits. What another process counted stays sparse until
/// something is added to it. That is rare: usually it is added to another one.
#[derive(Debug, Clone)]
pub(super) enum Counts {
    Sparse(Sparse),
    Narrow(Histogram<u32>),
    Wide(Histogram<u64>),
}

const MADE_ROOM: &str = "what room was made in has all its cells";
const TAKES_ALL: &str = "an auto-resizing histogram takes every value up to the longest";

impl Counts {
    pub(super) fn new() -> Self {
        let histogram = Histogram::new(SIGNIFICANT_DIGITS);
        Self::Narrow(histogram.expect("three significant digits are within the limit of five"))
    }

    /// How many durations there are.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Sparse(sparse) => sparse.total(),
            Self::Narrow(histogram) => histogram.len(),
            Self::Wide(histogram) => histogram.len(),
        }
    }

    /// Adds one duration.
    pub(super) fn record(&mut self, us: u64) {
        match self {
            Self::Sparse(_) => return self.record_n(us, 1),
            Self::Narrow(histogram) => histogram.record(us),
            Self::Wide(histogram) => histogram.record(us),
        }
        .expect(TAKES_ALL);
    }

    /// Adds a duration `count` times.
    pub(super) fn record_n(&mut self, us: u64, count: u64) {
        self.make_room_for(count);
        match self {
            Self::Sparse(_) => unreachable!("{MADE_ROOM}"),
            Self::Narrow(histogram) => histogram.record_n(us, count as u32),
            Self::Wide(histogram) => histogram.record_n(us, count),
        }
        .expect(TAKES_ALL);
    }

    /// Adds all of another's durations.
    pub(super) fn add(&mut self, other: &Self) {
        self.make_room_for(other.len());
        match (&mut *self, other) {
            (Self::Narrow(mine), Self::Narrow(theirs)) => mine.add(theirs).expect(TAKES_ALL),
            (Self::Wide(mine), Self::Wide(theirs)) => mine.add(theirs).expect(TAKES_ALL),
            _ => {
                for (us, count) in other.recorded() {
                    self.record_n(us, count);
                }
            }
        }
    }

    /// Forgets everything but keeps the memory.
    pub(super) fn reset(&mut self) {
        match self {
            Self::Sparse(sparse) => *sparse = Sparse::default(),
            Self::Narrow(histogram) => histogram.reset(),
            Self::Wide(histogram) => histogram.reset(),
        }
    }

    /// The largest duration of each counter that isn't 0, ascending, and what it holds.
    pub(super) fn recorded(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let (sparse, narrow, wide) = match self {
            Self::Sparse(sparse) => (Some(sparse.cells()), None, None),
            Self::Narrow(histogram) => (None, Some(histogram.iter_recorded()), None),
            Self::Wide(histogram) => (None, None, Some(histogram.iter_recorded())),
        };
        let sparse = sparse.into_iter().flatten();
        let narrow = narrow.into_iter().flatten();
        let narrow = narrow.map(|step| (step.value_iterated_to(), step.count_at_value().into()));
        let wide = wide.into_iter().flatten();
        let wide = wide.map(|step| (step.value_iterated_to(), step.count_at_value()));
        sparse.chain(narrow).chain(wide)
    }

    /// How many durations are at most this, to the histogram's precision.
    pub(super) fn count_up_to(&self, us: u64) -> u64 {
        match self {
            Self::Sparse(sparse) => {
                let most = sparse::highest_equivalent(us);
                let within = sparse.cells().take_while(|(us, _)| *us <= most);
                within.map(|(_, count)| count).sum()
            }
            Self::Narrow(histogram) => histogram.count_between(0, us),
            Self::Wide(histogram) => histogram.count_between(0, us),
        }
    }

    /// The smallest duration that is counted with this one.
    pub(super) fn lowest_equivalent(&self, us: u64) -> u64 {
        match self {
            Self::Sparse(_) => sparse::lowest_equivalent(us),
            Self::Narrow(histogram) => histogram.lowest_equivalent(us),
            Self::Wide(histogram) => histogram.lowest_equivalent(us),
        }
    }

    /// The largest duration that is counted with this one.
    pub(super) fn highest_equivalent(&self, us: u64) -> u64 {
        match self {
            Self::Sparse(_) => sparse::highest_equivalent(us),
            Self::Narrow(histogram) => histogram.highest_equivalent(us),
            Self::Wide(histogram) => histogram.highest_equivalent(us),
        }
    }

    /// Appends HdrHistogram's V2 format.
    pub(super) fn write_v2(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Sparse(_) => return self.spread().write_v2(bytes),
            Self::Narrow(histogram) => V2Serializer::new().serialize(histogram, bytes),
            Self::Wide(histogram) => V2Serializer::new().serialize(histogram, bytes),
        }
        .expect("memory can be written, and a histogram of three digits has an encoding");
    }

    /// Has all cells, each wide enough for so many more.
    fn make_room_for(&mut self, more: u64) {
        let fits = self.len().saturating_add(more) <= u64::from(u32::MAX);
        let is_wide_enough = match self {
            Self::Sparse(_) => false,
            Self::Narrow(_) => fits,
            Self::Wide(_) => true,
        };
        if is_wide_enough {
            return;
        }
        let mut roomy = if fits { Self::new() } else { Self::wide() };
        for (us, count) in self.recorded() {
            roomy.record_n(us, count);
        }
        *self = roomy;
    }

    fn wide() -> Self {
        let histogram = Histogram::new(SIGNIFICANT_DIGITS);
        Self::Wide(histogram.expect("three significant digits are within the limit of five"))
    }

    /// The same with all its cells.
    fn spread(&self) -> Self {
        let mut all = self.clone();
        all.make_room_for(0);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: u64 = 3_000_000_000;

    #[test]
    fn counts_go_beyond_32_bits() {
        let mut counts = Counts::new();
        counts.record_n(5_000, MANY);
        let other = counts.clone();
        counts.add(&other);
        counts.record(7_000);
        let recorded: Vec<_> = counts.recorded().collect();
        assert_eq!(recorded, [(5_003, 2 * MANY), (7_003, 1)]);
        assert_eq!(counts.count_up_to(6_000), 2 * MANY);
        counts.add(&other);
        let mut small = Counts::new();
        small.add(&counts);
        assert_eq!((counts.len(), small.len()), (3 * MANY + 1, 3 * MANY + 1));
        let wide = counts.clone();
        counts.add(&wide);
        assert_eq!(counts.len(), 6 * MANY + 2);
        counts.reset();
        assert_eq!((counts.len(), counts.recorded().next()), (0, None));
    }
}
