//! The shop's API as data: where each request goes, what its answers are called, and what of it
//! another shop does differently (`[api]` in a configuration file).

mod body;
mod contract;
mod keys;
mod numbers;
mod path;
pub(crate) mod requests;

pub use contract::{Api, Route, SECTION, TotalIs};
pub use numbers::Numbers;
pub use path::{Ids, Path};
