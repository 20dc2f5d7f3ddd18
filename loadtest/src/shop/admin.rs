//! What is asked of the server before and after the load, by a client that is not measured.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::LOCATION;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use thiserror::Error;
use url::Url;

use super::world::Coupons;
use crate::vu::Target;

/// Why set-up or audit can't go on.
#[derive(Debug, Error)]
pub enum AdminError {
    /// The server keeps its data.
    #[error(
        "POST /init was refused with 403: it erases the server's data; start the server with --allow-init if it may"
    )]
    InitRefused,
    /// No answer.
    #[error("{request} was not answered: {source}")]
    NoAnswer {
        /// Method and path.
        request: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// An answer, but not the one that was asked for.
    #[error("{request} was answered with {status}: {body}")]
    Status {
        /// Method and path.
        request: String,
        /// The status.
        status: StatusCode,
        /// What it said, cut short.
        body: String,
    },
    /// Another place than the one that was asked.
    #[error(
        "{request} was answered with {status}: it leads to {location}, and redirects are not followed; \
         give the server's own address"
    )]
    Redirect {
        /// Method and path.
        request: String,
        /// The status.
        status: StatusCode,
        /// Where to.
        location: String,
    },
    /// An answer that isn't what the API promises.
    #[error("{request} was answered with something else than the API promises: {source}")]
    Body {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The shop can't be tested with.
    #[error("the server has no {0} after POST /init: there is nothing to test with")]
    Empty(&'static str),
}

/// The server's books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// All orders.
    pub orders: LedgerOrders,
    /// All money.
    pub balances: LedgerBalances,
    /// All coupons.
    pub coupons: LedgerCoupons,
    /// Every product.
    pub products: Vec<LedgerProduct>,
}

/// Orders in the server's books; money in won.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerOrders {
    /// How many.
    pub count: i64,
    /// How many with a coupon.
    pub with_coupon: i64,
    /// Paid for them.
    pub paid: i64,
}

/// Money in the server's books, in won.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct LedgerBalances {
    /// Charged by all users.
    pub charged: i64,
    /// Held by all users.
    pub held: i64,
}

/// Coupons in the server's books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct LedgerCoupons {
    /// How many there may be.
    pub quantity: i64,
    /// How many were issued.
    pub issued: i64,
    /// How many were used.
    pub used: i64,
    /// How many claims are accepted but not issued yet.
    pub queued: i64,
    /// The same by policy.
    pub policies: Vec<LedgerPolicy>,
}

/// Coupons of one policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerPolicy {
    /// Its id.
    pub policy_id: i64,
    /// How many there may be.
    pub quantity: i64,
    /// How many were issued.
    pub issued: i64,
}

/// One product in the server's books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LedgerProduct {
    /// Its id.
    pub product_id: i64,
    /// Stock at the beginning.
    pub initial_stock: i64,
    /// Stock now.
    pub stock: i64,
    /// Sold, by the rows of the orders.
    pub sold: i64,
    /// Ranking score that it began with.
    pub ranking_base: i64,
    /// Ranking score now.
    pub ranking_score: i64,
}

/// One user in the server's books.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct UserLedger {
    /// The user's orders.
    pub orders: LedgerOrders,
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

/// Users, coupon policies and discount of the set-up, as in the seed.
const POLICIES: u32 = 5;
const DISCOUNT: i64 = 2_000;
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest part of an unexpected body that an error quotes.
const QUOTED_CHARS: usize = 200;

/// The client of set-up and audit.
#[derive(Debug, Clone)]
pub struct Admin {
    client: reqwest::Client,
    base: Url,
}

impl Admin {
    /// A client for this server.
    ///
    /// # Errors
    /// When it can't be set up.
    pub fn new(target: &Target) -> reqwest::Result<Self> {
        Ok(Self {
            client: target.companion(TIMEOUT)?,
            base: target.base().clone(),
        })
    }

    /// Empties the shop and fills it anew; gives the policies' ids.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn init(&self, users: u32, coupons: Coupons) -> Result<Vec<i64>, AdminError> {
        let body = json!({
            "users": users,
            "coupons": { "policies": POLICIES, "total": coupons.quantity(), "discount": DISCOUNT },
        });
        let initialised: Initialised = match self.call("POST", "/init", Some(&body)).await {
            Err(AdminError::Status {
                status: StatusCode::FORBIDDEN,
                ..
            }) => Err(AdminError::InitRefused),
            other => other,
        }?;
        if initialised.policy_ids.is_empty() {
            Err(AdminError::Empty("coupon policies"))
        } else {
            Ok(initialised.policy_ids)
        }
    }

    /// Every product's price by its id.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn prices(&self) -> Result<HashMap<i64, i64>, AdminError> {
        let products: Vec<Product> = self.get("/products").await?;
        if products.is_empty() {
            return Err(AdminError::Empty("products"));
        }
        Ok(products
            .into_iter()
            .map(|product| (product.product_id, product.price))
            .collect())
    }

    /// The books.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn ledger(&self) -> Result<Ledger, AdminError> {
        self.get("/ledger").await
    }

    /// One user's books.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn user_ledger(&self, user: i64) -> Result<UserLedger, AdminError> {
        self.get(&format!("/ledger?userId={user}")).await
    }

    /// One user's balance, in won.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn balance(&self, user: i64) -> Result<i64, AdminError> {
        let Balance { balance } = self.get(&format!("/users/{user}/balance")).await?;
        Ok(balance)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        self.call("GET", path, None::<&()>).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, AdminError> {
        let request = format!("{method} {path}");
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut call = if method == "POST" {
            self.client.post(url)
        } else {
            self.client.get(url)
        };
        if let Some(body) = body {
            call = call.json(body);
        }
        let no_answer = |source| AdminError::NoAnswer {
            request: request.clone(),
            source,
        };
        let answer = call.send().await.map_err(no_answer)?;
        let status = answer.status();
        if status.is_redirection() {
            let location = answer.headers().get(LOCATION);
            let location = location.map_or("nowhere".into(), |to| {
                String::from_utf8_lossy(to.as_bytes()).into_owned()
            });
            return Err(AdminError::Redirect {
                request,
                status,
                location,
            });
        }
        let body = answer.bytes().await.map_err(no_answer)?;
        if !status.is_success() {
            let body = String::from_utf8_lossy(&body)
                .chars()
                .take(QUOTED_CHARS)
                .collect();
            return Err(AdminError::Status {
                request,
                status,
                body,
            });
        }
        serde_json::from_slice(&body).map_err(|source| AdminError::Body { request, source })
    }
}
