//! Several processes, one run: at a real Redis, against the real server.

mod deploy;
mod equal;
mod faults;
mod merge;
mod samples;
mod secure;
mod store;
mod team;
mod verdicts;
