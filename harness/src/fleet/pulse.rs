//! A process's heartbeat: a task of its own says every quarter of a second that the process is
//! there and how far it is, and hears what all are told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::state::{Member, State};
use super::store::{Heard, SILENCE, Store};
use super::trouble::StoreError;

/// How often. A stop is heard after this at the latest.
const EVERY: Duration = Duration::from_millis(250);

/// What was heard last.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// What all are told.
    pub heard: Heard,
    /// Every process of the run, where this is the lead.
    pub roll: Vec<Member>,
    /// Why nothing more will be heard, if so.
    pub lost: Option<String>,
}

/// The heartbeat. It stops when this is dropped.
pub struct Pulse {
    said: Arc<Mutex<State>>,
    news: watch::Receiver<News>,
    beating: JoinHandle<()>,
}

impl Pulse {
    /// Begins to beat.
    #[must_use]
    pub fn start(store: Store, is_lead: bool, on: &Handle) -> Self {
        let said = Arc::new(Mutex::new(State::default()));
        let (tell, news) = watch::channel(News::default());
        let beating = on.spawn(beat(store, is_lead, Arc::clone(&said), tell));
        Self {
            said,
            news,
            beating,
        }
    }

    /// Changes what the process says of itself.
    pub fn say(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.said.lock());
    }

    /// What was heard last.
    #[must_use]
    pub fn news(&self) -> News {
        self.news.borrow().clone()
    }

    /// Waits until the news are such.
    pub async fn until<T>(&self, mut such: impl FnMut(&News) -> Option<T>) -> T {
        let mut news = self.news.clone();
        loop {
            if let Some(found) = such(&news.borrow_and_update()) {
                return found;
            }
            if news.changed().await.is_err() {
                // The task has ended, and said why. Anything else will never come.
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.beating.abort();
    }
}

async fn beat(mut store: Store, is_lead: bool, said: Arc<Mutex<State>>, tell: watch::Sender<News>) {
    let mut well = Instant::now();
    loop {
        let state = said.lock().clone();
        let began = Instant::now();
        match look(&mut store, is_lead, &state).await {
            Ok((heard, roll)) => {
                well = Instant::now();
                tell.send_modify(|news| {
                    news.heard = heard;
                    news.roll = roll;
                });
            }
            // It may be away for a moment; for longer, the others take this process for lost.
            Err(error) if !error.is_final() && well.elapsed() < SILENCE => {}
            Err(error) => {
                tell.send_modify(|news| news.lost = Some(error.to_string()));
                return;
            }
        }
        tokio::time::sleep(EVERY.saturating_sub(began.elapsed())).await;
    }
}

async fn look(
    store: &mut Store,
    is_lead: bool,
    state: &State,
) -> Result<(Heard, Vec<Member>), StoreError> {
    let heard = store.beat(state).await?;
    let roll = match is_lead {
        true => store.roll().await?,
        false => Vec::new(),
    };
    Ok((heard, roll))
}
