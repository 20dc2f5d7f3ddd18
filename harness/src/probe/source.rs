//! What a probe looks at, of whatever kind.

use super::LIMIT;
use super::address::{Address, Kind};
use super::failure::Failure;
use super::host::look_at_host;
use super::look::Look;
use super::postgres::Postgres;
use super::prometheus::Prometheus;
use super::redis::Redis;

/// Something that can be looked at.
pub(super) enum Source {
    Postgres(Postgres),
    Redis(Redis),
    Prometheus(Prometheus),
    Host,
}

impl Source {
    pub(super) fn new(address: &Address) -> Result<Self, Failure> {
        let url = || {
            address
                .url
                .as_ref()
                .expect("every kind but a host has an address")
        };
        Ok(match address.kind {
            Kind::Postgres => Self::Postgres(Postgres::new(url())?),
            Kind::Redis => Self::Redis(Redis::new(url())?),
            Kind::Prometheus => {
                let (token, patterns) = (address.token.clone(), address.patterns.clone());
                Self::Prometheus(Prometheus::new(url(), token, patterns, LIMIT)?)
            }
            Kind::Host => Self::Host,
        })
    }

    /// One reading, within the time limit. A store that is late is asked again the next time.
    pub(super) async fn look(&mut self) -> Result<Look, Failure> {
        let looked = tokio::time::timeout(LIMIT, self.unbounded()).await;
        let late = |_| Failure::Late(humantime::format_duration(LIMIT).to_string());
        let looked = looked.map_err(late).and_then(|looked| looked);
        if looked.is_err() {
            self.leave();
        }
        looked
    }

    async fn unbounded(&mut self) -> Result<Look, Failure> {
        match self {
            Self::Postgres(postgres) => postgres.look().await,
            Self::Redis(redis) => redis.look().await,
            Self::Prometheus(prometheus) => prometheus.look().await,
            Self::Host => look_at_host(),
        }
    }

    fn leave(&mut self) {
        match self {
            Self::Postgres(postgres) => postgres.leave(),
            Self::Redis(redis) => redis.leave(),
            Self::Prometheus(_) | Self::Host => {}
        }
    }

    /// What it may not see, and how to fix it.
    pub(super) fn lack(&self) -> Option<String> {
        match self {
            Self::Postgres(postgres) => postgres.lack(),
            Self::Redis(redis) => redis.lack(),
            Self::Prometheus(_) | Self::Host => None,
        }
    }
}
