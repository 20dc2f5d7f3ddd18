//! Connections to PostgreSQL.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool, PgTransaction, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{Instant, timeout};

use crate::error::Error;

/// How long a request's queries may take, with the wait for a connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(6);

/// How long a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection that was quiet for longer is tried before it is used, because
/// PostgreSQL may have been restarted meanwhile.
const QUIET: Duration = Duration::from_secs(1);

/// Said once on every connection, and not as options when it is opened, which
/// PgBouncer refuses. A statement's time is shorter than a batch's patience, so
/// that PostgreSQL itself rolls back what is given up.
const SETTINGS: &str =
    "SET statement_timeout = '4s'; SET idle_in_transaction_session_timeout = '10s'";

/// How a connection is made.
pub(crate) fn options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    Ok(options
        .application_name("loadtest-server")
        .disable_statement_logging())
}

async fn settle(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(SETTINGS).execute(connection).await?;
    Ok(())
}

/// Connections for everything that is not gathered into batches.
pub(crate) struct Pool {
    pool: PgPool,
    waiting: AtomicI64,
}

impl Pool {
    pub(crate) fn new(options: PgConnectOptions, size: u32) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(size)
            .acquire_timeout(CONNECT_TIMEOUT)
            .after_connect(|connection, _| Box::pin(settle(connection)))
            .connect_lazy_with(options);
        Self {
            pool,
            waiting: AtomicI64::new(0),
        }
    }

    /// Runs a query, for `limit` at most. Where it is given up, so is its
    /// connection, which may be dead without a word.
    pub(crate) async fn run<T>(
        &self,
        limit: Duration,
        query: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Error> {
        let run = async {
            let mut lease = Lease(Some(self.acquire().await?));
            let connection = lease.0.as_mut().expect("it is taken at the end");
            let result = query(connection).await;
            // Whatever came, an answer came: the pool may have it back.
            lease.0.take();
            result
        };
        match timeout(limit, run).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(Error::unavailable(
                "PostgreSQL did not answer in time; the outcome is unknown",
            )),
        }
    }

    async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        let _waiting = Waiting::among(&self.waiting);
        self.pool.acquire().await
    }

    /// A pool of one, which has no other use than to listen.
    pub(crate) fn of_one(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(PgConnectOptions::clone(&self.pool.connect_options()))
    }

    /// The pool itself, for migrations.
    pub(crate) fn inner(&self) -> &PgPool {
        &self.pool
    }

    /// How many connections are in use and idle, and how many calls wait.
    pub(crate) fn states(&self) -> [i64; 3] {
        let idle = i64::try_from(self.pool.num_idle()).unwrap_or(i64::MAX);
        let in_use = i64::from(self.pool.size()).saturating_sub(idle);
        [in_use.max(0), idle, self.waiting.load(Ordering::Relaxed)]
    }

    /// The most connections that there may be.
    pub(crate) fn size(&self) -> i64 {
        self.pool.options().get_max_connections().into()
    }
}

/// One that waits for a connection, until it is dropped.
struct Waiting<'a>(&'a AtomicI64);

impl<'a> Waiting<'a> {
    fn among(waiting: &'a AtomicI64) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection that is closed and not given back if its query is dropped:
/// half an answer may be in it, or none may ever come.
struct Lease(Option<PoolConnection<Postgres>>);

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

/// Begins to read everything as of one moment. The lock keeps `/init` out and
/// comes before the moment is fixed: what TRUNCATE empties is empty even for
/// those who look at an earlier moment.
pub(crate) async fn snapshot(
    connection: &mut PgConnection,
) -> Result<PgTransaction<'_>, sqlx::Error> {
    connection
        .begin_with(
            "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY;
             LOCK TABLE world IN ACCESS SHARE MODE",
        )
        .await
}

/// A batch's own connection, which saves it the pool's round trip for testing
/// a connection that comes back.
pub(crate) struct Link {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    used: Instant,
}

impl Link {
    pub(crate) fn new(pool: &Pool) -> Self {
        Self {
            options: PgConnectOptions::clone(&pool.pool.connect_options()),
            connection: None,
            used: Instant::now(),
        }
    }

    /// Runs a query on the connection. If it fails, or its future is dropped
    /// on the way, the connection is not used again: half an answer may be
    /// in it.
    pub(crate) async fn run<T>(
        &mut self,
        query: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, Error> {
        let mut connection = self.connect().await?;
        let result = query(&mut connection).await?;
        self.connection = Some(connection);
        self.used = Instant::now();
        Ok(result)
    }

    async fn connect(&mut self) -> Result<PgConnection, Error> {
        if let Some(mut connection) = self.connection.take()
            && (self.used.elapsed() < QUIET || connection.ping().await.is_ok())
        {
            return Ok(connection);
        }
        let connect = async {
            let mut connection = self.options.connect().await?;
            settle(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        match timeout(CONNECT_TIMEOUT, connect).await {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(Error::unavailable(
                "PostgreSQL takes too long to accept a connection",
            )),
        }
    }
}
