//! One second of one worker's samples, as it goes to the lead, and the second of all of them.
//!
//! ```text
//! version  second  elapsed  covered  vus  vus_max
//! names       count, then each with its length
//! requests    count, then each: tags, trends of phases and parts, unsent, reconnects, bytes, the
//!             slowest
//! iterations  count, then each: tags, three trends, interrupted, dropped
//! checks      count, then each: tags, passes, fails
//! ```
//!
//! Numbers are LEB128, times whole microseconds, histograms HdrHistogram's V2 format. Nothing is
//! rounded on the way, so the lead's percentiles are those of all samples in one histogram.

use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::time::Duration;

use rustc_hash::FxHashMap;
use thiserror::Error;

use super::tags::{Known, Names, Table};
use crate::catalogue::MOST_PARTS;
use crate::metrics::{
    CheckCounts, IterationSeries, Malformed, Packer, RequestSeries, Slowest, Snapshot, Trend,
    Unpacker,
};

/// Changes with the encoding. All processes of a run are of one version, so nobody reads another.
const VERSION: u64 = 1;

/// One second of one process.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Which second of the run it is, from 0.
    pub second: u64,
    /// Time since the start of the run.
    pub elapsed: Duration,
    /// Its samples. What series are called, the lead knows already.
    pub snapshot: Snapshot,
}

/// A frame that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Broken {
    /// Of another version of the program.
    #[error("a second's samples are of version {0}, and not of {VERSION}")]
    Version(u64),
    /// Not what a worker writes.
    #[error("a second's samples can't be read: {0}")]
    Malformed(#[from] Malformed),
}

impl Frame {
    /// The bytes that [`Decoder::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (mut table, mut body) = (Table::default(), Packer::default());
        self.pack_requests(&mut table, &mut body);
        let series = sorted(&self.snapshot.iterations);
        body.number(series.len() as u64);
        for (tags, series) in series {
            table.iterations(tags, &mut body);
            let trends = [&series.duration, &series.start_delay, &series.response_time];
            trends.into_iter().for_each(|trend| body.trend(trend));
            body.number(series.interrupted);
            body.number(series.dropped);
        }
        let checks = sorted(&self.snapshot.checks);
        body.number(checks.len() as u64);
        for (tags, counts) in checks {
            table.check(tags, &mut body);
            body.number(counts.passes);
            body.number(counts.fails);
        }
        let mut frame = Packer::default();
        for number in [
            VERSION,
            self.second,
            us(self.elapsed),
            us(self.snapshot.duration),
            self.snapshot.vus.value,
            self.snapshot.vus_max.value,
        ] {
            frame.number(number);
        }
        table.pack(&mut frame);
        frame.0.extend(body.0);
        frame.0
    }

    fn pack_requests(&self, table: &mut Table, body: &mut Packer) {
        let mut series = sorted(&self.snapshot.requests);
        // Those of seconds before, whose memory is kept.
        series.retain(|(_, series)| series.count() > 0);
        body.number(series.len() as u64);
        for (tags, series) in series {
            table.request(tags, body);
            series.all().for_each(|trend| body.trend(trend));
            body.number(series.unsent);
            body.number(series.reconnects);
            body.number(series.bytes_sent);
            body.number(series.bytes_received);
            body.number(series.slowest.is_some().into());
            let Some(slowest) = series.slowest else {
                continue;
            };
            body.number(us(slowest.duration));
            body.number(slowest.vu.into());
            body.number(us(slowest.at));
            for part in slowest.server {
                body.number(part.map_or(0, |part| us(part).saturating_add(1)));
            }
        }
    }
}

/// Reads the frames of a run.
#[derive(Debug, Default)]
pub struct Decoder {
    known: Known,
}

