//! Admission of claims: Redis decides, in one script, who gets a coupon, and
//! queues those who do.

use std::sync::Arc;

use redis::{Script, aio::ConnectionManager};
use uuid::Uuid;

use crate::{batch::Batch, error::Error, keys, rebuild::Rebuilder, timing::Part, world::now};

/// One user's wish for a coupon.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) id: Uuid,
    pub(super) user: i64,
    pub(super) policy: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admitted {
    Yes,
    NotActive,
    SoldOut,
}

pub(super) struct Admission {
    redis: ConnectionManager,
    rebuilder: Arc<Rebuilder>,
    script: Script,
}

impl Admission {
    pub(super) fn new(redis: ConnectionManager, rebuilder: Arc<Rebuilder>) -> Self {
        Self {
            redis,
            rebuilder,
            script: Script::new(include_str!("admission.lua")),
        }
    }

    /// Nothing if Redis has forgotten the world.
    async fn admit(&mut self, claims: &[Claim]) -> Result<Option<Vec<i64>>, Error> {
        let mut call = self.script.prepare_invoke();
        for key in [keys::WORLD, keys::REMAINING, keys::PERIODS, keys::CLAIMS] {
            call.key(key);
        }
        call.arg(u64::try_from(now().as_millis()).expect("milliseconds since 1970 fit"));
        let mut text = Uuid::encode_buffer();
        for claim in claims {
            let id: &str = claim.id.hyphenated().encode_lower(&mut text);
            call.arg(id).arg(claim.user).arg(claim.policy);
        }
        Ok(call.invoke_async(&mut self.redis).await?)
    }
}

impl Batch for Admission {
    type Request = Claim;
    type Answer = Admitted;
    const PART: Part = Part::Redis;

    async fn run(&mut self, claims: Vec<Claim>) -> Result<Vec<Admitted>, Error> {
        let mut answers = self.admit(&claims).await?;
        if answers.is_none() {
            self.rebuilder.mend().await?;
            answers = self.admit(&claims).await?;
        }
        let answers = answers.ok_or_else(|| Error::unavailable("Redis is being rebuilt"))?;
        let admitted = |answer| match answer {
            0 => Admitted::Yes,
            1 => Admitted::NotActive,
            _ => Admitted::SoldOut,
        };
        Ok(answers.into_iter().map(admitted).collect())
    }
}
