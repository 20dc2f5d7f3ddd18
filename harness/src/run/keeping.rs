//! A worker's seconds on its own disk while its load runs, in case the lead is lost.

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
            Err(_) => Err("its writer failed".to_owned()),
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

#[cfg(test)]
mod tests {
    use super::super::kept::{Kept, Next};
    use super::super::lead::Briefing;
    use super::*;
    use crate::fleet::{Decoder, Frame, Second, Totals};

    fn head() -> Head {
        Head {
            program: "loadtest 1".to_owned(),
            worker: 2,
            host: "h".to_owned(),
            cores: 1.5,
            start_us: 0,
            briefing: Briefing {
                id: "run".to_owned(),
                weights: vec![1, 1],
                ..Briefing::default()
            },
        }
    }

    #[test]
    fn what_is_kept_reads_back_and_goes_with_its_directories() {
        let reports = tempfile::tempdir().expect("a directory");
        let started = Arc::default();
        let keeping = Keeping::start(reports.path(), head(), Arc::clone(&started));
        let mut keeping = keeping.expect("it can be written");
        started.set(1_700_000_000_000_000).expect("once");
        for second in [0, 1, 3] {
            let frame = Frame {
                second,
                ..Frame::default()
            };
            let second = Second {
                frame,
                ..Second::default()
            };
            keeping.add(Kind::Second, &second.encode());
        }
        keeping.add(Kind::Totals, &Totals::default().encode());
        let left = keeping.end();
        let told = left.told(2, "loadtest").expect("there is something");
        let directory = reports.path().join("run/worker-2");
        let begins = format!("kept the seconds of worker 2 in {}; ", directory.display());
        assert!(told.starts_with(&begins), "{told}");

        let mut kept = Kept::open(directory.join(SECONDS_FILE)).expect("its own file");
        let expected = Head {
            start_us: 1_700_000_000_000_000,
            ..head()
        };
        assert_eq!(kept.head, expected);
        let (mut decoder, mut seconds) = (Decoder::default(), Vec::new());
        while let Next::Second(second) = kept.next(&mut decoder).expect("a record") {
            seconds.push(second.frame.second);
        }
        assert_eq!(seconds, [0, 1, 3]);
        assert!(matches!(kept.next(&mut decoder), Ok(Next::End)));

        left.remove();
        assert!(!reports.path().join("run").exists());
        assert!(reports.path().exists(), "it was there before");
    }

    #[test]
    fn a_load_that_never_began_leaves_nothing() {
        let reports = tempfile::tempdir().expect("a directory");
        let keeping = Keeping::start(reports.path(), head(), Arc::default());
        let left = keeping.expect("it can be written").end();
        assert_eq!(left.told(2, "loadtest"), None);
        assert!(!reports.path().join("run").exists());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told() {
        let (records, received) = sync_channel(1);
        records.send(vec![0; 10]).expect("there is room");
        drop(records);
        let full = File::options().write(true).open("/dev/full");
        let error = write(full.expect("Linux has it"), &received).expect_err("no room");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
