//! What slowed requests down: a store or a queue of the server, its handlers, or the generator.
//! Pure.

use std::borrow::Cow;
use std::fmt;

use super::series::{Second, Slow, has};
use crate::catalogue::PartEntry;
use crate::format::listed;

/// Who was to blame. The parts of the server's time are called by their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A part that is no queue, such as the database, or what waited for it.
    Store(String),
    /// Waiting in the server for other work of its own kind, with fast stores.
    Queue(String),
    /// None of the server's parts: its own code, or the way to it.
    Handler,
    /// The server or the way to it: the suite names no parts of its time.
    Server,
    /// The generator, which had no CPU to go on with.
    Generator,
    /// The server doesn't say, and the generator was well.
    Unknown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Store(label) | Self::Queue(label) => label,
            Self::Handler => "the server's handlers, or the network",
            Self::Server => "the server, or the network",
            Self::Generator => "the generator, or its machine",
            Self::Unknown => "unknown: the server sends no Server-Timing",
        })
    }
}

impl Cause {
    /// What speaks for it, where the server's time has these parts.
    pub(super) fn because(&self, parts: &[PartEntry]) -> Cow<'static, str> {
        let text = match self {
            Self::Store(label) => {
                return format!(
                    "what the slow requests waited for was {label}, or the batch before them that waited for it"
                )
                .into();
            }
            Self::Queue(_) if parts.iter().all(|part| part.is_queue) => {
                "requests waited for others before them: more arrived than the server can handle"
            }
            Self::Queue(_) => {
                "requests waited for batches before them, although the stores answered quickly: more arrived than the server can handle"
            }
            Self::Handler => {
                let names = listed(parts.iter().map(|part| part.name.as_str()), "and");
                let none = if parts.len() > 1 {
                    "in none of"
                } else {
                    "not in"
                };
                return format!(
                    "the time is {none} {names}, and the generator's timers were in time"
                )
                .into();
            }
            Self::Server => {
                "the suite names no parts of the server's time, and the generator's timers were in time"
            }
            Self::Generator => {
                "the server's own times were short, and the generator's timers were late: it had no CPU, and a server on the same machine hadn't either"
            }
            Self::Unknown => "nothing says where the time went",
        };
        text.into()
    }
}

/// What the slow requests have in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Blame<'a> {
    /// The parts of the server's time.
    pub(super) known: &'a [PartEntry],
    /// Time of all of them, in ms.
    pub(super) total: f64,
    /// Of it, each known part.
    pub(super) parts: Vec<f64>,
    /// The longest of each part in a single request, be it among the slowest or not: the batch that
    /// others wait for is done before them.
    pub(super) longest: Vec<f64>,
    count: u32,
    /// Those with any `Server-Timing` that is kept.
    timed: u32,
    /// The generator's lag when each of them ended, added up, in ms.
    lag: f64,
    /// Of it, what a request can have waited for.
    felt: f64,
}

impl<'a> Blame<'a> {
    /// No blame yet, where the server's time has these parts.
    pub(super) fn none(known: &'a [PartEntry]) -> Self {
        Self {
            known,
            parts: vec![0.0; known.len()],
            longest: vec![0.0; known.len()],
            ..Self::default()
        }
    }

