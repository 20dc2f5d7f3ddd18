//! PostgreSQL: one connection, a few reads of its statistics a second.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection as _};
use url::Url;

use super::failure::Failure;
use super::look::{Look, Reading, Sum};
use super::statement::normalised;
use super::{LIMIT, NAME};

/// A PostgreSQL that is looked at.
pub(super) struct Postgres {
    options: PgConnectOptions,
    connection: Option<Opened>,
}

/// A connection, and what its server can be asked.
struct Opened {
    connection: PgConnection,
    /// As `server_version_num` has it.
    version: i32,
    has_statements: bool,
    sees_statements: bool,
}

impl Postgres {
    pub(super) fn new(url: &Url) -> Result<Self, Failure> {
        let options = PgConnectOptions::from_url(url)?
            .application_name(NAME)
            .options([("statement_timeout", LIMIT.as_millis().to_string())])
            .disable_statement_logging();
        Ok(Self {
            options,
            connection: None,
        })
    }

    /// What its role may not see, and how to fix it.
    pub(super) fn lack(&self) -> Option<String> {
        let blind = self.connection.as_ref().filter(|one| !one.sees_statements);
        blind.map(|_| {
            let user = self.options.get_username();
            format!("statements of others are hidden from its role: GRANT pg_monitor TO \"{user}\"")
        })
    }

    /// Leaves the connection: what comes next opens another.
    pub(super) fn leave(&mut self) {
        self.connection = None;
    }

    pub(super) async fn look(&mut self) -> Result<Look, Failure> {
        let opened = match self.connection.take() {
            Some(opened) => opened,
            None => Opened::open(&self.options).await?,
        };
        let opened = self.connection.insert(opened);
        let mut look = Look::default();
        opened.sessions(&mut look).await?;
        opened.counters(&mut look).await?;
        opened.sums(&mut look).await?;
        if look
            .gauges
            .iter()
            .any(|one| one.metric == LOCK_WAITS && one.value > 0.0)
        {
            opened.blocked(&mut look).await?;
        }
        if opened.has_statements {
            opened.statements(&mut look).await?;
        }
        Ok(look)
    }
}

const LOCK_WAITS: &str = "postgres_lock_waits";

const ABOUT: &str = include_str!("sql/about.sql");

const SESSIONS: &str = include_str!("sql/sessions.sql");

const COUNTERS: &str = include_str!("sql/counters.sql");
const CHECKPOINTS: &str = include_str!("sql/checkpoints.sql");
const CHECKPOINTS_17: &str = include_str!("sql/checkpoints-17.sql");

const CACHE: &str = include_str!("sql/cache.sql");
const SYNCS_14: &str = include_str!("sql/syncs-14.sql");
const SYNCS_18: &str = include_str!("sql/syncs-18.sql");

const BLOCKED: &str = include_str!("sql/blocked.sql");

const STATEMENTS: &str = include_str!("sql/statements.sql");
/// How many it tells of.
const MOST_STATEMENTS: usize = 20;

/// Pid, state, statement, seconds in this state; how many wait, for how long at most, and a
/// statement of theirs.
type Blocking = (i32, String, String, f64, f64, f64, String);

impl Opened {
    async fn open(options: &PgConnectOptions) -> Result<Self, Failure> {
        let mut connection = PgConnection::connect_with(options).await?;
        let about: (i32, bool, bool) = sqlx::query_as(ABOUT).fetch_one(&mut connection).await?;
        let (version, has_statements, sees_statements) = about;
        Ok(Self {
            connection,
            version,
            has_statements,
            sees_statements,
        })
    }

    async fn sessions(&mut self, look: &mut Look) -> Result<(), Failure> {
        let rows: Vec<(String, String, f64)> = sqlx::query_as(SESSIONS)
            .fetch_all(&mut self.connection)
            .await?;
        look.gauges.extend(rows.into_iter().map(reading));
        Ok(())
    }

    async fn counters(&mut self, look: &mut Look) -> Result<(), Failure> {
        for query in [COUNTERS, checkpoints(self.version)] {
            let rows: Vec<(String, String, f64)> = sqlx::query_as(query)
                .fetch_all(&mut self.connection)
                .await?;
            look.counters.extend(rows.into_iter().map(reading));
        }
        Ok(())
    }

    async fn sums(&mut self, look: &mut Look) -> Result<(), Failure> {
        let sum = |rate: Option<&str>, mean: &str, (count, sum): (f64, f64), scale| Sum {
            rate: rate.map(str::to_owned),
            mean: mean.to_owned(),
            of: String::new(),
            count,
            sum,
            scale,
            whole: true,
        };
        let cache = sqlx::query_as(CACHE)
            .fetch_one(&mut self.connection)
            .await?;
        look.sums
            .push(sum(None, "postgres_cache_hit_percent", cache, 100.0));
        let Some(syncs) = syncs(self.version) else {
            return Ok(());
        };
        let (count, ms): (f64, f64) = sqlx::query_as(syncs)
            .fetch_one(&mut self.connection)
            .await?;
        let of_syncs = sum(
            Some("postgres_wal_syncs"),
            "postgres_wal_sync_ms",
            (count, ms),
            1.0,
        );
        if ms > 0.0 {
            look.sums.push(of_syncs);
        } else {
            // Without track_wal_io_timing there is only their number.
            look.counters
                .push(Reading::new("postgres_wal_syncs", "", count));
        }
        Ok(())
    }

    async fn blocked(&mut self, look: &mut Look) -> Result<(), Failure> {
        let rows: Vec<Blocking> = sqlx::query_as(BLOCKED)
            .fetch_all(&mut self.connection)
            .await?;
        look.words.extend(rows.into_iter().map(blocking));
        Ok(())
    }

