//! Load tests of any HTTP API.
//!
//! A team describes its API and its kinds of users in a [`Suite`]; this crate gives it the command
//! line, the schedules, the measured HTTP client, metrics, thresholds, verdicts and reports:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use std::sync::Arc;
//!
//! use harness::{Options, Persona, Program, Request, Stop, Suite, VirtualUser};
//!
//! static HOME: Request = Request::get("home");
//!
//! static VISITOR: Persona<VirtualUser> = Persona {
//!     key: 'v',
//!     name: "visitor",
//!     summary: "opens the home page",
//!     requests: &[("home", 1, 1)],
//!     iterate: &visit,
//! };
//!
//! async fn visit(vu: &mut VirtualUser) -> Result<(), Stop> {
//!     let answer = vu.send(HOME.at("/")).await;
//!     vu.check("home 200", answer.status == 200);
//!     Ok(())
//! }
//!
//! struct Site;
//!
//! impl Suite for Site {
//!     type World = ();
//!     type User = VirtualUser;
//!     const PROGRAM: Program = Program {
//!         name: "site",
//!         about: "Load-tests a site",
//!         version: "1.0.0",
//!     };
//!
//!     fn requests() -> Vec<&'static Request> {
//!         vec![&HOME]
//!     }
//!
//!     fn personas() -> Vec<&'static Persona<VirtualUser>> {
//!         vec![&VISITOR]
//!     }
//!
//!     fn checks(_: &Options) -> Vec<&'static str> {
//!         vec!["home 200"]
//!     }
//!
//!     fn user(vu: VirtualUser, _: &Arc<()>) -> VirtualUser {
//!         vu
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     harness::main::<Site>()
//! }
//! ```
//!
//! `ARCHITECTURE.md` in the repository describes all parts.

pub mod admin;
pub mod capacity;
pub mod catalogue;
pub mod cli;
pub mod compare;
pub mod config;
mod crypto;
mod decimal;
pub mod descriptors;
pub mod diagnosis;
pub mod executor;
pub mod expected;
pub mod failing;
pub mod fidelity;
mod files;
pub mod fleet;
mod format;
pub mod health;
pub mod invariant;
pub mod metrics;
pub mod output;
pub mod persona;
mod ports;
pub mod probe;
mod program;
pub mod progress;
mod quota;
pub mod report;
pub mod run;
pub mod sampler;
pub mod secret;
pub mod shown;
mod stdout;
mod suite;
pub mod threshold;
pub mod tui;
pub mod vu;
mod wall;
pub mod web;

#[cfg(any(test, fuzzing))]
mod fixture;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;

pub use admin::{Admin, AdminError};
pub use catalogue::ServerPart;
pub use config::{Field, Flaw, Options, Outline, Profile, Program, Section};
pub use invariant::{Amount, Invariant};
pub use persona::{Persona, Stop};
pub use program::main;
pub use suite::{Audit, Disturbed, Error, PrivateServer, Refused, SetUp, Suite, User, WorkerOf};
pub use vu::{Answer, Call, Header, Request, VirtualUser};
