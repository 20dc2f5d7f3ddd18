//! The Redis through which the processes of a run exchange data.
//!
//! ```text
//! loadtest:{RUN}:run       hash: version, digest, workers, generation, briefing, opening,
//!                          start, stop, cut, over
//! loadtest:{RUN}:members   hash: index → who it is
//! loadtest:{RUN}:beats     hash: index → when it was last there, by the store's clock
//! loadtest:{RUN}:states    hash: index → how far it is
//! loadtest:{RUN}:GENERATION:frames:INDEX    stream: entry id = second
//! loadtest:{RUN}:GENERATION:totals:INDEX    what a worker leaves at its end
//! ```
//!
//! A generation is one run of that name, so a new run doesn't read what an earlier one left. Every
//! key expires. No secret is written.

use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Script};
use serde::Deserialize;

use super::skew::{Reading, Skew, start_after};
use super::state::{Member, State};
use super::trouble::StoreError;
use crate::crypto;

/// A process that was silent for this long counts as lost.
pub const SILENCE: Duration = Duration::from_secs(5);
/// How long keys are kept after the last sign of a process.
pub(super) const KEPT: Duration = Duration::from_secs(3_600);
/// How often the store is asked for its time, for one good answer.
const READINGS: usize = 32;
const ANSWER: Duration = Duration::from_secs(2);

/// Who comes to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// 0 is the lead.
    pub index: u32,
    /// Different for every process that was ever started.
    pub token: String,
    /// Of the program.
    pub version: String,
    /// Of the configuration; nothing if it takes the lead's.
    pub digest: Option<String>,
    /// How much of the load it takes.
    pub weight: u32,
    /// The name of its machine.
    pub host: String,
    /// How many workers there are, as far as it knows.
    pub workers: Option<u32>,
}

/// What the lead tells the workers before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// The configuration, without secrets.
    Briefing,
    /// What the set-up learned.
    Opening,
}

impl Message {
    const fn field(self) -> &'static str {
        match self {
            Self::Briefing => "briefing",
            Self::Opening => "opening",
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    /// The exit code of all its processes.
    pub code: u8,
    /// Why, for people.
    pub reason: String,
}

/// What a process hears when it says that it is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// Since when nothing was heard of the lead; nothing if it never came.
    pub lead_silent: Option<Duration>,
    /// When the run starts, in microseconds of the store's clock.
    pub start: Option<i64>,
    /// When it stops.
    pub stop: Option<i64>,
    /// Whether iterations that still run are to be cut.
    pub cut: bool,
    /// How it ended, if it has.
    pub over: Option<Over>,
}

/// A process's place at the store.
#[derive(Clone)]
pub struct Store {
    pub(super) connection: ConnectionManager,
    prefix: String,
    /// The readings of this process's clock count from here.
    zero: Instant,
    pub(super) index: u32,
    token: String,
    pub(super) generation: String,
}

