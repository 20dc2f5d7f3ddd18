//! The issuing of coupons: takes admitted claims from the stream and writes
//! them into PostgreSQL.
//!
//! A claim is acknowledged after its coupon is committed, and issuing is
//! idempotent by the claim's id. So a worker may die at any point: what it had
//! taken stays pending in the group and is taken over, and nothing is issued
//! twice.

use std::time::Duration;

use redis::{
    AsyncCommands, AsyncConnectionConfig, Client, RedisError,
    aio::MultiplexedConnection,
    streams::{
        StreamAutoClaimOptions, StreamAutoClaimReply, StreamId, StreamReadOptions, StreamReadReply,
    },
};
use sqlx::PgPool;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::issuing::{Claim, issue};
use crate::{db::Link, error::Error, keys};

/// The most claims of one transaction.
const LARGEST_BATCH: usize = 512;

/// Batches start this far apart, so that claims gather and share a commit. It
/// is what a claim waits at most before it is written.
const RHYTHM: Duration = Duration::from_millis(10);

/// How long a read waits for claims; also how soon the worker sees that it
/// shall stop.
const BLOCK: Duration = Duration::from_millis(200);

/// Claims that were taken and not acknowledged for this long belong to
/// a worker that is gone. Should it live after all, nothing happens twice.
const ABANDONED: Duration = Duration::from_secs(5);

/// How often abandoned claims are looked for.
const LOOK_FOR_ABANDONED: Duration = Duration::from_secs(1);

/// How long to wait after a failure.
const BACKOFF: Duration = Duration::from_millis(200);

/// How long the queue may take to be emptied when the server stops. What is
/// left stays in Redis for the next one.
const DRAIN: Duration = Duration::from_secs(3);

/// One server's worker.
pub(crate) struct Worker {
    client: Client,
    connection: Option<MultiplexedConnection>,
    link: Link,
    /// This consumer's name in the group.
    name: String,
}

impl Worker {
    pub(crate) fn new(client: Client, pool: &PgPool) -> Self {
        Self {
            client,
            connection: None,
            link: Link::new(pool),
            name: Uuid::now_v7().to_string(),
        }
    }

    /// Issues coupons until `stop`, then empties the queue.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut look_for_abandoned = Instant::now();
        // What was pending when the server starts is nobody's.
        let mut idle = Duration::ZERO;
        while !stop.is_cancelled() {
            let turn = async {
                if look_for_abandoned <= Instant::now() {
                    self.take_over(idle).await?;
                    idle = ABANDONED;
                    look_for_abandoned = Instant::now() + LOOK_FOR_ABANDONED;
                }
                self.turn(Some(BLOCK)).await
            };
            match turn.await {
                Ok(_) => {}
                Err(Failure::NoGroup) => self.create_group().await,
                Err(failure) => {
                    tracing::warn!(%failure, "no coupons can be issued; trying again");
                    self.connection = None;
                    // What this worker had taken is pending now.
                    look_for_abandoned = Instant::now();
                    idle = Duration::ZERO;
                    sleep(BACKOFF).await;
                }
            }
        }
        let drained = tokio::time::timeout(DRAIN, async {
            while self.turn(None).await? > 0 {}
            self.leave().await
        });
        if !matches!(drained.await, Ok(Ok(()))) {
            tracing::warn!("claims may be left in the queue for the next server");
        }
    }

    /// Takes a batch from the queue and issues it: how many claims it had.
    async fn turn(&mut self, block: Option<Duration>) -> Result<usize, Failure> {
        let started = Instant::now();
        let mut options = StreamReadOptions::default()
            .group(keys::ISSUERS, &self.name)
            .count(LARGEST_BATCH);
        if let Some(block) = block {
            options = options.block(usize::try_from(block.as_millis()).unwrap_or(usize::MAX));
        }
        let reply: Option<StreamReadReply> = self
            .connection()
            .await?
            .xread_options(&[keys::CLAIMS], &[">"], &options)
            .await?;
        let entries: Vec<StreamId> = reply
            .into_iter()
            .flat_map(|reply| reply.keys)
            .flat_map(|key| key.ids)
            .collect();
        let taken = entries.len();
        self.issue(entries).await?;
        if block.is_some() && taken > 0 {
            sleep_until(started + RHYTHM).await;
        }
        Ok(taken)
    }

    /// Issues what other consumers took `idle` ago and never acknowledged.
    async fn take_over(&mut self, idle: Duration) -> Result<(), Failure> {
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let mut cursor = "0-0".to_owned();
        loop {
            let options = StreamAutoClaimOptions::default().count(LARGEST_BATCH);
            let name = self.name.clone();
            let reply: StreamAutoClaimReply = self
                .connection()
                .await?
                .xautoclaim_options(keys::CLAIMS, keys::ISSUERS, name, idle, cursor, options)
                .await?;
            self.issue(reply.claimed).await?;
            cursor = reply.next_stream_id;
            if cursor == "0-0" {
                return Ok(());
            }
        }
    }

    /// Writes coupons for the claims, then acknowledges and removes them.
    async fn issue(&mut self, entries: Vec<StreamId>) -> Result<(), Failure> {
        if entries.is_empty() {
            return Ok(());
        }
        let claims: Vec<Claim> = entries.iter().filter_map(Claim::of).collect();
        let issued = issue(&mut self.link, &claims).await?;
        let done_with = entries.len() - usize::try_from(issued).unwrap_or(0);
        if done_with > 0 {
            tracing::info!(
                done_with,
                "claims were repeated, of an earlier world, or beyond the quantity"
            );
        }
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        let connection = self.connection().await?;
        let () = redis::pipe()
            .atomic()
            .xack(keys::CLAIMS, keys::ISSUERS, &ids)
            .ignore()
            .xdel(keys::CLAIMS, &ids)
            .ignore()
            .query_async(connection)
            .await?;
        Ok(())
    }

    /// Its own connection, because a read that waits for claims holds up
    /// everything behind it.
    async fn connection(&mut self) -> Result<&mut MultiplexedConnection, Failure> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(Duration::from_secs(1)))
                    .set_response_timeout(Some(BLOCK + Duration::from_secs(2)));
                self.client
                    .get_multiplexed_async_connection_with_config(&config)
                    .await?
            }
        };
        Ok(self.connection.insert(connection))
    }

    /// Creates stream and group; Redis has neither at first, nor after it was
    /// emptied.
    async fn create_group(&mut self) {
        let create = async {
            let connection = self.connection().await?;
            let () = connection
                .xgroup_create_mkstream(keys::CLAIMS, keys::ISSUERS, "0")
                .await?;
            Ok::<(), Failure>(())
        };
        if let Err(failure) = create.await {
            // Another server may have been faster; if not, the next turn
            // leads here again.
            tracing::debug!(%failure, "the consumer group was not created");
            sleep(BACKOFF / 10).await;
        }
    }

    /// Leaves the group; nothing is pending for this consumer.
    async fn leave(&mut self) -> Result<(), Failure> {
        let name = self.name.clone();
        let connection = self.connection().await?;
        let _pending: i64 = connection
            .xgroup_delconsumer(keys::CLAIMS, keys::ISSUERS, name)
            .await?;
        Ok(())
    }
}

/// Why a turn failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("Redis has no stream or no consumer group")]
    NoGroup,
    #[error("Redis: {0}")]
    Redis(RedisError),
    #[error("{0}")]
    Database(#[from] Error),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        let gone = matches!(error.code(), Some("NOGROUP" | "UNBLOCKED"));
        if gone {
            Self::NoGroup
        } else {
            Self::Redis(error)
        }
    }
}
