//! `loadtest`: a load-testing harness for an e-commerce API.
//!
//! Personas act as virtual users on a pure schedule; what they see is measured in histograms,
//! judged by thresholds, and what they did is audited against the server's books.
//! `ARCHITECTURE.md` in the repository draws the whole house.

pub mod audit;
pub mod book;
pub mod capacity;
pub mod cli;
pub mod compare;
pub mod config;
pub mod diagnosis;
pub mod executor;
pub mod fidelity;
pub mod health;
pub mod metrics;
pub mod output;
pub mod personas;
pub mod progress;
pub mod report;
pub mod run;
pub mod sampler;
pub mod secret;
pub mod shop;
pub mod threshold;
pub mod tui;
pub mod vu;
