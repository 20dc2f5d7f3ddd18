//! Redis: one connection, `INFO` and what is new in the slow log, once a second.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, Client, Value, cmd};
use url::Url;

use super::failure::Failure;
use super::info;
use super::look::{Look, Reading};
use super::{LIMIT, NAME};
use crate::crypto;
use crate::format::cut;
use crate::secret::scrub;

/// New entries of the slow log that are looked at, in a second.
const SLOW: usize = 8;

/// A Redis that is looked at.
pub(super) struct Redis {
    client: Client,
    connection: Option<MultiplexedConnection>,
    /// The number of the last entry of the slow log that was seen.
    last_slow: Option<i64>,
    /// Why the slow log can't be read.
    lack: Option<String>,
}

impl Redis {
    pub(super) fn new(url: &Url) -> Result<Self, Failure> {
        crypto::provide();
        Ok(Self {
            client: Client::open(url.as_str())?,
            connection: None,
            last_slow: None,
            lack: None,
        })
    }

    /// What its user may not see, and how to fix it.
    pub(super) fn lack(&self) -> Option<String> {
        self.lack.clone()
    }

    /// Leaves the connection: what comes next opens another.
    pub(super) fn leave(&mut self) {
        self.connection = None;
    }

    async fn connection(&mut self) -> Result<MultiplexedConnection, Failure> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(LIMIT))
            .set_response_timeout(Some(LIMIT));
        let connecting = self
            .client
            .get_multiplexed_async_connection_with_config(&config);
        let mut connection = connecting.await?;
        // Only for people who look at CLIENT LIST: a user may not be allowed to.
        let mut naming = cmd("CLIENT");
        let _ = naming
            .arg("SETNAME")
            .arg(NAME)
            .query_async::<()>(&mut connection)
            .await;
        Ok(self.connection.insert(connection).clone())
    }

    pub(super) async fn look(&mut self) -> Result<Look, Failure> {
        let mut connection = self.connection().await?;
        let text: String = cmd("INFO").arg("all").query_async(&mut connection).await?;
        let mut look = info::look(&text);
        let mut slowlog = cmd("SLOWLOG");
        let asked = slowlog
            .arg("GET")
            .arg(SLOW)
            .query_async::<Vec<Entry>>(&mut connection);
        match asked.await {
            Ok(entries) => self.note_slow(&entries, &mut look),
            Err(error) if error.kind() == ::redis::ErrorKind::Io || error.is_timeout() => {
                return Err(error.into());
            }
            Err(error) => {
                let why = scrub(&error.to_string()).into_owned();
                let why = cut(&why, 120);
                self.lack = Some(format!(
                    "its slow log can't be read ({why}): ACL SETUSER … +slowlog|get"
                ));
            }
        }
        Ok(look)
    }

    fn note_slow(&mut self, entries: &[Entry], look: &mut Look) {
        let newest = entries.first().map(|entry| entry.0);
        // What was there before the first look is another time's.
        if let Some(last) = self.last_slow {
            // A number below the last one is of a server that began anew.
            let is_new = |entry: &&Entry| entry.0 > last || newest < Some(last);
            look.words.extend(entries.iter().filter(is_new).map(slow));
        }
        self.last_slow = Some(newest.or(self.last_slow).unwrap_or(-1));
    }
}

/// Number, time, microseconds, command with arguments, and what some versions add.
type Entry = (i64, i64, u64, Vec<Value>, Value, Value);

/// A slow command in words; the value is how long it took, in ms.
fn slow((_, _, micros, command, ..): &Entry) -> Reading {
    let name = command.iter().take(2).map(word).collect::<Vec<_>>();
    let words = match &*name.join(" ").to_uppercase() {
        // Which script it was says its first argument.
        script if script.starts_with("EVAL") => format!("{} `{}`", first(script), argument(&name)),
        // The second word is a part of the command's name, and no key.
        both if CONTAINERS.contains(&first(both)) => format!("`{both}`"),
        one => format!("`{}`", first(one)),
    };
    let ms = Duration::from_micros(*micros).as_secs_f64() * 1_000.0;
    Reading::new("redis_slow_command_ms", words, ms)
}

/// Commands whose second word says what they do.
const CONTAINERS: [&str; 7] = [
    "CLIENT", "CONFIG", "DEBUG", "FUNCTION", "MEMORY", "OBJECT", "SCRIPT",
];

fn first(words: &str) -> &str {
    words.split(' ').next().unwrap_or_default()
}

fn argument(name: &[String]) -> String {
    let script = name.get(1).map_or("", String::as_str);
    let script = scrub(script)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    cut(&script, 80)
}

fn word(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: i64, micros: u64, words: &[&str]) -> Entry {
        let word = |word: &&str| Value::BulkString(word.as_bytes().to_vec());
        (
            id,
            0,
            micros,
            words.iter().map(word).collect(),
            Value::Nil,
            Value::Nil,
        )
    }

    #[test]
    fn a_slow_command_is_told_without_its_keys_and_values() {
        let rows: [(&[&str], &str); 4] = [
            (&["set", "user:7", "secret"], "`SET`"),
            (&["DEBUG", "SLEEP", "1"], "`DEBUG SLEEP`"),
            (
                &["EVAL", "while  true\ndo end", "0"],
                "EVAL `while true do end`",
            ),
            (&["CONFIG", "SET", "requirepass", "x"], "`CONFIG SET`"),
        ];
        for (words, expected) in rows {
            let told = slow(&entry(1, 12_500, words));
            assert_eq!((told.of.as_str(), told.value), (expected, 12.5));
        }
    }

    #[test]
    fn what_is_new_in_the_slow_log_is_told_once() {
        let url = Url::parse("redis://h").expect("an address");
        let mut redis = Redis::new(&url).expect("a client");
        let mut told = |ids: &[i64]| {
            let mut look = Look::default();
            let entries = ids.iter().map(|id| entry(*id, 1, &["GET", "a"]));
            redis.note_slow(&entries.collect::<Vec<_>>(), &mut look);
            look.words.len()
        };
        assert_eq!(told(&[4, 3]), 0, "they were there before");
        assert_eq!(told(&[4, 3]), 0);
        assert_eq!(told(&[6, 5, 4]), 2);
        assert_eq!(told(&[1, 0]), 2, "the server began anew");
        assert_eq!(told(&[]), 0);
        assert_eq!(told(&[2]), 1);
    }
}
