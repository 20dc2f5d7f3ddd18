//! A target of known latencies that measures itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::own_core::{self, OwnCore};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server that takes the next of its latencies for each request, and measures what it took.
#[derive(Default)]
pub(super) struct Truth {
    latencies: Vec<Duration>,
    stall: Option<Stall>,
    stall_ends: OnceLock<Instant>,
    served: AtomicUsize,
    took: Mutex<Vec<Duration>>,
    spinner: Option<Spinner>,
    stopped: AtomicBool,
    thread: Mutex<Option<JoinHandle<Duration>>>,
}

/// Once, nothing is answered for a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stall {
    /// So many requests come before it.
    pub(super) after: usize,
    /// How long it lasts, from the request that begins it.
    pub(super) lasts: Duration,
}

impl Truth {
    /// A target that takes these latencies in turn, or without any answers at once.
    pub(super) fn of(latencies: Vec<Duration>) -> Self {
        Self {
            latencies,
            ..Self::default()
        }
    }

    /// The same with a stall.
    pub(super) fn stalling(self, stall: Stall) -> Self {
        Self {
            stall: Some(stall),
            ..self
        }
    }

    /// Serves on threads of its own until the process ends; gives its address.
    pub(super) fn serve(self) -> (Arc<Self>, String) {
        self.started(|truth, told| {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(truth.accept(told))
        })
    }

    /// Serves on a core that it has to itself and never leaves, until it is stopped: then it
    /// neither wakes late nor takes longer than it should, and what it says of itself is the truth
    /// to some microseconds.
    pub(super) fn serve_exactly(mut self, core: Arc<OwnCore>) -> (Arc<Self>, String) {
        self.spinner = Some(Spinner::default());
        self.started(move |truth, told| {
            core.keep_this_thread();
            let runtime = Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                tokio::spawn(Arc::clone(&truth).accept(told));
                let spinner = truth.spinner.as_ref().expect("it has one");
                while !truth.stopped.load(Ordering::Relaxed) {
                    spinner.ring();
                    // Looks for what came over the network, but waits for nothing.
                    tokio::task::yield_now().await;
                }
            });
            own_core::waited_for_it()
        })
    }

    /// Ends one that serves exactly, because two of them would want the same core; tells how long
    /// it had to wait for that, which on a quiet machine is next to nothing.
    pub(super) fn stop(&self) -> Duration {
        self.stopped.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().take().expect("it serves");
        thread.join().expect("it doesn't panic")
    }

    fn started(
        self,
        serve: impl FnOnce(Arc<Self>, Sender<String>) -> Duration + Send + 'static,
    ) -> (Arc<Self>, String) {
        let truth = Arc::new(self);
        let (tell, address) = std::sync::mpsc::channel();
        let serving = Arc::clone(&truth);
        let thread = std::thread::spawn(move || serve(serving, tell));
        *truth.thread.lock() = Some(thread);
        (truth, address.recv().expect("the server starts"))
    }

    async fn accept(self: Arc<Self>, told: Sender<String>) -> ! {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        let address = "127.0.0.1:0".parse().expect("an address");
        socket.bind(address).expect("a free port");
        let listener: TcpListener = socket.listen(4_096).expect("it listens");
        let address = listener.local_addr().expect("it is bound");
        told.send(format!("http://{address}"))
            .expect("the test waits");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            tokio::spawn(Arc::clone(&self).connection(stream));
        }
    }

    async fn connection(self: Arc<Self>, mut stream: TcpStream) {
        stream.set_nodelay(true).expect("a TCP option");
        let mut buffer = [0; 1_024];
        // A request of this test comes in one piece.
        while matches!(stream.read(&mut buffer).await, Ok(1..)) {
            let began = Instant::now();
            let number = self.served.fetch_add(1, Ordering::SeqCst);
            let due = self.due(number, began);
            if due > began {
                match &self.spinner {
                    Some(spinner) => spinner.sleep_until(due, number).await,
                    None => tokio::time::sleep_until(due.into()).await,
                }
            }
            // Before the write: who is answered may be running, and looking, before it returns.
            if !self.latencies.is_empty() {
                self.took.lock().push(began.elapsed());
            }
            if stream.write_all(ANSWER).await.is_err() {
                return;
            }
        }
    }

    /// When a request that came at `began` is to be answered.
    fn due(&self, number: usize, began: Instant) -> Instant {
        let in_turn = number.checked_rem(self.latencies.len());
        let due = began + in_turn.map_or(Duration::ZERO, |turn| self.latencies[turn]);
        match self.stall {
            Some(stall) if number >= stall.after => {
                let ends = self.stall_ends.get_or_init(|| Instant::now() + stall.lasts);
                due.max(*ends)
            }
            _ => due,
        }
    }

    /// How many requests came.
    pub(super) fn served(&self) -> u64 {
        self.served.load(Ordering::SeqCst) as u64
    }

    /// How many it measured.
    pub(super) fn measured(&self) -> usize {
        self.took.lock().len()
    }

    /// The nearest-rank percentile of what it measured, in ms.
    pub(super) fn percentile(&self, percent: f64) -> f64 {
        let mut took = self.took.lock().clone();
        took.sort_unstable();
        let rank = (percent / 100.0 * took.len() as f64).ceil() as usize;
        took[rank.clamp(1, took.len()) - 1].as_secs_f64() * 1_000.0
    }
}

/// Wakes to the microsecond, because it never sleeps itself.
#[derive(Debug, Default)]
struct Spinner(Mutex<BTreeMap<(Instant, usize), oneshot::Sender<()>>>);

impl Spinner {
    async fn sleep_until(&self, due: Instant, number: usize) {
        let (ring, rung) = oneshot::channel();
        self.0.lock().insert((due, number), ring);
        rung.await.expect("nobody else lets go of it");
    }

    /// Wakes whoever is due.
    fn ring(&self) {
        let mut asleep = self.0.lock();
        while let Some(first) = asleep.first_entry() {
            if first.key().0 > Instant::now() {
                break;
            }
            // Its connection may be gone.
            let _ = first.remove().send(());
        }
    }
}
