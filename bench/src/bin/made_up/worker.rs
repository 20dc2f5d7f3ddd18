//! The workers: each has a place at the store, a heartbeat, and a stream of seconds.

use std::time::{Duration, Instant};

use anyhow::Context;
use harness::executor::{Roll, Settled};
use harness::fleet::{Message, Newcomer, Phase, Pulse, Skew, State, Store, Totals, Worker};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::frames::Replay;
use crate::suite::PERSONAS;

const ASK_EVERY: Duration = Duration::from_millis(200);
/// So many come at once.
const AT_ONCE: usize = 50;

/// All workers of a run.
pub(crate) struct Fleet {
    store: String,
    run: String,
    workers: u32,
    replay: std::sync::Arc<Replay>,
    posts: tokio::sync::Mutex<Vec<Post>>,
}

struct Post {
    index: u32,
    store: Store,
    pulse: Pulse,
}

impl Fleet {
    pub(crate) fn new(store: &str, run: &str, workers: u32, replay: Replay) -> Self {
        Self {
            store: store.to_owned(),
            run: run.to_owned(),
            workers,
            replay: replay.into(),
            posts: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn frame_bytes(&self) -> usize {
        self.replay.second(0, 0).len()
    }

    /// Requests of all workers.
    pub(crate) fn samples(&self) -> u64 {
        let requests = self.replay.whole(0).snapshot.requests;
        let own: u64 = requests
            .values()
            .map(harness::metrics::RequestSeries::count)
            .sum();
        own * u64::from(self.workers)
    }

    /// Has all come and be ready; gives when the run starts.
    pub(crate) async fn start(&self, on: &Handle) -> anyhow::Result<Instant> {
        let mut posts = self.posts.lock().await;
        let mut coming = JoinSet::new();
        for index in 1..=self.workers {
            if coming.len() == AT_ONCE {
                posts.push(coming.join_next().await.context("they come")???);
            }
            let (url, run, on) = (self.store.clone(), self.run.clone(), on.clone());
            coming.spawn(async move { Post::take(&url, &run, index, &on).await });
        }
        while let Some(post) = coming.join_next().await {
            posts.push(post??);
        }
        let first = posts.first().context("there are workers")?;
        told(&first.store, Message::Briefing).await?;
        say(&posts, |state| state.phase = Phase::There);
        told(&first.store, Message::Opening).await?;
        let skew: Skew = first.store.clone().skew().await?;
        say(&posts, |state| state.phase = Phase::Ready);
        let start = first.pulse.until(|news| news.heard.start).await;
        Ok(first.store.instant(&skew, start))
    }

    /// Sends every second when it is over, and the totals; gives the lead's exit code.
    pub(crate) async fn replay(&self, start: Instant) -> anyhow::Result<u8> {
        let mut posts = self.posts.lock().await;
        let mut working = JoinSet::new();
        for post in posts.drain(..) {
            let replay = std::sync::Arc::clone(&self.replay);
            working.spawn(async move { post.work(&replay, start).await });
        }
        let mut code = None;
        while let Some(ended) = working.join_next().await {
            code = Some(ended??);
        }
        code.context("there are workers")
    }
}

impl Post {
    async fn take(url: &str, run: &str, index: u32, on: &Handle) -> anyhow::Result<Self> {
        let newcomer = Newcomer {
            index,
            token: format!("worker-{index}-{}", std::process::id()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            digest: None,
            weight: 1,
            host: format!("host-{index}"),
            workers: None,
        };
        let store = Store::join(url, run, &newcomer).await?;
        let pulse = Pulse::start(store.clone(), false, on);
        Ok(Self {
            index,
            store,
            pulse,
        })
    }

    async fn work(mut self, replay: &Replay, start: Instant) -> anyhow::Result<u8> {
        for second in 0..replay.seconds() {
            tokio::time::sleep_until((start + Duration::from_secs(second + 1)).into()).await;
            let bytes = replay.second(self.index, second);
            self.store.send(second, bytes).await?;
        }
        let totals = self.totals(replay).encode();
        self.store.leave_totals(&totals).await?;
        self.pulse.say(|state| state.phase = Phase::Done);
        let over = self.pulse.until(|news| {
            let lost = news.lost.clone().map(|lost| Err(anyhow::Error::msg(lost)));
            news.heard.over.clone().map(Ok).or(lost)
        });
        let over = over.await?;
        self.store.leave().await?;
        Ok(over.code)
    }

    fn totals(&self, replay: &Replay) -> Totals {
        let persona = PERSONAS[self.index as usize % PERSONAS.len()].name;
        let settled = Settled {
            arrivals: None,
            rolls: vec![(persona, Roll { vus: 1, worked: 1 })],
        };
        let worker = Worker {
            index: self.index,
            host: format!("host-{}", self.index),
            weight: 1,
            vus: 1,
            ..Worker::default()
        };
        Totals {
            whole: replay.whole(self.index),
            sent: replay.seconds(),
            settled: vec![settled],
            duration: Duration::from_secs(replay.seconds()),
            worker,
            users: vec![(self.index, Vec::new())],
            ..Totals::default()
        }
    }
}

fn say(posts: &[Post], change: impl Fn(&mut State)) {
    posts.iter().for_each(|post| post.pulse.say(&change));
}

/// Waits until the lead has told this.
async fn told(store: &Store, message: Message) -> anyhow::Result<()> {
    let mut store = store.clone();
    while store.published(message).await?.is_none() {
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}
