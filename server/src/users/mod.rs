//! Users: their ids and balances.

mod balance;
mod directory;

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use tokio_util::task::TaskTracker;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    batch::Gatherer,
    db::{Link, Pool},
    error::{Error, Problem},
    extract::{Id, Json, Path, Query},
    metrics::Metrics,
    state::Shared,
    world::CurrentWorld,
};

use balance::{Balances, Charge, Charged, Charges};
use directory::Directory;

/// The longest name, in characters.
const LONGEST_NAME: usize = 64;

pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(user_id))
        .routes(routes!(get_balance, charge_balance))
}

/// Everything about users that requests are gathered for.
pub(crate) struct Users {
    directory: Gatherer<Directory>,
    balances: Gatherer<Balances>,
    charges: Gatherer<Charges>,
}

impl Users {
    pub(crate) fn start(pool: &Pool, tasks: &TaskTracker, metrics: &Metrics) -> Self {
        Self {
            directory: Gatherer::start(Directory(Link::new(pool)), tasks, metrics),
            balances: Gatherer::start(Balances(Link::new(pool)), tasks, metrics),
            charges: Gatherer::start(Charges(Link::new(pool)), tasks, metrics),
        }
    }

    /// Whether there is such a user.
    pub(crate) async fn exists(&self, worlds: &CurrentWorld, id: Id) -> Result<bool, Error> {
        let world = worlds.get();
        if world.knows_user(id.0) {
            return Ok(true);
        }
        let exists = self.balances.call(id.0).await?.is_some();
        if exists {
            world.remember_user(id.0);
        }
        Ok(exists)
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct NameQuery {
    /// 1 to 64 characters, none of them a control character.
    #[param(example = "u1", min_length = 1, max_length = 64)]
    name: String,
}

/// The id of the user with this name. An unknown name becomes a new user.
#[utoipa::path(
    get, path = "/users/id", tag = "users", params(NameQuery),
    responses(
        (status = 200, description = "The bare number", body = i64, content_type = "application/json"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn user_id(
    State(app): State<Shared>,
    Query(query): Query<NameQuery>,
) -> Result<axum::Json<i64>, Error> {
    let world = app.world.get();
    if let Some(id) = world.user_named(&query.name) {
        return Ok(axum::Json(id));
    }
    check_name(&query.name)?;
    let found = app.users.directory.call(query.name.clone()).await?;
    if found.world == world.id {
        world.remember_name(&query.name, found.id);
    }
    Ok(axum::Json(found.id))
}

fn check_name(name: &str) -> Result<(), Error> {
    let length = name.chars().count();
    if !(1..=LONGEST_NAME).contains(&length) {
        return Err(Error::bad_request(format!(
            "a name has 1 to {LONGEST_NAME} characters; this one has {length}"
        )));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::bad_request("a name has no control characters"));
    }
    Ok(())
}

/// What a user has.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Balance {
    user_id: i64,
    /// In won.
    balance: i64,
}

/// A user's balance.
#[utoipa::path(
    get, path = "/users/{id}/balance", tag = "users", params(("id" = Id, Path)),
    responses(
        (status = 200, body = Balance),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn get_balance(
    State(app): State<Shared>,
    Path(id): Path<Id>,
) -> Result<axum::Json<Balance>, Error> {
    let balance = app.users.balances.call(id.0).await?;
    let balance = balance.ok_or_else(|| Error::unknown_user(id.0))?;
    Ok(axum::Json(Balance {
        user_id: id.0,
        balance,
    }))
}

#[derive(Deserialize, ToSchema)]
struct NewCharge {
    /// In won.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64, example = 10_000)]
    amount: i64,
}

/// Adds money to a user's balance, which can hold 1,000,000,000,000 won.
#[utoipa::path(
    post, path = "/users/{id}/balance", tag = "users", params(("id" = Id, Path)),
    request_body = NewCharge,
    responses(
        (status = 201, description = "The balance after it", body = Balance),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn charge_balance(
    State(app): State<Shared>,
    Path(id): Path<Id>,
    Json(NewCharge { amount }): Json<NewCharge>,
) -> Result<(StatusCode, axum::Json<Balance>), Error> {
    if amount < 1 {
        return Err(Error::bad_request(format!(
            "{amount} cannot be charged: an amount is 1 or more"
        )));
    }
    match app
        .users
        .charges
        .call(Charge { user: id.0, amount })
        .await?
    {
        Charged::Balance(balance) => Ok((
            StatusCode::CREATED,
            axum::Json(Balance {
                user_id: id.0,
                balance,
            }),
        )),
        Charged::UnknownUser => Err(Error::unknown_user(id.0)),
        Charged::TooMuch => Err(Error::bad_request(format!(
            "{amount} cannot be charged: a balance holds {} at most",
            balance::MOST
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_in_characters_not_bytes() {
        for name in ["u1", "가", &"가".repeat(64), "two words", "😀"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            &"가".repeat(65),
            "nul\0",
            "line\nbreak",
            "\u{7f}",
            "\u{85}",
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}
