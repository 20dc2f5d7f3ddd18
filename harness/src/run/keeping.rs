//! A worker's seconds on its own disk while its load runs: what is left of it if nobody judges the
//! run.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use super::kept::{Head, SECONDS_FILE, directory_in};
use crate::files::directory_of;
use crate::fleet::{Kind, MAGIC, record};
use crate::shown::json;

/// Records that wait in memory for a disk that is slow. When there are more, nothing more is kept.
const MOST_PENDING: usize = 60;

/// The file, with a thread of its own: a disk may be slow, and nothing may wait for it.
#[derive(Debug)]
pub(super) struct Keeping {
    path: PathBuf,
    /// Written when the start is known.
    head: Option<Head>,
    started: Arc<OnceLock<i64>>,
    records: SyncSender<Vec<u8>>,
    writer: JoinHandle<io::Result<()>>,
    late: bool,
}

impl Keeping {
    /// Makes the file. `started` gets the run's start by the store's clock.
    pub(super) fn start(
        reports: &Path,
        head: Head,
        started: Arc<OnceLock<i64>>,
    ) -> io::Result<Self> {
        let directory = directory_in(reports, &head.briefing.id, head.worker);
        fs::create_dir_all(&directory)?;
        let path = directory.join(SECONDS_FILE);
        let file = File::create(&path)?;
        let (records, received) = sync_channel(MOST_PENDING);
        let writer = std::thread::Builder::new()
            .name("seconds".to_owned())
            .spawn(move || write(file, &received))?;
        Ok(Self {
            path,
            head: Some(head),
            started,
            records,
            writer,
            late: false,
        })
    }

    /// Adds a second or the totals. Never waits.
    pub(super) fn add(&mut self, kind: Kind, bytes: &[u8]) {
        if let Some(mut head) = self.head.take() {
            head.start_us = self.started.get().copied().unwrap_or_default();
            let head = json(&head).unwrap_or_default();
            let begin = [MAGIC, &record(Kind::Head, head.as_bytes())].concat();
            self.send(begin);
        }
        self.send(record(kind, bytes));
    }

    /// After one that is missing, none is kept: what is there is then the run up to a second.
    fn send(&mut self, record: Vec<u8>) {
        self.late = self.late || self.records.try_send(record).is_err();
    }

    /// Waits for what is pending.
    pub(super) fn end(self) -> Left {
        drop(self.records);
        let written = match self.writer.join() {
            Ok(written) => written.map_err(|error| error.to_string()),
            Err(_) => Err("its writer broke down".to_owned()),
        };
        let slow = || "the disk was too slow".to_owned();
        Left {
            lack: written.err().or_else(|| self.late.then(slow)),
            is_empty: self.head.is_some(),
            path: self.path,
        }
    }
}

/// A record in one piece; a part of one is taken back, so that the file stays readable.
fn write(mut file: File, records: &Receiver<Vec<u8>>) -> io::Result<()> {
    let mut whole = 0;
    for record in records {
        if let Err(error) = file.write_all(&record) {
            let _ = file.set_len(whole);
            return Err(error);
        }
        whole += record.len() as u64;
    }
    Ok(())
}

/// The file of a share that is over.
#[derive(Debug)]
pub(super) struct Left {
    path: PathBuf,
    is_empty: bool,
    /// Why not all is there.
    lack: Option<String>,
}

impl Left {
    /// Takes it away, and the directories that were made for it.
    pub(super) fn remove(&self) {
        let _ = fs::remove_file(&self.path);
        let own = directory_of(&self.path);
        // What else lies there stays.
        let _ = fs::remove_dir(own);
        let _ = fs::remove_dir(directory_of(own));
    }

    /// What is kept where, and what to do with it; nothing if there is nothing.
    pub(super) fn told(&self, worker: u32, program: &str) -> Option<String> {
        if self.is_empty {
            self.remove();
            return None;
        }
        let directory = directory_of(&self.path).display();
        let lack = self.lack.as_deref();
        let lack = lack.map_or_else(String::new, |lack| format!(" (not all of them: {lack})"));
        Some(format!(
            "kept the seconds of worker {worker} in {directory}{lack}; '{program} merge DIR…' with \
             the directories of all workers makes a report of them"
        ))
    }
}
