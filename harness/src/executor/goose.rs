//! Goose as the runtime of the VUs: the only file that knows it.
//!
//! Every persona of a scenario is a Goose scenario whose weight is its exact number of VUs, with one
//! transaction that is one iteration. Goose launches the users and runs them; when each of them
//! iterates is the fleet's to say. Goose's own metrics, reports, controllers and host checks stay
//! off: what they would measure ends at the response headers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use goose::GooseAttack;
use goose::client::GooseClientBuilder;
use goose::config::GooseConfiguration;
use goose::goose::{GooseUser, Scenario, Transaction, TransactionFunction};
use thiserror::Error;

use super::actor::Actor;
use super::fleet::{Fleet, Step};
use crate::crypto::provide;

/// Goose refused the attack or failed in it.
#[derive(Debug, Error)]
#[error("Goose could not run the virtual users: {0}")]
pub struct RuntimeError(String);

/// Index of a Goose user's VU in the fleet.
#[derive(Debug, Clone, Copy)]
struct Seat(usize);

/// Runs every VU of the fleet until each has retired. `host` is never contacted by Goose itself.
///
/// # Errors
/// Goose's own, such as a host that is no URL.
pub async fn run<A: Actor>(fleet: &Arc<Fleet<A>>, host: &str) -> Result<(), RuntimeError> {
    let users = fleet.kinds().len();
    let mut configuration = GooseConfiguration::default();
    configuration.host = Some(host.to_owned());
    configuration.users = Some(users);
    // All at once: the fleet's barrier holds the clock until the last one is there.
    configuration.increase_rate = Some((users * 100).to_string());
    configuration.no_metrics = true;
    configuration.no_print_metrics = true;
    configuration.no_error_summary = true;
    configuration.no_telnet = true;
    configuration.no_websocket = true;
    configuration.quiet = 2;
    provide();
    let failed = |error: goose::GooseError| RuntimeError(error.to_string());
    let mut attack = GooseAttack::initialize_with_config(configuration)
        .map_err(failed)?
        // One client for all users. They never use it: it checks no certificates so that nothing
        // reads the CA store, which costs a megabyte and may be missing.
        .set_client_builder_without_cookies(
            GooseClientBuilder::new()
                .without_cookies()
                .accept_invalid_certs(true),
        )
        .map_err(failed)?;
    for (name, seats) in seats_by_kind(fleet.kinds()) {
        let scenario = Scenario::new(&name)
            .set_weight(seats.len())
            .map_err(failed)?
            .register_transaction(
                Transaction::new(transaction(Arc::clone(fleet), seats)).set_name("iterate"),
            );
        attack = attack.register_scenario(scenario);
    }
    attack.execute().await.map_err(failed)?;
    Ok(())
}

/// The seats of each persona in each scenario.
fn seats_by_kind(kinds: &[(&str, &str)]) -> Vec<(String, Vec<usize>)> {
    let mut seats: Vec<(&(&str, &str), Vec<usize>)> = Vec::new();
    for (index, kind) in kinds.iter().enumerate() {
        match seats.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, indices)) => indices.push(index),
            None => seats.push((kind, vec![index])),
        }
    }
    let named =
        |((scenario, persona), seats): (&(&str, &str), _)| (format!("{scenario}/{persona}"), seats);
    seats.into_iter().map(named).collect()
}

/// A user takes the next free seat of its persona at its first call and keeps it.
fn transaction<A: Actor>(fleet: Arc<Fleet<A>>, seats: Vec<usize>) -> TransactionFunction {
    let next = AtomicUsize::new(0);
    Arc::new(move |user: &mut GooseUser| {
        let seated = user.get_session_data::<Seat>().copied();
        let Seat(index) = seated.unwrap_or_else(|| {
            let seat = Seat(seats[next.fetch_add(1, Ordering::Relaxed)]);
            user.set_session_data(seat);
            seat
        });
        let fleet = Arc::clone(&fleet);
        Box::pin(async move {
            if fleet.step(index).await == Step::Retired {
                // A user leaves when it has made as many iterations as its own copy of the
                // configuration asks for; the attack ends when all have left.
                user.config.iterations = Some(1);
            }
            Ok(())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vu_has_a_seat_in_its_own_persona() {
        let kinds = [("x", "a"), ("x", "a"), ("x", "b"), ("x", "a"), ("y", "a")];
        let seats = seats_by_kind(&kinds);
        let expected = [("x/a", vec![0, 1, 3]), ("x/b", vec![2]), ("y/a", vec![4])];
        assert_eq!(
            seats,
            expected.map(|(name, seats)| (name.to_owned(), seats))
        );
    }
}
