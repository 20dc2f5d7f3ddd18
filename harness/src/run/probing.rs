//! What watches the stores beside the load.

use super::attempt::Attempt;
use super::prepare::Refusal;
use super::server::Server;
use crate::config::RunConfig;
use crate::probe::{Address, Passwords, Probes};

/// Opens the probes that were asked for, or those of the private server, on the runtime that is to
/// carry them.
pub(super) async fn open_probes(
    config: &RunConfig,
    server: &Server,
    attempt: &Attempt,
) -> Result<Probes, Refusal> {
    let asked_for = config.probes.clone();
    let own = own(server);
    let opening = attempt.telemetry.spawn(async move {
        match asked_for {
            Some(addresses) => Probes::open(&addresses).await,
            None => Ok(Probes::open_unasked(&own).await),
        }
    });
    Ok(opening.await.expect("opening a probe doesn't panic")?)
}

/// Those of the private server.
fn own(server: &Server) -> Vec<Address> {
    let texts = server.probes();
    let parsed = texts
        .iter()
        .map(|text| Address::parse(text, Passwords::Taken, &|_| None));
    let parsed = parsed.filter_map(|parsed| match parsed {
        Ok(address) => Some(address),
        Err(problem) => {
            tracing::warn!(problem, "a probe of the private server is left out");
            None
        }
    });
    parsed.collect()
}
