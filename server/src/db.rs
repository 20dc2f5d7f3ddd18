//! Connections to PostgreSQL.

use std::time::Duration;

use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool, PgTransaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{Instant, timeout};

use crate::error::Error;

/// How long one statement may run. Shorter than a batch's patience, so that
/// PostgreSQL itself rolls back what is given up.
const STATEMENT_TIMEOUT: &str = "4s";

/// How long a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection that was quiet for longer is tried before it is used, because
/// PostgreSQL may have been restarted meanwhile.
const QUIET: Duration = Duration::from_secs(1);

/// The settings that every connection gets.
pub(crate) fn options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    Ok(options
        .application_name("loadtest-server")
        .options([
            ("statement_timeout", STATEMENT_TIMEOUT),
            ("idle_in_transaction_session_timeout", "10s"),
        ])
        .disable_statement_logging())
}

/// The pool for everything that is not gathered into batches.
pub(crate) fn pool(options: PgConnectOptions, size: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(CONNECT_TIMEOUT)
        .connect_lazy_with(options)
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
    pub(crate) fn new(pool: &PgPool) -> Self {
        Self {
            options: PgConnectOptions::clone(&pool.connect_options()),
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
        match timeout(CONNECT_TIMEOUT, self.options.connect()).await {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(Error::unavailable(
                "PostgreSQL takes too long to accept a connection",
            )),
        }
    }
}
