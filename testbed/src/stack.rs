//! PostgreSQL, Redis and the system under test on top of them.

use std::{
    net::{IpAddr, Ipv4Addr},
    process::Command,
};

use crate::{Error, Postgres, Redis, Sut};

/// Everything that a load test needs, ended on drop.
#[derive(Debug)]
pub struct Stack {
    // In the order in which they are dropped: nothing loses what it stands on.
    sut: Sut,
    redis: Redis,
    postgres: Postgres,
}

impl Stack {
    /// Starts PostgreSQL and Redis, then `sut` on them (see [`Sut::start`]).
    pub async fn start(sut: Command) -> Result<Self, Error> {
        Self::start_at(Ipv4Addr::LOCALHOST.into(), sut).await
    }

    /// The same, with the system under test at another address of this machine.
    pub async fn start_at(address: IpAddr, sut: Command) -> Result<Self, Error> {
        let (postgres, redis) = tokio::try_join!(Postgres::start(), Redis::start())?;
        let sut = Sut::start_at(address, sut, postgres.url(), redis.url()).await?;
        Ok(Self {
            sut,
            redis,
            postgres,
        })
    }

    /// Where the system under test listens, without a final slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.sut.base_url()
    }

    /// Its database.
    #[must_use]
    pub fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// Its Redis.
    #[must_use]
    pub fn redis(&self) -> &Redis {
        &self.redis
    }

    /// The system under test itself.
    #[must_use]
    pub fn sut(&self) -> &Sut {
        &self.sut
    }

    /// Ends everything, as dropping does.
    pub fn stop(self) {
        drop(self);
    }
}
