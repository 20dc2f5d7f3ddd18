//! Probes: what the stores and the machine do while a load goes on, once a second and beside it.
//!
//! ```text
//! --probe ─▶ address ─▶ source (postgres, redis, prometheus, host) ─▶ look ─┐ two of them
//!                                                                           ▼
//!                        series, outputs, reports ◀── watch ◀────────────  seen
//! ```

mod address;
mod exposition;
mod failure;
mod host;
mod info;
mod known;
mod look;
mod pattern;
mod postgres;
mod proc;
mod prometheus;
mod redis;
mod source;
mod statement;
mod watch;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

use std::time::Duration;

pub use address::{Address, Kind, Passwords};
pub use known::{Known, Trouble, is_mean, known};
pub use look::Reading;
pub use watch::{Probed, Probes, Unreachable};

/// What a store's own lists call the probe.
const NAME: &str = "loadtest probe";
/// The longest that a look may take: less than the second until the next one.
const LIMIT: Duration = Duration::from_millis(900);
