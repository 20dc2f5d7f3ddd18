//! Several runs, one after the other, against the same server.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use thiserror::Error;
use tokio::runtime::Handle;

use super::attempt::Attempt;
use super::outlets::Outlets;
use super::perform::perform;
use super::prepare::{Refusal, check_files, check_ports, run_id};
use super::seats::users;
use super::server::Server;
use crate::config::RunConfig;
use crate::executor::{Control, Share};
use crate::progress::Progress;
use crate::report::RunResult;
use crate::suite::Suite;
use crate::threshold::ExitCode;

/// Why there is no session.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct SessionError(#[from] Refusal);

impl SessionError {
    /// The program's exit code for it.
    #[must_use]
    pub const fn exit(&self) -> ExitCode {
        self.0.exit()
    }
}

/// A server, given or private, that runs are made against.
pub struct Session<S> {
    server: Server,
    control: Arc<Control>,
    telemetry: Handle,
    suite: PhantomData<fn() -> S>,
}

impl<S: Suite> Session<S> {
    /// Starts a private server, or looks for the given one.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn open(
        config: &RunConfig,
        control: Arc<Control>,
        telemetry: Handle,
    ) -> Result<Self, SessionError> {
        let progress = Progress::new(config.quiet, &config.plan());
        let users = users(&config.scenarios, &Share::whole());
        let server = tokio::select! {
            server = Server::find::<S>(config, &users, &progress) => server,
            () = control.stopping().cancelled() => Err(Refusal::Signal),
        };
        progress.finish();
        Ok(Self {
            server: server?,
            control,
            telemetry,
            suite: PhantomData,
        })
    }

    /// Finds out whether this machine has what a run of so many users needs. The runs before it
    /// may have left ports that rest for a minute.
    ///
    /// # Errors
    /// What there is too little of, and how to fix it.
    pub fn check(&self, config: &RunConfig) -> Result<(), SessionError> {
        let users = users(&config.scenarios, &Share::whole());
        check_files(&users, S::connections)?;
        check_ports(&users, S::connections, &self.server.target.pairs())?;
        Ok(())
    }

    /// Whether a signal has ended it.
    #[must_use]
    pub fn signalled(&self) -> bool {
        self.control.signalled()
    }

    /// Makes one run: set-up, load, audit, verdict. It leaves no report and no rows behind.
    pub async fn run(&self, config: RunConfig) -> RunResult {
        let started_at = SystemTime::now();
        let attempt = Attempt {
            id: run_id(config.title(), started_at),
            started_at,
            control: Arc::clone(&self.control),
            telemetry: self.telemetry.clone(),
            lead: None,
        };
        let outlets = Outlets::none(&config, &attempt).await;
        let (result, outlets) = perform::<S>(config, &self.server, &attempt, outlets).await;
        outlets.progress.finish();
        result
    }
}
