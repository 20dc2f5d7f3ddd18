//! Which of what probes read changed while requests were slow: bad seconds against good ones. Pure.
//!
//! A second is bad if a slow request was under way in at least half of it, or for at least half of
//! its own time; it is good if none was. Of each series the upper quartile of the bad seconds is
//! compared with the median of the good ones, and their spread is the median absolute deviation
//! (MAD): neither is moved by a few odd seconds. So what lasts for less than a quarter of the bad
//! seconds is not seen, nor what happens between two looks, and what moves together can't be told
//! apart: only [`Trouble`] is known to make requests wait.

use std::collections::BTreeMap;

use super::series::{Row, Second, Slow, has};
use crate::format::{listed, ms_unit, plural};
use crate::probe::{Known, Trouble, is_mean, known};

/// A time in which a slow request was under way, in ms since the start of the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) from: f64,
    pub(super) to: f64,
}

/// A series that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Suspect {
    /// The probe's name.
    pub probe: String,
    /// What was measured.
    pub title: String,
    /// What it was in the good seconds, if there were any.
    pub good: Option<String>,
    /// What it was in the bad ones.
    pub bad: String,
    /// What it is known to be, if it makes requests wait by itself.
    pub trouble: Option<Trouble>,
    pub(super) metric: String,
    pub(super) of: String,
    /// By how many spreads it changed.
    change: f64,
}

/// What changed in the stores.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stores {
    /// What is known to make requests wait, then what changed most.
    pub suspects: Vec<Suspect>,
    /// How many seconds were bad, and good.
    pub seconds: (usize, usize),
    /// Who held what up, in words.
    pub detail: Option<String>,
}

/// How a second went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Good,
    Bad,
    /// A slow request was there, but not for long.
    Neither,
}

/// Of it the words tell more.
const LOCK_WAITS: &str = "postgres_lock_waits";
/// Rows of the table.
const SHOWN: usize = 6;
/// Fewer good seconds are nothing to compare with.
const FEWEST_GOOD: usize = 3;
/// Changes of fewer spreads are chance: of hundreds of series some always change.
const SPREADS: f64 = 6.0;
/// A change to less than so many times what it was is small.
const TIMES: f64 = 1.5;
/// What waits for a lock for a shorter time, in seconds, is not what made requests slow.
const LONG_WAIT: f64 = 0.25;
/// A command that takes longer, in ms, holds up others in Redis for as long.
const LONG_COMMAND: f64 = 50.0;
/// The factor from a MAD to a standard deviation.
const MAD: f64 = 1.4826;

/// When the slow requests that have these tags and are concerned were under way.
pub(super) fn spans(
    seconds: &[Second],
    tags: &[(String, String)],
    concerned: impl Fn(&Slow) -> bool,
) -> Vec<Span> {
    let slow = seconds.iter().flat_map(|second| &second.slowest);
    let slow = slow.filter(|slow| has(&slow.tags, tags) && concerned(slow));
    let span = |slow: &Slow| Span {
        from: slow.at_ms as f64 - slow.duration,
        to: slow.at_ms as f64,
    };
    slow.map(span).collect()
}

/// What changed in the stores while these were under way; nothing if no probe looked, or nothing
/// did. A generator that stood still looked at nothing in time: then only its machine is judged.
pub(super) fn stores(seconds: &[Second], spans: &[Span], is_generator: bool) -> Option<Stores> {
    let marks: Vec<Mark> = seconds.iter().map(|second| mark(second, spans)).collect();
    let count = |wanted| marks.iter().filter(|mark| **mark == wanted).count();
    let (bad, good) = (count(Mark::Bad), count(Mark::Good));
    let mut all = Vec::new();
    for ((probe, metric, of), values) in series(seconds) {
        let split = |wanted: Mark| -> Vec<f64> {
            let both = marks.iter().zip(&values);
            let values = both.filter(|(mark, _)| **mark == wanted);
            values.filter_map(|(_, value)| *value).collect()
        };
        let known = known(metric, of);
        let levels = Levels::of(split(Mark::Bad), &split(Mark::Good));
        let slowed = |levels: &Levels| known.is_throughput(metric) && levels.fell();
        let levels = levels.filter(|levels| !slowed(levels));
        let suspect = levels.and_then(|levels| levels.suspect(&known));
        all.extend(suspect.map(|(trouble, levels)| Suspect {
            probe: probe.to_owned(),
            title: known.title(metric, of),
            good: levels.good.map(|good| known.written(good)),
            bad: known.written(levels.bad),
            trouble,
            metric: metric.to_owned(),
            of: of.to_owned(),
            change: levels.change(&known),
        }));
    }
    let words = Words::of(seconds, &marks);
    words.correct(&mut all);
    if is_generator {
        for suspect in all
            .iter_mut()
            .filter(|one| one.trouble != Some(Trouble::Cpu))
        {
            suspect.trouble = None;
        }
    }
    all.sort_by(|a, b| {
        let rank = |one: &Suspect| (one.trouble.is_none(), one.trouble);
        rank(a).cmp(&rank(b)).then(b.change.total_cmp(&a.change))
    });
    all.truncate(SHOWN);
    let first = all.first()?;
    let detail = words.detail(first.trouble);
    Some(Stores {
        suspects: all,
        seconds: (bad, good),
        detail,
    })
}

