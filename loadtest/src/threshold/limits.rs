//! How far a run may be from what was asked for before its verdict is no longer to be trusted.

/// Every limit that makes a run invalid. Shares are from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Share of started iterations that may be cut.
    pub interrupted: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { interrupted: 0.05 }
    }
}
