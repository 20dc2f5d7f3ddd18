//! Several runs, one after the other, against the same server.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use thiserror::Error;
use tokio::runtime::Handle;

use super::drive::{Run, Watch};
use super::judged::{Course, judged};
use super::prepare::{Refusal, Server, run_id, server};
use super::{instance, load};
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
        let progress = Progress::new(config.quiet, &config.plan());
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
    pub async fn run(&self, config: RunConfig) -> RunResult {
        let started_at = SystemTime::now();
        let id = run_id(&config.profile, started_at);
        let source = Source {
            rows: Rows {
                run_id: id.clone(),
                instance: instance(),
            },
            thresholds: config.thresholds.len(),
            raw: None,
        };
        let feed = Feed::open(source, &[], Path::new(""))
            .await
            .expect("without outputs there is nothing to open");
        let lag = Arc::new(Lag::default());
        let progress = Progress::new(config.quiet, &config.plan());
        let watch = Watch::new(&config, progress, feed, &lag, &self.control);
        let parts = Run {
            config: &config,
            server: &self.server,
            control: &self.control,
            telemetry: &self.telemetry,
            lag: &lag,
            raw: None,
        };
        let (load, watch) = load(parts, watch).await;
        watch.progress.finish();
        let course = Course {
            id,
            started_at,
            timeline: watch.timeline,
            health: watch.health,
            signalled: self.control.signalled(),
            aborted: self.control.aborted().map(str::to_owned),
        };
        judged(config, course, &self.server, load)
    }
}
