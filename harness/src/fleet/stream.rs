//! The seconds of workers at the store: a stream for each, in which the number of an entry is the
//! second's, so that one that is sent again is there once.

use redis::{RedisError, Value};

use super::store::{KEPT, Store};
use super::trouble::StoreError;

/// Seconds of a worker that the store keeps for a lead that reads slowly.
const SECONDS_KEPT: u32 = 600;

/// Seconds that are read in one answer, which has to come within the store's time limit.
const MOST_AT_ONCE: usize = 2_000;

/// Of them, one worker's.
const MOST_OF_ONE: usize = 60;

/// A second of a worker as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Whose it is.
    pub worker: u32,
    /// Which second of the run.
    pub second: u64,
    /// The frame.
    pub bytes: Vec<u8>,
}

impl Store {
    fn frames(&self, worker: u32) -> String {
        self.key(&format!("{}:frames:{worker}", self.generation))
    }

    /// Sends a second. One that is sent again, because the answer was lost, is there once.
    ///
    /// # Errors
    /// It is not the next one, or the store's.
    pub async fn send(&mut self, second: u64, frame: &[u8]) -> Result<(), StoreError> {
        let key = self.frames(self.index);
        let mut call = redis::cmd("XADD");
        call.arg(&key).arg("MAXLEN").arg("~").arg(SECONDS_KEPT);
        call.arg(id(second)).arg("f").arg(frame);
        let added: Result<String, RedisError> = call.query_async(&mut self.connection).await;
        if let Err(error) = added {
            // A smaller id than the last, or the same.
            if !error.to_string().contains("equal or smaller") {
                return Err(error.into());
            }
            let last = self.last(&key).await?;
            if last != second {
                return Err(StoreError::OutOfTurn { second, last });
            }
        }
        let mut expire = redis::cmd("PEXPIRE");
        expire.arg(&key).arg(KEPT.as_millis() as u64);
        Ok(expire.exec_async(&mut self.connection).await?)
    }

    async fn last(&mut self, key: &str) -> Result<u64, StoreError> {
        let mut call = redis::cmd("XREVRANGE");
        call.arg(key).arg("+").arg("-").arg("COUNT").arg(1);
        let entries: Vec<(String, Value)> = call.query_async(&mut self.connection).await?;
        match entries.first() {
            Some((id, _)) => second_of(id),
            None => Err(StoreError::Forgotten),
        }
    }

    /// The seconds of workers that came after those in `seen`, each worker's in turn. To be noted
    /// in `seen` when they are dealt with.
    ///
    /// # Errors
    /// The store's.
    pub async fn receive(&mut self, seen: &[(u32, Option<u64>)]) -> Result<Vec<Sent>, StoreError> {
        let at_once = (MOST_AT_ONCE / seen.len().max(1)).clamp(1, MOST_OF_ONE);
        let mut call = redis::cmd("XREAD");
        call.arg("COUNT").arg(at_once).arg("STREAMS");
        for (worker, _) in seen {
            call.arg(self.frames(*worker));
        }
        for (_, last) in seen {
            call.arg(last.map_or_else(|| "0-0".to_owned(), id));
        }
        type Entry = (String, Vec<Vec<u8>>);
        let streams: Option<Vec<(String, Vec<Entry>)>> =
            call.query_async(&mut self.connection).await?;
        let mut all = Vec::new();
        for (key, entries) in streams.unwrap_or_default() {
            let worker = key.rsplit(':').next().and_then(|index| index.parse().ok());
            let worker = worker.ok_or(StoreError::Nonsense(key))?;
            for (id, fields) in entries {
                let second = second_of(&id)?;
                let bytes = fields.into_iter().nth(1).unwrap_or_default();
                all.push(Sent {
                    worker,
                    second,
                    bytes,
                });
            }
        }
        Ok(all)
    }
}

/// The entry of a second. (`0-0` is no id, so second 0 is `0-1`.)
fn id(second: u64) -> String {
    format!("{second}-1")
}

fn second_of(id: &str) -> Result<u64, StoreError> {
    let second = id
        .split_once('-')
        .and_then(|(second, _)| second.parse().ok());
    second.ok_or_else(|| StoreError::Nonsense(id.to_owned()))
}
