//! Coupons: claimed through Redis, issued by a worker, listed from PostgreSQL.

mod admission;
mod issuing;
mod list;
pub(crate) mod worker;

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use redis::aio::ConnectionManager;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio_util::task::TaskTracker;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    batch::Gatherer,
    db::Link,
    error::{Error, Problem},
    extract::{Id, Path, Query},
    rebuild::Rebuilder,
    state::Shared,
};

use admission::{Admission, Admitted, Claim};
use list::{Coupon, Lists};

pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(claim_coupon))
        .routes(routes!(user_coupons))
}

/// Everything about coupons that requests are gathered for.
pub(crate) struct Coupons {
    admission: Gatherer<Admission>,
    lists: Gatherer<Lists>,
}

impl Coupons {
    pub(crate) fn start(
        pool: &PgPool,
        redis: ConnectionManager,
        rebuilder: Arc<Rebuilder>,
        tasks: &TaskTracker,
    ) -> Self {
        Self {
            admission: Gatherer::start(Admission::new(redis, rebuilder), tasks),
            lists: Gatherer::start(Lists(Link::new(pool)), tasks),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct ClaimQuery {
    user_id: Id,
    policy_id: Id,
}

/// A claim that was admitted. Its coupon is issued within a moment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Admission201 {
    claim_id: Uuid,
}

/// Claims a coupon. A user may have several of one policy.
#[utoipa::path(
    post, path = "/coupons", tag = "coupons", params(ClaimQuery),
    responses(
        (status = 201, description = "Admitted and queued", body = Admission201),
        (status = 400, description = "No such user, or no active policy", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Sold out", body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn claim_coupon(
    State(app): State<Shared>,
    Query(ClaimQuery { user_id, policy_id }): Query<ClaimQuery>,
) -> Result<(StatusCode, axum::Json<Admission201>), Error> {
    if !app.users.exists(&app.world, user_id).await? {
        return Err(Error::bad_request(format!(
            "there is no user {}",
            user_id.0
        )));
    }
    let claim = Claim {
        id: Uuid::now_v7(),
        user: user_id.0,
        policy: policy_id.0,
    };
    match app.coupons.admission.call(claim).await? {
        Admitted::Yes => Ok((
            StatusCode::CREATED,
            axum::Json(Admission201 { claim_id: claim.id }),
        )),
        Admitted::NotActive => Err(Error::bad_request(format!(
            "coupon policy {} does not exist or is not active",
            claim.policy
        ))),
        Admitted::SoldOut => Err(Error::conflict(format!(
            "the coupons of policy {} are sold out",
            claim.policy
        ))),
    }
}

/// A user's usable coupons, oldest first; the first 100 of them.
#[utoipa::path(
    get, path = "/users/{id}/coupons", tag = "coupons", params(("id" = Id, Path)),
    responses(
        (status = 200, body = Vec<Coupon>),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn user_coupons(
    State(app): State<Shared>,
    Path(id): Path<Id>,
) -> Result<axum::Json<Vec<Coupon>>, Error> {
    if !app.users.exists(&app.world, id).await? {
        return Err(Error::unknown_user(id.0));
    }
    Ok(axum::Json(app.coupons.lists.call(id.0).await?))
}
