//! What all requests share, and the tasks that serve them.

use std::sync::Arc;

use redis::{Client, RedisError};
use tokio::sync::Mutex;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    batch::Gatherer,
    cache::Cache,
    cli::Config,
    coupons::{Admission, Coupons},
    db::{self, Link, Pool},
    metrics::Metrics,
    orders::Placement,
    ranking::{Recorder, Top},
    rebuild::Rebuilder,
    users::Users,
    world::{CurrentWorld, World},
};

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
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) redis: Cache,
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
        // For TLS to Redis; if the process has another one, that will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = db::options(&config.database_url).map_err(|_| StartError::DatabaseUrl)?;
        let pool = Arc::new(Pool::new(options, config.database_connections));
        let client = Client::open(config.redis_url.as_str()).map_err(|_| StartError::RedisUrl)?;
        let metrics = Arc::new(Metrics::new());
        let redis = Cache::new(client, &metrics)?;
        sqlx::migrate!().run(pool.inner()).await?;
        let world = World::load(&mut *pool.inner().acquire().await?).await?;
        let world = Arc::new(CurrentWorld::new(world));
        let rebuilder = Arc::new(Rebuilder::new(
            Arc::clone(&pool),
            redis.named("rebuild"),
            Arc::clone(&world),
        ));
        if let Err(error) = rebuilder.mend().await {
            tracing::warn!(%error, "starting without Redis");
        }
        Ok(Self::with(
            config.allow_init,
            metrics,
            pool,
            redis,
            world,
            rebuilder,
        ))
    }

    /// Starts the tasks.
    fn with(
        allow_init: bool,
        metrics: Arc<Metrics>,
        pool: Arc<Pool>,
        redis: Cache,
        world: Arc<CurrentWorld>,
        rebuilder: Arc<Rebuilder>,
    ) -> Self {
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        tasks.spawn(Arc::clone(&rebuilder).watch(stop.clone()));
        tasks.spawn(Arc::clone(&rebuilder).listen(stop.clone()));
        let recorder = Recorder::start(redis.named("record"), &tasks);
        let admission = Admission {
            redis: redis.named("admit"),
            rebuilder: Arc::clone(&rebuilder),
        };
        let top = Top {
            redis: redis.named("top"),
            rebuilder: Arc::clone(&rebuilder),
        };
        let placement = Placement::new(Link::new(&pool), recorder);
        Self(Arc::new(Parts {
            allow_init,
            users: Users::start(&pool, &tasks, &metrics),
            coupons: Coupons::start(admission, &pool, &tasks, &metrics),
            orders: Gatherer::start(placement, &tasks, &metrics),
            top: Gatherer::start(top, &tasks, &metrics),
            ledger_alone: Mutex::new(()),
            metrics,
            pool,
            redis,
            world,
            rebuilder,
            tasks,
            _stop: stop.drop_guard(),
        }))
    }

    /// The tasks that serve this state, to wait for after dropping it.
    pub(crate) fn tasks(&self) -> TaskTracker {
        self.0.tasks.clone()
    }
}

#[cfg(test)]
mod tests {
    /// sqlx keeps a hash of each migration's text in the database, and refuses to start where it
    /// differs: a migration that was published is never edited, not even its comments.
    #[test]
    fn published_migrations_are_as_they_were() {
        let published = [
            "7389bf56a52d011d",
            "152e0d5f34a47281",
            "e36abb58a71752c8",
            "80efd002310a80ba",
            "67433486e23b3e33",
            "6262dca1f8ed6651",
        ];
        let migrator = sqlx::migrate!();
        let begins: Vec<String> = migrator
            .iter()
            .map(|migration| {
                migration.checksum[..8]
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect()
            })
            .collect();
        assert_eq!(begins, published, "a new migration adds its line here");
    }
}
