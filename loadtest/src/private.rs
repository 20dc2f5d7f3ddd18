//! PostgreSQL, Redis and the shop's server, started for one run.

use harness::{Error, PrivateServer};

/// What the server tells of its pool, its batches and its calls of Redis.
const METRICS: &str = "database_pool*,batch_*,redis_call_seconds";

pub(crate) struct PrivateStack(testbed::Stack);

impl PrivateStack {
    pub(crate) async fn start() -> Result<Self, Error> {
        let command = testbed::sut::command_for_current_exe()
            .map_err(|error| format!("the program can't start itself as the server: {error}"))?;
        Ok(Self(testbed::Stack::start(command).await?))
    }
}

impl PrivateServer for PrivateStack {
    fn base_url(&self) -> &str {
        self.0.base_url()
    }

    fn probes(&self) -> Vec<String> {
        vec![
            // Variables for other servers (PGSSLMODE) don't reach it.
            format!("postgres={}&sslmode=disable", self.0.postgres().url()),
            format!("redis={}", self.0.redis().url()),
            format!(
                "server=prometheus={}/metrics?match={METRICS}",
                self.0.base_url()
            ),
            "host".to_owned(),
        ]
    }
}
