//! Delivers a spool file. Rows keep their time and tags, so one that was delivered before is
//! overwritten by itself: to replay a file twice doubles nothing.

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
    /// The output can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The output stopped taking rows.
    #[error("{delivered} rows were delivered, then: {source}")]
    Write {
        /// Rows before that.
        delivered: u64,
        /// What went wrong.
        source: WriteError,
    },
}

/// Lines in one request.
const BATCH: usize = 5_000;
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Delivers every line of the file; gives their number.
///
/// # Errors
/// See [`ReplayError`].
pub async fn replay(path: &Path, address: &Address) -> Result<u64, ReplayError> {
    let batches = spool::batches(path, BATCH).map_err(|source| ReplayError::File {
        path: path.to_owned(),
        source,
    })?;
    let mut output = address.open(&[]).await?;
    let mut delivered = 0;
    for batch in batches {
        let failed = |source| ReplayError::Write { delivered, source };
        write(&mut *output, &batch).await.map_err(failed)?;
        delivered += batch.len() as u64;
    }
    Ok(delivered)
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
