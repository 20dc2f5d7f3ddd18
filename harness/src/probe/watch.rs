//! Reads every store once a second, beside the load. The load never waits for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::address::{Address, Kind};
use super::failure::Failure;
use super::look::{Look, MOST_WORDS, Reading, Seen};
use super::source::Source;
use crate::wall;

/// So long before a whole second a look begins, so that it is there when the second is over.
const LEAD: Duration = Duration::from_millis(150);

/// A probe that can't be used.
#[derive(Debug, Error)]
#[error("{address}: {reason}")]
pub struct Unreachable {
    address: String,
    reason: String,
}

/// What a probe saw in a second.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Probed {
    /// The probe's name.
    pub probe: String,
    /// Numbers of series.
    pub numbers: Vec<Reading>,
    /// Things with words of their own.
    pub words: Vec<Reading>,
}

/// Every probe of a run. They end when this is dropped.
#[derive(Debug, Default)]
pub struct Probes {
    shared: Arc<Mutex<Shared>>,
    /// Ended with the set.
    tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    /// What was seen since somebody took it.
    seen: Vec<Probed>,
    accounts: BTreeMap<String, Account>,
}

/// How a probe went.
#[derive(Debug, Default)]
struct Account {
    looks: u64,
    missed: u64,
    reason: String,
    lack: Option<String>,
}

impl Probes {
    /// Looks at every store once, and from then on every second.
    ///
    /// # Errors
    /// The first that can't be looked at.
    pub async fn open(addresses: &[Address]) -> Result<Self, Unreachable> {
        let mut probes = Self::default();
        for address in addresses {
            probes.add(address).await?;
        }
        Ok(probes)
    }

    /// The same where nobody asked for it: what can't be looked at is only warned of.
    pub async fn open_unasked(addresses: &[Address]) -> Self {
        let mut probes = Self::default();
        for address in addresses {
            if let Err(Unreachable { reason, .. }) = probes.add(address).await {
                let lack = Some(format!("it can't be used: {reason}"));
                let account = Account {
                    lack,
                    ..Account::default()
                };
                let name = address.name.clone();
                probes.shared.lock().accounts.insert(name, account);
            }
        }
        probes
    }

    async fn add(&mut self, address: &Address) -> Result<(), Unreachable> {
        let unreachable = |failure: Failure| Unreachable {
            address: address.to_string(),
            reason: failure.told(),
        };
        let mut source = Source::new(address).map_err(unreachable)?;
        let first = source.look().await.map_err(unreachable)?;
        let name = address.name.clone();
        let account = Account {
            lack: source.lack(),
            ..Account::default()
        };
        self.shared.lock().accounts.insert(name.clone(), account);
        let probe = Probe {
            name,
            kind: address.kind,
            source,
            before: Some((Instant::now(), first)),
            shared: Arc::clone(&self.shared),
        };
        self.tasks.spawn(probe.watch());
        Ok(())
    }

    /// What was seen since it was last taken.
    #[must_use]
    pub fn take(&self) -> Vec<Probed> {
        std::mem::take(&mut self.shared.lock().seen)
    }

    /// Where there are gaps, and what could not be seen.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let shared = self.shared.lock();
        let told = shared.accounts.iter().flat_map(|(name, account)| {
            let Account {
                looks,
                missed,
                reason,
                lack,
            } = account;
            let gap = (*missed > 0).then(|| {
                format!("the probe {name} saw nothing in {missed} of {looks} seconds: {reason}")
            });
            let lack = lack
                .as_ref()
                .map(|lack| format!("the probe {name}: {lack}"));
            gap.into_iter().chain(lack)
        });
        told.collect()
    }
}

/// One probe at work.
struct Probe {
    name: String,
    kind: Kind,
    source: Source,
    before: Option<(Instant, Look)>,
    shared: Arc<Mutex<Shared>>,
}

impl Probe {
    async fn watch(mut self) {
        loop {
            tokio::time::sleep(to_next_look(wall::since_1970())).await;
            let began = Instant::now();
            let looked = self.source.look().await;
            let took = began.elapsed();
            let mut seen = Seen::default();
            let mut missed = None;
            match looked {
                Ok(look) => {
                    let before = self.before.take();
                    let time = before
                        .as_ref()
                        .map_or(Duration::ZERO, |(at, _)| began - *at);
                    let kept = look.clone();
                    seen = look.since(before.as_ref().map(|(_, look)| look), time);
                    self.before = Some((began, kept));
                }
                Err(failure) => missed = Some(failure.told()),
            }
            seen.numbers.extend(self.answer(took));
            self.note(seen, missed);
        }
    }

    /// How long the store took to answer; of one that is late, how long it was waited for.
    fn answer(&self, took: Duration) -> Option<Reading> {
        let ms = took.as_secs_f64() * 1_000.0;
        let metric = format!("{}_answer_ms", self.kind.name());
        (self.kind != Kind::Host).then(|| Reading::new(&metric, "", ms))
    }

    fn note(&self, Seen { numbers, words }: Seen, missed: Option<String>) {
        let mut shared = self.shared.lock();
        let account = shared.accounts.entry(self.name.clone()).or_default();
        account.looks += 1;
        if let Some(reason) = missed {
            account.missed += 1;
            account.reason = reason;
        }
        let name = &self.name;
        match shared.seen.iter_mut().find(|seen| seen.probe == *name) {
            // Nobody took the last one: the load hasn't begun, or this look came early.
            Some(seen) => {
                seen.numbers = numbers;
                seen.words.extend(words);
                seen.words.truncate(MOST_WORDS);
            }
            None => shared.seen.push(Probed {
                probe: name.clone(),
                numbers,
                words,
            }),
        }
    }
}

/// How long it is from this time of day to the next look.
fn to_next_look(since_1970: Duration) -> Duration {
    let within = Duration::from_nanos(u64::from((since_1970 + LEAD).subsec_nanos()));
    Duration::from_secs(1) - within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_come_before_whole_seconds() {
        let rows = [(0, 850), (850, 1_000), (900, 950), (1_840, 10)];
        for (now, wait) in rows {
            let waited = to_next_look(Duration::from_millis(now));
            assert_eq!(waited, Duration::from_millis(wait), "{now}");
        }
    }

    #[tokio::test]
    async fn a_store_that_is_not_there_is_named_with_its_address() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        for text in [
            format!("postgres=postgres://127.0.0.1:{port}/db"),
            format!("cache=redis=redis://127.0.0.1:{port}"),
            format!("prometheus=http://127.0.0.1:{port}/metrics"),
        ] {
            let address = Address::parse(&text, super::super::Passwords::Refused, &|_| None);
            let error = Probes::open(&[address.expect("a good one")]).await;
            let error = error.expect_err("nobody listens").to_string();
            assert!(error.starts_with(&text), "{error}");
            assert!(error.contains("refused"), "{error}");
        }
    }

    /// This machine has a processor, and it did something.
    #[tokio::test]
    async fn this_machine_is_seen_every_second() {
        let address = Address::parse("host", super::super::Passwords::Refused, &|_| None);
        let probes = Probes::open(&[address.expect("a good one")])
            .await
            .expect("it has /proc");
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        let seen = probes.take();
        assert!(!seen.is_empty());
        let numbers = &seen[0].numbers;
        let busy = numbers
            .iter()
            .find(|one| one.metric == "host_cpu_busy_percent");
        let busy = busy.expect("it is read").value;
        assert!((0.0..=110.0).contains(&busy), "{busy}");
        assert_eq!(probes.warnings(), [""; 0]);
        assert_eq!(probes.take().len(), 0, "it was taken");
    }
}
