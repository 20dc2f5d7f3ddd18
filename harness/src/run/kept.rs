//! The files in which workers kept their seconds: who wrote one, and whether several are of one run.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::lead::Briefing;
use crate::config::Program;
use crate::fleet::{Broken, Decoder, Kind, Records, Second, Torn, Totals};

/// The file's name in the directory of a worker.
pub(super) const SECONDS_FILE: &str = "seconds.bin";

/// The first record: which run, and which worker of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Name and version of the program.
    pub(super) program: String,
    pub(super) worker: u32,
    pub(super) host: String,
    /// Cores that it may use.
    pub(super) cores: f64,
    /// When the run started, in microseconds since 1970 of the store's clock.
    pub(super) start_us: i64,
    pub(super) briefing: Briefing,
}

impl Head {
    /// How many workers the run had.
    pub(super) const fn workers(&self) -> u32 {
        self.briefing.weights.len() as u32
    }
}

/// What a head calls a program.
pub(super) fn name_of(program: &Program) -> String {
    format!("{} {}", program.name, program.version)
}

/// `reports/RUN/worker-2`
pub(super) fn directory_in(reports: &Path, id: &str, worker: u32) -> PathBuf {
    reports.join(id).join(format!("worker-{worker}"))
}

/// Why files can't be merged.
#[derive(Debug, Error)]
pub(super) enum Unfit {
    #[error("{0}: there is no {SECONDS_FILE} in it, nor in a worker-* of it")]
    Nothing(PathBuf),
    #[error("{0}: {1}")]
    Torn(PathBuf, Torn),
    #[error("{0}: {1}; copy it again")]
    Broken(PathBuf, Broken),
    #[error("{0}: {1}")]
    Odd(PathBuf, &'static str),
    #[error("{path} was written by {by}, and this is {own}; merge it with that version")]
    Version {
        path: PathBuf,
        by: String,
        own: String,
    },
    #[error("{path} is of the run {run}, and {first} of the run {other}; merge one run at a time")]
    Run {
        path: PathBuf,
        run: String,
        first: PathBuf,
        other: String,
    },
    #[error("{path} and {first} are of the same run with another configuration or start")]
    Configuration { path: PathBuf, first: PathBuf },
    #[error("{path} and {first} are both of worker {worker}; give one of them")]
    Twice {
        path: PathBuf,
        first: PathBuf,
        worker: u32,
    },
}

/// The files that are meant by a path: one, that of a worker's directory, or all of a run's.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, Unfit> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let own = path.join(SECONDS_FILE);
    if own.exists() {
        return Ok(vec![own]);
    }
    let read = |error| Unfit::Torn(path.to_owned(), Torn::Read(error));
    let mut files = Vec::new();
    for entry in path.read_dir().map_err(read)? {
        let entry = entry.map_err(read)?;
        let file = entry.path().join(SECONDS_FILE);
        let is_workers = entry.file_name().to_string_lossy().starts_with("worker-");
        files.extend((is_workers && file.exists()).then_some(file));
    }
    files.sort();
    match files.is_empty() {
        true => Err(Unfit::Nothing(path.to_owned())),
        false => Ok(files),
    }
}

/// A file that is open behind its head.
pub(super) struct Kept {
    pub(super) path: PathBuf,
    pub(super) head: Head,
    records: Records<BufReader<File>>,
    /// The last second that was read.
    last: Option<u64>,
}

/// What comes next in a file.
pub(super) enum Next {
    Second(Box<Second>),
    /// The worker came to its end.
    Totals(Box<Totals>),
    /// Nothing: it was killed, or has said all.
    End,
}

impl Kept {
    pub(super) fn open(path: PathBuf) -> Result<Self, Unfit> {
        let torn = |torn| Unfit::Torn(path.clone(), torn);
        let file = File::open(&path).map_err(|error| torn(Torn::Read(error)))?;
        let mut records = Records::new(BufReader::new(file)).map_err(torn)?;
        let head = match records.read().map_err(torn)? {
            Some((Kind::Head, bytes)) => serde_json::from_slice(&bytes).ok(),
            _ => None,
        };
        let head = head.ok_or_else(|| torn(Torn::Stranger))?;
        Ok(Self {
            path,
            head,
            records,
            last: None,
        })
    }

