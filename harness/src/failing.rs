//! What the server did wrong, in a sentence: requests that failed, and requests that never ended.
//! Pure.

use std::collections::BTreeMap;

use crate::format::{grouped, listed, plural};
use crate::metrics::{Counter, Phase, RequestSeries, SET_UP, Snapshot, TagFilter, Trend};
use crate::vu::READABLE;

/// What the server did wrong, each in a sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Requests that failed: wrong by themselves only if a threshold says so.
    pub failed: Option<String>,
    /// That none of them succeeded.
    pub all_failed: Option<String>,
    /// Requests that never ended.
    pub hanging: Option<String>,
    /// Answers that could not be read.
    pub unreadable: Option<String>,
}

impl Faults {
    /// A server without any.
    #[cfg(test)]
    pub(crate) const NONE: Self = Self {
        failed: None,
        all_failed: None,
        hanging: None,
        unreadable: None,
    };

    /// What a snapshot shows of them.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        Self {
            failed: failed(snapshot),
            all_failed: all_failed(snapshot),
            hanging: hanging(snapshot),
            unreadable: unreadable(snapshot),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.failed.is_none() && self.hanging.is_none() && self.unreadable.is_none()
    }

    /// Those that no threshold can excuse.
    pub fn inexcusable(&self) -> impl Iterator<Item = &String> {
        let all = [&self.all_failed, &self.hanging, &self.unreadable];
        all.into_iter().flatten()
    }
}

/// In what a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// By its status; 0 without an answer.
    Answer(u16),
    /// There was no connection to send it on.
    Unsent,
}

impl Kind {
    fn told(self) -> String {
        match self {
            Self::Answer(0) => "without an answer".to_owned(),
            Self::Answer(status) => format!("with {status}"),
            Self::Unsent => "without a connection".to_owned(),
        }
    }
}

/// How many requests failed and how, such as `330 of 659 requests failed, all 503`; nothing if
/// none did.
fn failed(snapshot: &Snapshot) -> Option<String> {
    let all = TagFilter::default();
    let failed = snapshot.failed(&all);
    if failed == 0 {
        return None;
    }
    let mut kinds = BTreeMap::<Kind, u64>::new();
    let series = snapshot.requests.iter();
    for (tags, series) in series.filter(|(tags, _)| !tags.expected) {
        *kinds.entry(Kind::Answer(tags.status)).or_default() += series.count() - series.unsent;
        *kinds.entry(Kind::Unsent).or_default() += series.unsent;
    }
    let mut kinds: Vec<_> = kinds.into_iter().filter(|(_, count)| *count > 0).collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let how = match &kinds[..] {
        [(Kind::Answer(status @ 1..), _)] => format!(", all {status}"),
        [(kind, _)] => format!(", all {}", kind.told()),
        kinds => {
            let counted = kinds
                .iter()
                .map(|(kind, count)| format!("{} {}", grouped(*count), kind.told()));
            format!(": {}", listed(counted, "and"))
        }
    };
    let requests = snapshot.counter(Counter::Requests, &all);
    let [failed, requests] = [failed, requests].map(grouped);
    Some(format!("{failed} of {requests} requests failed{how}"))
}

/// That no request of the load succeeded, though some were answered or could not be sent.
fn all_failed(snapshot: &Snapshot) -> Option<String> {
    let of_load = snapshot.requests.iter().filter(|(tags, series)| {
        tags.scenario != SET_UP && !tags.is_interrupted() && series.count() > 0
    });
    let succeeded: Vec<bool> = of_load.map(|(tags, _)| tags.expected).collect();
    (!succeeded.is_empty() && !succeeded.contains(&true))
        .then(|| "not one request of the load succeeded".to_owned())
}

/// Answers that came as they should and were something else than their caller can read.
fn unreadable(snapshot: &Snapshot) -> Option<String> {
    let mut by_name = BTreeMap::<&str, u64>::new();
    for (tags, counts) in &snapshot.checks {
        if let Some(name) = tags.check.strip_suffix(READABLE)
            && counts.fails > 0
        {
            *by_name.entry(name).or_default() += counts.fails;
        }
    }
    let count: u64 = by_name.values().sum();
    let names = by_name
        .iter()
        .map(|(name, count)| format!("{} × {name}", grouped(*count)));
    (count > 0).then(|| {
        let names = listed(names, "and");
        let answers = plural(count, "answer", "answers");
        format!("{answers} could not be read: {names}")
    })
}

