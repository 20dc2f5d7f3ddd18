//! What all requests share, and the tasks that serve them.

use std::{sync::Arc, time::Duration};

use redis::{
    Client, RedisError,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use sqlx::PgPool;
use tokio::sync::Mutex;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    batch::Gatherer,
    cli::Config,
    coupons::{Coupons, worker::Worker},
    db::{self, Link},
    orders::Placement,
    ranking::{Recorder, Top},
    rebuild::Rebuilder,
    users::Users,
    world::{CurrentWorld, World},
};

/// How long Redis may take for one answer.
const REDIS_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The URL in `DATABASE_URL` is none. The URL is not repeated here,
    /// because it may hold a password.
    #[error("DATABASE_URL is not a PostgreSQL URL (postgres://user:password@host:port/database)")]
    DatabaseUrl,
    /// The URL in `REDIS_URL` is none.
    #[error("REDIS_URL is not a Redis URL (redis://host:port/database)")]
    RedisUrl,
    /// PostgreSQL is away or too old a schema could not be brought up to date.
    #[error("the database could not be prepared")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// PostgreSQL could not be used.
    #[error("the database could not be used")]
    Database(#[from] sqlx::Error),
    /// The connection to Redis could not be set up.
    #[error("the connection to Redis could not be set up")]
    Redis(#[from] RedisError),
}

/// The state of the API. Clones share it; when the last one goes, the tasks
/// behind it finish what was accepted and end.
#[derive(Clone)]
pub struct App(pub(crate) Shared);

/// What handlers are given.
pub(crate) type Shared = Arc<Parts>;

pub(crate) struct Parts {
    pub(crate) allow_init: bool,
    pub(crate) pool: PgPool,
    pub(crate) redis: ConnectionManager,
    pub(crate) world: Arc<CurrentWorld>,
    pub(crate) rebuilder: Arc<Rebuilder>,
    pub(crate) users: Users,
    pub(crate) coupons: Coupons,
    pub(crate) orders: Gatherer<Placement>,
    pub(crate) top: Gatherer<Top>,
    /// Held while the books are added up.
    pub(crate) ledger_alone: Mutex<()>,
    tasks: TaskTracker,
    _stop: DropGuard,
}

impl App {
    /// Connects to the stores, migrates the database, rebuilds Redis if it
    /// needs it, and starts the tasks. PostgreSQL must be there; Redis may
    /// come later.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let options = db::options(&config.database_url).map_err(|_| StartError::DatabaseUrl)?;
        let pool = db::pool(options, config.database_connections);
        sqlx::migrate!().run(&pool).await?;
        let client = Client::open(config.redis_url.as_str()).map_err(|_| StartError::RedisUrl)?;
        let redis = connect(client.clone())?;

        let world = World::load(&mut *pool.acquire().await?).await?;
        let world = Arc::new(CurrentWorld::new(world));
        let rebuilder = Arc::new(Rebuilder::new(
            pool.clone(),
            redis.clone(),
            Arc::clone(&world),
        ));
        if let Err(error) = rebuilder.mend().await {
            tracing::warn!(%error, "starting without Redis");
        }

        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        tasks.spawn(Arc::clone(&rebuilder).watch(stop.clone()));
        tasks.spawn(Worker::new(client, &pool).run(stop.clone()));
        let recorder = Recorder::start(redis.clone(), Arc::clone(&rebuilder), &tasks);
        let top = Top {
            redis: redis.clone(),
            world: Arc::clone(&world),
            rebuilder: Arc::clone(&rebuilder),
        };
        Ok(Self(Arc::new(Parts {
            allow_init: config.allow_init,
            users: Users::start(&pool, &tasks),
            coupons: Coupons::start(&pool, redis.clone(), Arc::clone(&rebuilder), &tasks),
            orders: Gatherer::start(Placement::new(Link::new(&pool), recorder), &tasks),
            top: Gatherer::start(top, &tasks),
            ledger_alone: Mutex::new(()),
            pool,
            redis,
            world,
            rebuilder,
            tasks,
            _stop: stop.drop_guard(),
        })))
    }

    /// The tasks that serve this state, to wait for after dropping it.
    pub(crate) fn tasks(&self) -> TaskTracker {
        self.0.tasks.clone()
    }
}

/// One connection for everyone, made again when it is lost. One try is
/// enough: the next request is the next try.
fn connect(client: Client) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(1)
        .set_min_delay(Duration::from_millis(20))
        .set_connection_timeout(Some(Duration::from_secs(1)))
        .set_response_timeout(Some(REDIS_TIMEOUT));
    ConnectionManager::new_lazy_with_config(client, config)
}
