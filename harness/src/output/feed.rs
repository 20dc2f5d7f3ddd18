//! Turns ticks into rows, and hands them to every output.

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::destination::OpenError;
use super::pipeline::{Account, Pipe};
use super::point::Point;
use super::raw;
use super::rows::Rows;
use super::spool::Spool;
use crate::health::Health;
use crate::invariant::Invariant;
use crate::metrics::RawSamples;
use crate::probe::Probed;
use crate::sampler::{Tick, now_ms};
use crate::threshold::{Judgement, Outcome};

/// What a run feeds its outputs with. Without outputs it does nothing.
#[derive(Debug)]
pub struct Feed {
    rows: Rows,
    pipes: Vec<(Pipe, Schema)>,
    raw: Option<Arc<RawSamples>>,
    part: Part,
    hurry: CancellationToken,
    stage: Option<String>,
    held: Vec<bool>,
    /// The time of the last sample, in nanoseconds since 1970.
    last_ns: i64,
}

/// What an output is fed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Schema {
    Ours,
    K6,
}

/// Which rows of a run are this process's to send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    #[default]
    Whole,
    /// Those of all workers together, and no samples but the set-up's.
    Lead,
    /// The samples of this worker, and nothing else.
    Worker(u32),
}

impl Part {
    /// The number of the process: samples of two must not overwrite each other. A name would be
    /// another one in every run where machines are made for it.
    fn instance(self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Lead => Some("0".to_owned()),
            Self::Worker(index) => Some(index.to_string()),
        }
    }
}

/// What a feed is made of.
#[derive(Debug)]
pub struct Source {
    /// The run and the generator.
    pub rows: Rows,
    /// How many thresholds are judged every second.
    pub thresholds: usize,
    /// Single samples, if InfluxDB is to get k6's schema.
    pub raw: Option<Arc<RawSamples>>,
    /// What of it is this process's to send.
    pub part: Part,
}

impl Feed {
    /// Opens every output, on the runtime that is to carry them.
    ///
    /// # Errors
    /// The first that can't be used.
    pub async fn open(
        source: Source,
        addresses: &[Address],
        directory: &Path,
    ) -> Result<Self, OpenError> {
        let first = first(&source);
        let mut pipes = Vec::new();
        let hurry = CancellationToken::new();
        for (number, address) in addresses.iter().enumerate() {
            let output = address.open(std::slice::from_ref(&first)).await?;
            let schema = if output.takes_samples() && source.raw.is_some() {
                Schema::K6
            } else {
                Schema::Ours
            };
            let spool = Spool::new(directory.join(format!("spool-{}.lp", number + 1)));
            let pipe = Pipe::start(address.to_string(), output, spool, 1, hurry.clone());
            pipes.push((pipe, schema));
        }
        Ok(Self {
            held: vec![true; source.thresholds],
            rows: source.rows,
            pipes,
            raw: source.raw,
            part: source.part,
            hurry,
            stage: None,
            last_ns: 0,
        })
    }

    /// A second of the load.
    pub fn tick(
        &mut self,
        tick: &Tick<'_>,
        outcomes: &[Outcome],
        health: &Health,
        probed: &[Probed],
    ) {
        if self.pipes.is_empty() {
            return;
        }
        if !matches!(self.part, Part::Worker(_)) {
            let mut ours = self.rows.second(tick, outcomes, health);
            ours.extend(self.rows.probes(tick.time_ms, probed));
            ours.extend(self.events(tick, outcomes));
            self.send(Schema::Ours, ours);
        }
        if let Some(raw) = &self.raw {
            let mut samples =
                raw::points(&mut raw.take(), tick.total.names.protos, &mut self.last_ns);
            // Each worker has its own.
            if self.part != Part::Lead {
                samples.extend(raw::gauges(tick));
            }
            let tagged = samples.into_iter();
            let tagged = tagged.map(|point| tagged_by(&self.rows, self.part, point));
            let samples = tagged.collect();
            self.send(Schema::K6, samples);
        }
    }

    /// Cancelled when the outputs have no more time: rows that are left are spooled.
    #[must_use]
    pub fn hurry(&self) -> CancellationToken {
        self.hurry.clone()
    }

    /// The end of the run: what is known only now, and what became of every row.
    pub async fn close(mut self, invariants: &[Invariant], judgement: &Judgement) -> Vec<Account> {
        self.send(Schema::Ours, self.rows.end(now_ms(), invariants, judgement));
        self.finish().await
    }