/// A request that was cut earlier than this says nothing of the server.
const LEAST_MS: f64 = 1_000.0;
/// It never ended if it was under way for so many times as long as the slowest that was answered
/// as it should be.
const TIMES: f64 = 2.0;
/// If most of the requests that were cut, and at least so many, took longer than the slowest
/// answer, that is enough: they needn't have taken twice as long.
const TOGETHER: u64 = 3;

/// What was cut of a request name, and the slowest of its answers.
#[derive(Default)]
struct Cut {
    count: u64,
    /// How long they had waited for an answer, and before that for a connection.
    waited: [Trend; 2],
    /// In ms, of both.
    slowest: f64,
}

/// The two waits of a request.
const WAITS: [Phase; 2] = [Phase::Duration, Phase::Blocked];

impl Cut {
    fn take(&mut self, is_cut: bool, series: &RequestSeries) {
        let waits = WAITS.map(|phase| series.trend(phase));
        if is_cut {
            self.count += series.count();
            self.waited
                .iter_mut()
                .zip(waits)
                .for_each(|(all, one)| all.merge(one));
        } else {
            self.slowest = waits
                .map(Trend::max_ms)
                .into_iter()
                .fold(self.slowest, f64::max);
        }
    }

    /// How many had waited for longer than 1 s, and than so many times the slowest answer.
    fn beyond(&self, times: f64) -> u64 {
        let least = LEAST_MS.max(times * self.slowest);
        let beyond = self
            .waited
            .iter()
            .map(|all| all.count() - all.count_up_to_ms(least));
        // One may have waited so long for both.
        beyond.sum::<u64>().min(self.count)
    }

    fn longest_ms(&self) -> f64 {
        self.waited.iter().map(Trend::max_ms).fold(0.0, f64::max)
    }
}

