//! Private PostgreSQL, Redis and system under test, as child processes in
//! temporary directories.
//!
//! Nothing here outlives the process that started it: children end on drop,
//! and a watchdog ends them when the process is gone for any other reason,
//! SIGKILL included (see `watchdog`). They are reached over Unix sockets, so no
//! port can be taken; only the system under test listens on TCP, on a port
//! that the kernel chooses.

mod error;
mod influx;
mod nginx;
mod postgres;
mod process;
mod programs;
mod redis;
mod relay;
mod stack;
pub mod sut;
mod watchdog;

pub use error::Error;
pub use influx::Influx;
pub use nginx::{Nginx, Site};
pub use postgres::Postgres;
pub use process::guarded;
pub use redis::{Memory, Redis};
pub use relay::{Relay, Upstream};
pub use stack::Stack;
pub use sut::Sut;
pub use watchdog::forget;
