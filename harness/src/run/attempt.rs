//! What every step of a run needs to know.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::runtime::Handle;

use super::lead::Lead;
use super::server::Server;
use crate::config::RunConfig;
use crate::executor::Control;
use crate::health::Lag;

/// A run that is about to be made.
pub(super) struct Attempt {
    pub(super) id: String,
    pub(super) started_at: SystemTime,
    /// What signals act on.
    pub(super) control: Arc<Control>,
    /// The runtime of everything that only watches.
    pub(super) telemetry: Handle,
    /// The lead's place, in a run on several machines.
    pub(super) lead: Option<Lead>,
}

/// What every step of a run needs to know.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) config: &'a RunConfig,
    pub(super) server: &'a Server,
    pub(super) control: &'a Arc<Control>,
    pub(super) telemetry: &'a Handle,
    pub(super) lag: &'a Arc<Lag>,
    pub(super) lead: Option<&'a Lead>,
}
