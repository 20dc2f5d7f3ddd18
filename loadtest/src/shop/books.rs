//! What is asked of the shop before and after the load.

use std::collections::HashMap;

use harness::{Admin, AdminError};
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;

use super::ledger::{Ledger, UserLedger};
use super::requests;
use super::world::Coupons;

/// Why set-up or audit can't go on.
#[derive(Debug, Error)]
pub enum ShopError {
    /// The server keeps its data.
    #[error(
        "POST /init was refused with 403: it erases the server's data; start the server with --allow-init if it may"
    )]
    InitRefused,
    /// The shop can't be tested with.
    #[error("the server has no {0} after POST /init: there is nothing to test with")]
    Empty(&'static str),
    /// A call failed.
    #[error(transparent)]
    Call(#[from] AdminError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initialised {
    policy_ids: Vec<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    product_id: i64,
    price: i64,
}

#[derive(Deserialize)]
struct Balance {
    balance: i64,
}

/// Coupon policies and discount of the set-up, as in the seed.
const POLICIES: u32 = 5;
const DISCOUNT: i64 = 2_000;

/// Empties the shop and fills it anew; gives the policies' ids.
///
/// # Errors
/// See [`ShopError`].
pub async fn init(admin: &Admin, users: u32, coupons: Coupons) -> Result<Vec<i64>, ShopError> {
    let body = json!({
        "users": users,
        "coupons": { "policies": POLICIES, "total": coupons.quantity(), "discount": DISCOUNT },
    });
    let call = admin.post("/init", &body);
    let answer = admin.measured(&requests::INIT, "init 200", call).await;
    let initialised: Initialised = match answer {
        Err(AdminError::Status { status: 403, .. }) => return Err(ShopError::InitRefused),
        other => other?,
    };
    if initialised.policy_ids.is_empty() {
        return Err(ShopError::Empty("coupon policies"));
    }
    Ok(initialised.policy_ids)
}

/// Every product's price in won, by its id.
///
/// # Errors
/// See [`ShopError`].
pub async fn prices(admin: &Admin) -> Result<HashMap<i64, i64>, ShopError> {
    let products: Vec<Product> = admin.get("/products").await?;
    if products.is_empty() {
        return Err(ShopError::Empty("products"));
    }
    let price = |product: Product| (product.product_id, product.price);
    Ok(products.into_iter().map(price).collect())
}

/// The books.
///
/// # Errors
/// See [`AdminError`].
pub async fn ledger(admin: &Admin) -> Result<Ledger, AdminError> {
    admin.get("/ledger").await
}

/// One user's books.
///
/// # Errors
/// See [`AdminError`].
pub async fn user_ledger(admin: &Admin, user: i64) -> Result<UserLedger, AdminError> {
    admin.get(&format!("/ledger?userId={user}")).await
}

/// One user's balance, in won.
///
/// # Errors
/// See [`AdminError`].
pub async fn balance(admin: &Admin, user: i64) -> Result<i64, AdminError> {
    let Balance { balance } = admin.get(&format!("/users/{user}/balance")).await?;
    Ok(balance)
}
