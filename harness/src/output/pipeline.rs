//! From rows to a destination, beside the load: bounded, patient, and accounted for.
//!
//! ```text
//! produced ──▶ pending (bounded) ──▶ written ──▶ delivered
//!                 │ overflow          │ fails: again, with growing pauses
//!                 ▼                   ▼ refused for what it says: lost
//!               spool ◀── what the end of the run still finds pending
//! ```
//!
//! At every moment: produced = delivered + spooled + lost + pending.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::destination::{Output, WriteError};
use super::point::Point;
use super::spool::Spool;

/// Rows of one second.
pub(super) type Batch = Arc<Vec<Point>>;

/// Seconds of rows that are kept in memory while a destination doesn't take them.
const MOST_PENDING: usize = 60;
/// Batches between the sampler and the pipeline: it takes them at once, whatever the destination does.
const CHANNEL: usize = 16;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the end of a run waits for what is pending.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// What became of the rows of an output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The output, without any secret.
    pub name: String,
    /// Rows made.
    pub produced: u64,
    /// Rows that the destination took.
    pub delivered: u64,
    /// Rows in the spool file.
    pub spooled: u64,
    /// Rows that are nowhere.
    pub lost: u64,
    /// The spool file, for `loadtest replay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spool: Option<String>,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The sampler's end of a pipeline.
#[derive(Debug)]
pub(super) struct Pipe {
    sender: mpsc::Sender<Batch>,
    task: tokio::task::JoinHandle<Account>,
    produced: u64,
    lost: u64,
}

impl Pipe {
    /// Starts a pipeline on the current runtime; `output` has been opened, and took `delivered`
    /// rows then.
    #[must_use]
    pub(super) fn start(
        name: String,
        output: Box<dyn Output>,
        spool: Spool,
        delivered: u64,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(CHANNEL);
        let mut pump = Pump::new(name, output, spool);
        pump.account.delivered = delivered;
        Self {
            sender,
            task: tokio::spawn(pump.run(receiver)),
            produced: delivered,
            lost: 0,
        }
    }

    /// Hands a batch on. Never waits: nothing that an output does may be felt by the load.
    pub(super) fn send(&mut self, batch: &Batch) {
        let rows = batch.len() as u64;
        self.produced += rows;
        if self.sender.try_send(Arc::clone(batch)).is_err() {
            self.lost += rows;
        }
    }

    /// Waits, within limits, for what is pending; gives the account.
    pub(super) async fn close(self) -> Account {
        drop(self.sender);
        let mut account = self.task.await.unwrap_or_else(|error| Account {
            lost: self.produced - self.lost,
            error: Some(format!("the output broke down: {error}")),
            ..Account::default()
        });
        account.produced = self.produced;
        account.lost += self.lost;
        account
    }
}

struct Pump {
    output: Box<dyn Output>,
    spool: Spool,
    pending: VecDeque<Batch>,
    account: Account,
    pause: Duration,
    next_try: Instant,
}

impl Pump {
    fn new(name: String, output: Box<dyn Output>, spool: Spool) -> Self {
        let account = Account {
            name,
            ..Account::default()
        };
        Self {
            output,
            spool,
            pending: VecDeque::new(),
            account,
            pause: Duration::ZERO,
            next_try: Instant::now(),
        }
    }

    async fn run(mut self, mut batches: mpsc::Receiver<Batch>) -> Account {
        let mut open = true;
        while open {
            let Some(first) = self.pending.front().cloned() else {
                match batches.recv().await {
                    Some(batch) => self.pending.push_back(batch),
                    None => open = false,
                }
                continue;
            };
            let written = self.write_while_receiving(&first, &mut batches).await;
            match written {
                Some(written) => self.settle(written),
                None => open = false,
            }
        }
        self.drain().await;
        self.account.spool = self.spool.path();
        self.account
    }

    /// Writes a batch while others keep coming in; nothing when no more will come.
    async fn write_while_receiving(
        &mut self,
        first: &Batch,
        batches: &mut mpsc::Receiver<Batch>,
    ) -> Option<Result<(), WriteError>> {
        let Self {
            output,
            spool,
            pending,
            account,
            next_try,
            ..
        } = self;
        let next_try = *next_try;
        let mut write = std::pin::pin!(async {
            sleep_until(next_try).await;
            output.write(first).await
        });
        loop {
            tokio::select! {
                written = &mut write => return Some(written),
                batch = batches.recv() => {
                    pending.push_back(batch?);
                    if pending.len() > MOST_PENDING {
                        // The second oldest: the oldest is on its way.
                        let oldest = pending.remove(1).expect("there is more than one");
                        put_by(spool, account, &oldest);
                    }
                }
            }
        }
    }

    /// The end: what can be delivered within the limit is, the rest is put by.
    async fn drain(&mut self) {
        let deadline = Instant::now() + CLOSE_WITHIN;
        while let Some(first) = self.pending.front().cloned() {
            let next_try = self.next_try;
            let write = async {
                sleep_until(next_try).await;
                self.output.write(&first).await
            };
            match timeout_at(deadline, write).await {
                Ok(written) => self.settle(written),
                Err(_) => break,
            }
        }
        for batch in std::mem::take(&mut self.pending) {
            put_by(&mut self.spool, &mut self.account, &batch);
        }
    }

    fn settle(&mut self, written: Result<(), WriteError>) {
        let rows = self.pending.front().map_or(0, |batch| batch.len() as u64);
        match written {
            Ok(()) => {
                self.account.delivered += rows;
                self.pause = Duration::ZERO;
            }
            Err(WriteError::Refused(error)) => {
                self.account.lost += rows;
                self.account.error = Some(error);
                self.pause = Duration::ZERO;
            }
            Err(WriteError::Unavailable(error)) => {
                self.account.error = Some(error);
                self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
                self.next_try = Instant::now() + self.pause;
                return;
            }
        }
        self.pending.pop_front();
    }
}

fn put_by(spool: &mut Spool, account: &mut Account, batch: &Batch) {
    match spool.write(batch) {
        Ok(rows) => {
            account.spooled += rows;
            account.lost += batch.len() as u64 - rows;
        }
        Err(error) => {
            account.lost += batch.len() as u64;
            account.error = Some(format!("the spool could not be written: {error}"));
        }
    }
}
