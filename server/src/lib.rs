//! The system under test: a compact e-commerce API on PostgreSQL and Redis.
//!
//! PostgreSQL has the truth. Redis admits coupon claims and ranks products; it
//! repeats what PostgreSQL has and is written again from there all the time.
//! Concurrent requests of a kind are gathered into one call (`batch`), so that
//! hot rows and commits are shared instead of fought over.

mod batch;
mod cache;
pub mod cli;
mod coupons;
mod db;
mod error;
mod extract;
pub mod files;
mod health;
mod init;
mod keys;
mod ledger;
mod load;
mod log;
mod metrics;
mod openapi;
mod orders;
mod products;
mod ranking;
mod rebuild;
mod requests;
mod serve;
mod slots;
mod state;
mod timing;
mod users;
mod world;

pub use openapi::app;
pub use serve::run;
pub use state::{App, StartError};
