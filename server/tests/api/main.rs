//! The API on real stores: the contract row by row, hostile input, and what
//! must hold when many do the same at once. All tests share one PostgreSQL and
//! one Redis; each has databases of its own in them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod balances;
mod concurrency;
mod coupons;
mod hostile;
mod init;
mod ledger;
mod metrics;
mod migrations;
mod orders;
mod products;
mod redis_lost;
mod round_trips;
mod shop;
mod surface;
mod users;
