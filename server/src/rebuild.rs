//! Brings Redis back to what PostgreSQL says: at the start, after `/init`,
//! and when Redis was emptied or restarted.
//!
//! Redis carries the id of the world that it holds. Whoever uses Redis looks
//! at that id in the same call and asks for a rebuild if it is missing or
//! another one. The change is made by one script that does nothing if someone
//! else was faster, so any number of servers may try at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{Script, aio::ConnectionManager};
use sqlx::{PgConnection, PgPool};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    db,
    error::Error,
    keys,
    ranking::{self, Sales},
    world::{CurrentWorld, RANKING_DAYS, World, today},
};

/// How often a quiet server looks whether Redis is still what it should be.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often a change is tried again that others keep making first.
const ATTEMPTS: usize = 5;

/// What a policy is in Redis: id, remaining, starts and ends (ms since 1970).
type Policy = (i64, i64, i64, i64);

/// A product's total of one day: product, day, total.
type Total = (i64, i64, i64);

pub(crate) struct Rebuilder {
    pool: PgPool,
    redis: ConnectionManager,
    world: Arc<CurrentWorld>,
    script: Script,
    /// One at a time; who waited finds the work done.
    busy: Mutex<()>,
    /// Whether a ranking may miss sales.
    ranking_in_doubt: AtomicBool,
    wake: Notify,
}

impl Rebuilder {
    pub(crate) fn new(pool: PgPool, redis: ConnectionManager, world: Arc<CurrentWorld>) -> Self {
        Self {
            pool,
            redis,
            world,
            script: Script::new(include_str!("rebuild.lua")),
            busy: Mutex::new(()),
            // Sales of an earlier run may not have reached Redis.
            ranking_in_doubt: AtomicBool::new(true),
            wake: Notify::new(),
        }
    }

    /// Has the rankings written again soon, because a write to them failed.
    pub(crate) fn doubt_ranking(&self) {
        self.ranking_in_doubt.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Looks after Redis until `stop`.
    pub(crate) async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let watch = async {
            loop {
                if let Err(error) = self.mend().await {
                    tracing::warn!(%error, "Redis could not be brought up to date; trying again");
                }
                tokio::time::sleep(INTERVAL / 10).await;
                // Either is a reason to look again.
                let _ = tokio::time::timeout(INTERVAL, self.wake.notified()).await;
            }
        };
        stop.run_until_cancelled(watch).await;
    }

    /// Makes Redis and this server's memory agree with PostgreSQL about the
    /// world. Costs a look at both if they do already.
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
        let mut redis = self.redis.clone();
        let found: Option<String> = redis::cmd("GET")
            .arg(keys::WORLD)
            .query_async(&mut redis)
            .await?;

        let mut connection = self.pool.acquire().await?;
        let world: Uuid = sqlx::query_scalar("SELECT id FROM world")
            .fetch_one(&mut *connection)
            .await?;
        let name = world.to_string();
        if self.world.get().id != world {
            self.world.set(World::load(&mut connection).await?);
        }
        let held = found.as_deref() == Some(name.as_str());
        if held && !self.ranking_in_doubt.load(Ordering::Acquire) {
            return Ok(true);
        }

        self.ranking_in_doubt.store(false, Ordering::Release);
        let mended = self
            .write(&mut connection, found.as_deref().unwrap_or_default(), held)
            .await;
        if !matches!(mended, Ok(true)) {
            self.ranking_in_doubt.store(true, Ordering::Release);
        }
        mended
    }

    async fn write(
        &self,
        connection: &mut PgConnection,
        found: &str,
        held: bool,
    ) -> Result<bool, Error> {
        let today = today();
        // Tomorrow, too: PostgreSQL's clock may be ahead of this one.
        let days: Vec<i64> = (today - RANKING_DAYS + 1..=today + 1).collect();
        let (world, policies, totals) = snapshot(connection, &days).await?;
        if !held {
            tracing::info!(%world, "rebuilding Redis from PostgreSQL");
            return self.replace(found, world, &policies, &days, &totals).await;
        }
        for day in days {
            let of_day = totals.iter().filter(|total| total.1 == day);
            let totals = of_day
                .map(|&(product, _, total)| (product, total))
                .collect();
            if !ranking::write(&self.redis, &Sales { world, day, totals }).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn replace(
        &self,
        found: &str,
        world: Uuid,
        policies: &[Policy],
        days: &[i64],
        totals: &[Total],
    ) -> Result<bool, Error> {
        let mut call = self.script.prepare_invoke();
        for key in [keys::WORLD, keys::REMAINING, keys::PERIODS, keys::CLAIMS] {
            call.key(key);
        }
        for day in days {
            call.key(keys::ranking(*day));
        }
        call.arg(found).arg(world.to_string()).arg(policies.len());
        for &(id, remaining, starts, ends) in policies {
            call.arg(id).arg(remaining).arg(starts).arg(ends);
        }
        for &(product, day, total) in totals {
            call.arg(day - days[0] + 1).arg(total).arg(product);
        }
        let done: i64 = call.invoke_async(&mut self.redis.clone()).await?;
        Ok(done == 1)
    }
}

/// What Redis should hold, as of one moment.
async fn snapshot(
    connection: &mut PgConnection,
    days: &[i64],
) -> Result<(Uuid, Vec<Policy>, Vec<Total>), sqlx::Error> {
    let mut transaction = db::snapshot(connection).await?;
    let world = sqlx::query_scalar("SELECT id FROM world")
        .fetch_one(&mut *transaction)
        .await?;
    let policies = sqlx::query_as(
        "SELECT id, quantity - issued,
                floor(extract(epoch FROM starts_at) * 1000)::bigint,
                floor(extract(epoch FROM ends_at) * 1000)::bigint
         FROM coupon_policies",
    )
    .fetch_all(&mut *transaction)
    .await?;
    let totals = sqlx::query_as(
        "SELECT product_id, (day - DATE '1970-01-01')::bigint, base + sold
         FROM product_sales
         WHERE day - DATE '1970-01-01' = ANY ($1)",
    )
    .bind(days)
    .fetch_all(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok((world, policies, totals))
}
