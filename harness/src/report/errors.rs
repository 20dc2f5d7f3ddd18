//! Failed requests by request and status: how many, of how many, and when. Pure.

use std::collections::BTreeMap;

use super::charts::Charts;
use super::plot::{Mark, Tick, rectangle, time_ticks};
use super::summary::{FailureRow, Summary};
use crate::format::{clock, grouped, percent};
use crate::vu::READABLE;

/// Height of the bars over time.
const HEIGHT: f64 = 28.0;

/// Requests of a name that failed with the same status.
#[derive(Debug)]
pub(super) struct ErrorRow {
    pub(super) name: String,
    /// `503`, or why there is none.
    pub(super) status: String,
    pub(super) count: String,
    /// Of the requests of this name.
    pub(super) of_request: String,
    /// Of all failures.
    pub(super) of_failures: String,
    /// A bar for each interval of the run, the largest of the row as high as there is room.
    pub(super) bars: Option<Mark>,
    /// The bars in words.
    pub(super) note: String,
    /// The first one's body, or why there was none.
    pub(super) sample: Option<String>,
}

/// The rows, the most frequent first, and the time axis of their bars.
#[derive(Debug, Default)]
pub(super) struct Errors {
    pub(super) rows: Vec<ErrorRow>,
    pub(super) x: Vec<Tick>,
    pub(super) height: f64,
}

impl Charts<'_> {
    /// Failures by request and status; answers that couldn't be read are among them.
    pub(super) fn errors(&self, summary: &Summary) -> Errors {
        let mut counts: BTreeMap<[String; 2], u64> = BTreeMap::new();
        for point in &self.measured.points {
            for (key, count) in &point.failures {
                *counts.entry(key.clone()).or_default() += count;
            }
        }
        let mut rows: Vec<_> = counts.iter().collect();
        rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let failed = rows
            .iter()
            .map(|(key, count)| self.error(key, **count, sample(summary, key)));
        let others = summary.failures.iter().filter(|row| {
            let key = [row.name.clone(), row.status.to_string()];
            !counts.contains_key(&key)
        });
        Errors {
            rows: failed
                .chain(others.map(|row| unreadable(summary, row)))
                .collect(),
            x: time_ticks(self.measured.end_ms)
                .into_iter()
                .step_by(2)
                .collect(),
            height: HEIGHT,
        }
    }

    fn error(&self, key: &[String; 2], count: u64, sample: Option<String>) -> ErrorRow {
        let [name, status] = key;
        let group = self.measured.requests.get(name);
        let all = group.map_or(0, |group| group.trend.count());
        let points = self.measured.points.iter();
        let failing = points.filter_map(|point| Some((point, *point.failures.get(key)?)));
        let failing: Vec<_> = failing.collect();
        let most = failing.iter().map(|(_, count)| *count).max().unwrap_or(1);
        let mut path = String::new();
        for (point, count) in &failing {
            let (from, to) = (self.x(point.from_ms), self.x(point.to_ms));
            // What happened once is still to be seen.
            let tall = (*count as f64 / most as f64 * HEIGHT).max(2.0);
            rectangle(&mut path, from, HEIGHT - tall, (to - from) * 0.9, tall);
        }
        let ends = failing.first().zip(failing.last());
        ErrorRow {
            name: name.clone(),
            status: status_words(status),
            count: grouped(count),
            of_request: share(count, all),
            of_failures: share(count, self.measured.all.failed),
            bars: Some(Mark {
                class: "failed",
                path,
            }),
            note: ends.map_or_else(String::new, |((first, _), (last, _))| {
                format!(
                    "{} from {} to {}, at most {} in {}",
                    grouped(count),
                    clock(first.from_ms),
                    clock(last.to_ms),
                    grouped(most),
                    self.step_length()
                )
            }),
            sample,
        }
    }

    /// The length of an interval in words.
    fn step_length(&self) -> String {
        match self.measured.step_ms {
            1_000 => "a second".to_owned(),
            step => clock(step),
        }
    }
}

fn share(count: u64, all: u64) -> String {
    percent(count as f64 / all.max(count).max(1) as f64)
}

fn status_words(status: &str) -> String {
    match status {
        "0" => "no answer".to_owned(),
        status => status.to_owned(),
    }
}

fn sample(summary: &Summary, [name, status]: &[String; 2]) -> Option<String> {
    let is = |row: &&FailureRow| row.name == *name && row.status.to_string() == *status;
    summary
        .failures
        .iter()
        .find(is)
        .map(|row| row.sample.clone())
}

/// Answers with an expected status that could not be read: a check has counted them.
fn unreadable(summary: &Summary, row: &FailureRow) -> ErrorRow {
    let checks = summary.checks.iter();
    let own = checks.filter(|check| check.name.strip_suffix(READABLE) == Some(&row.name));
    let (fails, passes) = own.fold((0, 0), |(fails, passes), check| {
        (fails + check.fails, passes + check.passes)
    });
    ErrorRow {
        name: row.name.clone(),
        status: status_words(&row.status.to_string()),
        count: match fails {
            0 => "–".to_owned(),
            fails => grouped(fails),
        },
        of_request: match fails {
            0 => "–".to_owned(),
            fails => share(fails, fails + passes),
        },
        of_failures: "–".to_owned(),
        bars: None,
        note: String::new(),
        sample: Some(row.sample.clone()),
    }
}
