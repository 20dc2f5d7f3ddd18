//! Several processes, one run: at a real Redis, against the real server.

#[cfg(target_os = "linux")]
mod cut_off;
mod deploy;
mod equal;
mod faults;
#[cfg(target_os = "linux")]
mod hosts;
mod merge;
mod probes;
mod samples;
mod secure;
#[cfg(target_os = "linux")]
mod slurm;
mod store;
mod team;
mod verdicts;
