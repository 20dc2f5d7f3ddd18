//! An endpoint of metrics: one GET a second.

use std::time::Duration;

use reqwest::{Client, Response};
use url::Url;

use super::exposition;
use super::failure::Failure;
use super::look::Look;
use super::pattern::Patterns;
use crate::crypto;
use crate::format::size;

/// The longest answer that is read.
const LONGEST: usize = 8 << 20;

/// An endpoint that is looked at.
pub(super) struct Prometheus {
    client: Client,
    url: Url,
    token: Option<String>,
    patterns: Patterns,
}

impl Prometheus {
    pub(super) fn new(
        url: &Url,
        token: Option<String>,
        patterns: Patterns,
        limit: Duration,
    ) -> Result<Self, Failure> {
        crypto::provide();
        let client = Client::builder().timeout(limit).pool_max_idle_per_host(1);
        Ok(Self {
            client: client.build()?,
            url: url.clone(),
            token,
            patterns,
        })
    }

    pub(super) async fn look(&mut self) -> Result<Look, Failure> {
        let mut request = self.client.get(self.url.clone());
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(Failure::Status(status.as_u16()));
        }
        let body = bounded(answer).await?;
        let text = String::from_utf8_lossy(&body);
        let keep = |name: &str| self.patterns.keep(name);
        let look = exposition::look(&text, keep).ok_or(Failure::NoMetrics)?;
        if look.gauges.is_empty() && look.counters.is_empty() && look.sums.is_empty() {
            return Err(Failure::NoMatch);
        }
        Ok(look)
    }
}

async fn bounded(mut answer: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(Failure::Long(size(LONGEST)));
        }
    }
    Ok(body)
}
