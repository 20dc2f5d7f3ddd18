//! Admission of claims: Redis refuses claims when all coupons are gone, so in
//! a rush PostgreSQL gets no more claims than there are coupons.
//!
//! Redis can refuse a claim, but not grant one. Its count may be too high for a
//! moment, after a rebuild while claims are being written; then PostgreSQL
//! refuses. It is too low after an admitted claim failed, until the next
//! rebuild (`rebuild`).

use std::sync::{Arc, LazyLock};

use redis::Script;

use crate::{
    batch::Batch, cache::Cache, error::Error, keys, rebuild::Rebuilder, timing::Part, world::World,
};

pub(crate) struct Admission {
    pub(crate) redis: Cache,
    pub(crate) rebuilder: Arc<Rebuilder>,
}

impl Batch for Admission {
    /// The policy of a claim.
    type Request = i64;
    /// Whether there may be a coupon.
    type Answer = bool;
    const NAME: &'static str = "admissions";
    const PART: Part = Part::Redis;

    async fn run(&mut self, policies: Vec<i64>) -> Result<Vec<bool>, Error> {
        let redis = &self.redis;
        self.rebuilder
            .ask(|world| admit(redis, world, &policies))
            .await
    }
}

/// Nothing if Redis does not hold the world.
async fn admit(
    redis: &Cache,
    world: Arc<World>,
    policies: &[i64],
) -> Result<Option<Vec<bool>>, Error> {
    static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("admission.lua")));
    let mut call = SCRIPT.prepare_invoke();
    call.key(keys::WORLD).key(keys::REMAINING);
    call.arg(world.id.to_string());
    for policy in policies {
        call.arg(policy);
    }
    redis
        .call(async |connection| call.invoke_async(connection).await)
        .await
}
