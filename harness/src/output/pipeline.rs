//! From rows to a destination, beside the load: bounded, patient, and accounted for.
//!
//! ```text
//! produced ──▶ pending (bounded) ──▶ written ──▶ delivered
//!                 │ overflow          │ fails: again, with growing pauses
//!                 │                   │ some rows bad: in halves, and one alone is lost
//!                 │ ◀─────────────────┤ too many: in halves, and one alone is spooled
//!                 ▼                   ▼ refused for good: lost
//!               spool ◀── what the end of the run still finds pending
//! ```
//!
//! At every moment: produced = delivered + spooled + lost + pending.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use super::destination::{Output, WriteError};
use super::point::Point;
use super::spool::Spool;

/// Rows of one second.
pub(super) type Batch = Arc<Vec<Point>>;

/// How much memory the rows may take that wait while a destination doesn't take them, in bytes. A
/// minute of aggregates is about 5 MB; what k6's schema makes depends on the load.
const MOST_PENDING: usize = 64 << 20;
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
    /// Whether none of its rows may be lost.
    #[serde(skip)]
    pub must_be_whole: bool,
}

/// Rows that are written together: a second, or a part of one.
#[derive(Debug, Clone)]
struct Piece {
    batch: Batch,
    rows: Range<usize>,
}

impl Piece {
    fn whole(batch: Batch) -> Self {
        let rows = 0..batch.len();
        Self { batch, rows }
    }

    fn points(&self) -> &[Point] {
        &self.batch[self.rows.clone()]
    }

    /// About how much memory it takes, in bytes.
    fn weight(&self) -> usize {
        self.points().iter().map(Point::weight).sum()
    }

    /// Both halves, if there are two rows.
    fn halves(&self) -> Option<[Self; 2]> {
        let Range { start, end } = self.rows;
        let middle = start + (end - start) / 2;
        (middle > start).then(|| {
            [start..middle, middle..end].map(|rows| Self {
                batch: Arc::clone(&self.batch),
                rows,
            })
        })
    }
}

/// Pieces that wait, in order, and what they weigh.
#[derive(Debug, Default)]
struct Pending {
    pieces: VecDeque<Piece>,
    weight: usize,
}

impl Pending {
    fn push(&mut self, batch: Batch) {
        let piece = Piece::whole(batch);
        self.weight += piece.weight();
        self.pieces.push_back(piece);
    }

    fn first(&self) -> Option<Piece> {
        self.pieces.front().cloned()
    }

    fn pop(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        self.weight -= piece.weight();
        Some(piece)
    }

    /// Takes the second oldest if all weigh more than this: the oldest is on its way.
    fn overflow(&mut self, most: usize) -> Option<Piece> {
        let piece = (self.weight > most).then(|| self.pieces.remove(1))??;
        self.weight -= piece.weight();
        Some(piece)
    }

    /// Puts both halves in the place of the first piece; whether it has two.
    fn split(&mut self) -> bool {
        let Some([first, second]) = self.pieces.front().and_then(Piece::halves) else {
            return false;
        };
        self.pieces.pop_front();
        self.pieces.push_front(second);
        self.pieces.push_front(first);
        true
    }
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
    /// rows then. `hurry` ends the wait for what is pending.
    #[must_use]
    pub(super) fn start(
        name: String,
        output: Box<dyn Output>,
        spool: Spool,
        delivered: u64,
        hurry: CancellationToken,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(CHANNEL);
        let mut pump = Pump::new(name, output, spool, hurry);
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
            error: Some(format!("the output failed: {error}")),
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
    pending: Pending,
    /// [`MOST_PENDING`], but in tests.
    most_pending: usize,
    account: Account,
    pause: Duration,
    next_try: Instant,
    hurry: CancellationToken,
}

impl Pump {
    fn new(name: String, output: Box<dyn Output>, spool: Spool, hurry: CancellationToken) -> Self {
        let account = Account {
            name,
            must_be_whole: output.must_be_whole(),
            ..Account::default()
        };
        Self {
            output,
            spool,
            pending: Pending::default(),
            most_pending: MOST_PENDING,
            account,
            pause: Duration::ZERO,
            next_try: Instant::now(),
            hurry,
        }
    }

    async fn run(mut self, mut batches: mpsc::Receiver<Batch>) -> Account {
        let mut open = true;
        while open {
            let Some(first) = self.pending.first() else {
                match batches.recv().await {
                    Some(batch) => self.pending.push(batch),
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
        first: &Piece,
        batches: &mut mpsc::Receiver<Batch>,
    ) -> Option<Result<(), WriteError>> {
        let Self {
            output,
            spool,
            pending,
            most_pending,
            account,
            next_try,
            ..
        } = self;
        let next_try = *next_try;
        let mut write = std::pin::pin!(async {
            sleep_until(next_try).await;
            output.write(first.points()).await
        });
        loop {
            tokio::select! {
                written = &mut write => return Some(written),
                batch = batches.recv() => {
                    pending.push(batch?);
                    while let Some(piece) = pending.overflow(*most_pending) {
                        put_by(spool, account, piece.points());
                    }
                }
            }
        }
    }

    /// The end: delivers what it can within the limit, and spools the rest.
    async fn drain(&mut self) {
        let deadline = Instant::now() + CLOSE_WITHIN;
        while let Some(first) = self.pending.first() {
            let next_try = self.next_try;
            let write = async {
                sleep_until(next_try).await;
                self.output.write(first.points()).await
            };
            let written = tokio::select! {
                // First: what is written at once is, however late it is.
                biased;
                written = timeout_at(deadline, write) => written.ok(),
                () = self.hurry.cancelled() => None,
            };
            match written {
                Some(written) => self.settle(written),
                None => break,
            }
        }
        while let Some(piece) = self.pending.pop() {
            put_by(&mut self.spool, &mut self.account, piece.points());
        }
    }

    fn settle(&mut self, written: Result<(), WriteError>) {
        let rows = self
            .pending
            .first()
            .map_or(0, |piece| piece.rows.len() as u64);
        match written {
            Ok(()) => {
                self.account.delivered += rows;
                self.pause = Duration::ZERO;
            }
            Err(WriteError::Split(_) | WriteError::TooMuch(_)) if self.pending.split() => {
                self.pause = Duration::ZERO;
                return;
            }
            Err(WriteError::TooMuch(error)) => {
                self.account.error = Some(error);
                self.pause = Duration::ZERO;
                let row = self.pending.pop();
                let row = row.as_ref().map_or(&[][..], Piece::points);
                return put_by(&mut self.spool, &mut self.account, row);
            }
            Err(WriteError::Refused(error) | WriteError::Split(error)) => {
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
        self.pending.pop();
    }
}

fn put_by(spool: &mut Spool, account: &mut Account, batch: &[Point]) {
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

#[cfg(test)]
#[path = "pipeline_tests.rs"]
mod tests;
