//! What is known of series: their names in plain words, and the value from which they alone make
//! requests wait. Pure.

use crate::format::{ms_unit, number};

/// What makes requests wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    // The first of several is named: what stands above explains what stands below.
    /// Somebody holds a lock.
    Lock,
    /// A statement or trigger waits on purpose.
    Sleep,
    /// A command keeps Redis from all others.
    SlowCommand,
    /// Transactions held each other up until one was ended.
    Deadlock,
    /// A runtime stands still to collect garbage.
    Garbage,
    /// The disk is too slow.
    Disk,
    /// A store throws out what it was to keep.
    Memory,
    /// There is no CPU left.
    Cpu,
    /// All connections of a pool are in use.
    Pool,
    /// All connections that a store allows are in use.
    Connections,
    /// A store doesn't answer in time.
    Stalled,
}

impl Trouble {
    /// What it is called.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Lock => "a lock",
            Self::Sleep => "a statement that sleeps",
            Self::SlowCommand => "a slow command",
            Self::Deadlock => "deadlocks",
            Self::Garbage => "garbage collection",
            Self::Disk => "a slow disk",
            Self::Cpu => "a busy CPU",
            Self::Memory => "full memory",
            Self::Pool => "a full connection pool",
            Self::Connections => "too few connections",
            Self::Stalled => "a store that did not answer",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn what_now(self) -> &'static str {
        match self {
            Self::Lock => {
                "look at the transaction that holds the lock: end it sooner, lock less, or set \
                 lock_timeout and idle_in_transaction_session_timeout"
            }
            Self::Sleep => "look for pg_sleep in the statements and triggers of the tables written",
            Self::SlowCommand => {
                "look at SLOWLOG GET: Redis runs one command at a time, so split what is long \
                 (SCAN for KEYS, smaller scripts)"
            }
            Self::Deadlock => "have all transactions lock rows in the same sequence",
            Self::Garbage => "look at the heap's size and at what is allocated (GC log)",
            Self::Disk => {
                "look at the disk's time per write; group commits, or put the log on a faster disk"
            }
            Self::Cpu => {
                "look for what uses the CPU (top); rerun with less beside it, or on more cores"
            }
            Self::Memory => "raise maxmemory, or look at what is kept, and for how long",
            Self::Pool => {
                "look for what keeps a connection long (locks, slow statements) before you raise \
                 the pool's size; then rerun"
            }
            Self::Connections => {
                "use a pool with fewer connections, or raise the limit (max_connections)"
            }
            Self::Stalled => "look at the store's own log and at its machine for these seconds",
        }
    }
}

/// What a number is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Count,
    PerSecond,
    Ms,
    Us,
    Seconds,
    Percent,
    Bytes,
    BytesPerSecond,
    Unknown,
}

/// What is known of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    words: &'static str,
    unit: Unit,
    /// From this value on it makes requests wait by itself.
    pub trouble: Option<(Trouble, f64)>,
}

impl Known {
    /// What the series is called.
    #[must_use]
    pub fn title(&self, metric: &str, of: &str) -> String {
        let words = match self.words {
            "" => metric,
            words => words,
        };
        match of {
            "" => words.to_owned(),
            of => format!("{words} {of}"),
        }
    }

    /// A value of it, with its unit.
    #[must_use]
    pub fn written(&self, value: f64) -> String {
        match self.unit {
            Unit::Count | Unit::Unknown => number(value),
            Unit::PerSecond => format!("{}/s", number(value)),
            Unit::Ms => ms_unit(value),
            Unit::Us if value < 1_000.0 => format!("{} µs", number(value)),
            Unit::Us => ms_unit(value / 1_000.0),
            Unit::Seconds if value < 1.0 => ms_unit(value * 1_000.0),
            Unit::Seconds => format!("{} s", number(value)),
            Unit::Percent => format!("{} %", number(value)),
            Unit::Bytes => bytes(value),
            Unit::BytesPerSecond => format!("{}/s", bytes(value)),
        }
    }

    /// Whether it counts what is done in a second: slow answers make it fall.
    #[must_use]
    pub fn is_throughput(&self, metric: &str) -> bool {
        let per_second = matches!(self.unit, Unit::PerSecond | Unit::BytesPerSecond);
        per_second || metric.ends_with("_count") || metric.ends_with("_total")
    }

