//! Group commit: requests that arrive while a batch is being written form the
//! next one.
//!
//! One worker takes everything that is queued, runs it as one call, and gives
//! each request its own answer. At low load a request is a batch of its own and
//! doesn't wait. Under load, all requests that arrived meanwhile share the cost
//! of a round trip, a commit and an fsync, and the worker waits some
//! milliseconds for more.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};
use tokio_util::task::TaskTracker;

use crate::{
    error::Error,
    load::Load,
    metrics::{Batches, Metrics},
    timing::{self, Part},
};

/// The most requests that one call serves.
pub(crate) const LARGEST_BATCH: usize = 256;

/// After a batch of this size, the worker waits for more requests: a call with
/// few costs the store almost as much as one with many.
const MANY: usize = 8;

/// It waits until this many are queued,
const ENOUGH: usize = 32;

/// and at most this long.
const GATHERING: Duration = Duration::from_millis(10);

/// How often it checks whether enough are queued.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// How many requests may wait. A request beyond gets 503 at once, which is
/// better than an answer that comes after its client has gone.
const LONGEST_QUEUE: usize = 16 * 1024;

/// How long a request may wait for its turn, and how long a call may take.
/// PostgreSQL's own statement time-out is shorter, so that as a rule it is
/// PostgreSQL that gives up, and then nothing is written for certain.
const PATIENCE: Duration = Duration::from_secs(6);

/// A call that serves many requests.
pub(crate) trait Batch: Send + 'static {
    type Request: Send + 'static;
    type Answer: Send + 'static;

    /// What the metrics call it.
    const NAME: &'static str;

    /// Which part of a response's time the call is.
    const PART: Part;

    /// Serves the requests: one answer each, in their order; none if there are
    /// none. The future may be dropped when the call takes too long.
    fn run(
        &mut self,
        requests: Vec<Self::Request>,
    ) -> impl Future<Output = Result<Vec<Self::Answer>, Error>> + Send;
}

/// The entrance to a batch's queue. When all clones are gone, the worker
/// serves what is queued and ends.
pub(crate) struct Gatherer<B: Batch> {
    queue: mpsc::Sender<Waiting<B>>,
    load: Arc<Load>,
}

struct Waiting<B: Batch> {
    request: B::Request,
    since: Instant,
    reply: oneshot::Sender<Reply<B::Answer>>,
}

struct Reply<A> {
    answer: Result<A, Error>,
    queued: Duration,
    served: Duration,
}

impl<B: Batch> Gatherer<B> {
    /// Starts the worker on `tasks`.
    pub(crate) fn start(batch: B, tasks: &TaskTracker, metrics: &Metrics) -> Self {
        let (queue, waiting) = mpsc::channel(LONGEST_QUEUE);
        let load = Arc::new(Load::new());
        let worker = Worker {
            batch,
            load: Arc::clone(&load),
            batches: metrics.batches(B::NAME, Arc::clone(&load)),
        };
        tasks.spawn(worker.work(waiting));
        Self { queue, load }
    }

    /// Has a request served by the next batch.
    pub(crate) async fn call(&self, request: B::Request) -> Result<B::Answer, Error> {
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            request,
            since: Instant::now(),
            reply,
        };
        self.load.add();
        if self.queue.try_send(waiting).is_err() {
            self.load.remove(1);
            return Err(Error::unavailable("too many requests are waiting"));
        }
        let reply = answer.await.map_err(|_| too_late())?;
        timing::add(Part::Queue, reply.queued);
        timing::add(B::PART, reply.served);
        reply.answer
    }

    /// How many requests wait for an answer.
    pub(crate) fn waiting(&self) -> usize {
        self.load.waiting()
    }
}

fn too_late() -> Error {
    Error::unavailable("the request waited too long; nothing was done")
}

/// Waits until the queue is worth a call.
async fn gather<T>(queue: &mpsc::Receiver<T>) {
    let until = Instant::now() + GATHERING;
    while queue.len() < ENOUGH && Instant::now() < until {
        sleep(LOOK_EVERY).await;
    }
}

struct Worker<B: Batch> {
    batch: B,
    load: Arc<Load>,
    batches: Batches,
}

