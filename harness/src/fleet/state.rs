//! How far a process is, as the others see it.

use serde::{Deserialize, Serialize};

/// How far a process is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It has come, and waits for its configuration.
    #[default]
    Joined,
    /// It has found the server, and has room for its share.
    There,
    /// Its virtual users wait for the start.
    Ready,
    /// Its share is done, and the store has its totals.
    Done,
    /// It can't go on.
    Failed,
}

/// What a process says of itself with every beat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// How far it is.
    pub phase: Phase,
    /// Why it can't go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether it was told to end by a signal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signalled: bool,
    /// How late its virtual users began after the start, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_us: Option<u64>,
    /// How far its reading of the store's clock may be off, in microseconds.
    #[serde(default)]
    pub skew_us: u64,
}

/// A process as the store knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// 0 is the lead.
    pub index: u32,
    /// The name of its machine.
    pub host: String,
    /// How much of the load it takes.
    pub weight: u32,
    /// For how long nothing was heard of it.
    pub silent: std::time::Duration,
    /// What it said last.
    pub state: State,
}

impl Member {
    /// It, for people.
    #[must_use]
    pub fn name(&self) -> String {
        match self.index {
            0 => format!("the lead on {}", self.host),
            index => format!("worker {index} on {}", self.host),
        }
    }
}
