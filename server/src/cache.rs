//! The connection to Redis: one for everyone, every call bounded in time,
//! counted and timed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::RwLock;
use prometheus_client::metrics::histogram::Histogram;
use redis::{
    Client, FromRedisValue, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::time::timeout;

use crate::{error::Error, metrics::Metrics};

/// How long Redis may take for one answer.
const ANSWER: Duration = Duration::from_secs(2);

/// How long a call may take with everything, a new connection among it.
const CALL: Duration = Duration::from_secs(3);

/// One kind of calls of Redis.
#[derive(Clone)]
pub(crate) struct Cache {
    connection: Arc<Connection>,
    metrics: Arc<Metrics>,
    seconds: Histogram,
}

/// The connection that all kinds share.
struct Connection {
    client: Client,
    current: RwLock<ConnectionManager>,
}

impl Connection {
    /// Nothing is connected before the first call. What is lost is connected
    /// again by the next one; one try is enough.
    fn open(client: &Client) -> Result<ConnectionManager, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(20))
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(ANSWER));
        ConnectionManager::new_lazy_with_config(client.clone(), config)
    }

    /// Replaces a connection on which no answer comes: it may be dead, and then
    /// the next call would time out as well.
    fn replace(&self) {
        match Self::open(&self.client) {
            Ok(fresh) => *self.current.write() = fresh,
            Err(error) => tracing::warn!(%error, "the connection to Redis is kept"),
        }
    }
}

impl Cache {
    pub(crate) fn new(client: Client, metrics: &Arc<Metrics>) -> Result<Self, RedisError> {
        let current = RwLock::new(Connection::open(&client)?);
        Ok(Self {
            connection: Arc::new(Connection { client, current }),
            metrics: Arc::clone(metrics),
            seconds: metrics.redis("other"),
        })
    }

    /// The same connection, for calls that are counted by this name.
    pub(crate) fn named(&self, call: &'static str) -> Self {
        Self {
            seconds: self.metrics.redis(call),
            ..self.clone()
        }
    }

    /// Makes a call.
    pub(crate) async fn call<T: FromRedisValue>(
        &self,
        ask: impl AsyncFnOnce(&mut ConnectionManager) -> RedisResult<T>,
    ) -> Result<T, Error> {
        let started = Instant::now();
        let mut connection = self.connection.current.read().clone();
        let answer = timeout(CALL, ask(&mut connection)).await;
        self.seconds.observe(started.elapsed().as_secs_f64());
        let silent = match &answer {
            Ok(Ok(_)) => false,
            Ok(Err(error)) => error.is_timeout(),
            Err(_) => true,
        };
        if silent {
            self.connection.replace();
        }
        match answer {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Error::unavailable("Redis did not answer in time")),
        }
    }
}