    /// A change of less than this is nothing, however steady the series was.
    #[must_use]
    pub const fn least(&self) -> f64 {
        match self.unit {
            Unit::Count | Unit::PerSecond => 1.0,
            Unit::Ms => 5.0,
            Unit::Us => 100.0,
            Unit::Seconds => 0.02,
            Unit::Percent => 10.0,
            Unit::Bytes | Unit::BytesPerSecond => 1e6,
            Unit::Unknown => 0.0,
        }
    }
}

fn bytes(value: f64) -> String {
    match value {
        value if value >= 1e9 => format!("{} GB", number(value / 1e9)),
        value if value >= 1e6 => format!("{} MB", number(value / 1e6)),
        value if value >= 1e3 => format!("{} kB", number(value / 1e3)),
        value => format!("{} bytes", number(value.round())),
    }
}

/// Metric, what it is called, unit, and what it means from which value on.
type Row = (&'static str, &'static str, Unit, Option<(Trouble, f64)>);

#[rustfmt::skip]
const KNOWN: &[Row] = &[
    ("postgres_lock_waits", "sessions that wait for a lock", Unit::Count, Some((Trouble::Lock, 1.0))),
    ("postgres_sessions", "sessions", Unit::Count, None),
    ("postgres_waits", "sessions that wait for", Unit::Count, None),
    ("postgres_longest_transaction_seconds", "longest transaction", Unit::Seconds, None),
    ("postgres_connections_percent", "connections in use", Unit::Percent, Some((Trouble::Connections, 90.0))),
    ("postgres_commits", "commits", Unit::PerSecond, None),
    ("postgres_rollbacks", "rollbacks", Unit::PerSecond, None),
    ("postgres_deadlocks", "deadlocks", Unit::PerSecond, Some((Trouble::Deadlock, 0.5))),
    ("postgres_temp_bytes", "temporary files", Unit::BytesPerSecond, None),
    ("postgres_block_reads", "blocks read from the disk", Unit::PerSecond, None),
    ("postgres_cache_hit_percent", "cache hits", Unit::Percent, None),
    ("postgres_wal_bytes", "WAL", Unit::BytesPerSecond, None),
    ("postgres_wal_syncs", "WAL syncs", Unit::PerSecond, None),
    ("postgres_wal_sync_ms", "WAL sync", Unit::Ms, Some((Trouble::Disk, 30.0))),
    ("postgres_checkpoints", "checkpoints", Unit::PerSecond, None),
    ("postgres_answer_ms", "PostgreSQL's answer to the probe", Unit::Ms, Some((Trouble::Stalled, 400.0))),
    ("postgres_statement_calls", "calls of", Unit::PerSecond, None),
    ("postgres_statement_ms", "time of", Unit::Ms, None),
    ("redis_calls", "calls of", Unit::PerSecond, None),
    ("redis_command_us", "time of", Unit::Us, Some((Trouble::SlowCommand, 50_000.0))),
    ("redis_clients", "clients", Unit::Count, None),
    ("redis_blocked_clients", "blocked clients", Unit::Count, None),
    ("redis_memory_bytes", "memory", Unit::Bytes, None),
    ("redis_memory_percent", "memory in use", Unit::Percent, Some((Trouble::Memory, 98.0))),
    ("redis_evictions", "evictions", Unit::PerSecond, Some((Trouble::Memory, 50.0))),
    ("redis_expired", "expired keys", Unit::PerSecond, None),
    ("redis_misses", "misses", Unit::PerSecond, None),
    ("redis_hits", "hits", Unit::PerSecond, None),
    ("redis_errors", "error replies", Unit::PerSecond, None),
    ("redis_delayed_fsyncs", "delayed fsyncs", Unit::PerSecond, Some((Trouble::Disk, 0.5))),
    ("redis_last_fork_us", "last fork", Unit::Us, None),
    ("redis_answer_ms", "Redis's answer to the probe", Unit::Ms, Some((Trouble::Stalled, 400.0))),
    ("prometheus_answer_ms", "the metrics' answer", Unit::Ms, None),
    ("host_cpu_busy_percent", "CPU of the machine", Unit::Percent, Some((Trouble::Cpu, 95.0))),
    ("host_cpu_percent", "CPU:", Unit::Percent, None),
    ("host_cpu_stalled_percent", "time in which something waited for a CPU", Unit::Percent, Some((Trouble::Cpu, 90.0))),
    ("host_run_queue", "run queue", Unit::Count, None),
    ("host_disk_busy_percent", "disk busy:", Unit::Percent, Some((Trouble::Disk, 97.0))),
    ("host_disk_read_bytes", "read from disk", Unit::BytesPerSecond, None),
    ("host_disk_written_bytes", "written to disk", Unit::BytesPerSecond, None),
    ("host_net_received_bytes", "received by", Unit::BytesPerSecond, None),
    ("host_net_sent_bytes", "sent by", Unit::BytesPerSecond, None),
    ("hikaricp_connections_pending", "threads that wait for a connection of the pool", Unit::Count, Some((Trouble::Pool, 1.0))),
    ("hikaricp_connections_timeout_total", "time-outs of the pool", Unit::PerSecond, Some((Trouble::Pool, 0.5))),
    ("hikaricp_connections_active", "connections of the pool in use", Unit::Count, None),
    ("executor_queued_tasks", "queued tasks", Unit::Count, None),
    ("jvm_gc_pause_seconds_mean", "pause for garbage collection", Unit::Seconds, Some((Trouble::Garbage, 0.1))),
    ("mysql_global_status_innodb_row_lock_current_waits", "row locks that are waited for", Unit::Count, Some((Trouble::Lock, 1.0))),
    ("container_cpu_cfs_throttled_seconds_total", "seconds throttled in a second", Unit::Seconds, Some((Trouble::Cpu, 0.3))),
];

