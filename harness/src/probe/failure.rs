//! Why a probe has no reading.

use thiserror::Error;

use crate::admin::chain;
use crate::secret::scrub;

/// Why a look at a store failed.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Postgres(#[from] sqlx::Error),
    #[error(transparent)]
    Redis(#[from] redis::RedisError),
    #[error("{}", chain(.0))]
    Http(#[from] reqwest::Error),
    #[error("it answered with {0}")]
    Status(u16),
    #[error("its answer is longer than {0}")]
    Long(String),
    #[error("there is no number of a metric in its answer; is it Prometheus' text format?")]
    NoMetrics,
    #[error("none of its metrics fits match; write match=NAME_*,... as its names are")]
    NoMatch,
    #[error("{0} can't be read: {1}")]
    Proc(&'static str, std::io::Error),
    #[error("no answer within {0}")]
    Late(String),
}

impl Failure {
    /// In one line, without secrets.
    pub(super) fn told(&self) -> String {
        let text = scrub(&self.to_string()).into_owned();
        crate::format::cut(&text, 300)
    }
}
