//! Which state of the shop this is, and what may be remembered about it.
//!
//! `POST /init` makes a new world with a new id. Everything cached hangs on a
//! [`World`] and goes with it, so nothing of an old world can be remembered in
//! a new one.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::RwLock;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db;

/// How many users are remembered before all are forgotten: some 100 MB.
const MOST_USERS: usize = 1_000_000;

/// How many users a new world begins with in memory, the oldest first, so
/// that those who all come at once don't all ask PostgreSQL for their ids.
const FIRST_USERS: i64 = 10_000;

/// How many days the ranking covers, today included.
pub(crate) const RANKING_DAYS: i64 = 3;

/// One state of the shop.
pub(crate) struct World {
    pub(crate) id: Uuid,
    /// Names of products never change within a world.
    pub(crate) product_names: HashMap<i64, String>,
    users: RwLock<Users>,
}

#[derive(Default)]
struct Users {
    ids: HashMap<Box<str>, i64>,
    known: HashSet<i64>,
}

impl FromIterator<(i64, String)> for Users {
    fn from_iter<I: IntoIterator<Item = (i64, String)>>(users: I) -> Self {
        let ids: HashMap<Box<str>, i64> = users
            .into_iter()
            .map(|(id, name)| (name.into(), id))
            .collect();
        Self {
            known: ids.values().copied().collect(),
            ids,
        }
    }
}

impl World {
    /// Reads the current world from PostgreSQL.
    pub(crate) async fn load(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let mut snapshot = db::snapshot(connection).await?;
        let id = sqlx::query_scalar("SELECT id FROM world")
            .fetch_one(&mut *snapshot)
            .await?;
        let products: Vec<(i64, String)> = sqlx::query_as("SELECT id, name FROM products")
            .fetch_all(&mut *snapshot)
            .await?;
        let users: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, name FROM users ORDER BY id LIMIT $1")
                .bind(FIRST_USERS)
                .fetch_all(&mut *snapshot)
                .await?;
        snapshot.commit().await?;
        Ok(Self {
            id,
            product_names: products.into_iter().collect(),
            users: RwLock::new(users.into_iter().collect()),
        })
    }

    /// A world of which nothing is known yet.
    pub(crate) fn unknown() -> Self {
        Self::with_products(HashMap::new())
    }

    /// A world with nothing but these products.
    pub(crate) fn with_products(product_names: HashMap<i64, String>) -> Self {
        Self {
            id: Uuid::nil(),
            product_names,
            users: RwLock::default(),
        }
    }

    /// The id of a user whose name was asked for before.
    pub(crate) fn user_named(&self, name: &str) -> Option<i64> {
        self.users.read().ids.get(name).copied()
    }

    pub(crate) fn remember_name(&self, name: &str, id: i64) {
        let mut users = self.users.write();
        if users.ids.len() >= MOST_USERS {
            *users = Users::default();
        }
        users.ids.insert(name.into(), id);
        users.known.insert(id);
    }

    /// Whether a user is known to exist. Users are never deleted.
    pub(crate) fn knows_user(&self, id: i64) -> bool {
        self.users.read().known.contains(&id)
    }

    pub(crate) fn remember_user(&self, id: i64) {
        if self.knows_user(id) {
            return;
        }
        let mut users = self.users.write();
        if users.known.len() >= MOST_USERS {
            *users = Users::default();
        }
        users.known.insert(id);
    }
}

/// The current world, for everyone to look up and for one to replace.
pub(crate) struct CurrentWorld(RwLock<Arc<World>>);

impl CurrentWorld {
    pub(crate) fn new(world: World) -> Self {
        Self(RwLock::new(Arc::new(world)))
    }

    pub(crate) fn get(&self) -> Arc<World> {
        Arc::clone(&self.0.read())
    }

    pub(crate) fn set(&self, world: World) {
        *self.0.write() = Arc::new(world);
    }
}

/// Time since 1970.
pub(crate) fn now() -> Duration {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("the clock stands after 1970")
}

/// The UTC day, in days since 1970.
pub(crate) fn today() -> i64 {
    i64::try_from(now().as_secs() / 86_400).expect("days since 1970 fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_remembered_makes_its_user_known() {
        let world = World::with_products(HashMap::new());
        assert_eq!(world.user_named("u1"), None);
        world.remember_name("u1", 41);
        assert_eq!(world.user_named("u1"), Some(41));
        assert!(world.knows_user(41));
        assert!(!world.knows_user(1));
    }

    #[test]
    fn memory_is_bounded() {
        let world = World::with_products(HashMap::new());
        for id in 0..=i64::try_from(MOST_USERS).unwrap() {
            world.remember_user(id);
        }
        assert_eq!(world.users.read().known.len(), 1);
        assert!(world.knows_user(MOST_USERS.try_into().unwrap()));
    }
}
