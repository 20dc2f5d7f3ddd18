//! The server as a process on stores of its own that fail: signals, crashes,
//! and PostgreSQL or Redis going away.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod client;
mod command_line;
mod description;
mod redis_killed;
mod silence;
mod stop;
mod stores_away;
mod tls;
