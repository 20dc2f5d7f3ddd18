//! The server that is tested: found, or started.

use std::sync::Arc;
use std::time::Duration;

use super::prepare::{Refusal, check_files, check_ports};
use crate::admin::Admin;
use crate::config::RunConfig;
use crate::persona::Role;
use crate::progress::Progress;
use crate::report::PRIVATE_STACK;
use crate::suite::{PrivateServer, Suite};
use crate::tui::tell;
use crate::vu::Target;

/// The server that is tested, and the private one that carries it, if there is one.
pub(super) struct Server {
    pub(super) target: Arc<Target>,
    pub(super) admin: Admin,
    pub(super) label: String,
    /// Whether it runs on this machine on purpose.
    pub(super) shares_machine: bool,
    private: Option<Box<dyn PrivateServer>>,
}

/// How long a connection to the server may take before the load.
const PROBE_WITHIN: Duration = Duration::from_secs(5);

impl Server {
    /// The given server, or a private one, if this machine has room for these users.
    pub(super) async fn find<S: Suite>(
        config: &RunConfig,
        users: &[Role],
        progress: &Progress,
    ) -> Result<Self, Refusal> {
        check_files(users, S::connections)?;
        let (address, private) = match &config.host {
            Some(host) => (host.clone(), None),
            None => {
                let started = start::<S>(config, progress).await?;
                (started.base_url().to_owned(), Some(started))
            }
        };
        let target = Target::resolve(&address, &config.connect).await?;
        let target = Arc::new(target.with_parts(&config.catalogue));
        check_ports(users, S::connections, &target.pairs())?;
        target.probe(PROBE_WITHIN).await?;
        let admin = Admin::new(&target, config.setup_timeout, &config.headers)?;
        if private.is_none() {
            say_redirect(&admin, &address).await;
        }
        let label = match private {
            Some(_) => format!("{address} {PRIVATE_STACK}"),
            None => address,
        };
        Ok(Self {
            admin,
            target,
            label,
            shares_machine: private.is_some() || config.shared_machine,
            private,
        })
    }

    /// What of the private server is watched, as `--probe` has it.
    pub(super) fn probes(&self) -> Vec<String> {
        let private = self.private.as_ref();
        private.map_or_else(Vec::new, |private| private.probes())
    }
}

async fn start<S: Suite>(
    config: &RunConfig,
    progress: &Progress,
) -> Result<Box<dyn PrivateServer>, Refusal> {
    let what = config.private.unwrap_or("a private server");
    progress.step(&format!("starting {what}"));
    let private = S::private().await.map_err(Refusal::Private)?;
    let private = private.ok_or(Refusal::NoServer)?;
    tracing::info!(address = private.base_url(), "the private server runs");
    Ok(private)
}

/// A server that sends everybody elsewhere would be load-tested with redirects.
async fn say_redirect(admin: &Admin, address: &str) {
    if let Some(location) = admin.redirect("/").await {
        let location = crate::format::cut(&location, 200);
        tell(&format!(
            "note: {address} redirects to {location}; redirects are answers like others unless \
             --redirects is given"
        ));
    }
}