impl Store {
    /// Registers a process with a run.
    ///
    /// # Errors
    /// Why it has no place there, or the store's.
    pub async fn join(url: &str, run: &str, newcomer: &Newcomer) -> Result<Self, StoreError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(2)
            .set_min_delay(Duration::from_millis(50))
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        // For TLS to the store.
        crypto::provide();
        let client = Client::open(url)?;
        let connection = ConnectionManager::new_with_config(client, config).await?;
        let mut store = Self {
            connection,
            prefix: format!("loadtest:{{{run}}}"),
            zero: Instant::now(),
            index: newcomer.index,
            token: newcomer.token.clone(),
            generation: String::new(),
        };
        let began = Instant::now();
        loop {
            match store.register(newcomer).await {
                Ok(generation) => {
                    store.generation = generation;
                    return Ok(store);
                }
                // The run before this one is about to leave.
                Err(StoreError::Over) if began.elapsed() < 2 * SILENCE => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn register(&mut self, newcomer: &Newcomer) -> Result<String, StoreError> {
        let workers = newcomer.workers.map(|workers| workers.to_string());
        let script = Script::new(include_str!("register.lua"));
        let mut call = script.prepare_invoke();
        for key in self.keys() {
            call.key(key);
        }
        let said: (String, String) = call
            .arg(newcomer.index)
            .arg(&newcomer.token)
            .arg(&newcomer.version)
            .arg(newcomer.digest.as_deref().unwrap_or_default())
            .arg(newcomer.weight)
            .arg(&newcomer.host)
            .arg(workers.unwrap_or_default())
            .arg(SILENCE.as_millis() as u64)
            .arg(KEPT.as_millis() as u64)
            .invoke_async(&mut self.connection)
            .await?;
        let index = newcomer.index;
        Err(match (said.0.as_str(), said.1) {
            ("registered", generation) => return Ok(generation),
            ("taken", host) => StoreError::Taken { index, host },
            ("late", _) => StoreError::Late,
            ("over", _) => StoreError::Over,
            ("version", others) => StoreError::Version {
                own: newcomer.version.clone(),
                others,
            },
            ("configuration", _) => StoreError::Configuration,
            ("beyond", workers) => StoreError::Beyond { index, workers },
            (other, _) => StoreError::Nonsense(other.to_owned()),
        })
    }

    pub(super) fn key(&self, of: &str) -> String {
        format!("{}:{of}", self.prefix)
    }

    fn keys(&self) -> [String; 4] {
        ["run", "members", "beats", "states"].map(|of| self.key(of))
    }

    fn totals(&self, worker: u32) -> String {
        self.key(&format!("{}:totals:{worker}", self.generation))
    }

    /// Says that this process is still there; to be called every second.
    ///
    /// # Errors
    /// The store has forgotten it, or can't be reached.
    pub async fn beat(&mut self, state: &State) -> Result<Heard, StoreError> {
        let script = Script::new(include_str!("beat.lua"));
        let mut call = script.prepare_invoke();
        for key in self.keys() {
            call.key(key);
        }
        let said: Vec<String> = call
            .arg(self.index)
            .arg(&self.token)
            .arg(KEPT.as_millis() as u64)
            .arg(json(state))
            .invoke_async(&mut self.connection)
            .await?;
        let [_, lead, start, stop, cut, over] = &said[..] else {
            return Err(StoreError::Forgotten);
        };
        let silent: Option<u64> = lead.parse().ok();
        Ok(Heard {
            lead_silent: silent.map(Duration::from_millis),
            start: start.parse().ok(),
            stop: stop.parse().ok(),
            cut: !cut.is_empty(),
            over: over.split_once(' ').and_then(|(code, reason)| {
                let (code, reason) = (code.parse().ok()?, reason.to_owned());
                Some(Over { code, reason })
            }),
        })
    }

    /// Every process that has come.
    ///
    /// # Errors
    /// The store's.
    pub async fn roll(&mut self) -> Result<Vec<Member>, StoreError> {
        let script = Script::new(include_str!("roll.lua"));
        let mut call = script.prepare_invoke();
        for key in self.keys() {
            call.key(key);
        }
        let rows: Vec<Vec<String>> = call.invoke_async(&mut self.connection).await?;
        let mut roll: Vec<Member> = rows
            .iter()
            .map(|row| member(row))
            .collect::<Result<_, _>>()?;
        roll.sort_unstable_by_key(|member| member.index);
        Ok(roll)
    }

    /// Leaves the run; gives how many processes are left.
    ///
    /// # Errors
    /// The store's.
    pub async fn leave(&mut self) -> Result<u64, StoreError> {
        let script = Script::new(include_str!("leave.lua"));
        let mut call = script.prepare_invoke();
        for key in self.keys() {
            call.key(key);
        }
        call.arg(self.index).arg(&self.token);
        Ok(call.invoke_async(&mut self.connection).await?)
    }

    /// Tells the workers something; the lead's to do, before the start.
    ///
    /// # Errors
    /// The store's.
    pub async fn publish(&mut self, message: Message, bytes: &[u8]) -> Result<(), StoreError> {
        let mut call = redis::cmd("HSET");
        call.arg(self.key("run")).arg(message.field()).arg(bytes);
        Ok(call.exec_async(&mut self.connection).await?)
    }

    /// What the lead has told, if it has.
    ///
    /// # Errors
    /// The store's.
    pub async fn published(&mut self, message: Message) -> Result<Option<Vec<u8>>, StoreError> {
        let mut call = redis::cmd("HGET");
        call.arg(self.key("run")).arg(message.field());
        Ok(call.query_async(&mut self.connection).await?)
    }

    /// Tells all to cut what still runs.
    ///
    /// # Errors
    /// The store's.
    pub async fn cut(&mut self) -> Result<(), StoreError> {
        let mut call = redis::cmd("HSET");
        call.arg(self.key("run")).arg("cut").arg(1);
        Ok(call.exec_async(&mut self.connection).await?)
    }

    /// Tells all how the run ended.
    ///
    /// # Errors
    /// The store's.
    pub async fn over(&mut self, over: &Over) -> Result<(), StoreError> {
        let mut call = redis::cmd("HSET");
        let told = format!("{} {}", over.code, over.reason);
        call.arg(self.key("run")).arg("over").arg(told);
        Ok(call.exec_async(&mut self.connection).await?)
    }

    /// Leaves what a worker knows at its end.
    ///
    /// # Errors
    /// The store's.
    pub async fn leave_totals(&mut self, totals: &[u8]) -> Result<(), StoreError> {
        let key = self.totals(self.index);
        let mut call = redis::cmd("SET");
        call.arg(&key).arg(totals);
        call.arg("PX").arg(KEPT.as_millis() as u64);
        Ok(call.exec_async(&mut self.connection).await?)
    }

    /// What a worker left at its end.
    ///
    /// # Errors
    /// The store's.
    pub async fn totals_of(&mut self, worker: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let mut call = redis::cmd("GET");
        call.arg(self.totals(worker));
        Ok(call.query_async(&mut self.connection).await?)
    }

    /// The store's time, in microseconds since 1970.
    ///
    /// # Errors
    /// The store's.
    pub async fn now(&mut self) -> Result<i64, StoreError> {
        let (seconds, micros): (i64, i64) =
            redis::cmd("TIME").query_async(&mut self.connection).await?;
        Ok(seconds * 1_000_000 + micros)
    }

    /// How the store's clock lies against this process's.
    ///
    /// # Errors
    /// The store's.
    pub async fn skew(&mut self) -> Result<Skew, StoreError> {
        let mut readings = Vec::with_capacity(READINGS);
        for _ in 0..READINGS {
            let asked = self.here();
            let store = self.now().await?;
            let answered = self.here();
            readings.push(Reading {
                asked,
                store,
                answered,
            });
        }
        let skew = Skew::of(&readings);
        Ok(skew.expect("there were readings"))
    }

    /// When a time of the store is here.
    #[must_use]
    pub fn instant(&self, skew: &Skew, store: i64) -> Instant {
        let here = u64::try_from(skew.here(store)).unwrap_or(0);
        self.zero + Duration::from_micros(here)
    }

    fn here(&self) -> i64 {
        self.zero.elapsed().as_micros() as i64
    }

    /// Sets the start, a whole second of the store's clock and `ahead` of now, if every process is
    /// there. Gives those that are not; with none of them, the start is set.
    ///
    /// # Errors
    /// The store's.
    pub async fn start(&mut self, ahead: Duration) -> Result<Vec<u32>, StoreError> {
        let start = start_after(self.now().await?, ahead);
        let script = Script::new(include_str!("start.lua"));
        let mut call = script.prepare_invoke();
        for key in self.keys() {
            call.key(key);
        }
        call.arg(start).arg(SILENCE.as_millis() as u64);
        Ok(call.invoke_async(&mut self.connection).await?)
    }

    /// Sets the time, in microseconds of the store's clock, at which all stop; the first one that
    /// is set counts.
    ///
    /// # Errors
    /// The store's.
    pub async fn stop(&mut self, at: i64) -> Result<(), StoreError> {
        let mut call = redis::cmd("HSETNX");
        call.arg(self.key("run")).arg("stop").arg(at);
        Ok(call.exec_async(&mut self.connection).await?)
    }
}

fn json(state: &State) -> String {
    serde_json::to_string(state).unwrap_or_default()
}

/// A line of the roll.
fn member(row: &[String]) -> Result<Member, StoreError> {
    #[derive(Deserialize)]
    struct Registered {
        weight: u32,
        host: String,
    }
    let nonsense = || StoreError::Nonsense(row.join(" "));
    let [index, silent, registered, state] = row else {
        return Err(nonsense());
    };
    let Registered { weight, host } = serde_json::from_str(registered).map_err(|_| nonsense())?;
    Ok(Member {
        index: index.parse().map_err(|_| nonsense())?,
        host,
        weight,
        silent: silent.parse().map_or(Duration::MAX, Duration::from_millis),
        // Nothing before its first beat.
        state: serde_json::from_str(state).unwrap_or_default(),
    })
}
