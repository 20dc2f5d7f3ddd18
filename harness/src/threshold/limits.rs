//! How far a run may differ from its plan before its verdict can't be trusted.

use std::time::Duration;

/// Every limit. Shares are from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Share of started iterations that may be cut.
    pub interrupted: f64,
    /// Operations of unknown outcome, per started iteration.
    pub unknown: f64,
    /// Share of scheduled iterations that may be dropped.
    pub dropped: f64,
    /// Share of started iterations that may start late.
    pub late_starts: f64,
    /// How far a persona's share, or a request's number, may be from the plan.
    pub mix_drift: f64,
    /// Share of an output's rows that may be lost.
    pub lost_rows: f64,
    /// Share of its cores that the generator may use.
    pub cpu: f64,
    /// Share of the machine that may be in use.
    pub machine_cpu: f64,
    /// How late a timer may fire.
    pub lag: Duration,
    /// Share of the file descriptors that may be in use.
    pub fds: f64,
}

impl Limits {
    /// What holds where nothing else is said.
    pub const DEFAULT: Self = Self {
        interrupted: 0.05,
        unknown: 0.05,
        dropped: 0.01,
        late_starts: 0.1,
        mix_drift: 0.1,
        lost_rows: 0.01,
        cpu: 0.9,
        machine_cpu: 0.98,
        lag: Duration::from_millis(100),
        fds: 0.9,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
