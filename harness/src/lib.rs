//! Load tests of any HTTP API.
//!
//! A team describes its API and its kinds of users in a [`Suite`]; this crate gives it the command
//! line, the schedules, the measured HTTP client, metrics, thresholds, verdicts and reports:
//!
//! ```no_run
//! # use harness::{Audit, Error, Persona, Program, Request, Suite, VirtualUser};
//! # struct Shop;
//! # static READER: Persona<VirtualUser> = Persona {
//! #     key: 'r', name: "reader", summary: "reads", requests: &[],
//! #     iterate: |_| Box::pin(async { Ok(()) }),
//! # };
//! # impl Suite for Shop {
//! #     type World = ();
//! #     type User = VirtualUser;
//! #     const PROGRAM: Program = Program { name: "shop", about: "", version: "0" };
//! #     fn requests() -> Vec<&'static Request> { vec![] }
//! #     fn personas() -> Vec<&'static Persona<VirtualUser>> { vec![&READER] }
//! #     fn user(vu: VirtualUser, _: &std::sync::Arc<()>) -> VirtualUser { vu }
//! # }
//! fn main() -> std::process::ExitCode {
//!     harness::main::<Shop>()
//! }
//! ```
//!
//! `ARCHITECTURE.md` in the repository draws the whole house.

pub mod admin;
pub mod capacity;
pub mod catalogue;
pub mod cli;
pub mod compare;
pub mod config;
pub mod descriptors;
pub mod diagnosis;
pub mod executor;
pub mod fidelity;
mod files;
mod format;
pub mod health;
pub mod invariant;
pub mod metrics;
pub mod output;
pub mod persona;
mod program;
pub mod progress;
pub mod report;
pub mod run;
pub mod sampler;
pub mod secret;
mod suite;
pub mod threshold;
pub mod tui;
pub mod vu;

#[cfg(test)]
mod fixture;

pub use admin::{Admin, AdminError};
pub use catalogue::ServerPart;
pub use config::{Field, Options, Outline, Profile, Program};
pub use invariant::{Amount, Invariant};
pub use persona::{Persona, Stop};
pub use program::main;
pub use suite::{Audit, Error, PrivateServer, SetUp, Suite, User};
pub use vu::{Answer, Call, Request, VirtualUser};