    /// The blame for the slow requests of these seconds that have these tags and are concerned.
    pub(super) fn of<'s>(
        known: &'a [PartEntry],
        seconds: impl IntoIterator<Item = &'s Second>,
        tags: &[(String, String)],
        concerned: impl Fn(&Slow) -> bool,
    ) -> Self {
        let mut blame = Self::none(known);
        let metrics: Vec<String> = known.iter().map(PartEntry::metric).collect();
        for second in seconds {
            let lag = second
                .gauges
                .iter()
                .find(|row| row.metric == "generator_lag_ms")
                .map_or(0.0, |row| row.value);
            let slow = second.slowest.iter();
            for slow in slow.filter(|slow| has(&slow.tags, tags) && concerned(slow)) {
                blame.add(slow, lag);
                let name = slow.tags.get("name").map_or("", String::as_str);
                for (part, metric) in metrics.iter().enumerate() {
                    let mut rows = second.trends.iter();
                    if let Some(row) =
                        rows.find(|row| row.metric == *metric && row.tag("name") == name)
                    {
                        blame.note_longest(part, row.value.max);
                    }
                }
            }
        }
        blame
    }

    /// Adds a slow request; `lag` is the generator's worst in the second in which it ended.
    pub(super) fn add(&mut self, slow: &Slow, lag: f64) {
        self.count += 1;
        self.total += slow.duration;
        self.lag += lag;
        self.felt += lag.min(slow.duration);
        self.timed += u32::from(!slow.server.is_empty());
        for (part, PartEntry { name, .. }) in self.known.iter().enumerate() {
            let ms = slow.server.get(name).copied();
            let ms = ms.unwrap_or(0.0).min(slow.duration);
            self.parts[part] += ms;
            self.note_longest(part, ms);
        }
    }

    /// Notes how long a part took in a request of the same kind and second.
    pub(super) fn note_longest(&mut self, part: usize, ms: f64) {
        self.longest[part] = self.longest[part].max(ms);
    }

    /// A part's share of the time of the slow requests.
    pub(super) fn share(&self, part: f64) -> f64 {
        if self.total > 0.0 {
            part / self.total
        } else {
            0.0
        }
    }

    /// The time that no part of `Server-Timing` has.
    pub(super) fn rest(&self) -> f64 {
        (self.total - self.parts.iter().sum::<f64>()).max(0.0)
    }

    /// Mean lag of the generator, in ms.
    pub(super) fn mean_lag(&self) -> f64 {
        self.lag / f64::from(self.count.max(1))
    }

    /// Who is to blame for slow iterations: the generator, if it was late for longer than even the
    /// slowest of their requests took.
    pub(super) fn cause_of_iterations(&self) -> Option<Cause> {
        if self.lag > self.total {
            Some(Cause::Generator)
        } else {
            self.cause()
        }
    }

    /// Who is to blame for slow requests, if any were.
    ///
    /// Most of the time lies either in the server's parts or outside of them. Outside, the
    /// generator's machine is to blame when timers there were late by a good part of it: requests
    /// are sent late then, and a server on the same machine gets no CPU either. In the parts, a
    /// long queue is only a consequence where a store was slow at the same time, for the queue is
    /// the wait for the batch before, and that batch waits for its store.
    pub(super) fn cause(&self) -> Option<Cause> {
        /// Of the time outside: more can't be chance, as lag is measured every 20 ms.
        const LATE: f64 = 0.25;
        if self.count == 0 {
            return None;
        }
        if self.rest() >= self.total / 2.0 {
            return Some(match () {
                () if self.felt >= self.rest() * LATE => Cause::Generator,
                () if self.known.is_empty() => Cause::Server,
                () if self.timed == 0 => Cause::Unknown,
                () => Cause::Handler,
            });
        }
        let queue = self.largest(&self.parts, true);
        let store = self.largest(&self.parts, false);
        let (Some((queue, waited)), Some((store, worked))) = (queue, store) else {
            return queue.or(store).map(|(part, _)| self.blamed(part));
        };
        if waited <= worked {
            return Some(self.blamed(store));
        }
        let slowest = self.largest(&self.longest, false);
        let slow = slowest.filter(|(_, longest)| *longest >= self.longest[queue] / 2.0);
        Some(self.blamed(slow.map_or(queue, |(store, _)| store)))
    }

    /// The queue, or the store, that has the largest of these values, and the value.
    fn largest(&self, values: &[f64], is_queue: bool) -> Option<(usize, f64)> {
        let parts = self.known.iter().zip(values).enumerate();
        let of_kind = parts.filter(|(_, (part, _))| part.is_queue == is_queue);
        // The first of equal ones.
        of_kind
            .map(|(part, (_, ms))| (part, *ms))
            .rev()
            .max_by(|a, b| a.1.total_cmp(&b.1))
    }

    fn blamed(&self, part: usize) -> Cause {
        let PartEntry {
            label, is_queue, ..
        } = &self.known[part];
        if *is_queue {
            Cause::Queue(label.clone())
        } else {
            Cause::Store(label.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::catalogue;

    fn database() -> Cause {
        Cause::Store("the database".to_owned())
    }

    fn queue() -> Cause {
        Cause::Queue("the server's queue".to_owned())
    }

    fn slow(duration: f64, parts: &[(&str, f64)]) -> Slow {
        Slow {
            duration,
            server: parts
                .iter()
                .map(|(name, ms)| ((*name).to_owned(), *ms))
                .collect(),
            ..Slow::default()
        }
    }

    /// All of the slowest waited for a batch that was done before them.
    #[test]
    fn a_queue_behind_a_slow_store_is_the_stores() {
        let known = catalogue().server_parts;
        let mut blame = Blame::none(&known);
        blame.add(&slow(2_494.0, &[("queue", 2_486.0), ("db", 4.2)]), 3.0);
        assert_eq!(blame.cause(), Some(queue()));
        blame.note_longest(1, 2_270.0);
        assert_eq!(blame.cause(), Some(database()));
    }

    /// Quick requests, between which the generator stood still.
    #[test]
    fn iterations_are_slow_by_the_generator_if_it_was_late_for_longer_than_their_requests() {
        let known = catalogue().server_parts;
        for (lag, cause) in [(8.0, database()), (300.0, Cause::Generator)] {
            let mut blame = Blame::none(&known);
            blame.add(&slow(10.0, &[("db", 9.0)]), lag);
            assert_eq!(blame.cause_of_iterations(), Some(cause));
            assert_eq!(blame.cause(), Some(database()));
            assert!((blame.mean_lag() - lag).abs() < 1e-9);
        }
        assert_eq!(Blame::default().cause_of_iterations(), None);
    }

    #[test]
    fn the_cause_is_where_most_of_the_time_went() {
        let known = catalogue().server_parts;
        let quick = ("redis", 0.2);
        // (what the slow requests said, lag, cause)
        let rows: [(&[Slow], f64, Option<Cause>); 8] = [
            (&[], 0.0, None),
            (
                &[slow(900.0, &[("db", 880.0), quick])],
                2.0,
                Some(database()),
            ),
            (
                &[slow(900.0, &[("redis", 880.0)])],
                2.0,
                Some(Cause::Store("Redis".to_owned())),
            ),
            // The batch that waited for a lock, and two that waited for the batch.
            (
                &[
                    slow(900.0, &[("db", 880.0)]),
                    slow(890.0, &[("queue", 870.0), ("db", 5.0)]),
                    slow(880.0, &[("queue", 860.0), ("db", 5.0)]),
                ],
                2.0,
                Some(database()),
            ),
            (
                &[slow(900.0, &[("queue", 800.0), ("db", 40.0)])],
                2.0,
                Some(queue()),
            ),
            (
                &[slow(900.0, &[("db", 4.0), quick])],
                2.0,
                Some(Cause::Handler),
            ),
            (
                &[slow(900.0, &[("db", 4.0), quick])],
                400.0,
                Some(Cause::Generator),
            ),
            (&[slow(900.0, &[])], 2.0, Some(Cause::Unknown)),
        ];
        for (requests, lag, cause) in rows {
            let mut blame = Blame::none(&known);
            requests.iter().for_each(|slow| blame.add(slow, lag));
            assert_eq!(blame.cause(), cause, "{requests:?} with a lag of {lag} ms");
        }
    }

    fn part(name: &str, label: &str, is_queue: bool) -> PartEntry {
        PartEntry {
            name: name.to_owned(),
            label: label.to_owned(),
            is_queue,
        }
    }

    #[test]
    fn a_server_of_other_parts_is_blamed_by_their_labels() {
        let known = [
            part("lock", "a lock", false),
            part("pool", "the connection pool", true),
        ];
        let lock = Cause::Store("a lock".to_owned());
        let pool = Cause::Queue("the connection pool".to_owned());
        // (parts, what the slow request said, cause)
        let rows = [
            (
                &known[..],
                &[("lock", 80.0), ("pool", 10.0)][..],
                lock.clone(),
            ),
            (
                &known[..],
                &[("pool", 60.0), ("lock", 30.0)][..],
                lock.clone(),
            ),
            (
                &known[..],
                &[("pool", 80.0), ("lock", 10.0)][..],
                pool.clone(),
            ),
            (&known[..1], &[("lock", 80.0)][..], lock),
            (&known[1..], &[("pool", 80.0)][..], pool),
            (&[], &[("db", 80.0)][..], Cause::Server),
        ];
        for (known, said, cause) in rows {
            let mut blame = Blame::none(known);
            blame.add(&slow(100.0, said), 2.0);
            assert_eq!(blame.cause(), Some(cause), "{said:?} of {known:?}");
        }
    }

    #[test]
    fn what_speaks_for_a_cause_names_the_parts() {
        let known = [
            part("lock", "a lock", false),
            part("pool", "the pool", true),
        ];
        let rows = [
            (
                Cause::Store("a lock".to_owned()),
                &known[..],
                "what the slow requests waited for was a lock, or the batch before them that waited for it",
            ),
            (
                Cause::Queue("the pool".to_owned()),
                &known[1..],
                "requests waited for others before them: more arrived than the server can handle",
            ),
            (
                Cause::Handler,
                &known[..],
                "the time is in none of lock and pool, and the generator's timers were in time",
            ),
            (
                Cause::Handler,
                &known[..1],
                "the time is not in lock, and the generator's timers were in time",
            ),
        ];
        for (cause, parts, because) in rows {
            assert_eq!(cause.because(parts), because);
        }
    }
}
