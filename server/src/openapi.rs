//! All routes, and their description for machines, made from the same list.

use std::sync::Arc;

use axum::{Router, http::header, middleware, routing::get};
use bytes::Bytes;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    coupons, error::Error, health, init, ledger, metrics, orders, products, ranking,
    requests::Requests, state::App, timing, users,
};

#[derive(OpenApi)]
#[openapi(info(
    title = "E-commerce API",
    description = "The system under test: users, coupons, products and orders. Money is in whole won; \
                   errors are RFC 9457 problems; every response tells by Server-Timing where its time went."
))]
struct Description;

/// The whole API on top of `state`.
pub fn app(state: App) -> Router {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .merge(init::router())
        .merge(users::router())
        .merge(coupons::router())
        .merge(products::router())
        .merge(ranking::router())
        .merge(orders::router())
        .merge(ledger::router())
        .merge(health::router())
        .merge(metrics::router())
        .split_for_parts();
    let paths = description.paths.paths.keys().cloned();
    let paths = paths.chain(["/openapi.json".to_owned()]);
    let requests = Arc::new(Requests::new(Arc::clone(&state.0.metrics), paths));
    let description = Bytes::from(
        description
            .to_json()
            .expect("the description is plain data"),
    );
    let describe = || async move { ([(header::CONTENT_TYPE, "application/json")], description) };
    router
        .route("/openapi.json", get(describe))
        .method_not_allowed_fallback(async || {
            Error::MethodNotAllowed("this path has other methods".into())
        })
        .fallback(async || Error::not_found("there is nothing at this path"))
        .layer(middleware::from_fn_with_state(requests, timing::report))
        .with_state(state.0)
}
