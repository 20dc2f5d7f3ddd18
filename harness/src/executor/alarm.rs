//! Waking virtual users when an arrival is due.
//!
//! tokio's timers count in whole milliseconds and round up, which is a millisecond late at the
//! median. A thread of its own that sleeps on the kernel's high-resolution timer is not. It only
//! wakes virtual users: they decide themselves who takes which arrival.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// An alarm clock for many sleepers. Without its thread it is as exact as tokio's timers, and
/// follows tokio's clock when that is paused.
#[derive(Debug, Default)]
pub struct Alarm(Option<Arc<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    sleepers: Mutex<Sleepers>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Sleepers {
    queue: BinaryHeap<Reverse<Sleeper>>,
    closed: bool,
}

#[derive(Debug)]
struct Sleeper {
    due: Instant,
    waker: Waker,
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Sleeper {}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

impl Alarm {
    /// An alarm clock with a thread of its own, which ends with it.
    ///
    /// # Errors
    /// The system's, when it gives no thread.
    pub fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let ringing = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("alarm".to_owned())
            .spawn(move || ringing.ring())?;
        Ok(Self(Some(shared)))
    }

    /// Sleeps until `due`.
    pub async fn sleep_until(&self, due: tokio::time::Instant) {
        let Some(shared) = &self.0 else {
            return tokio::time::sleep_until(due).await;
        };
        let due = due.into_std();
        let mut asleep: Option<Waker> = None;
        poll_fn(|context| {
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            // Whoever is polled for another reason is in the queue already.
            if !asleep
                .as_ref()
                .is_some_and(|waker| waker.will_wake(context.waker()))
            {
                asleep = Some(context.waker().clone());
                shared.add(Sleeper {
                    due,
                    waker: context.waker().clone(),
                });
            }
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(shared) = &self.0 {
            shared.sleepers.lock().closed = true;
            shared.changed.notify_one();
        }
    }
}

impl Shared {
    fn add(&self, sleeper: Sleeper) {
        let mut sleepers = self.sleepers.lock();
        let earlier = sleepers
            .queue
            .peek()
            .is_none_or(|Reverse(first)| sleeper.due < first.due);
        sleepers.queue.push(Reverse(sleeper));
        drop(sleepers);
        if earlier {
            self.changed.notify_one();
        }
    }

    fn ring(&self) {
        let mut due = Vec::new();
        let mut sleepers = self.sleepers.lock();
        while !sleepers.closed {
            let now = Instant::now();
            while let Some(Reverse(first)) = sleepers.queue.peek() {
                if first.due > now {
                    break;
                }
                due.extend(sleepers.queue.pop().map(|Reverse(sleeper)| sleeper.waker));
            }
            if due.is_empty() {
                match sleepers.queue.peek().map(|Reverse(first)| first.due) {
                    Some(next) => {
                        self.changed.wait_until(&mut sleepers, next);
                    }
                    None => self.changed.wait(&mut sleepers),
                }
            } else {
                // Not while the lock is held: who wakes may want to sleep again.
                parking_lot::MutexGuard::unlocked(&mut sleepers, || {
                    due.drain(..).for_each(Waker::wake);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Sleepers in any order wake in theirs, never early; and the thread ends with its alarm.
    #[tokio::test]
    async fn sleepers_wake_in_order_and_not_before_their_time() {
        let alarm = Arc::new(Alarm::start().expect("a thread"));
        let shared = Arc::downgrade(alarm.0.as_ref().expect("it has one"));
        let start = tokio::time::Instant::now();
        let (woken, mut order) = tokio::sync::mpsc::unbounded_channel();
        for ms in [30, 10, 20, 0] {
            let (alarm, woken) = (Arc::clone(&alarm), woken.clone());
            tokio::spawn(async move {
                let due = start + Duration::from_millis(ms);
                alarm.sleep_until(due).await;
                let early = tokio::time::Instant::now() < due;
                woken.send((ms, early)).expect("the test waits");
            });
        }
        for ms in [0, 10, 20, 30] {
            assert_eq!(order.recv().await, Some((ms, false)));
        }
        drop(woken);
        // The tasks have sent, and so are about to let go of it.
        while Arc::strong_count(&alarm) > 1 {
            tokio::task::yield_now().await;
        }
        drop(alarm);
        while shared.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