/// Requests that never ended: those that were cut after more than [`TIMES`] the slowest answer of
/// their name, or, if most were, after more than the slowest answer. Nothing if there are none.
fn hanging(snapshot: &Snapshot) -> Option<String> {
    let mut by_name = BTreeMap::<&'static str, Cut>::new();
    for (tags, series) in &snapshot.requests {
        if tags.is_interrupted() || tags.expected {
            let cut = by_name.entry(tags.name).or_default();
            cut.take(tags.is_interrupted(), series);
        }
    }
    let sum = |count: fn(&Cut) -> u64| by_name.values().map(count).sum::<u64>();
    let (all, together) = (sum(|cut| cut.count), sum(|cut| cut.beyond(1.0)));
    let times = match together >= TOGETHER && 2 * together > all {
        true => 1.0,
        false => TIMES,
    };
    let hanging = |(name, cut): (&'static str, Cut)| {
        let count = cut.beyond(times);
        (count > 0).then(|| (count, name, cut.longest_ms()))
    };
    let hanging: Vec<_> = by_name.into_iter().filter_map(hanging).collect();
    let count: u64 = hanging.iter().map(|(count, _, _)| count).sum();
    let longest = hanging.iter().map(|(_, _, ms)| *ms).fold(0.0, f64::max);
    let names = hanging
        .iter()
        .map(|(count, name, _)| format!("{} × {name}", grouped(*count)));
    (count > 0).then(|| {
        let requests = plural(count, "request was", "requests were");
        format!(
            "{requests} never answered: {}, cut after up to {:.1} s",
            listed(names, "and"),
            longest / 1_000.0
        )
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::{Method, Proto, RequestTags};

    /// Name, status, whether it was expected, how many, and how long each took.
    type Row = (&'static str, u16, bool, u64, u64);

    fn snapshot(rows: &[Row]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (name, status, expected, count, ms) in rows.iter().copied() {
            let tags = RequestTags {
                scenario: "x",
                persona: "x",
                name,
                method: Method::Get,
                status,
                stage: 0,
                expected,
                trend: None,
                proto: Proto::Http1,
            };
            let series = snapshot.requests.entry(tags).or_default();
            for _ in 0..count {
                series.record(Phase::Duration, Duration::from_millis(ms));
            }
        }
        snapshot
    }

    #[test]
    fn failures_are_told_by_status() {
        let of = |rows: &[Row]| failed(&snapshot(rows));
        assert_eq!(of(&[("a", 200, true, 9, 1), ("a", 0, true, 3, 1)]), None);
        let all = [("a", 200, true, 329, 1), ("a", 503, false, 330, 1)];
        let expected = "330 of 659 requests failed, all 503";
        assert_eq!(of(&all).as_deref(), Some(expected));
        let two = [
            ("a", 500, false, 2, 1),
            ("b", 503, false, 5, 1),
            ("b", 0, false, 1, 1),
        ];
        let expected = "8 of 8 requests failed: 5 with 503, 2 with 500 and 1 without an answer";
        assert_eq!(of(&two).as_deref(), Some(expected));
        let mut unsent = snapshot(&two[2..]);
        unsent
            .requests
            .values_mut()
            .for_each(|series| series.unsent = 4);
        let expected = "5 of 5 requests failed: 4 without a connection and 1 without an answer";
        assert_eq!(failed(&unsent).as_deref(), Some(expected));
    }

    #[test]
    fn a_load_of_which_nothing_succeeded_is_a_fault_of_its_own() {
        let of = |rows: &[Row]| {
            let faults = Faults::of(&snapshot(rows));
            (faults.all_failed.is_some(), faults.inexcusable().count())
        };
        assert_eq!(of(&[]), (false, 0));
        assert_eq!(
            of(&[("a", 503, false, 9, 1), ("b", 200, true, 1, 1)]),
            (false, 0)
        );
        assert_eq!(
            of(&[("a", 503, false, 9, 1), ("b", 0, false, 1, 1)]),
            (true, 1)
        );
        let young = ("a", 0, true, 3, 20);
        assert_eq!(
            of(&[young]),
            (false, 0),
            "cut early: nothing is known of it"
        );
        assert_eq!(of(&[young, ("a", 503, false, 9, 1)]), (true, 1));
    }

    #[test]
    fn what_is_cut_late_was_never_answered_and_what_is_cut_early_may_have_been() {
        let of = |rows: &[Row]| hanging(&snapshot(rows));
        let answered = ("order", 201, true, 2_000, 28);
        assert_eq!(of(&[answered, ("order", 0, true, 30, 900)]), None);
        let slow = ("order", 201, true, 1, 3_000);
        let young = ("list", 0, true, 40, 20);
        assert_eq!(
            of(&[answered, slow, ("order", 0, true, 30, 5_000), young]),
            None
        );
        assert_eq!(of(&[answered, slow, ("order", 0, true, 2, 5_000)]), None);
        assert_eq!(of(&[answered, slow, ("order", 0, true, 30, 2_900)]), None);
        // Everybody hangs, and one answer was slow long before.
        let all = of(&[answered, slow, ("order", 0, true, 3, 3_500)]).expect("they hang");
        assert!(all.starts_with("3 requests were never answered"), "{all}");
        assert_eq!(
            of(&[
                answered,
                ("order", 0, true, 30, 5_000),
                ("list", 0, true, 2, 6_500)
            ])
            .as_deref(),
            Some("32 requests were never answered: 2 × list and 30 × order, cut after up to 6.5 s")
        );
        let mut connecting = snapshot(&[answered]);
        let cut = RequestTags {
            status: 0,
            ..*connecting.requests.keys().next().expect("the answered")
        };
        let series = connecting.requests.entry(cut).or_default();
        series.unsent = 2;
        (0..2).for_each(|_| series.record(Phase::Blocked, Duration::from_secs(4)));
        let found = hanging(&connecting).expect("they never had a connection");
        assert!(
            found.starts_with("2 requests were never answered: 2 × order, cut after up to 4.0 s"),
            "{found}"
        );
        let failed = ("order", 0, false, 1, 60_000);
        let cut = ("order", 0, true, 1, 5_000);
        let found = of(&[answered, failed, cut]).expect("a time-out is no answer");
        assert!(found.starts_with("1 request was never answered"), "{found}");
    }
}