/// What is known of a series. Of a stranger's, its name says whether it counts who waits for a pool.
#[must_use]
pub fn known(metric: &str, of: &str) -> Known {
    let found = KNOWN.iter().find(|(name, ..)| *name == metric);
    let mut known = match found {
        Some((_, words, unit, trouble)) => Known {
            words,
            unit: *unit,
            trouble: *trouble,
        },
        None => Known {
            words: "",
            unit: match metric.ends_with("_seconds") || metric.ends_with("_seconds_mean") {
                true => Unit::Seconds,
                false => Unit::Unknown,
            },
            trouble: waits_for_pool(metric, of).then_some((Trouble::Pool, 1.0)),
        },
    };
    if metric == "postgres_waits" {
        known.trouble = match of {
            "Timeout:PgSleep" => Some((Trouble::Sleep, 1.0)),
            "IO:WALSync" => Some((Trouble::Disk, 4.0)),
            _ => None,
        };
    }
    known
}

fn waits_for_pool(metric: &str, of: &str) -> bool {
    let has = |word: &str| metric.contains(word) || of.contains(word);
    let is_mean = is_mean(metric) || metric.ends_with("_count");
    has("pool") && (has("waiting") || has("pending")) && !is_mean
}

/// Whether it is the mean of what happened: where nothing did, it is not zero but unknown.
#[must_use]
pub fn is_mean(metric: &str) -> bool {
    let endings = ["_ms", "_us", "_mean", "_hit_percent"];
    endings.iter().any(|ending| metric.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_with_their_unit() {
        let rows = [
            ("postgres_lock_waits", 41.0, "41"),
            ("redis_command_us", 40.0, "40 µs"),
            ("redis_command_us", 3_100.0, "3.10 ms"),
            ("host_net_sent_bytes", 2.5e6, "2.50 MB/s"),
            ("host_cpu_busy_percent", 99.0, "99 %"),
            ("made_up", 0.25, "0.25"),
        ];
        for (metric, value, expected) in rows {
            assert_eq!(known(metric, "").written(value), expected, "{metric}");
        }
        assert_eq!(known("made_up", "").title("made_up", "a=b"), "made_up a=b");
    }

    #[test]
    fn a_strangers_pool_is_known_by_its_name() {
        // (metric, of, trouble)
        let rows = [
            ("database_pool", "state=waiting", Some(Trouble::Pool)),
            ("database_pool", "state=idle", None),
            ("db_pool_pending", "", Some(Trouble::Pool)),
            ("db_pool_waiting_mean", "", None),
            ("orders_waiting", "", None),
            (
                "hikaricp_connections_pending",
                "pool=main",
                Some(Trouble::Pool),
            ),
            ("postgres_waits", "Timeout:PgSleep", Some(Trouble::Sleep)),
            ("postgres_waits", "LWLock:WALWrite", None),
        ];
        for (metric, of, expected) in rows {
            let trouble = known(metric, of).trouble.map(|(trouble, _)| trouble);
            assert_eq!(trouble, expected, "{metric} {of}");
        }
    }
}
