//! The report of a run that goes on: what was seen last, rendered as the report at the end is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::attempt::Attempt;
use crate::config::RunConfig;
use crate::diagnosis::HealthLog;
use crate::executor::Control;
use crate::health::Resources;
use crate::metrics::Snapshot;
use crate::report::{
    Document, Following, Generator, Live, RunResult, SERIES_FILE, Series, summary, write_html,
};
use crate::sampler::Tick;
use crate::threshold::{ExitCode, Judgement, Outcome, Timeline, Verdict};
use crate::web::{Audience, Render};

/// What a run looked like at the end of a second.
struct Look {
    elapsed: Duration,
    total: Snapshot,
    outcomes: Vec<Outcome>,
    health: HealthLog,
}

/// A run that goes on, for its readers.
pub(super) struct Interim {
    pub(super) audience: Arc<Audience>,
    control: Arc<Control>,
    /// Where the run's files lie.
    directory: PathBuf,
    series: Mutex<Following>,
    last: Mutex<Option<Look>>,
    /// What is known of the run; each page has what was seen last in it.
    result: Mutex<RunResult>,
}

impl Interim {
    pub(super) fn new(config: &RunConfig, attempt: &Attempt, host: &str, directory: &Path) -> Self {
        Self {
            audience: Arc::default(),
            control: Arc::clone(&attempt.control),
            directory: directory.to_owned(),
            series: Mutex::new(Following::new(directory.join(SERIES_FILE))),
            last: Mutex::default(),
            result: Mutex::new(begun(config, attempt, host)),
        }
    }

    /// Keeps what a second looked like, if anybody wants to see it.
    pub(super) fn note(&self, tick: &Tick<'_>, outcomes: &[Outcome], health: &HealthLog) {
        if !self.audience.is_there() {
            return;
        }
        let look = Look {
            elapsed: tick.elapsed,
            total: tick.total.clone(),
            outcomes: outcomes.to_vec(),
            health: health.clone(),
        };
        *self.last.lock() = Some(look);
        self.audience.tell();
    }

    fn document(&self, series: Series) -> io::Result<Document> {
        let mut result = self.result.lock();
        if let Some(look) = self.last.lock().take() {
            update(&mut result, look);
        }
        let plan = result.config.plan();
        let live = Live {
            elapsed: result.duration,
            end: plan.planned_iterations().is_none().then(|| plan.end()),
            stage: series
                .seconds
                .last()
                .map(|second| second.stage.clone())
                .unwrap_or_default(),
            outcomes: result.thresholds.clone(),
            stopping: self.control.stopping().is_cancelled(),
            report: self.directory.join("report.html").display().to_string(),
        };
        let mut summary = summary(&result);
        drop(result);
        // What isn't decided is nothing to explain.
        for (row, outcome) in summary.thresholds.iter_mut().zip(&live.outcomes) {
            row.ok = !outcome.is_crossed();
        }
        let mut document = Document::new(summary, series).map_err(io::Error::other)?;
        document.live = Some(live);
        Ok(document)
    }
}

impl Render for Interim {
    fn render(&self) -> io::Result<Vec<u8>> {
        let mut page = Vec::new();
        let mut following = self.series.lock();
        let mut read = following.take().map_err(io::Error::other)?;
        let document = self.document(std::mem::take(&mut read.series))?;
        write_html(&document, &mut page)?;
        read.series = document.series;
        following.keep(read);
        Ok(page)
    }
}

/// What is known of a run before its load.
fn begun(config: &RunConfig, attempt: &Attempt, host: &str) -> RunResult {
    let timeline = Timeline::new(&config.thresholds, &config.plan());
    let snapshot = Snapshot::default();
    RunResult {
        id: attempt.id.clone(),
        config: config.clone(),
        host: host.to_owned(),
        started_at: attempt.started_at,
        duration: Duration::ZERO,
        thresholds: timeline.finish(&snapshot),
        snapshot,
        unfit: false,
        arrivals: Vec::new(),
        invariants: Vec::new(),
        failures: Vec::new(),
        generator: Generator::of_this_machine(),
        comparison: None,
        outputs: Vec::new(),
        mix: Vec::new(),
        unknown_outcomes: 0,
        health: HealthLog::new(Resources::of_this_process(), &config.limits),
        workers: Vec::new(),
        warnings: Vec::new(),
        judgement: so_far(&[]),
    }
}

/// Takes in what was seen last.
fn update(result: &mut RunResult, look: Look) {
    result.duration = look.elapsed;
    result.snapshot = look.total;
    result.judgement = so_far(&look.outcomes);
    result.thresholds = look.outcomes;
    result.warnings = look.health.findings();
    result.health = look.health;
}

/// No verdict: only whether a threshold is crossed.
fn so_far(outcomes: &[Outcome]) -> Judgement {
    let (verdict, exit) = match outcomes.iter().any(Outcome::is_crossed) {
        true => (Verdict::Fail, ExitCode::ThresholdCrossed),
        false => (Verdict::Pass, ExitCode::Pass),
    };
    Judgement {
        verdict,
        exit,
        reasons: Vec::new(),
    }
}
