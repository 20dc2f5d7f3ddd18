//! What slowed requests down: the server's queue, database or Redis, its handlers, or the
//! generator. Pure.

use std::fmt;

use super::second::SERVER_PARTS;
use super::series::{Second, Slow, has};

/// Who was to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// PostgreSQL, or what waited for it.
    Database,
    /// Redis, or what waited for it.
    Redis,
    /// Waiting in the server for other work of its own kind, with fast stores.
    Queue,
    /// None of the server's stores: its own code, or the way to it.
    Handler,
    /// The generator, which had no CPU to go on with.
    Generator,
    /// The server doesn't say, and the generator was well.
    Unknown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "the database",
            Self::Redis => "Redis",
            Self::Queue => "the server's queue",
            Self::Handler => "the server's handlers, or the network",
            Self::Generator => "the generator, or its machine",
            Self::Unknown => "unknown: the server sends no Server-Timing",
        })
    }
}

impl Cause {
    /// What speaks for it.
    pub(super) const fn because(self) -> &'static str {
        match self {
            Self::Database => {
                "what the slow requests waited for was PostgreSQL, or the batch before them that waited for it"
            }
            Self::Redis => {
                "what the slow requests waited for was Redis, or the batch before them that waited for it"
            }
            Self::Queue => {
                "requests waited for batches before them, although the stores answered quickly: more came than it can take"
            }
            Self::Handler => {
                "the time is in none of queue, db and redis, and the generator's timers were in time"
            }
            Self::Generator => {
                "the server's own times were short, and the generator's timers were late: it had no CPU, and a server on the same machine hadn't either"
            }
            Self::Unknown => "nothing says where the time went",
        }
    }
}

/// What the slow requests have in common.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Blame {
    /// Time of all of them, in ms.
    pub(super) total: f64,
    /// Of it, `queue`, `db`, `redis`.
    pub(super) parts: [f64; 3],
    /// The longest of each part in a single request, be it among the slowest or not: the batch that
    /// others wait for is done before them.
    pub(super) longest: [f64; 3],
    count: u32,
    /// Those with any `Server-Timing`.
    timed: u32,
    /// The generator's lag when each of them ended, added up, in ms.
    lag: f64,
    /// Of it, what a request can have waited for.
    felt: f64,
}

impl Blame {
    /// The blame for the slow requests of these seconds that have these tags and are concerned.
    pub(super) fn of<'a>(
        seconds: impl IntoIterator<Item = &'a Second>,
        tags: &[(String, String)],
        concerned: impl Fn(&Slow) -> bool,
    ) -> Self {
        let mut blame = Self::default();
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
                for (part, (_, of)) in SERVER_PARTS.iter().enumerate() {
                    let metric = format!("server_timing_{of}");
                    let mut rows = second.trends.iter();
                    if let Some(row) =
                        rows.find(|row| row.metric == metric && row.tag("name") == name)
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
        for (part, (_, name)) in SERVER_PARTS.iter().enumerate() {
            let ms = slow
                .server
                .get(*name)
                .copied()
                .unwrap_or(0.0)
                .min(slow.duration);
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
        let [queue, db, redis] = self.parts;
        if self.rest() >= self.total / 2.0 {
            return Some(match () {
                () if self.felt >= self.rest() * LATE => Cause::Generator,
                () if self.timed == 0 => Cause::Unknown,
                () => Cause::Handler,
            });
        }
        let [longest_queue, longest_db, longest_redis] = self.longest;
        let store = if db >= redis {
            Cause::Database
        } else {
            Cause::Redis
        };
        if queue <= db.max(redis) {
            return Some(store);
        }
        let longest = longest_db.max(longest_redis);
        Some(match longest >= longest_queue / 2.0 {
            true if longest_db >= longest_redis => Cause::Database,
            true => Cause::Redis,
            false => Cause::Queue,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut blame = Blame::default();
        blame.add(&slow(2_494.0, &[("queue", 2_486.0), ("db", 4.2)]), 3.0);
        assert_eq!(blame.cause(), Some(Cause::Queue));
        blame.note_longest(1, 2_270.0);
        assert_eq!(blame.cause(), Some(Cause::Database));
    }

    /// Quick requests, between which the generator stood still.
    #[test]
    fn iterations_are_slow_by_the_generator_if_it_was_late_for_longer_than_their_requests() {
        for (lag, cause) in [(8.0, Cause::Database), (300.0, Cause::Generator)] {
            let mut blame = Blame::default();
            blame.add(&slow(10.0, &[("db", 9.0)]), lag);
            assert_eq!(blame.cause_of_iterations(), Some(cause));
            assert_eq!(blame.cause(), Some(Cause::Database));
            assert!((blame.mean_lag() - lag).abs() < 1e-9);
        }
        assert_eq!(Blame::default().cause_of_iterations(), None);
    }

    #[test]
    fn the_cause_is_where_most_of_the_time_went() {
        let quick = ("redis", 0.2);
        // (what the slow requests said, lag, cause)
        let rows: [(&[Slow], f64, Option<Cause>); 8] = [
            (&[], 0.0, None),
            (
                &[slow(900.0, &[("db", 880.0), quick])],
                2.0,
                Some(Cause::Database),
            ),
            (&[slow(900.0, &[("redis", 880.0)])], 2.0, Some(Cause::Redis)),
            // The batch that waited for a lock, and two that waited for the batch.
            (
                &[
                    slow(900.0, &[("db", 880.0)]),
                    slow(890.0, &[("queue", 870.0), ("db", 5.0)]),
                    slow(880.0, &[("queue", 860.0), ("db", 5.0)]),
                ],
                2.0,
                Some(Cause::Database),
            ),
            (
                &[slow(900.0, &[("queue", 800.0), ("db", 40.0)])],
                2.0,
                Some(Cause::Queue),
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
            let mut blame = Blame::default();
            requests.iter().for_each(|slow| blame.add(slow, lag));
            assert_eq!(blame.cause(), cause, "{requests:?} with a lag of {lag} ms");
        }
    }
}
