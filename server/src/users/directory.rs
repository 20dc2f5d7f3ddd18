//! Names to ids. A name that is asked for becomes a user.

use std::collections::HashMap;

use uuid::Uuid;

use crate::{batch::Batch, db::Link, error::Error, timing::Part};

/// Finds or creates users by name.
pub(super) struct Directory(pub(super) Link);

/// A user in a certain world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) id: i64,
    pub(super) world: Uuid,
}

impl Batch for Directory {
    type Request = String;
    type Answer = Found;
    const NAME: &'static str = "user_ids";
    const PART: Part = Part::Db;

    async fn run(&mut self, names: Vec<String>) -> Result<Vec<Found>, Error> {
        let mut wanted = names.clone();
        wanted.sort_unstable();
        wanted.dedup();
        let (world, ids): (Uuid, Vec<i64>) = self
            .0
            .run(async |connection| {
                sqlx::query_as("SELECT world_id, ids FROM ensure_users($1)")
                    .bind(&wanted)
                    .fetch_one(connection)
                    .await
            })
            .await?;
        let ids: HashMap<String, i64> = wanted.into_iter().zip(ids).collect();
        let found = |name| {
            let id = ids.get(name).copied()?;
            Some(Found { id, world })
        };
        names
            .iter()
            .map(found)
            .collect::<Option<_>>()
            .ok_or(Error::Internal)
    }
}