impl Decoder {
    /// Reads a frame.
    ///
    /// # Errors
    /// What is wrong with it. Invalid bytes never take more memory than a frame may.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Frame, Broken> {
        let mut from = Unpacker::new(bytes);
        let version = from.number()?;
        if version != VERSION {
            return Err(Broken::Version(version));
        }
        let second = from.count()?;
        let (elapsed, duration) = (time(&mut from)?, time(&mut from)?);
        let mut snapshot = Snapshot {
            duration,
            ..Snapshot::default()
        };
        snapshot.vus.set(from.count()?);
        snapshot.vus_max.set(from.count()?);
        let names = Names::unpack(&mut from, &mut self.known)?;
        for _ in 0..from.count()? {
            let tags = names.request(&mut from)?;
            insert(&mut snapshot.requests, tags, requests(&mut from)?)?;
        }
        for _ in 0..from.count()? {
            let tags = names.iterations(&mut from)?;
            insert(&mut snapshot.iterations, tags, iterations(&mut from)?)?;
        }
        for _ in 0..from.count()? {
            let tags = names.check(&mut from)?;
            let (passes, fails) = (from.count()?, from.count()?);
            insert(&mut snapshot.checks, tags, CheckCounts { passes, fails })?;
        }
        from.end()?;
        Ok(Frame {
            second,
            elapsed,
            snapshot,
        })
    }
}

/// Makes `second` the second of all these workers, as the sampler has it of a single process.
pub fn merge<'a>(frames: impl IntoIterator<Item = &'a Frame>, second: &mut Snapshot) {
    second.clear();
    let (mut vus, mut vus_max) = (0, 0);
    second.duration = Duration::ZERO;
    for frame in frames {
        second.merge(&frame.snapshot);
        second.duration = second.duration.max(frame.snapshot.duration);
        vus += frame.snapshot.vus.value;
        vus_max += frame.snapshot.vus_max.value;
    }
    second.vus.set(vus);
    second.vus_max.set(vus_max);
}

fn requests(from: &mut Unpacker<'_>) -> Result<RequestSeries, Malformed> {
    let mut series = RequestSeries::default();
    for trend in series.all_mut() {
        *trend = from.trend()?;
    }
    series.unsent = from.count()?;
    series.reconnects = from.count()?;
    if series.count() == 0 {
        return Err(Malformed::Wrong("series"));
    }
    series.bytes_sent = from.count()?;
    series.bytes_received = from.count()?;
    if from.at_most(1, "slowest request")? == 1 {
        let duration = time(from)?;
        let vu = from.at_most(u32::MAX.into(), "virtual user")? as u32;
        let at = time(from)?;
        let mut server = [None; MOST_PARTS];
        for part in &mut server {
            let us = from.number()?.checked_sub(1);
            *part = us.map(Duration::from_micros);
        }
        series.slowest = Some(Slowest {
            duration,
            vu,
            at,
            server,
        });
    }
    Ok(series)
}

fn iterations(from: &mut Unpacker<'_>) -> Result<IterationSeries, Malformed> {
    let [duration, start_delay, response_time]: [Trend; 3] =
        [from.trend()?, from.trend()?, from.trend()?];
    Ok(IterationSeries {
        duration,
        start_delay,
        response_time,
        interrupted: from.count()?,
        dropped: from.count()?,
    })
}

/// Every series is there once.
fn insert<K: Eq + Hash, V>(
    into: &mut FxHashMap<K, V>,
    tags: K,
    series: V,
) -> Result<(), Malformed> {
    match into.entry(tags) {
        Entry::Occupied(_) => Err(Malformed::Wrong("series")),
        Entry::Vacant(place) => {
            place.insert(series);
            Ok(())
        }
    }
}

/// In an order that doesn't depend on the map, so that equal frames have equal bytes.
fn sorted<K: Ord, V>(series: &FxHashMap<K, V>) -> Vec<(&K, &V)> {
    let mut series: Vec<_> = series.iter().collect();
    series.sort_unstable_by_key(|(tags, _)| *tags);
    series
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn time(from: &mut Unpacker<'_>) -> Result<Duration, Malformed> {
    from.count().map(Duration::from_micros)
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