    /// What became of every row, where nothing is known at the end.
    pub async fn finish(self) -> Vec<Account> {
        let closing = self.pipes.into_iter().map(|(pipe, _)| pipe.close());
        futures::future::join_all(closing).await
    }

    fn events(&mut self, tick: &Tick<'_>, outcomes: &[Outcome]) -> Vec<Point> {
        let mut events = Vec::new();
        if self.stage.as_deref() != Some(tick.stage) {
            let (kind, title) = match self.stage {
                None => ("start", format!("start: {}", self.rows.run_id)),
                Some(_) => ("stage", format!("stage: {}", tick.stage)),
            };
            events.push(self.rows.event(
                tick.time_ms,
                kind,
                &title,
                &format!("{} VUs", tick.target),
            ));
            self.stage = Some(tick.stage.to_owned());
        }
        for (held, outcome) in self.held.iter_mut().zip(outcomes) {
            let holds = !outcome.is_crossed();
            if *held && !holds {
                let text = format!("was {:.1}", outcome.actual.unwrap_or(f64::NAN));
                let title = format!("crossed: {}", outcome.threshold);
                events.push(self.rows.event(tick.time_ms, "threshold", &title, &text));
            }
            *held = holds;
        }
        // Rows of the same kind and time would overwrite each other: a nanosecond tells apart
        // what happened in the same second.
        for (event, nanosecond) in events.iter_mut().zip(0..) {
            event.time_ns += nanosecond;
        }
        events
    }

    fn send(&mut self, schema: Schema, points: Vec<Point>) {
        let batch = Arc::new(points);
        for (pipe, wants) in &mut self.pipes {
            if *wants == schema {
                pipe.send(&batch);
            }
        }
    }
}

/// The row by which an output is tried: that the run goes on, or of a worker that no virtual user
/// is active yet.
fn first(source: &Source) -> Point {
    match source.part {
        Part::Whole | Part::Lead => source.rows.verdict(now_ms(), "running", -1),
        Part::Worker(_) => tagged_by(&source.rows, source.part, raw::idle(now_ms())),
    }
}

/// A sample with the tags of the run, and of its process where there are several.
fn tagged_by(rows: &Rows, part: Part, point: Point) -> Point {
    let point = rows.tagged(point);
    match part.instance() {
        Some(instance) => point.tag("instance", instance),
        None => point,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Method, Names, Phase, Proto, RequestTags, Snapshot};
    use crate::threshold::{evaluate, parse};

    /// Two thresholds crossed in the same second are two rows of the same series: InfluxDB keeps
    /// one of each time.
    #[tokio::test]
    async fn events_of_the_same_second_do_not_overwrite_each_other() {
        let thresholds = ["http_req_duration: p(95)<1", "http_req_duration: max<1"];
        let source = Source {
            rows: Rows {
                run_id: "run".to_owned(),
                instance: "host".to_owned(),
                tags: vec![],
            },
            thresholds: thresholds.len(),
            raw: None,
            part: Part::Whole,
        };
        let mut feed = Feed::open(source, &[], Path::new("/"))
            .await
            .expect("nothing to open");
        let mut total = Snapshot {
            names: Names {
                stages: ["main".to_owned()].into(),
                ..Names::default()
            },
            ..Snapshot::default()
        };
        let tags = RequestTags {
            scenario: "a",
            persona: "a",
            name: "slow",
            method: Method::Get,
            status: 200,
            stage: 0,
            expected: true,
            trend: None,
            proto: Proto::Http1,
        };
        total
            .requests
            .entry(tags)
            .or_default()
            .record(Phase::Duration, std::time::Duration::from_secs(1));
        let tick = Tick {
            time_ms: 1_000,
            elapsed: std::time::Duration::from_secs(1),
            stage: "main",
            stages: &[0],
            target: 1,
            second: &total,
            total: &total,
        };
        let thresholds = thresholds.map(|text| parse(text, &[]).expect(text));
        let outcomes = evaluate(&thresholds, &total);
        let events = feed.events(&tick, &outcomes);
        let times: std::collections::BTreeSet<_> =
            events.iter().map(|event| event.time_ns).collect();
        assert_eq!(
            (events.len(), times.len()),
            (3, 3),
            "start and two crossings: {events:?}"
        );
        assert!(
            feed.events(&tick, &outcomes).is_empty(),
            "a crossing is told once"
        );
    }
}
