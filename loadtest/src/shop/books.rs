//! Requests to the shop before and after the load.

use std::collections::{HashMap, HashSet};

use harness::{Admin, AdminError};
use serde_json::Value;
use thiserror::Error;

use super::ledger::{Ledger, UserLedger};
use super::plan::Plan;
use super::shelves::Shelves;
use crate::api::{Api, Ids};

/// Why set-up or audit can't go on.
#[derive(Debug, Error)]
pub enum ShopError {
    /// The server keeps its data.
    #[error(
        "{0} was refused with 403: it erases the server's data; start the server with --allow-init if it may"
    )]
    InitRefused(String),
    /// The shop can't be tested with.
    #[error("the server has no {0} after {1}: there is nothing to test with")]
    Empty(&'static str, String),
    /// It answered, but did something else.
    #[error("{0} did not do what it was asked for: {1}")]
    NotKept(String, String),
    /// Persona A can't buy what it is to buy.
    #[error(
        "the server has {has} products, and persona A is to buy the top {top}; give --products {top}, or --top {has}"
    )]
    TooFewProducts {
        /// Products that there are.
        has: usize,
        /// Products to buy.
        top: u32,
    },
    /// A call failed.
    #[error(transparent)]
    Call(#[from] AdminError),
}

/// What an audit compares the users' books with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Books {
    /// The server's own.
    Ledger(Ledger),
    /// What anybody can read.
    Public {
        /// Of the products.
        shelves: Shelves,
        /// Why there is nothing better.
        no_ledger: String,
    },
}

/// Empties the shop and fills it anew; gives the policies' ids.
///
/// # Errors
/// See [`ShopError`].
pub async fn init(admin: &Admin, api: &Api, plan: &Plan) -> Result<Vec<i64>, ShopError> {
    let request = api.init.source();
    let path = api.init.path.of(Ids::default());
    let (init, body) = (&api.init, plan.body());
    let answer = admin.measured(&init.request, init.check, &path, &body);
    let answer: Value = match answer.await {
        Err(AdminError::Status { status: 403, .. }) => return Err(ShopError::InitRefused(request)),
        other => other?,
    };
    let ids = answer[&api.policies].as_array().into_iter().flatten();
    let ids: Vec<i64> = ids.filter_map(Value::as_i64).collect();
    if ids.is_empty() {
        return Err(ShopError::Empty("coupon policies", request));
    }
    match first_twice(&ids) {
        Some(id) => Err(ShopError::NotKept(
            request,
            format!("it has policy {id} twice"),
        )),
        None => Ok(ids),
    }
}

fn first_twice(ids: &[i64]) -> Option<i64> {
    let mut seen = HashSet::new();
    ids.iter().copied().find(|id| !seen.insert(*id))
}

/// Every product's price in won, by its id.
///
/// # Errors
/// See [`AdminError`].
pub async fn prices(admin: &Admin, api: &Api) -> Result<HashMap<i64, i64>, AdminError> {
    let path = api.products.of(Ids::default());
    let products = admin.read(&path, |body| api.product.list(body)).await?;
    Ok(products
        .into_iter()
        .map(|[id, price]| (id, price))
        .collect())
}

/// The books, if the server shows them.
///
/// # Errors
/// See [`AdminError`].
pub async fn ledger(admin: &Admin, api: &Api) -> Result<Option<Ledger>, AdminError> {
    match &api.ledger {
        Some((path, _)) => admin.get(&path.of(Ids::default())).await.map(Some),
        None => Ok(None),
    }
}

/// One user's books, if the server shows them.
///
/// # Errors
/// See [`AdminError`].
pub async fn user_ledger(
    admin: &Admin,
    api: &Api,
    user: i64,
) -> Result<Option<UserLedger>, AdminError> {
    match &api.ledger {
        Some((_, path)) => admin.get(&path.of(of_user(user))).await.map(Some),
        None => Ok(None),
    }
}

/// The id of the first user of the load.
///
/// # Errors
/// See [`AdminError`].
pub(super) async fn first_user(admin: &Admin, api: &Api) -> Result<i64, AdminError> {
    let path = api.users.path.of(Ids {
        vu: 1,
        ..Ids::default()
    });
    match &api.user_id {
        None => admin.get(&path).await,
        Some(id) => Ok(admin.read(&path, |body| id.object(body)).await?[0]),
    }
}

/// One user's balance, in won.
///
/// # Errors
/// See [`AdminError`].
pub async fn balance(admin: &Admin, api: &Api, user: i64) -> Result<i64, AdminError> {
    let path = api.balance.path.of(of_user(user));
    match admin.read(&path, |body| api.held.object(body)).await {
        Ok([balance]) => Ok(balance),
        Err(AdminError::Status { status, .. }) if api.zero.contains(&status) => Ok(0),
        Err(error) => Err(error),
    }
}

/// How many coupons are listed for a user.
///
/// # Errors
/// See [`AdminError`].
pub async fn listed_coupons(admin: &Admin, api: &Api, user: i64) -> Result<i64, AdminError> {
    let path = api.coupons.path.of(of_user(user));
    let coupons = admin.read(&path, |body| api.coupon.list(body)).await?;
    Ok(coupons.len() as i64)
}

fn of_user(user: i64) -> Ids {
    Ids {
        user,
        ..Ids::default()
    }
}
