//! `--out`: which output, and where.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::destination::{Kind, OpenError, Output, Place};
use super::point::Point;
use super::{csv, influxdb, influxdb2, json};

/// Every output that there is.
const KINDS: [Kind; 4] = [influxdb::KIND, influxdb2::KIND, json::KIND, csv::KIND];

/// An output as the user names it: `kind=where`.
#[derive(Clone)]
pub struct Address(Arc<dyn Place>);

impl Address {
    /// Reads `kind=where`; `variable` looks up the environment, where secrets come from.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn parse(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let (name, place) = text.split_once('=').unwrap_or((text, ""));
        let name = name.trim();
        match KINDS.iter().find(|kind| kind.name == name) {
            Some(kind) => (kind.read)(place, variable).map(Self),
            None => Err(format!("there is no output '{name}'; write {}", forms())),
        }
    }

    /// Opens the output and writes `first` to it, if there is anything, so that bad credentials,
    /// a missing bucket or a file that can't be written are found before the load.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) async fn open(&self, first: &[Point]) -> Result<Box<dyn Output>, OpenError> {
        let failed = |reason: String| OpenError {
            name: self.to_string(),
            reason,
        };
        let mut output = self.0.open().await.map_err(failed)?;
        if !first.is_empty() {
            let written = output.write(first).await;
            written.map_err(|error| failed(error.to_string()))?;
        }
        Ok(output)
    }
}

impl Address {
    /// The file that it is, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.0.file()
    }

    /// What [`Address::parse`] takes for it in another process, which has secrets of its own; nothing
    /// if it takes no samples, or not those of others.
    #[must_use]
    pub fn shared(&self) -> Option<String> {
        self.0.shared()
    }
}

/// How each output is written, for who wrote something else.
fn forms() -> String {
    let forms = KINDS.map(|kind| format!("{}={}", kind.name, kind.form));
    let [others @ .., last] = &forms;
    format!("{} or {last}", others.join(", "))
}

impl fmt::Display for Address {
    /// Without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Address {
    /// Without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl PartialEq for Address {
    /// Whether both lead to the same place, by whatever secret.
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Address {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Address, String> {
        Address::parse(text, &|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let secret = "hunter2";
        let addresses = [
            parse("influxdb=http://k6:hunter2@host:8086/db", &[]),
            parse(
                "influxdb2=http://host?org=o&bucket=b",
                &[("INFLUX_TOKEN", secret)],
            ),
        ];
        for address in addresses {
            let address = address.expect("good");
            assert!(
                !address.to_string().contains(secret) && !format!("{address:?}").contains(secret)
            );
        }
        for bad in [
            "influxdb=ftp://k6:hunter2@host",
            "influxdb2=http://k6:hunter2@host?org=o&bucket=b",
        ] {
            let error = parse(bad, &[]).expect_err(bad);
            assert!(!error.contains(secret), "{error}");
        }
    }

    #[test]
    fn another_process_finds_the_same_place_with_its_own_secrets() {
        let token = [("INFLUX_TOKEN", "hunter2")];
        let rows = [
            "influxdb=http://k6:hunter2@host:8086/my%20db%2F%25x",
            "influxdb=https://host/influx/db+1",
            "influxdb2=http://host:8086?org=o%26o&bucket=b%20c",
            "influxdb2=https://host/influx?org=o&bucket=b",
        ];
        for text in rows {
            let address = parse(text, &token).expect(text);
            let shared = address.shared().expect(text);
            assert!(!shared.contains("hunter2"), "{shared}");
            assert_eq!(parse(&shared, &token).expect(&shared), address, "{shared}");
        }
        let k6 = [
            ("K6_INFLUXDB_ADDR", "http://me:hunter2@host/influx"),
            ("K6_INFLUXDB_DB", "mine"),
        ];
        let shared = parse("influxdb", &k6).expect("k6's").shared();
        assert_eq!(shared.as_deref(), Some("influxdb=http://host/influx/mine"));
        assert_eq!(parse("json=x", &[]).expect("a file").shared(), None);
    }

    #[test]
    fn mistakes_are_named() {
        let rows = [
            (
                "graphite=x",
                "there is no output 'graphite'; write influxdb=http",
            ),
            ("json", "json names no file; write json=FILE"),
            (
                "csv=-",
                "csv=-: - isn't standard output here; write /dev/stdout",
            ),
            (
                "json=-",
                "json=-: - isn't standard output here; write /dev/stdout",
            ),
            ("influxdb=nowhere", "is not the address of an InfluxDB"),
            ("influxdb=http://h?db=a", "the database stands in the path"),
            ("influxdb2=http://h?org=o", "names no bucket"),
            ("influxdb2=http://h?bucket=b", "names no org"),
            (
                "influxdb2=http://h?org=o&bucket=b",
                "needs a token; set the variable INFLUX_TOKEN",
            ),
            (
                "influxdb2=http://h?org=o&bucket=b&token=t",
                "has a secret in it",
            ),
        ];
        for (text, expected) in rows {
            let error = parse(text, &[]).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
