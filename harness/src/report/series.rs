//! `series.jsonl`: a run second by second. Its keys are an interface: reports/README.md documents
//! them. The first line is a [`Head`], every other a [`Second`]. Rows are told apart by metric and
//! tags, so a new metric or tag is a new row, and readers of the other rows don't notice.

use std::collections::BTreeMap;
use std::io::BufRead;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::metrics::{Encoded, Proto, Rate};

/// Version of the document: raised when a key changes its meaning or goes away.
pub const SERIES_VERSION: u32 = 1;

/// Its name in a run's directory.
pub const SERIES_FILE: &str = "series.jsonl";

/// The first line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// [`SERIES_VERSION`].
    pub version: u32,
    /// The run's id.
    pub run_id: String,
    /// Names of the stages, in order.
    pub stages: Vec<String>,
}

/// An interval of the run, a second but for the first and the last.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// When it ended, in ms since the start of the run.
    pub elapsed_ms: u64,
    /// How long it was, in ms.
    pub length_ms: u64,
    /// When it began, in ms since 1970, cut to the second: the time of the rows of `--out`.
    pub time_ms: i64,
    /// Name of the stage at its end.
    pub stage: String,
    /// Distributions in ms. Of `http_req_duration` the count is the requests', and with the tag
    /// `expected_response` = `false` the failed ones'; of `iteration_duration` the iterations'.
    pub trends: Vec<Row<Encoded>>,
    /// Sums.
    pub counters: Vec<Row<u64>>,
    /// How often something held and didn't.
    pub rates: Vec<Row<Rate>>,
    /// What goes up and down, as it was at the end.
    pub gauges: Vec<Row<f64>>,
    /// The slowest request of each series of `http_req_duration`.
    pub slowest: Vec<Slow>,
    /// What probes read: gauges, and of what only grows its rate. `probe` tells which, `of` of what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Row<f64>>,
    /// What probes saw that has words of its own, such as who holds a lock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probe_words: Vec<Row<f64>>,
}

/// A value with what it is of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Row<V> {
    /// The metric.
    pub metric: String,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The value.
    pub value: V,
}

/// Tags by name.
pub type Tags = BTreeMap<String, String>;

/// A slow request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Slow {
    /// The tags of its series.
    pub tags: Tags,
    /// How long it took, in ms.
    pub duration: f64,
    /// When its answer was there, in ms since the start of the run.
    pub at_ms: u64,
    /// Number of the virtual user.
    pub vu: u32,
    /// The parts of its `Server-Timing`, in ms.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub server: BTreeMap<String, f64>,
}

impl<V> Row<V> {
    /// Whether it is of this metric and has all of these tags.
    #[must_use]
    pub fn is(&self, metric: &str, tags: &[(String, String)]) -> bool {
        self.metric == metric && has(&self.tags, tags)
    }

    /// The value of a tag, empty when it has none.
    #[must_use]
    pub fn tag(&self, key: &str) -> &str {
        value(&self.tags, key).unwrap_or_default()
    }
}

/// The value of a tag. What doesn't say its version of HTTP is from a run with only one.
fn value<'a>(tags: &'a Tags, key: &str) -> Option<&'a str> {
    let implied = (key == "proto").then(|| Proto::Http1.as_str());
    tags.get(key).map(String::as_str).or(implied)
}

/// Whether tags are as a threshold's filter wants them: a value that begins with `!` takes what
/// has another one.
#[must_use]
pub fn has(tags: &Tags, wanted: &[(String, String)]) -> bool {
    wanted
        .iter()
        .all(|(key, wanted)| match wanted.strip_prefix('!') {
            Some(wanted) => value(tags, key) != Some(wanted),
            None => value(tags, key) == Some(wanted),
        })
}

/// A whole file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// The first line.
    pub head: Head,
    /// The others.
    pub seconds: Vec<Second>,
    /// Whether the last line was cut off, as a killed run leaves it.
    pub cut: bool,
}

/// Why a series can't be read.
#[derive(Debug, Error)]
pub enum SeriesError {
    /// The file can't be read.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// A line is something else.
    #[error("line {line} is not of a series: {source}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Its first line isn't there, or not whole.
    #[error("it is empty: the run was ended before its first second")]
    Empty,
    /// From another version of this program.
    #[error("it is of version {0}; this program reads version {SERIES_VERSION}")]
    Version(u32),
}

