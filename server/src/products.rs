//! Products as they stand in PostgreSQL.

use axum::extract::State;
use serde::Serialize;
use sqlx::FromRow;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    db::PATIENCE,
    error::{Error, Problem},
    extract::{Id, Path},
    state::Shared,
    timing::{self, Part},
};

pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_products))
        .routes(routes!(get_product))
}

#[derive(Serialize, FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Product {
    product_id: i64,
    name: String,
    /// In won.
    price: i64,
    /// Pieces left.
    stock: i64,
}

/// All products.
#[utoipa::path(
    get, path = "/products", tag = "products",
    responses(
        (status = 200, body = Vec<Product>),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn list_products(State(app): State<Shared>) -> Result<axum::Json<Vec<Product>>, Error> {
    let read = app.pool.run(PATIENCE, async |connection| {
        sqlx::query_as("SELECT id AS product_id, name, price, stock FROM products ORDER BY id")
            .fetch_all(connection)
            .await
    });
    let products = timing::measure(Part::Db, read).await?;
    Ok(axum::Json(products))
}

/// One product.
#[utoipa::path(
    get, path = "/products/{id}", tag = "products", params(("id" = Id, Path)),
    responses(
        (status = 200, body = Product),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn get_product(
    State(app): State<Shared>,
    Path(id): Path<Id>,
) -> Result<axum::Json<Product>, Error> {
    let read = app.pool.run(PATIENCE, async |connection| {
        sqlx::query_as("SELECT id AS product_id, name, price, stock FROM products WHERE id = $1")
            .bind(id.0)
            .fetch_optional(connection)
            .await
    });
    let product: Option<Product> = timing::measure(Part::Db, read).await?;
    let product =
        product.ok_or_else(|| Error::not_found(format!("there is no product {}", id.0)))?;
    Ok(axum::Json(product))
}