/// The bad seconds, those side by side as one: from and to in ms since the start of the run.
pub(super) fn bad(seconds: &[Second], spans: &[Span]) -> Vec<(u64, u64)> {
    let mut bad: Vec<(u64, u64)> = Vec::new();
    for second in seconds
        .iter()
        .filter(|second| mark(second, spans) == Mark::Bad)
    {
        let (from, to) = (
            second.elapsed_ms.saturating_sub(second.length_ms),
            second.elapsed_ms,
        );
        match bad.last_mut() {
            Some((_, end)) if *end >= from => *end = to,
            _ => bad.push((from, to)),
        }
    }
    bad
}

fn mark(second: &Second, spans: &[Span]) -> Mark {
    let end = second.elapsed_ms as f64;
    let begin = end - second.length_ms as f64;
    let mut mark = Mark::Good;
    for Span { from, to } in spans {
        let shared = to.min(end) - from.max(begin);
        if shared >= (end - begin).min(to - from) / 2.0 && shared > 0.0 {
            return Mark::Bad;
        }
        if shared > 0.0 {
            mark = Mark::Neither;
        }
    }
    mark
}

/// Probe, metric, and what it is of.
pub(super) type Key<'a> = (&'a str, &'a str, &'a str);

/// Every series with its value in each second. What is not there in a second is 0 if its probe saw
/// something then, as a state that no session has; else it is unknown.
pub(super) fn series<'a>(
    seconds: impl IntoIterator<Item = &'a Second>,
) -> BTreeMap<Key<'a>, Vec<Option<f64>>> {
    let seconds: Vec<&Second> = seconds.into_iter().collect();
    let mut all: BTreeMap<Key<'_>, Vec<Option<f64>>> = BTreeMap::new();
    for (at, second) in seconds.iter().enumerate() {
        for row in &second.probes {
            let key = (row.tag("probe"), row.metric.as_str(), row.tag("of"));
            let values = all.entry(key).or_insert_with(|| vec![None; seconds.len()]);
            values[at] = Some(row.value);
        }
    }
    let saw = |second: &Second, probe: &str| {
        let mut rows = second.probes.iter();
        rows.any(|row| row.tag("probe") == probe && !row.metric.ends_with("_answer_ms"))
    };
    for ((probe, metric, _), values) in &mut all {
        if is_mean(metric) {
            continue;
        }
        for (value, second) in values.iter_mut().zip(&seconds) {
            if value.is_none() && saw(second, probe) {
                *value = Some(0.0);
            }
        }
    }
    all
}

/// What a series comes to.
#[derive(Debug, Clone, Copy)]
struct Levels {
    good: Option<f64>,
    /// The median absolute deviation of the good seconds.
    spread: f64,
    bad: f64,
}

impl Levels {
    fn of(bad: Vec<f64>, good: &[f64]) -> Option<Self> {
        let bad = quantile(bad, 0.75)?;
        let enough = good.len() >= FEWEST_GOOD;
        let median = quantile(good.to_vec(), 0.5).filter(|_| enough);
        let away = median.map(|median| good.iter().map(|value| (value - median).abs()).collect());
        let spread = away.and_then(|away| quantile(away, 0.5)).unwrap_or(0.0);
        Some(Self {
            good: median,
            spread: spread * MAD,
            bad,
        })
    }

    fn fell(&self) -> bool {
        self.good.is_some_and(|good| self.bad < good)
    }

    /// By how many spreads it changed.
    fn change(&self, known: &Known) -> f64 {
        let Some(good) = self.good else { return 0.0 };
        let least = (known.least() / SPREADS).max(0.05 * good.abs()).max(1e-9);
        (self.bad - good).abs() / self.spread.max(least)
    }

    /// Whether it is worth telling, and what it is known to be.
    fn suspect(self, known: &Known) -> Option<(Option<Trouble>, Self)> {
        let (low, high) = match self.good {
            Some(good) => (self.bad.min(good).abs(), self.bad.max(good).abs()),
            None => (0.0, self.bad),
        };
        let changed = self.change(known) >= SPREADS && high >= TIMES * low;
        let trouble = known.trouble.filter(|(trouble, from)| match self.good {
            Some(good) => {
                let grew = self.bad - good >= known.least();
                self.bad >= *from && grew && (good < *from || changed)
            }
            // A machine may well be busy, as long as that is so always.
            None => self.bad >= *from && !matches!(trouble, Trouble::Cpu | Trouble::Disk),
        });
        let trouble = trouble.map(|(trouble, _)| trouble);
        (changed || trouble.is_some()).then_some((trouble, self))
    }
}

