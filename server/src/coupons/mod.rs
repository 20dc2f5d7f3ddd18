//! Coupons: admitted by Redis, issued and listed by PostgreSQL.

mod admission;
mod issuing;
mod list;

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use tokio_util::task::TaskTracker;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    batch::Gatherer,
    db::{Link, Pool},
    error::{Error, Problem},
    extract::{Id, Path, Query},
    metrics::Metrics,
    state::Shared,
};

pub(crate) use admission::Admission;
use issuing::{Claim, Issued, Issuing};
use list::{Coupon, Lists};

pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(claim_coupon))
        .routes(routes!(user_coupons))
}

/// Everything about coupons that requests are gathered for.
pub(crate) struct Coupons {
    admission: Gatherer<Admission>,
    issuing: Gatherer<Issuing>,
    lists: Gatherer<Lists>,
}

impl Coupons {
    pub(crate) fn start(
        admission: Admission,
        pool: &Pool,
        tasks: &TaskTracker,
        metrics: &Metrics,
    ) -> Self {
        Self {
            admission: Gatherer::start(admission, tasks, metrics),
            issuing: Gatherer::start(Issuing(Link::new(pool)), tasks, metrics),
            lists: Gatherer::start(Lists(Link::new(pool)), tasks, metrics),
        }
    }

    /// How many claims were admitted here and wait for their coupon.
    pub(crate) fn queued(&self) -> usize {
        self.issuing.waiting()
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
struct ClaimQuery {
    user_id: Id,
    policy_id: Id,
}

/// A claim that was admitted and has its coupon.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Admission201 {
    claim_id: Uuid,
}

/// Claims a coupon. A user may have several of one policy.
#[utoipa::path(
    post, path = "/coupons", tag = "coupons", params(ClaimQuery),
    responses(
        (status = 201, description = "Admitted, and the coupon is issued", body = Admission201),
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
        return Err(unknown_user(user_id));
    }
    let policy = policy_id.0;
    let sold_out = || Error::conflict(format!("the coupons of policy {policy} are sold out"));
    if !app.coupons.admission.call(policy).await? {
        return Err(sold_out());
    }
    let claim = Claim {
        id: Uuid::now_v7(),
        user: user_id.0,
        policy,
    };
    match app.coupons.issuing.call(claim).await? {
        Issued::Coupon => Ok((
            StatusCode::CREATED,
            axum::Json(Admission201 { claim_id: claim.id }),
        )),
        Issued::NotActive => Err(Error::bad_request(format!(
            "coupon policy {policy} does not exist or is not active"
        ))),
        Issued::SoldOut => Err(sold_out()),
        Issued::UnknownUser => Err(unknown_user(user_id)),
    }
}

fn unknown_user(Id(user): Id) -> Error {
    Error::bad_request(format!("there is no user {user}"))
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