    /// Reads on.
    pub(super) fn next(&mut self, decoder: &mut Decoder) -> Result<Next, Unfit> {
        let record = self.records.read();
        let record = record.map_err(|torn| Unfit::Torn(self.path.clone(), torn))?;
        let broken = |broken| Unfit::Broken(self.path.clone(), broken);
        match record {
            None => Ok(Next::End),
            Some((Kind::Head, _)) => Err(Unfit::Odd(self.path.clone(), "it has two heads")),
            Some((Kind::Totals, bytes)) => {
                let totals = Totals::decode(&bytes, decoder).map_err(broken)?;
                Ok(Next::Totals(Box::new(totals)))
            }
            Some((Kind::Second, bytes)) => {
                let second = Second::decode(&bytes, decoder).map_err(broken)?;
                let number = second.frame.second;
                if self.last.is_some_and(|last| number <= last) {
                    let why = "its seconds don't follow each other; copy it again";
                    return Err(Unfit::Odd(self.path.clone(), why));
                }
                self.last = Some(number);
                Ok(Next::Second(Box::new(second)))
            }
        }
    }
}

/// Whether the files are of different workers of one run, and of this program.
pub(super) fn check(all: &[(&Path, &Head)], own: &str) -> Result<(), Unfit> {
    for (number, (path, head)) in all.iter().enumerate() {
        let path = path.to_path_buf();
        if head.program != own {
            let (by, own) = (head.program.clone(), own.to_owned());
            return Err(Unfit::Version { path, by, own });
        }
        if head.worker == 0 || head.worker > head.workers() {
            return Err(Unfit::Odd(path, "the run had no such worker"));
        }
        for (first, other) in &all[..number] {
            let first = first.to_path_buf();
            let [run, other_run] = [head, other].map(|head| head.briefing.id.clone());
            if run != other_run {
                let other = other_run;
                return Err(Unfit::Run {
                    path,
                    run,
                    first,
                    other,
                });
            }
            if head.worker == other.worker {
                let worker = head.worker;
                return Err(Unfit::Twice {
                    path,
                    first,
                    worker,
                });
            }
            if (&head.briefing, head.start_us) != (&other.briefing, other.start_us) {
                return Err(Unfit::Configuration { path, first });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(worker: u32) -> Head {
        Head {
            program: "loadtest 1".to_owned(),
            worker,
            host: "h".to_owned(),
            cores: 2.0,
            start_us: 7,
            briefing: Briefing {
                id: "run".to_owned(),
                seed: 1,
                weights: vec![1, 1, 2],
                ..Briefing::default()
            },
        }
    }

    fn said(other: &Head) -> Option<String> {
        let (a, b) = (Path::new("a"), Path::new("b"));
        let checked = check(&[(a, &head(1)), (b, other)], "loadtest 1");
        checked.err().map(|unfit| unfit.to_string())
    }

    #[test]
    fn only_different_workers_of_one_run_are_merged() {
        type Change = fn(&mut Head);
        assert_eq!(said(&head(3)), None);
        let with = |change: Change| {
            let mut other = head(2);
            change(&mut other);
            said(&other).expect("it doesn't fit")
        };
        let rows: [(Change, &str); 7] = [
            (
                |head| head.program = "loadtest 2".to_owned(),
                "b was written by loadtest 2, and this is loadtest 1;",
            ),
            (
                |head| head.briefing.id = "other".to_owned(),
                "b is of the run other, and a of the run run;",
            ),
            (
                |head| head.briefing.seed = 2,
                "b and a are of the same run with another configuration or start",
            ),
            (
                |head| head.start_us = 8,
                "b and a are of the same run with another configuration or start",
            ),
            (|head| head.worker = 1, "b and a are both of worker 1;"),
            (|head| head.worker = 4, "b: the run had no such worker"),
            (|head| head.worker = 0, "b: the run had no such worker"),
        ];
        for (change, expected) in rows {
            let said = with(change);
            assert!(said.starts_with(expected), "{said}");
        }
    }
}