/// The smallest value that so many of them don't exceed.
fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.max(1) - 1).copied()
}

/// What has words of its own, in the bad seconds.
struct Words<'a> {
    /// Who holds others up for longest, in seconds.
    blocking: Option<&'a Row<f64>>,
    /// The slowest command, in ms.
    command: Option<&'a Row<f64>>,
}

impl<'a> Words<'a> {
    /// A command is told of when it is over: the second after a bad one counts as well.
    fn of(seconds: &'a [Second], marks: &[Mark]) -> Self {
        let is_bad = |at: usize| marks.get(at) == Some(&Mark::Bad);
        let longest = |metric: &str, late: bool| {
            let near = |at: usize| is_bad(at) || late && at > 0 && is_bad(at - 1);
            let near = seconds.iter().enumerate().filter(|(at, _)| near(*at));
            let rows = near.flat_map(|(_, second)| &second.probe_words);
            let rows = rows.filter(|row| row.metric == metric);
            rows.max_by(|a, b| a.value.total_cmp(&b.value))
        };
        Self {
            blocking: longest("postgres_blocked_by", true),
            command: longest("redis_slow_command_ms", true),
        }
    }

    /// What the words say better than the numbers: a lock is what holds somebody up for long.
    fn correct(&self, all: &mut Vec<Suspect>) {
        if self.blocking.is_none_or(|row| row.value < LONG_WAIT) {
            for suspect in all.iter_mut().filter(|one| one.metric == LOCK_WAITS) {
                suspect.trouble = None;
            }
        }
        let command = self.command.filter(|row| row.value >= LONG_COMMAND);
        all.extend(command.map(|row| Suspect {
            probe: row.tag("probe").to_owned(),
            title: format!("slow command {}", row.tag("of")),
            good: None,
            bad: ms_unit(row.value),
            trouble: Some(Trouble::SlowCommand),
            metric: row.metric.clone(),
            of: row.tag("of").to_owned(),
            change: f64::INFINITY,
        }));
    }

    fn detail(&self, trouble: Option<Trouble>) -> Option<String> {
        let row = match trouble? {
            Trouble::Lock => self.blocking?,
            Trouble::SlowCommand => self.command?,
            _ => return None,
        };
        Some(row.tag("of").to_owned())
    }
}

impl Suspect {
    /// Whether it is known to make requests wait.
    #[must_use]
    pub const fn judged(&self) -> &'static str {
        match self.trouble {
            Some(trouble) => trouble.words(),
            None => "changed along with it",
        }
    }

    /// What it was and what it became, in words.
    fn words(&self) -> String {
        let Self {
            probe, title, bad, ..
        } = self;
        match &self.good {
            Some(good) => format!("{title} {good} → {bad} ({probe})"),
            None => format!("{title} {bad} ({probe})"),
        }
    }
}

impl Stores {
    /// The first of what is known to make requests wait, in one line.
    #[must_use]
    pub fn first_cause(&self) -> Option<String> {
        let first = self.suspects.first()?;
        let words = first.trouble?.words();
        let detail = self.detail.as_ref();
        let detail = detail.filter(|_| first.trouble == Some(Trouble::Lock));
        let detail = detail.map_or_else(String::new, |detail| format!("; held by {detail}"));
        Some(format!("{words}: {}{detail}", first.words()))
    }

    /// What is known, what only moved along, and what to do now.
    pub(super) fn sentences(&self) -> Vec<String> {
        let is_known = |one: &&Suspect| one.trouble.is_some();
        let (known, others): (Vec<_>, Vec<_>) = self.suspects.iter().partition(is_known);
        let told = |some: &[&Suspect]| listed(some.iter().take(3).map(|one| one.words()), "and");
        let (bad, good) = self.seconds;
        let bad = plural(bad as u64, "bad second", "bad seconds");
        let mut sentences = Vec::new();
        if !known.is_empty() {
            let against = match good < FEWEST_GOOD {
                true => "with too few good ones to compare them with".to_owned(),
                false => format!("against {}", plural(good as u64, "good one", "good ones")),
            };
            sentences.push(format!(
                "Known to make requests wait, in {bad} {against}: {}.",
                told(&known)
            ));
        }
        sentences.extend(self.detail.as_ref().map(|detail| match known[0].trouble {
            Some(Trouble::Lock) => format!("Held up by {detail}."),
            _ => format!("The slowest was {detail}."),
        }));
        if !others.is_empty() {
            let told = told(&others);
            sentences.push(format!(
                "Changed at the same time, as a cause, a consequence or by chance: {told}."
            ));
        }
        let now = known.first().and_then(|one| one.trouble);
        sentences.extend(now.map(|trouble| format!("What now: {}.", trouble.what_now())));
        sentences
    }
}

#[cfg(test)]
#[path = "suspects_tests.rs"]
mod tests;
