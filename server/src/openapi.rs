//! All routes, and their description for machines, made from the same list.

use std::sync::Arc;

use axum::{
    Router,
    http::{StatusCode, header},
    middleware,
    routing::get,
};
use bytes::Bytes;
use utoipa::{
    OpenApi,
    openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder},
};
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
    let (router, mut description) = OpenApiRouter::with_openapi(Description::openapi())
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
    say_what_all_may_answer(&mut description);
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

/// What any route may answer, and is not repeated at each.
fn say_what_all_may_answer(description: &mut utoipa::openapi::OpenApi) {
    let problem = |text: &str| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
        ResponseBuilder::new()
            .description(text)
            .content("application/problem+json", content.build())
            .build()
    };
    let paths = description.paths.paths.values_mut();
    let operations = paths.flat_map(|path| [&mut path.get, &mut path.post]);
    for operation in operations.flatten() {
        let has_body = operation.request_body.is_some();
        if let Some(RefOr::T(body)) = &mut operation.request_body
            && operation.operation_id.as_deref() == Some("init")
        {
            // What is there is an object: with `Option` in the description it might be null.
            body.required = None;
        }
        let answers = &mut operation.responses.responses;
        let mut add = |status: &str, text| {
            let answer = RefOr::T(problem(text));
            answers.entry(status.to_owned()).or_insert(answer);
        };
        add("400", "Malformed");
        add("405", "The path has other methods");
        if has_body {
            add("408", "The body did not come in time");
            add("413", "The body is too large");
        }
        for (status, answer) in answers {
            if let RefOr::T(answer) = answer
                && answer.description.is_empty()
            {
                let status: Option<StatusCode> = status.parse().ok();
                let meaning = status.and_then(|status| status.canonical_reason());
                answer.description = meaning.unwrap_or("An answer").to_owned();
            }
        }
    }
}
