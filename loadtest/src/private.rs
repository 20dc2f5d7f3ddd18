//! PostgreSQL, Redis and the shop's server, started for one run.

use harness::{Error, PrivateServer};

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
}
