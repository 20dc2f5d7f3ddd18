//! A histogram as another process wrote it: the cells that something is in. A worker's second has
//! few, and a lead reads thousands of histograms a second to add them up, so one with all its cells
//! would cost it a hundred times the memory and most of its time.
//!
//! ```text
//! cells 0 to 2047      one µs each
//! then 1,024 each      2 µs, 4 µs, 8 µs, … each
//! ```

use super::malformed::{LARGEST_COUNT, Malformed};

/// Three significant digits: half of the first cells.
const HALF_BITS: u32 = 10;
const HALF: u64 = 1 << HALF_BITS;
const WRONG: Malformed = Malformed::Wrong("histogram");

/// The largest duration of each cell in microseconds, ascending, and how many are in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Sparse {
    cells: Vec<(u64, u64)>,
    total: u64,
}

impl Sparse {
    /// Reads the payload of HdrHistogram's V2 format, in which no duration is longer than `max_us`,
    /// and none is 0. It takes 16 times the bytes at most.
    pub(super) fn read(mut payload: &[u8], max_us: u64) -> Result<Self, Malformed> {
        let most = highest_equivalent(max_us);
        let mut read = Self::default();
        let mut cell: u64 = 0;
        while !payload.is_empty() {
            let number = next(&mut payload)?;
            let Ok(count) = u64::try_from(number) else {
                cell = cell.checked_add(number.unsigned_abs()).ok_or(WRONG)?;
                continue;
            };
            if count > 0 {
                let us = highest_in(cell).filter(|us| *us <= most).ok_or(WRONG)?;
                read.total = read.total.saturating_add(count);
                if cell == 0 || read.total > LARGEST_COUNT {
                    return Err(WRONG);
                }
                read.cells.push((us, count));
            }
            cell = cell.saturating_add(1);
        }
        Ok(read)
    }

    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.cells.iter().copied()
    }
}

/// A number as the format has it: seven bits a byte, eight in the ninth, the sign in the lowest bit.
fn next(payload: &mut &[u8]) -> Result<i64, Malformed> {
    let mut bits: u64 = 0;
    for at in 0..9 {
        let (byte, left) = payload.split_first().ok_or(WRONG)?;
        *payload = left;
        let is_last = at == 8 || byte & 0x80 == 0;
        let kept = if at == 8 { *byte } else { byte & 0x7f };
        bits |= u64::from(kept) << (7 * at);
        if is_last {
            break;
        }
    }
    Ok((bits >> 1) as i64 ^ -((bits & 1) as i64))
}

/// The largest duration that is counted in this cell.
fn highest_in(cell: u64) -> Option<u64> {
    let doubled = (cell >> HALF_BITS).saturating_sub(1);
    let within = cell - doubled * HALF;
    let shift = u32::try_from(doubled).ok().filter(|shift| *shift < 53)?;
    Some(((within + 1) << shift) - 1)
}

/// The largest duration that is counted with this one.
pub(super) const fn highest_equivalent(us: u64) -> u64 {
    us | rest(us)
}

/// The smallest one.
pub(super) const fn lowest_equivalent(us: u64) -> u64 {
    us & !rest(us)
}

/// The bits that durations of one cell differ in.
const fn rest(us: u64) -> u64 {
    let bits = u64::BITS - us.leading_zeros();
    (1 << bits.saturating_sub(HALF_BITS + 1)) - 1
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::{Serializer as _, V2Serializer};
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::histogram::LONGEST_US;

    const HEAD: usize = 40;

    fn histogram(values: &[u64]) -> Histogram<u64> {
        let mut histogram = Histogram::new(3).expect("three digits are allowed");
        for us in values {
            histogram.record(*us).expect("it grows");
        }
        histogram
    }

    proptest! {
        /// It reads what the library writes.
        #[test]
        fn cells_are_the_librarys(values in prop::collection::vec(
            prop_oneof![1_u64..3_000, 1_u64..100_000_000, 1..=LONGEST_US], 1..100)
        ) {
            let histogram = histogram(&values);
            let mut bytes = Vec::new();
            V2Serializer::new().serialize(&histogram, &mut bytes).expect("memory can be written");
            let max = *values.iter().max().expect("there are values");
            let read = Sparse::read(&bytes[HEAD..], max).expect("the library's bytes");
            let expected = histogram.iter_recorded();
            let expected: Vec<_> = expected
                .map(|step| (step.value_iterated_to(), step.count_at_value()))
                .collect();
            prop_assert_eq!(read.cells().collect::<Vec<_>>(), expected);
            prop_assert_eq!(read.total(), values.len() as u64);
            for us in values {
                prop_assert_eq!(highest_equivalent(us), histogram.highest_equivalent(us));
                prop_assert_eq!(lowest_equivalent(us), histogram.lowest_equivalent(us));
            }
        }
    }

    #[test]
    fn what_nobody_writes_is_refused() {
        let rows: [(&[u8], u64); 5] = [
            (&[2], 9),          // a zero
            (&[1, 2, 0x80], 9), // it ends in a number
            (&[9, 2], 4),       // longer than the longest
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
                9,
            ), // far beyond
            (&[1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], 9),
        ];
        for (payload, max_us) in rows {
            assert_eq!(
                Sparse::read(payload, max_us).err(),
                Some(WRONG),
                "{payload:?}"
            );
        }
        let read = Sparse::read(&[1, 2, 0, 4], 9).expect("one of 1 µs, two of 3");
        assert_eq!(read.cells().collect::<Vec<_>>(), [(1, 1), (3, 2)]);
    }
}
