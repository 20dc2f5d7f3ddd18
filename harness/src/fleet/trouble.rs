//! Why a process can't join a run, or drops out of it.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use thiserror::Error;

/// Why a process can't join a run, or drops out of it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process has this index.
    #[error("index {index} is taken by a process on {host}; each process needs its own --index")]
    Taken {
        /// The index.
        index: u32,
        /// Its host.
        host: String,
    },
    /// The run has begun without it.
    #[error(
        "the run has begun; a process that joins now, or again, can't take part (its users would be missing or duplicated)"
    )]
    Late,
    /// The run is over.
    #[error("the run of this name is over, and not all of its processes have left")]
    Over,
    /// Another version of the program.
    #[error(
        "this is version {own}, and the run is of version {others}; start the same program everywhere"
    )]
    Version {
        /// This process's.
        own: String,
        /// The run's.
        others: String,
    },
    /// Another configuration.
    #[error(
        "this process was given another configuration than the others; \
         workers need only --fleet, and take the lead's configuration"
    )]
    Configuration,
    /// More workers than the lead was told.
    #[error("index {index} is beyond the {workers} workers that the lead was told (--workers)")]
    Beyond {
        /// This process's.
        index: u32,
        /// How many workers there are.
        workers: String,
    },
    /// The run has forgotten this process, or another took its place.
    #[error(
        "the store has forgotten this process: the store was restarted or emptied, or the process was silent for too long"
    )]
    Forgotten,
    /// Seconds are sent one after the other.
    #[error("second {second} was sent after second {last}")]
    OutOfTurn {
        /// This one.
        second: u64,
        /// The last one that the store has.
        last: u64,
    },
    /// An answer that a store of this version wouldn't give.
    #[error("the store at --fleet gave an answer that can't be understood: {0}")]
    Nonsense(String),
    /// The store's own.
    #[error("the store at --fleet: {0}")]
    Redis(#[from] RedisError),
}

impl StoreError {
    /// Whether the store may only not be there yet.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Redis(error) => {
                error.is_io_error()
                    || error.is_timeout()
                    || error.kind() == ErrorKind::Server(ServerErrorKind::BusyLoading)
            }
            _ => false,
        }
    }

    /// Whether another try would come out the same.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Redis(_))
    }
}
