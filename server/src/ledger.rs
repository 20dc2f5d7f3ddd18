//! The books: what an audit compares its own notes with.
//!
//! Everything from PostgreSQL is added up from the rows themselves, as of one
//! moment, and not taken from the counters that serve requests: so that a
//! wrong counter shows.

use std::{collections::HashMap, time::Duration};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    db,
    error::{Error, Problem},
    extract::{Id, Query},
    keys,
    state::{Parts, Shared},
    timing::{self, Part},
    world::{RANKING_DAYS, today},
};

/// How long the shop's books may take, which are added up from all rows.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(ledger))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct LedgerQuery {
    /// Only this user's part of the books.
    user_id: Option<Id>,
}

/// The whole shop's books. Money in won.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Ledger {
    /// Which state of the shop these are the books of: `POST /init` makes another.
    world: String,
    orders: OrderTotals,
    balances: BalanceTotals,
    coupons: CouponTotals,
    products: Vec<ProductTotals>,
}

#[derive(Serialize, FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OrderTotals {
    count: i64,
    /// How many of them spent a coupon.
    with_coupon: i64,
    gross: i64,
    discount: i64,
    /// Gross less discount.
    paid: i64,
}

#[derive(Serialize, FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BalanceTotals {
    users: i64,
    /// Everything that was ever charged.
    charged: i64,
    /// What users have now.
    held: i64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CouponTotals {
    quantity: i64,
    issued: i64,
    used: i64,
    /// Claims that were admitted by this server and wait for their coupon, and
    /// so for their answer.
    queued: i64,
    policies: Vec<PolicyTotals>,
}

#[derive(Serialize, FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PolicyTotals {
    policy_id: i64,
    quantity: i64,
    issued: i64,
    #[serde(skip)]
    used: i64,
}

#[derive(Serialize, FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ProductTotals {
    product_id: i64,
    name: String,
    price: i64,
    initial_stock: i64,
    stock: i64,
    /// Pieces in orders.
    sold: i64,
    /// What the last three days' rankings were seeded with.
    ranking_base: i64,
    /// What the last three days' rankings in Redis add up to.
    #[sqlx(skip)]
    ranking_score: i64,
}

/// One user's part of the books.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserLedger {
    user_id: i64,
    orders: OrderTotals,
    balance: UserBalance,
    coupons: UserCoupons,
}

#[derive(Serialize, FromRow, ToSchema)]
struct UserBalance {
    charged: i64,
    held: i64,
}

#[derive(Serialize, FromRow, ToSchema)]
struct UserCoupons {
    issued: i64,
    used: i64,
}

/// Either kind of books.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Books {
    Shop(Ledger),
    User(UserLedger),
}

/// The books, of the shop or of one user.
#[utoipa::path(
    get, path = "/ledger", tag = "ledger", params(LedgerQuery),
    responses(
        (status = 200, body = Books),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such user", body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn ledger(
    State(app): State<Shared>,
    Query(query): Query<LedgerQuery>,
) -> Result<Response, Error> {
    let books = match query.user_id {
        Some(Id(user)) => {
            let read = app.pool.run(db::PATIENCE, async |connection| {
                of_user(connection, user).await
            });
            let books = timing::measure(Part::Db, read).await?;
            Books::User(books.ok_or_else(|| Error::unknown_user(user))?)
        }
        None => Books::Shop(of_shop(&app).await?),
    };
    Ok(axum::Json(books).into_response())
}

async fn of_shop(app: &Parts) -> Result<Ledger, Error> {
    // Adding up is the heaviest thing that the server does: one at a time.
    let _alone = app.ledger_alone.lock().await;
    let days: Vec<i64> = (today() - RANKING_DAYS + 1..=today()).collect();
    // The queue first: a claim that has left it by then is in PostgreSQL. The
    // other way round it could be seen in neither.
    let queued = app.coupons.queued();
    let scores = timing::measure(Part::Redis, scores(app, &days)).await?;
    let read = app.pool.run(PATIENCE, async |connection| {
        from_postgres(connection, &days).await
    });
    let mut ledger = timing::measure(Part::Db, read).await?;
    ledger.coupons.queued = i64::try_from(queued).unwrap_or(i64::MAX);
    for product in &mut ledger.products {
        // Scores are sums of whole numbers far below 2^53.
        let score = scores.get(&product.product_id);
        product.ranking_score = score.map_or(0, |score| *score as i64);
    }
    Ok(ledger)
}

