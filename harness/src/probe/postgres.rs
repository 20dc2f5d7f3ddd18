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

/// Version, whether there is `pg_stat_statements`, and whether the role sees what others do.
const ABOUT: &str = "\
SELECT current_setting('server_version_num')::int4,
       to_regclass('pg_stat_statements') IS NOT NULL,
       pg_has_role(current_user, 'pg_monitor', 'USAGE')";

/// What is going on: metric, of what, value.
const SESSIONS: &str = "\
WITH others AS (
  SELECT state, wait_event_type AS kind, wait_event AS event, xact_start
  FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
SELECT 'postgres_sessions', coalesce(state, 'unknown'), count(*)::float8 FROM others GROUP BY 2
UNION ALL SELECT 'postgres_waits', kind || ':' || event, count(*)::float8 FROM others
  WHERE state = 'active' AND kind NOT IN ('Client', 'Activity') GROUP BY 2
UNION ALL SELECT 'postgres_lock_waits', '', (count(*) FILTER (WHERE kind = 'Lock'))::float8 FROM others
UNION ALL SELECT 'postgres_longest_transaction_seconds', '',
  coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)::float8 FROM others
UNION ALL SELECT 'postgres_connections_percent', '',
  count(*)::float8 * 100 / current_setting('max_connections')::float8 FROM others";

/// What only grows, of this database and of the server.
const COUNTERS: &str = "\
SELECT name, '', value::float8 FROM pg_stat_database,
  LATERAL (VALUES ('postgres_commits', xact_commit), ('postgres_rollbacks', xact_rollback),
    ('postgres_deadlocks', deadlocks), ('postgres_temp_bytes', temp_bytes),
    ('postgres_block_reads', blks_read)) AS each(name, value)
WHERE datname = current_database()
UNION ALL SELECT 'postgres_wal_bytes', '', pg_wal_lsn_diff(
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
  '0/0')::float8
UNION ALL SELECT 'postgres_checkpoints', '', ";
const CHECKPOINTS: &str = "(checkpoints_timed + checkpoints_req)::float8 FROM pg_stat_bgwriter";
const CHECKPOINTS_17: &str = "(num_timed + num_requested)::float8 FROM pg_stat_checkpointer";

/// How often, and how much it came to.
const CACHE: &str = "\
SELECT (blks_hit + blks_read)::float8, blks_hit::float8 FROM pg_stat_database
WHERE datname = current_database()";
const SYNCS_14: &str = "SELECT wal_sync::float8, wal_sync_time::float8 FROM pg_stat_wal";
const SYNCS_18: &str = "\
SELECT coalesce(sum(fsyncs), 0)::float8, coalesce(sum(fsync_time), 0)::float8 FROM pg_stat_io
WHERE object = 'wal'";

/// Who holds up whom: those first who wait for nobody themselves.
const BLOCKED: &str = "\
SELECT b.pid, coalesce(b.state, 'unknown'), coalesce(b.query, ''),
  coalesce(extract(epoch FROM clock_timestamp() - b.state_change), 0)::float8,
  count(*)::float8, max(extract(epoch FROM clock_timestamp() - w.query_start))::float8,
  coalesce((array_agg(w.query ORDER BY w.query_start))[1], '')
FROM (SELECT * FROM pg_stat_activity WHERE wait_event_type = 'Lock'
      ORDER BY query_start LIMIT 12) AS w
CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS blocking(pid)
JOIN pg_stat_activity AS b ON b.pid = blocking.pid
GROUP BY b.pid, b.state, b.query, b.state_change, b.wait_event_type
ORDER BY coalesce(b.wait_event_type, '') = 'Lock', count(*) DESC LIMIT 3";

/// The statements that took most time since they are counted.
const STATEMENTS: &str = "\
SELECT left(query, 300), sum(calls)::float8, sum(total_exec_time)::float8
FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
GROUP BY 1 ORDER BY 3 DESC LIMIT 20";

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
        let checkpoints = match self.version {
            170_000.. => CHECKPOINTS_17,
            _ => CHECKPOINTS,
        };
        let query = sqlx::AssertSqlSafe(format!("{COUNTERS}{checkpoints}"));
        let rows: Vec<(String, String, f64)> = sqlx::query_as(query)
            .fetch_all(&mut self.connection)
            .await?;
        look.counters.extend(rows.into_iter().map(reading));
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
        };
        let cache = sqlx::query_as(CACHE)
            .fetch_one(&mut self.connection)
            .await?;
        look.sums
            .push(sum(None, "postgres_cache_hit_percent", cache, 100.0));
        let syncs = match self.version {
            180_000.. => SYNCS_18,
            140_000.. => SYNCS_14,
            _ => return Ok(()),
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
        let rows: Vec<(String, f64, f64)> = sqlx::query_as(STATEMENTS)
            .fetch_all(&mut self.connection)
            .await?;
        look.sums
            .extend(rows.into_iter().map(|(query, count, sum)| Sum {
                rate: Some("postgres_statement_calls".to_owned()),
                mean: "postgres_statement_ms".to_owned(),
                of: normalised(&query),
                count,
                sum,
                scale: 1.0,
            }));
        Ok(())
    }
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
