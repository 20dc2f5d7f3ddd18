//! Exports: rows that leave the run every second, beside the load and never in its way.

mod address;
mod csv;
mod destination;
mod feed;
mod file;
mod influxdb;
mod influxdb2;
mod json;
mod line_protocol;
mod line_server;
mod pipeline;
mod point;
mod raw;
mod replay;
mod rows;
mod spool;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

pub use address::Address;
pub use destination::{OpenError, WriteError};
pub use feed::{Feed, Part, Source};
pub use line_protocol::encode;
pub use pipeline::Account;
pub use point::{Point, Value};
pub use replay::{ReplayError, Replayed, replay};
pub use rows::{BUCKETS, Rows};