impl Series {
    /// Gives whatever is of a scenario, or everything, the user's own tags, which the file doesn't
    /// repeat.
    pub(super) fn add_tags(&mut self, scenario: Option<&str>, own: &Tags) {
        if own.is_empty() {
            return;
        }
        let add = |tags: &mut Tags| {
            let of_scenario = || tags.get("scenario").map(String::as_str) == scenario;
            if scenario.is_none() || of_scenario() {
                tags.extend(own.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
        };
        for second in &mut self.seconds {
            second.trends.iter_mut().for_each(|row| add(&mut row.tags));
            second.rates.iter_mut().for_each(|row| add(&mut row.tags));
            second
                .slowest
                .iter_mut()
                .for_each(|slow| add(&mut slow.tags));
        }
    }

    /// Reads a file. A last line without an end is left out: a killed run may leave one.
    ///
    /// # Errors
    /// The reader's, and what is no line of a series.
    pub fn read(from: impl BufRead) -> Result<Self, SeriesError> {
        let mut series = Self::default();
        series.read_on(from)?;
        match series.head.version {
            0 => Err(SeriesError::Empty),
            _ => Ok(series),
        }
    }

    /// Reads the lines that follow those that were read before; gives how many bytes they had.
    ///
    /// # Errors
    /// The reader's, and what is no line of a series.
    pub fn read_on(&mut self, mut from: impl BufRead) -> Result<u64, SeriesError> {
        let (mut text, mut bytes) = (String::new(), 0);
        loop {
            text.clear();
            let length = from.read_line(&mut text)?;
            self.cut = length > 0 && !text.ends_with('\n');
            if length == 0 || self.cut {
                return Ok(bytes);
            }
            self.add(&text)?;
            bytes += length as u64;
        }
    }

    /// Adds a line.
    fn add(&mut self, text: &str) -> Result<(), SeriesError> {
        let headless = self.head.version == 0;
        let line = self.seconds.len() + if headless { 1 } else { 2 };
        let wrong = |source| SeriesError::Line { line, source };
        if !headless {
            self.seconds
                .push(serde_json::from_str(text).map_err(wrong)?);
            return Ok(());
        }
        self.head = serde_json::from_str(text).map_err(wrong)?;
        match self.head.version {
            SERIES_VERSION => Ok(()),
            other => Err(SeriesError::Version(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> String {
        let head = Head {
            version: SERIES_VERSION,
            run_id: "run".to_owned(),
            stages: vec!["hold".to_owned()],
        };
        let second = Second {
            elapsed_ms: 1_000,
            ..Second::default()
        };
        format!(
            "{}\n{}\n",
            serde_json::to_string(&head).expect("plain"),
            serde_json::to_string(&second).expect("plain")
        )
    }

    #[test]
    fn a_killed_runs_last_line_is_left_out() {
        let whole = lines();
        let series = Series::read(whole.as_bytes()).expect("well-formed");
        assert_eq!((series.seconds.len(), series.cut), (1, false));
        let cut = format!("{whole}{{\"elapsed_ms\":2000,\"le");
        let series = Series::read(cut.as_bytes()).expect("well-formed up to its last line");
        assert_eq!((series.seconds.len(), series.cut), (1, true));
    }

    #[test]
    fn a_file_without_its_first_line_is_no_series() {
        for text in ["", "\n", "{\"version\":1,\"run_id\":\"run\""] {
            assert!(Series::read(text.as_bytes()).is_err(), "{text:?}");
        }
        let error = Series::read("".as_bytes()).expect_err("nothing");
        assert!(error.to_string().starts_with("it is empty"), "{error}");
    }

    #[test]
    fn other_files_are_refused_with_the_line() {
        let error = Series::read(format!("{}nonsense\n", lines()).as_bytes()).expect_err("no line");
        assert!(error.to_string().starts_with("line 3 is not"), "{error}");
        let other = lines().replace("\"version\":1", "\"version\":9");
        let error = Series::read(other.as_bytes()).expect_err("another version");
        assert!(error.to_string().contains("version 9"), "{error}");
    }
}
