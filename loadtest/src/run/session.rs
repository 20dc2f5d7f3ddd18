//! Several runs, one after the other, against the same server.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use thiserror::Error;
use tokio::runtime::Handle;

use super::drive::{Run, Watch};
use super::prepare::{Refusal, Server, run_id, server};
use super::{instance, judged, load};
use crate::config::RunConfig;
use crate::executor::Control;
use crate::health::Lag;
use crate::output::{Feed, Rows, Source};
use crate::progress::Progress;
use crate::report::RunResult;
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
pub struct Session {
    server: Server,
    control: Arc<Control>,
    telemetry: Handle,
}

impl Session {
    /// Starts the private stack, or looks for the given server.
    ///
    /// # Errors
    /// [`SessionError`].
    pub async fn open(
        config: &RunConfig,
        control: Arc<Control>,
        telemetry: Handle,
    ) -> Result<Self, SessionError> {
        let progress = Progress::new(config.quiet, &config.schedule);
        let server = tokio::select! {
            server = server(config, &progress) => server,
            () = control.stopping().cancelled() => Err(Refusal::Signal),
        };
        progress.finish();
        Ok(Self {
            server: server?,
            control,
            telemetry,
        })
    }

    /// Whether a signal has ended it.
    #[must_use]
    pub fn signalled(&self) -> bool {
        self.control.signalled()
    }

    /// Makes one run: set-up, load, audit, verdict. It leaves no report and no rows behind.
    /// `lag` notes how late timers fire meanwhile.
    pub async fn run(&self, config: RunConfig, lag: &Arc<Lag>) -> RunResult {
        let started_at = SystemTime::now();
        let id = run_id(&config.profile, started_at);
        let source = Source {
            rows: Rows {
                run_id: id.clone(),
                instance: instance(),
            },
            thresholds: config.thresholds.clone(),
            lag: Arc::clone(lag),
            raw: None,
        };
        let parts = Run {
            config: &config,
            server: &self.server,
            control: &self.control,
            telemetry: &self.telemetry,
            lag,
            raw: None,
        };
        let watch = Watch {
            progress: Progress::new(config.quiet, &config.schedule),
            feed: Feed::open(source, &[], Path::new(""))
                .await
                .expect("without outputs there is nothing to open"),
        };
        let (load, watch) = load(parts, watch).await;
        watch.progress.finish();
        let signalled = self.control.signalled();
        judged(config, id, started_at, &self.server, load, signalled)
    }
}
