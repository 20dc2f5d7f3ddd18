//! Everything that a run is written to while it goes on.

use std::path::Path;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::attempt::Attempt;
use super::interim::Interim;
use super::prepare::Refusal;
use super::recording::Recording;
use crate::config::RunConfig;
use crate::metrics::RawSamples;
use crate::output::{Address, Feed, OpenError, Part, Rows, Source};
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
    /// The report of the run so far, if it is served.
    pub(super) interim: Option<Arc<Interim>>,
}

impl Outlets {
    /// Progress alone.
    pub(super) async fn none(config: &RunConfig, attempt: &Attempt) -> Self {
        let source = source(config, &attempt.id, None, Part::Whole);
        let feed = Feed::open(source, &[], Path::new(""))
            .await
            .expect("without outputs there is nothing to open");
        Self {
            progress: Progress::new(config.quiet, &config.plan()),
            probes: Probes::default(),
            feed,
            series: None,
            raw: None,
            interim: None,
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
    let part = match attempt.lead {
        Some(_) => Part::Lead,
        None => Part::Whole,
    };
    let source = source(config, &attempt.id, raw.clone(), part);
    let addresses = config.outputs.clone();
    let feed = opened(source, addresses, directory, &attempt.telemetry).await?;
    Ok((feed, raw))
}

/// Opens the outputs of a worker, which take the samples of its share.
pub(super) async fn open_samples(
    config: &RunConfig,
    (id, index): (&str, u32),
    addresses: Vec<Address>,
    (directory, on): (&Path, &Handle),
) -> Result<(Feed, Arc<RawSamples>), OpenError> {
    let raw = Arc::new(RawSamples::default());
    let source = source(config, id, Some(Arc::clone(&raw)), Part::Worker(index));
    let feed = opened(source, addresses, directory, on).await?;
    Ok((feed, raw))
}

/// What can't be delivered goes into a file of `directory`.
async fn opened(
    source: Source,
    addresses: Vec<Address>,
    directory: &Path,
    on: &Handle,
) -> Result<Feed, OpenError> {
    let spools = directory.to_owned();
    let opening = on.spawn(async move { Feed::open(source, &addresses, &spools).await });
    opening.await.expect("opening an output doesn't panic")
}

fn source(config: &RunConfig, id: &str, raw: Option<Arc<RawSamples>>, part: Part) -> Source {
    Source {
        rows: Rows {
            run_id: id.to_owned(),
            instance: Generator::host_name(),
            tags: config.tags.clone(),
        },
        thresholds: config.thresholds.len(),
        raw,
        part,
    }
}
