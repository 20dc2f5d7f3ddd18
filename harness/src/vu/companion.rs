//! A client for what isn't measured, such as set-up and audit: it connects as the load does.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::redirect::Policy;

use super::target::Target;

/// A connection that was idle for longer isn't used again: the set-up's may have died in silence
/// during the load, and the audit would wait for it.
const IDLE: Duration = Duration::from_secs(3);

impl Target {
    /// A client of an ordinary library for the same server, with the same trust, addresses and
    /// protocol, whose requests have these headers. It follows no redirects: what they lead to is
    /// not what is tested.
    ///
    /// # Errors
    /// When it can't be set up.
    pub fn companion(
        &self,
        timeout: Duration,
        headers: HeaderMap,
    ) -> reqwest::Result<reqwest::Client> {
        let mut builder = reqwest::Client::builder()
            .timeout(timeout)
            .pool_idle_timeout(IDLE)
            .default_headers(headers)
            .no_proxy()
            .redirect(Policy::none())
            .tls_backend_preconfigured(self.tls_config());
        if let Some(from) = self.local_address() {
            builder = builder.local_address(from);
        }
        if let Some((host, addresses)) = self.given_addresses() {
            builder = builder.resolve_to_addrs(host, &addresses);
        }
        builder = match (self.speaks_http2(), self.base().scheme()) {
            (true, "http") => builder.http2_prior_knowledge(),
            (true, _) => builder,
            (false, _) => builder.http1_only(),
        };
        builder.build()
    }
}