impl<B: Batch> Worker<B> {
    async fn work(mut self, mut queue: mpsc::Receiver<Waiting<B>>) {
        // An empty call opens the connection and lets the store prepare its
        // statements, so that the first request does not wait for that. If it
        // fails, the first request gets the error.
        let _ = timeout(PATIENCE, self.batch.run(Vec::new())).await;
        let mut gathered = Vec::with_capacity(LARGEST_BATCH);
        while queue.recv_many(&mut gathered, LARGEST_BATCH).await > 0 {
            let many = gathered.len() >= MANY;
            self.serve(&mut gathered).await;
            if many {
                gather(&queue).await;
            }
        }
    }

    /// Serves one batch and leaves `gathered` empty.
    async fn serve(&mut self, gathered: &mut Vec<Waiting<B>>) {
        let started = Instant::now();
        let taken = gathered.len();
        if let Some(oldest) = gathered.first() {
            self.load.begin(oldest.since);
        }
        let mut requests = Vec::with_capacity(taken);
        let mut replies = Vec::with_capacity(taken);
        for Waiting {
            request,
            since,
            reply,
        } in gathered.drain(..)
        {
            let queued = started - since;
            // Who has gone must not be charged, and who has waited too long is
            // told so by the reply that is dropped here.
            if reply.is_closed() || queued > PATIENCE {
                continue;
            }
            requests.push(request);
            replies.push((reply, queued));
        }
        let result = self.run(requests).await;
        self.load.end(taken);
        let served = started.elapsed();
        let send = |(reply, queued): (oneshot::Sender<_>, _), answer| {
            // A client that has gone meanwhile gets no answer.
            let _ = reply.send(Reply {
                answer,
                queued,
                served,
            });
        };
        match result {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    send(reply, Ok(answer));
                }
            }
            Err(error) => {
                for reply in replies {
                    send(reply, Err(error.clone()));
                }
            }
        }
    }

    async fn run(&mut self, requests: Vec<B::Request>) -> Result<Vec<B::Answer>, Error> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let started = Instant::now();
        self.batches.size.observe(requests.len() as f64);
        let result = timeout(PATIENCE, self.batch.run(requests)).await;
        self.batches
            .seconds
            .observe(started.elapsed().as_secs_f64());
        result.unwrap_or_else(|_| {
            Err(Error::unavailable(
                "the store did not answer in time; the outcome is unknown",
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::sync::Semaphore;

    use super::*;

    /// Doubles numbers, one batch for each permit, and notes the batches.
    struct Doubling {
        permits: Arc<Semaphore>,
        batches: Arc<Mutex<Vec<usize>>>,
    }

    impl Batch for Doubling {
        type Request = u32;
        type Answer = u32;
        const NAME: &'static str = "doubling";
        const PART: Part = Part::Db;

        async fn run(&mut self, requests: Vec<u32>) -> Result<Vec<u32>, Error> {
            if requests.is_empty() {
                return Ok(Vec::new());
            }
            self.permits.acquire().await.unwrap().forget();
            self.batches.lock().unwrap().push(requests.len());
            if requests.contains(&13) {
                return Err(Error::conflict("thirteen"));
            }
            Ok(requests.into_iter().map(|n| n * 2).collect())
        }
    }

    struct Fixture {
        gatherer: Arc<Gatherer<Doubling>>,
        permits: Arc<Semaphore>,
        batches: Arc<Mutex<Vec<usize>>>,
        tasks: TaskTracker,
    }

    fn fixture() -> Fixture {
        let permits = Arc::new(Semaphore::new(0));
        let batches = Arc::default();
        let tasks = TaskTracker::new();
        let batch = Doubling {
            permits: Arc::clone(&permits),
            batches: Arc::clone(&batches),
        };
        let gatherer = Arc::new(Gatherer::start(batch, &tasks, &Metrics::new()));
        Fixture {
            gatherer,
            permits,
            batches,
            tasks,
        }
    }

    impl Fixture {
        fn call(&self, n: u32) -> tokio::task::JoinHandle<Result<u32, Error>> {
            let gatherer = Arc::clone(&self.gatherer);
            tokio::spawn(async move { gatherer.call(n).await })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_gather_while_a_batch_runs_and_each_gets_its_own_answer() {
        let fixture = fixture();
        let first = fixture.call(1);
        sleep(Duration::from_millis(1)).await;
        let rest: Vec<_> = (100..=399).map(|n| fixture.call(n)).collect();
        sleep(Duration::from_millis(1)).await;
        fixture.permits.add_permits(3);
        assert_eq!(first.await.unwrap().unwrap(), 2);
        for (n, answer) in (100..).zip(rest) {
            assert_eq!(answer.await.unwrap().unwrap(), n * 2);
        }
        assert_eq!(*fixture.batches.lock().unwrap(), [1, 256, 44]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_large_batch_some_milliseconds_are_given_to_the_next() {
        let fixture = fixture();
        fixture.permits.add_permits(100);
        // (requests at once, then two that come apart; the batches)
        for (at_once, batches) in [(MANY - 1, vec![7, 1, 1]), (MANY, vec![8, 2])] {
            fixture.batches.lock().unwrap().clear();
            let first: Vec<_> = (100..).take(at_once).map(|n| fixture.call(n)).collect();
            sleep(Duration::from_millis(1)).await;
            let early = fixture.call(1);
            sleep(Duration::from_millis(5)).await;
            let late = fixture.call(2);
            let started = Instant::now();
            assert_eq!(early.await.unwrap().unwrap(), 2);
            assert_eq!(late.await.unwrap().unwrap(), 4);
            assert!(started.elapsed() <= GATHERING);
            assert!(first.iter().all(tokio::task::JoinHandle::is_finished));
            assert_eq!(*fixture.batches.lock().unwrap(), batches);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_is_large_enough_waits_for_nobody() {
        let fixture = fixture();
        let first: Vec<_> = (100..116).map(|n| fixture.call(n)).collect();
        sleep(Duration::from_millis(1)).await;
        let rest: Vec<_> = (200..232).map(|n| fixture.call(n)).collect();
        sleep(Duration::from_millis(1)).await;
        let started = Instant::now();
        fixture.permits.add_permits(2);
        for answer in first.into_iter().chain(rest) {
            answer.await.unwrap().unwrap();
        }
        assert_eq!(started.elapsed(), Duration::ZERO);
        assert_eq!(*fixture.batches.lock().unwrap(), [16, 32]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_that_fails_fails_for_everyone_in_it_and_for_nobody_else() {
        let fixture = fixture();
        fixture.permits.add_permits(10);
        let (unlucky, neighbour) = (fixture.call(13), fixture.call(14));
        assert!(matches!(unlucky.await.unwrap(), Err(Error::Conflict(_))));
        assert!(matches!(neighbour.await.unwrap(), Err(Error::Conflict(_))));
        assert_eq!(fixture.call(14).await.unwrap().unwrap(), 28);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_left_is_not_served() {
        let fixture = fixture();
        let first = fixture.call(1);
        sleep(Duration::from_millis(1)).await;
        let leaving = fixture.call(2);
        let staying = fixture.call(3);
        sleep(Duration::from_millis(1)).await;
        leaving.abort();
        let _ = leaving.await;
        fixture.permits.add_permits(2);
        assert_eq!(first.await.unwrap().unwrap(), 2);
        assert_eq!(staying.await.unwrap().unwrap(), 6);
        assert_eq!(*fixture.batches.lock().unwrap(), [1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_hangs_is_given_up_and_so_are_those_who_waited_for_it() {
        let fixture = fixture();
        let stuck = fixture.call(1);
        sleep(Duration::from_millis(1)).await;
        let waiting = fixture.call(2);
        let started = tokio::time::Instant::now();
        assert!(matches!(stuck.await.unwrap(), Err(Error::Unavailable(_))));
        assert!(matches!(waiting.await.unwrap(), Err(Error::Unavailable(_))));
        assert!(started.elapsed() <= 2 * PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_accepted_is_served_before_the_worker_ends() {
        let fixture = fixture();
        let calls: Vec<_> = (100..400).map(|n| fixture.call(n)).collect();
        sleep(Duration::from_millis(1)).await;
        let Fixture {
            gatherer,
            permits,
            tasks,
            ..
        } = fixture;
        drop(gatherer);
        tasks.close();
        permits.add_permits(100);
        tasks.wait().await;
        for (n, answer) in (100..).zip(calls) {
            assert_eq!(answer.await.unwrap().unwrap(), n * 2);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_refuses_at_once() {
        let fixture = fixture();
        let served = fixture.call(1);
        sleep(Duration::from_millis(1)).await;
        let calls: Vec<_> = (0..LONGEST_QUEUE + 1).map(|_| fixture.call(1)).collect();
        sleep(Duration::from_millis(1)).await;
        assert!(!served.is_finished());
        let refused = calls.iter().filter(|call| call.is_finished()).count();
        assert_eq!(refused, 1);
    }
}