/// What the days' rankings add up to, by product.
async fn scores(app: &Parts, days: &[i64]) -> Result<HashMap<i64, f64>, Error> {
    let mut union = redis::cmd("ZUNION");
    union.arg(days.len());
    for day in days {
        union.arg(keys::ranking(*day));
    }
    union.arg("WITHSCORES");
    app.redis
        .call(async |connection| union.query_async(connection).await)
        .await
}

async fn from_postgres(connection: &mut PgConnection, days: &[i64]) -> Result<Ledger, sqlx::Error> {
    let mut moment = db::snapshot(connection).await?;
    sqlx::query("SET LOCAL statement_timeout = '15s'")
        .execute(&mut *moment)
        .await?;
    let world = sqlx::query_scalar("SELECT id::text FROM world")
        .fetch_one(&mut *moment)
        .await?;
    let orders = order_totals(&mut moment, None).await?;
    let balances = sqlx::query_as(
        "SELECT users, charged, held FROM
             (SELECT count(*) AS users, at_most_bigint(sum(balance)) AS held FROM users) AS kept,
             (SELECT at_most_bigint(sum(amount)) AS charged FROM charges) AS given",
    )
    .fetch_one(&mut *moment)
    .await?;
    let policies: Vec<PolicyTotals> = sqlx::query_as(
        "SELECT policy.id AS policy_id, policy.quantity,
             coalesce(counted.issued, 0) AS issued, coalesce(counted.used, 0) AS used
         FROM coupon_policies AS policy
         LEFT JOIN (
             SELECT policy_id, count(*) AS issued, count(order_id) AS used FROM coupons GROUP BY policy_id
         ) AS counted ON counted.policy_id = policy.id
         ORDER BY policy.id",
    )
    .fetch_all(&mut *moment)
    .await?;
    let products = sqlx::query_as(
        "SELECT product.id AS product_id, product.name, product.price, product.initial_stock, product.stock,
             at_most_bigint(counted.sold) AS sold, at_most_bigint(seeded.base) AS ranking_base
         FROM products AS product
         LEFT JOIN (
             SELECT product_id, sum(quantity) AS sold
             FROM orders, unnest(product_ids, quantities) AS item (product_id, quantity) GROUP BY product_id
         ) AS counted ON counted.product_id = product.id
         LEFT JOIN (
             SELECT product_id, sum(base) AS base FROM product_sales
             WHERE day - DATE '1970-01-01' = ANY ($1) GROUP BY product_id
         ) AS seeded ON seeded.product_id = product.id
         ORDER BY product.id",
    )
    .bind(days)
    .fetch_all(&mut *moment)
    .await?;
    moment.commit().await?;
    let coupons = CouponTotals {
        quantity: policies.iter().map(|policy| policy.quantity).sum(),
        issued: policies.iter().map(|policy| policy.issued).sum(),
        used: policies.iter().map(|policy| policy.used).sum(),
        queued: 0,
        policies,
    };
    Ok(Ledger {
        world,
        orders,
        balances,
        coupons,
        products,
    })
}

async fn of_user(
    connection: &mut PgConnection,
    user: i64,
) -> Result<Option<UserLedger>, sqlx::Error> {
    let mut moment = db::snapshot(connection).await?;
    let balance: Option<UserBalance> = sqlx::query_as(
        "SELECT (SELECT at_most_bigint(sum(amount)) FROM charges WHERE user_id = $1) AS charged,
             balance AS held
         FROM users WHERE id = $1",
    )
    .bind(user)
    .fetch_optional(&mut *moment)
    .await?;
    let Some(balance) = balance else {
        return Ok(None);
    };
    let orders = order_totals(&mut moment, Some(user)).await?;
    let coupons = sqlx::query_as(
        "SELECT count(*) AS issued, count(order_id) AS used FROM coupons WHERE user_id = $1",
    )
    .bind(user)
    .fetch_one(&mut *moment)
    .await?;
    moment.commit().await?;
    Ok(Some(UserLedger {
        user_id: user,
        orders,
        balance,
        coupons,
    }))
}

/// Adds up the orders of one user, or of all.
async fn order_totals(
    connection: &mut PgConnection,
    user: Option<i64>,
) -> Result<OrderTotals, sqlx::Error> {
    // The condition is a constant to the planner when it sees the parameter.
    sqlx::query_as(
        "SELECT count(*) AS count, count(coupon_id) AS with_coupon,
             at_most_bigint(sum(gross)) AS gross, at_most_bigint(sum(discount)) AS discount,
             at_most_bigint(sum(gross - discount)) AS paid
         FROM orders WHERE $1 IS NULL OR user_id = $1",
    )
    .bind(user)
    .persistent(false)
    .fetch_one(connection)
    .await
}
