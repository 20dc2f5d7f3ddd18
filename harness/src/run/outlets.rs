//! Everything that a run is written to while it goes on.

use std::path::Path;
use std::sync::Arc;

use super::attempt::Attempt;
use super::prepare::Refusal;
use super::recording::Recording;
use crate::config::RunConfig;
use crate::metrics::RawSamples;
use crate::output::{Feed, Rows, Source};
use crate::probe::Probes;
use crate::progress::Progress;
use crate::report::Generator;

/// Progress, outputs and the series, and what they get beside the load.
pub(super) struct Outlets {
    pub(super) progress: Progress,
    /// What watches the stores.
    pub(super) probes: Probes,
    pub(super) feed: Feed,
    /// The run's seconds, where they are kept.
    pub(super) series: Option<Recording>,
    /// Single samples, if an output wants them.
    pub(super) raw: Option<Arc<RawSamples>>,
}

impl Outlets {
    /// Progress alone.
    pub(super) async fn none(config: &RunConfig, attempt: &Attempt) -> Self {
        let feed = Feed::open(source(config, attempt, None), &[], Path::new(""))
            .await
            .expect("without outputs there is nothing to open");
        Self {
            progress: Progress::new(config.quiet, &config.plan()),
            probes: Probes::default(),
            feed,
            series: None,
            raw: None,
        }
    }
}

/// Opens the outputs, on the runtime that is to carry them.
pub(super) async fn open_feed(
    config: &RunConfig,
    attempt: &Attempt,
    directory: &Path,
) -> Result<(Feed, Option<Arc<RawSamples>>), Refusal> {
    let raw = config.influx_raw.then(|| Arc::new(RawSamples::default()));
    let source = source(config, attempt, raw.clone());
    let (addresses, spools) = (config.outputs.clone(), directory.to_owned());
    let opening = attempt
        .telemetry
        .spawn(async move { Feed::open(source, &addresses, &spools).await });
    let feed = opening.await.expect("opening an output doesn't panic")?;
    Ok((feed, raw))
}

fn source(config: &RunConfig, attempt: &Attempt, raw: Option<Arc<RawSamples>>) -> Source {
    Source {
        rows: Rows {
            run_id: attempt.id.clone(),
            instance: Generator::host_name(),
            tags: config.tags.clone(),
        },
        thresholds: config.thresholds.len(),
        raw,
    }
}
