//! Makes Redis agree with PostgreSQL: at the start, after `/init`, and every
//! half second, because any key may vanish or be outdated.
//!
//! Redis stores the id of its world. Each call to Redis checks that id, and
//! asks for a rebuild if it is missing or different. The rest isn't checked:
//! everything is written again every half second, which is a few rows. One
//! script makes the change and does nothing if another server was faster, so
//! any number of servers may try at once.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use redis::Script;
use sqlx::{PgConnection, postgres::PgListener};
use tokio::{sync::Mutex, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    cache::Cache,
    db::{self, Pool},
    error::Error,
    keys,
    world::{CurrentWorld, RANKING_DAYS, World, today},
};

/// How often Redis is written again.
const INTERVAL: Duration = Duration::from_millis(500);

/// How often a change is tried again that others keep making first.
const ATTEMPTS: usize = 5;

pub(crate) struct Rebuilder {
    pool: Arc<Pool>,
    redis: Cache,
    world: Arc<CurrentWorld>,
    /// One at a time.
    busy: Mutex<()>,
}

/// What Redis should hold, as of one moment.
struct Contents {
    world: Uuid,
    /// How many coupons each policy has left.
    policies: Vec<(i64, i64)>,
    days: Vec<i64>,
    /// Product, day and total.
    totals: Vec<(i64, i64, i64)>,
}

impl Rebuilder {
    pub(crate) fn new(pool: Arc<Pool>, redis: Cache, world: Arc<CurrentWorld>) -> Self {
        Self {
            pool,
            redis,
            world,
            busy: Mutex::new(()),
        }
    }

    /// Looks after Redis until `stop`.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let watch = async {
            loop {
                if let Err(error) = self.mend().await {
                    tracing::warn!(%error, "Redis could not be brought up to date; trying again");
                }
                sleep(INTERVAL).await;
            }
        };
        stop.run_until_cancelled(watch).await;
    }

    /// Forgets the world as soon as another server has begun a new one, until
    /// `stop`. Where PostgreSQL can't tell (PgBouncer passes no news on), the
    /// next look does.
    pub(crate) async fn listen(self: Arc<Self>, stop: CancellationToken) {
        let listen = async {
            loop {
                if let Err(error) = self.hear().await {
                    tracing::debug!(%error, "no news of PostgreSQL");
                }
                sleep(INTERVAL).await;
            }
        };
        stop.run_until_cancelled(listen).await;
    }

    async fn hear(&self) -> Result<(), Error> {
        let mut listener = PgListener::connect_with(&self.pool.of_one()).await?;
        listener.listen("world").await?;
        loop {
            let news = listener.recv().await?;
            if news.payload() != self.world.get().id.to_string() {
                self.world.set(World::unknown());
                self.mend().await?;
            }
        }
    }

    /// Asks Redis something about the current world, and again after a rebuild
    /// if it doesn't hold that.
    pub(crate) async fn ask<T, F>(&self, ask: impl Fn(Arc<World>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<Option<T>, Error>>,
    {
        if let Some(answer) = ask(self.world.get()).await? {
            return Ok(answer);
        }
        self.mend().await?;
        let answer = ask(self.world.get()).await?;
        answer.ok_or_else(|| Error::unavailable("Redis is being rebuilt"))
    }

    /// Makes Redis and this server's memory agree with PostgreSQL.
    pub(crate) async fn mend(&self) -> Result<(), Error> {
        let _busy = self.busy.lock().await;
        for _ in 0..ATTEMPTS {
            if self.try_mend().await? {
                return Ok(());
            }
        }
        Err(Error::unavailable("Redis is being rebuilt"))
    }

    /// Whether all is well now.
    async fn try_mend(&self) -> Result<bool, Error> {
        let look = redis::cmd("GET").arg(keys::WORLD).to_owned();
        let found: Option<String> = self
            .redis
            .call(async |connection| look.query_async(connection).await)
            .await?;
        let known = self.world.get().id;
        let read = self.pool.run(db::PATIENCE, async |connection| {
            let contents = Contents::read(connection).await?;
            let other = contents.world != known;
            let world = if other {
                Some(World::load(connection).await?)
            } else {
                None
            };
            Ok((contents, world))
        });
        let (contents, world) = read.await?;
        if let Some(world) = world {
            self.world.set(world);
        }
        let found = found.unwrap_or_default();
        let missing = contents.write(&self.redis, &found).await?;
        if missing > 0 {
            let world = contents.world;
            tracing::info!(%world, %found, missing, "Redis was rebuilt from PostgreSQL");
        }
        Ok(missing >= 0)
    }
}

impl Contents {
    async fn read(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let today = today();
        // Tomorrow, too: PostgreSQL's clock may be ahead of this one.
        let days: Vec<i64> = (today - RANKING_DAYS + 1..=today + 1).collect();
        let mut moment = db::snapshot(connection).await?;
        let world = sqlx::query_scalar("SELECT id FROM world")
            .fetch_one(&mut *moment)
            .await?;
        let policies = sqlx::query_as("SELECT id, quantity - issued FROM coupon_policies")
            .fetch_all(&mut *moment)
            .await?;
        let totals = sqlx::query_as(
            "SELECT product_id, (day - DATE '1970-01-01')::bigint, base + sold
             FROM product_sales
             WHERE day - DATE '1970-01-01' = ANY ($1)",
        )
        .bind(&days)
        .fetch_all(&mut *moment)
        .await?;
        moment.commit().await?;
        Ok(Self {
            world,
            policies,
            days,
            totals,
        })
    }

    /// Writes it where `found` stood: how much was missing there, or less than
    /// 0 if it was not written.
    async fn write(&self, redis: &Cache, found: &str) -> Result<i64, Error> {
        static SCRIPT: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!("rebuild.lua")));
        let mut call = SCRIPT.prepare_invoke();
        call.key(keys::WORLD).key(keys::REMAINING);
        for day in &self.days {
            call.key(keys::ranking(*day));
        }
        call.arg(found).arg(self.world.to_string());
        call.arg(self.policies.len());
        for &(policy, remaining) in &self.policies {
            call.arg(policy).arg(remaining);
        }
        for &(product, day, total) in &self.totals {
            call.arg(day - self.days[0] + 1).arg(total).arg(product);
        }
        redis
            .call(async |connection| call.invoke_async(connection).await)
            .await
    }
}
