//! The system under test: a compact e-commerce API on PostgreSQL and Redis.
//!
//! PostgreSQL has the truth. Redis admits coupon claims, queues them and ranks
//! products; all of that but the queue can be rebuilt from PostgreSQL.
//! Concurrent requests of a kind are gathered into one call (`batch`), so that
//! hot rows and commits are shared instead of fought over.

mod batch;
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
mod openapi;
mod orders;
mod products;
mod ranking;
mod rebuild;
mod serve;
mod slots;
mod state;
mod timing;
mod users;
mod world;

pub use openapi::app;
pub use serve::run;
pub use state::{App, StartError};
