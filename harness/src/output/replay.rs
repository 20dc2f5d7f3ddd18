//! Delivers a spool file. Rows keep their time and tags, so one that was delivered before is
//! overwritten by itself: to replay a file twice doubles nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use super::address::Address;
use super::destination::{OpenError, Output, WriteError};
use super::spool;

/// Why a file was not delivered.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The file can't be read.
    #[error("{path} can't be read: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file has nothing to deliver.
    #[error(
        "{path}: nothing to replay, it has no whole row; give a file in which a run saved rows, \
         such as spool-1.lp in its directory"
    )]
    Nothing {
        /// Which file.
        path: PathBuf,
    },
    /// The output can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The output stopped taking rows.
    #[error("{replayed}, then: {source}")]
    Write {
        /// What became of the rows before that.
        replayed: Replayed,
        /// What went wrong.
        source: WriteError,
    },
}

/// What became of the rows of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Rows that the output took.
    pub delivered: u64,
    /// Rows that it refused for what they say, and one that the end of the file cut.
    pub bad: u64,
    /// Why it refused the last of them.
    pub error: Option<String>,
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows delivered", self.delivered)?;
        if self.bad > 0 {
            write!(f, ", {} bad", self.bad)?;
        }
        match &self.error {
            Some(error) => write!(f, " ({error})"),
            None => Ok(()),
        }
    }
}

/// Lines in one request.
const BATCH: usize = 5_000;
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Delivers every line of the file. One that is refused costs no other.
///
/// # Errors
/// See [`ReplayError`].
pub async fn replay(path: &Path, address: &Address) -> Result<Replayed, ReplayError> {
    if address.file().is_some() {
        return Err(ReplayError::Open(OpenError {
            name: address.to_string(),
            reason: "a file is no database to replay into; give influxdb=… or influxdb2=…"
                .to_owned(),
        }));
    }
    let lines = spool::lines(path).map_err(|source| ReplayError::File {
        path: path.to_owned(),
        source,
    })?;
    if lines.whole.is_empty() {
        let path = path.to_owned();
        return Err(ReplayError::Nothing { path });
    }
    let mut output = address.open(&[]).await?;
    let mut replayed = Replayed {
        bad: lines.torn,
        error: (lines.torn > 0).then(|| "the file's last line is cut".to_owned()),
        ..Replayed::default()
    };
    let mut parts: Vec<&[String]> = lines.whole.chunks(BATCH).rev().collect();
    while let Some(part) = parts.pop() {
        match write(&mut *output, part).await {
            Ok(()) => replayed.delivered += part.len() as u64,
            Err(WriteError::Split(_) | WriteError::TooMuch(_)) if part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
            Err(WriteError::Split(error) | WriteError::TooMuch(error)) => {
                replayed.bad += 1;
                replayed.error = Some(error);
            }
            Err(source) => return Err(ReplayError::Write { replayed, source }),
        }
    }
    Ok(replayed)
}

async fn write(output: &mut dyn Output, batch: &[String]) -> Result<(), WriteError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match output.write_lines(batch.join("\n")).await {
            Err(WriteError::Unavailable(_)) if tries < TRIES => tokio::time::sleep(PAUSE).await,
            written => return written,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What can't be delivered is refused before anything is opened: a file would be emptied.
    #[tokio::test]
    async fn what_has_no_rows_and_what_takes_none_is_refused_and_nothing_is_touched() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let kept = file("kept.csv", "mine");
        let rows = file("rows.lp", "m f=1 1\n");
        let address = |text: &str| Address::parse(text, &|_| None).expect("an address");
        let database = address("influxdb=http://127.0.0.1:9/db");
        let csv = address(&format!("csv={}", kept.display()));
        let empty = [
            file("empty.lp", ""),
            file("lines.lp", "\n \n"),
            file("torn.lp", "m f=1"),
            PathBuf::from("/dev/null"),
        ];
        for path in &empty {
            let error = replay(path, &database).await.expect_err("nothing");
            let expected = format!("{}: nothing to replay, it has no", path.display());
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
        let error = replay(&rows, &csv)
            .await
            .expect_err("no database")
            .to_string();
        assert!(
            error.contains("a file is no database to replay into"),
            "{error}"
        );
        assert_eq!(std::fs::read_to_string(&kept).expect("it is there"), "mine");
    }
}
