//! Several processes, one run: at a real Redis, against the real server.

mod equal;
mod faults;
mod store;
mod team;
mod verdicts;
