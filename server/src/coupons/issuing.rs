//! Claims as they come from the stream, and the coupons made of them.

use redis::{FromRedisValue, Value, streams::StreamId};
use uuid::Uuid;

use crate::{db::Link, error::Error};

/// An admitted claim, as the stream carries it.
pub(super) struct Claim {
    world: Uuid,
    id: Uuid,
    user: i64,
    policy: i64,
}

impl Claim {
    /// Reads an entry of the stream. One that admission did not write is
    /// worth a warning, and nothing else.
    pub(super) fn of(entry: &StreamId) -> Option<Self> {
        let claim = entry.map.get("claim").and_then(Self::parse);
        if claim.is_none() {
            tracing::warn!(
                entry = entry.id,
                "the queue holds something that is no claim"
            );
        }
        claim
    }

    fn parse(value: &Value) -> Option<Self> {
        let text = String::from_redis_value_ref(value).ok()?;
        let mut parts = text.split(' ');
        let claim = Self {
            world: parts.next()?.parse().ok()?,
            id: parts.next()?.parse().ok()?,
            user: parts.next()?.parse().ok()?,
            policy: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(claim)
    }
}

/// Writes coupons: how many.
pub(super) async fn issue(link: &mut Link, claims: &[Claim]) -> Result<i64, Error> {
    let worlds: Vec<Uuid> = claims.iter().map(|claim| claim.world).collect();
    let ids: Vec<Uuid> = claims.iter().map(|claim| claim.id).collect();
    let users: Vec<i64> = claims.iter().map(|claim| claim.user).collect();
    let policies: Vec<i64> = claims.iter().map(|claim| claim.policy).collect();
    link.run(async |connection| {
        sqlx::query_scalar("SELECT issue_coupons($1, $2, $3, $4)")
            .bind(&worlds)
            .bind(&ids)
            .bind(&users)
            .bind(&policies)
            .fetch_one(connection)
            .await
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Claim> {
        Claim::parse(&Value::BulkString(text.as_bytes().to_vec()))
    }

    #[test]
    fn a_claim_is_read_as_admission_writes_it() {
        let (world, id) = (Uuid::now_v7(), Uuid::now_v7());
        let claim = parse(&format!("{world} {id} 7 3")).unwrap();
        assert_eq!(
            (claim.world, claim.id, claim.user, claim.policy),
            (world, id, 7, 3)
        );
    }

    #[test]
    fn anything_else_is_no_claim() {
        let id = Uuid::now_v7();
        for text in [
            "",
            "a b 1 2",
            &format!("{id} {id} 1"),
            &format!("{id} {id} 1 2 3"),
            &format!("{id} {id} x 2"),
        ] {
            assert!(parse(text).is_none(), "{text}");
        }
        assert!(Claim::parse(&Value::Int(1)).is_none());
    }
}