    async fn statements(&mut self, look: &mut Look) -> Result<(), Failure> {
        let read = sqlx::query_as(STATEMENTS).fetch_all(&mut self.connection);
        let rows: Vec<(String, f64, f64)> = match read.await {
            // It is there, and isn't loaded, or may not be read.
            Err(sqlx::Error::Database(error)) => {
                tracing::info!(%error, "pg_stat_statements is left out");
                self.has_statements = false;
                return Ok(());
            }
            rows => rows?,
        };
        look.sums.extend(statements(rows));
        Ok(())
    }
}

/// Where checkpoints are counted.
const fn checkpoints(version: i32) -> &'static str {
    match version {
        170_000.. => CHECKPOINTS_17,
        _ => CHECKPOINTS,
    }
}

/// Where syncs of the WAL are counted, if they are.
const fn syncs(version: i32) -> Option<&'static str> {
    match version {
        180_000.. => Some(SYNCS_18),
        140_000.. => Some(SYNCS_14),
        _ => None,
    }
}

/// Statements with their calls and time; those that differ in what is left out only are one. A
/// statement of which nothing is left is a client's question whether the server is there.
fn statements(rows: Vec<(String, f64, f64)>) -> Vec<Sum> {
    let whole = rows.len() < MOST_STATEMENTS;
    let mut sums: Vec<Sum> = Vec::new();
    for (query, count, sum) in rows {
        let of = normalised(&query);
        if let Some(known) = sums.iter_mut().find(|known| known.of == of) {
            known.count += count;
            known.sum += sum;
        } else if !of.is_empty() {
            sums.push(Sum {
                rate: Some("postgres_statement_calls".to_owned()),
                mean: "postgres_statement_ms".to_owned(),
                of,
                count,
                sum,
                scale: 1.0,
                whole,
            });
        }
    }
    sums
}

fn reading((metric, of, value): (String, String, f64)) -> Reading {
    Reading { metric, of, value }
}

/// Who holds others up, in words; the value is for how long, in seconds.
fn blocking(row: Blocking) -> Reading {
    let (pid, state, statement, in_state, waiting, longest, waits) = row;
    let last = match state.as_str() {
        "active" => "",
        _ => "the last statement of ",
    };
    let words = format!(
        "`{}`, {last}pid {pid}, {state} for {in_state:.1} s, holds up {waiting:.0}, such as `{}` \
         for {longest:.1} s",
        normalised_and_cut(&statement),
        normalised_and_cut(&waits)
    );
    Reading::new("postgres_blocked_by", words, longest)
}

fn normalised_and_cut(statement: &str) -> String {
    crate::format::cut(&normalised(statement), 160)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_asked_for_what_it_has() {
        // (version, view of checkpoints, view of syncs)
        let rows = [
            (130_020, "pg_stat_bgwriter", None),
            (140_000, "pg_stat_bgwriter", Some("pg_stat_wal")),
            (160_011, "pg_stat_bgwriter", Some("pg_stat_wal")),
            (170_007, "pg_stat_checkpointer", Some("pg_stat_wal")),
            (180_001, "pg_stat_checkpointer", Some("pg_stat_io")),
        ];
        for (version, of_checkpoints, of_syncs) in rows {
            let asked = checkpoints(version);
            assert!(asked.contains(of_checkpoints), "{version}: {asked}");
            let asked = syncs(version);
            assert_eq!(asked.is_some(), of_syncs.is_some(), "{version}");
            let found = asked
                .zip(of_syncs)
                .is_none_or(|(asked, of)| asked.contains(of));
            assert!(found, "{version}: {asked:?}");
        }
        let limit = format!("LIMIT {MOST_STATEMENTS}");
        assert!(STATEMENTS.trim_end().ends_with(&limit));
    }

    #[test]
    fn statements_that_differ_in_literals_are_one() {
        let row = |query: &str, count, ms| (query.to_owned(), count, ms);
        let told = statements(vec![
            row("SELECT 1", 2.0, 10.0),
            row("/* ping */", 900.0, 1.0),
            row("SELECT 2", 3.0, 20.0),
        ]);
        let told: Vec<_> = told
            .iter()
            .map(|one| (&*one.of, one.count, one.sum))
            .collect();
        assert_eq!(told, [("SELECT ?", 5.0, 30.0)]);
        let many = |count: usize| {
            let row = |n: usize| row(&format!("SELECT a{n}"), 1.0, 1.0);
            statements((0..count).map(row).collect())
        };
        assert!(many(MOST_STATEMENTS - 1)[0].whole, "that is all of them");
        assert!(!many(MOST_STATEMENTS)[0].whole, "there may be more");
    }

    #[test]
    fn a_blocking_session_is_told_with_both_statements() {
        let row = |state: &str| {
            let (lock, waits) = ("LOCK TABLE orders", "INSERT INTO orders VALUES (7)");
            let state = state.to_owned();
            (
                4711,
                state,
                lock.to_owned(),
                2.54,
                4.0,
                1.5,
                waits.to_owned(),
            )
        };
        let idle = blocking(row("idle in transaction"));
        assert_eq!(
            idle.of,
            "`LOCK TABLE orders`, the last statement of pid 4711, idle in transaction for 2.5 s, \
             holds up 4, such as `INSERT INTO orders VALUES (?)` for 1.5 s"
        );
        assert_eq!(idle.value, 1.5);
        let active = blocking(row("active"));
        assert!(
            active
                .of
                .starts_with("`LOCK TABLE orders`, pid 4711, active"),
            "{}",
            active.of
        );
    }
}
