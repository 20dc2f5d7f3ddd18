//! Writes `series.jsonl` while the run goes on, beside the load.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use serde::Serialize;

use super::prepare::Refusal;
use crate::config::RunConfig;
use crate::fleet;
use crate::health::Health;
use crate::probe::Probed;
use crate::report::{Head, SERIES_FILE, SERIES_VERSION, Second, worker_gauges};
use crate::sampler::Tick;
use crate::shown::json;

/// Seconds that wait in memory for a disk that is slow; more are dropped and counted.
const MOST_PENDING: usize = 60;

/// The file, with a thread of its own: a disk may be slow, and nothing may wait for it.
#[derive(Debug)]
pub(super) struct Recording {
    lines: SyncSender<Second>,
    writer: JoinHandle<io::Result<()>>,
    dropped: u64,
    patient: bool,
}

impl Recording {
    /// Begins the series of a run.
    pub(super) fn of_run(directory: &Path, id: &str, config: &RunConfig) -> Result<Self, Refusal> {
        let head = Head {
            version: SERIES_VERSION,
            run_id: id.to_owned(),
            stages: config.plan().stage_names().to_vec(),
        };
        let path = directory.join(SERIES_FILE);
        Self::start(&path, &head).map_err(|source| Refusal::ReportDir { path, source })
    }

    /// Begins the file with its head.
    fn start(path: &Path, head: &Head) -> io::Result<Self> {
        let mut file = File::create(path)?;
        write_line(&mut file, head)?;
        let (lines, received) = sync_channel(MOST_PENDING);
        let writer = std::thread::Builder::new()
            .name("series".to_owned())
            .spawn(move || write(&mut file, &received))?;
        Ok(Self {
            lines,
            writer,
            dropped: 0,
            patient: false,
        })
    }

    /// Waits for the disk: where no load goes on, seconds come faster.
    pub(super) fn patient(mut self) -> Self {
        self.patient = true;
        self
    }

    /// Adds a second. Never waits while a load goes on.
    pub(super) fn tick(
        &mut self,
        tick: &Tick<'_>,
        health: &Health,
        probed: &[Probed],
        parts: &[(u32, fleet::Second)],
    ) {
        let mut second = Second::of(tick, health).with(probed);
        second.gauges.extend(worker_gauges(parts));
        let taken = match self.patient {
            true => self.lines.send(second).is_ok(),
            false => self.lines.try_send(second).is_ok(),
        };
        self.dropped += u64::from(!taken);
    }

    /// Waits for what is pending; says what is missing in the file, if anything is.
    pub(super) fn finish(self) -> Result<(), String> {
        drop(self.lines);
        match self.writer.join() {
            Ok(Ok(())) if self.dropped == 0 => Ok(()),
            Ok(Ok(())) => Err(format!(
                "{} seconds are missing: the disk was too slow",
                self.dropped
            )),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("its writer failed".to_owned()),
        }
    }
}

fn write(file: &mut File, seconds: &Receiver<Second>) -> io::Result<()> {
    seconds
        .iter()
        .try_for_each(|second| write_line(file, &second))
}

/// A line in one piece, so that a killed run leaves whole ones.
fn write_line(file: &mut File, line: &impl Serialize) -> io::Result<()> {
    let text = json(line)? + "\n";
    file.write_all(text.as_bytes())
}
