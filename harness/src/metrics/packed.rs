//! Trends and numbers in few bytes, for processes of one run. What another process wrote is not
//! trusted: whatever the bytes say, reading them ends in a value or an error, in memory that is bounded
//! by their number.

use std::collections::BTreeMap;

use super::counts::{Counts, SIGNIFICANT_DIGITS};
use super::histogram::{LONGEST_US, Trend};
use super::malformed::{LARGEST_COUNT, Malformed};
use super::sparse::Sparse;

/// Cookie, length of the payload, offset, digits, lowest and highest value, ratio.
const V2_HEADER: usize = 4 + 4 + 4 + 4 + 8 + 8 + 8;
/// `0x1c849303` with the size of a word, 1, in its third half-byte.
const V2_COOKIE: u32 = 0x1c84_9313;

/// Writes bytes.
#[derive(Debug, Default)]
pub struct Packer(pub Vec<u8>);

impl Packer {
    /// A number, the smaller the fewer bytes (LEB128).
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Bytes, with their length before them.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A trend: the number of zeros, exact sum and extremes, and HdrHistogram's V2 format.
    pub fn trend(&mut self, trend: &Trend) {
        let others = trend.others.as_ref().filter(|others| others.len() > 0);
        self.number(trend.zeros);
        self.number(others.is_some().into());
        let Some(others) = others else { return };
        self.number(trend.sum_us);
        self.number(trend.min_us);
        self.number(trend.max_us);
        let mut histogram = Vec::new();
        others.write_v2(&mut histogram);
        self.bytes(&histogram);
        self.number(trend.fine.len() as u64);
        for (us, count) in &trend.fine {
            self.number(*us);
            self.number(*count);
        }
    }
}

/// Reads bytes.
#[derive(Debug)]
pub struct Unpacker<'a> {
    left: &'a [u8],
}

impl<'a> Unpacker<'a> {
    /// Reads these.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// A number.
    ///
    /// # Errors
    /// It ends in the middle, or has more than 64 bits.
    pub fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, left) = self.left.split_first().ok_or(Malformed::Short)?;
            self.left = left;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed::Wrong("number"))
    }

    /// A number of at most `most`; `what` says what it is.
    ///
    /// # Errors
    /// It is larger, or none.
    pub fn at_most(&mut self, most: u64, what: &'static str) -> Result<u64, Malformed> {
        let number = self.number()?;
        let fits = number <= most;
        fits.then_some(number).ok_or(Malformed::Wrong(what))
    }

    /// A counter.
    ///
    /// # Errors
    /// It is larger than any process can count in a second.
    pub fn count(&mut self) -> Result<u64, Malformed> {
        self.at_most(LARGEST_COUNT, "count")
    }

    /// As many bytes as are said before them.
    ///
    /// # Errors
    /// There aren't as many.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed::Short)?;
        let (bytes, left) = self.left.split_at_checked(length).ok_or(Malformed::Short)?;
        self.left = left;
        Ok(bytes)
    }

    /// A trend.
    ///
    /// # Errors
    /// It is not one that a process can have recorded.
    pub fn trend(&mut self) -> Result<Trend, Malformed> {
        let zeros = self.count()?;
        if self.at_most(1, "trend")? == 0 {
            return Ok(Trend {
                zeros,
                ..Trend::default()
            });
        }
        let sum_us = self.number()?;
        let min_us = self.at_most(LONGEST_US, "minimum")?;
        let max_us = self.at_most(LONGEST_US, "maximum")?;
        let histogram = self.bytes()?;
        let others = Self::histogram(histogram, max_us)?;
        if min_us > max_us || (min_us == 0) != (zeros > 0) || others.len() == 0 {
            return Err(Malformed::Wrong("minimum"));
        }
        Ok(Trend {
            zeros,
            sum_us,
            min_us,
            max_us,
            fine: self.fine(&others)?,
            others: Some(Box::new(others)),
        })
    }

    /// The durations around limits, each of which the histogram has as well.
    fn fine(&mut self, others: &Counts) -> Result<BTreeMap<u64, u64>, Malformed> {
        let mut fine = BTreeMap::new();
        let mut all: u64 = 0;
        for _ in 0..self.at_most(others.len(), "number of durations around limits")? {
            let us = self.at_most(LONGEST_US, "duration around a limit")?;
            let count = self.count()?;
            fine.insert(us, count);
            all += count;
            if all > others.len() {
                return Err(Malformed::Wrong("count around a limit"));
            }
        }
        Ok(fine)
    }

    /// Looks at the head of a histogram first: its cells are what a worker's are.
    fn histogram(bytes: &[u8], max_us: u64) -> Result<Counts, Malformed> {
        const WRONG: Malformed = Malformed::Wrong("histogram");
        let head = bytes.first_chunk::<V2_HEADER>().ok_or(WRONG)?;
        let word =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let double = |at| u64::from(word(at)) << 32 | u64::from(word(at + 4));
        let digits = u32::from(SIGNIFICANT_DIGITS);
        let (cookie, payload, low, high) = (word(0), word(4), double(16), double(24));
        let fits = payload as usize == bytes.len() - V2_HEADER;
        if cookie != V2_COOKIE || !fits || word(12) != digits || low != 1 {
            return Err(WRONG);
        }
        // It doubles until the largest value fits, from some thousands on.
        if high > max_us.max(2_048).saturating_mul(4) {
            return Err(WRONG);
        }
        Sparse::read(&bytes[V2_HEADER..], max_us).map(Counts::Sparse)
    }

    /// That everything was read.
    ///
    /// # Errors
    /// How much was not.
    pub const fn end(self) -> Result<(), Malformed> {
        match self.left.len() {
            0 => Ok(()),
            more => Err(Malformed::Long(more)),
        }
    }
}

#[cfg(test)]
#[path = "packed_tests.rs"]
mod tests;
