//! What is wrong with bytes of another process.

use thiserror::Error;

/// No counter of one second is larger, so that adding up a run's seconds doesn't overflow.
pub(super) const LARGEST_COUNT: u64 = 1 << 48;

/// Why bytes of another process can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Malformed {
    /// There are fewer than they say themselves.
    #[error("it ends in the middle")]
    Short,
    /// There are more.
    #[error("{0} bytes follow after its end")]
    Long(usize),
    /// A value that nobody writes.
    #[error("it has a wrong {0}")]
    Wrong(&'static str),
}
