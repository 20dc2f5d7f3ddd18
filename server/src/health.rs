//! Whether the server lives, and whether it can serve.

use std::time::Duration;

use axum::extract::State;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::{Error, Problem},
    state::Shared,
    timing::{self, Part},
};

/// How long a store may take to show that it is there.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(live))
        .routes(routes!(ready))
}

#[derive(Serialize, ToSchema)]
struct Health {
    #[schema(example = "ok")]
    status: &'static str,
}

const OK: axum::Json<Health> = axum::Json(Health { status: "ok" });

/// The process answers.
#[utoipa::path(get, path = "/health/live", tag = "health", responses((status = 200, body = Health)))]
async fn live() -> axum::Json<Health> {
    OK
}

/// PostgreSQL and Redis answer, too.
#[utoipa::path(
    get, path = "/health/ready", tag = "health",
    responses(
        (status = 200, body = Health),
        (status = 503, description = "PostgreSQL or Redis is away", body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn ready(State(app): State<Shared>) -> Result<axum::Json<Health>, Error> {
    let ping = redis::cmd("PING");
    let database = app.pool.run(PATIENCE, async |connection| {
        sqlx::query("SELECT").execute(connection).await
    });
    let redis = timeout(
        PATIENCE,
        app.redis
            .call(async |connection| ping.query_async::<()>(connection).await),
    );
    let look = async {
        tokio::join!(
            timing::measure(Part::Db, database),
            timing::measure(Part::Redis, redis),
        )
    };
    match look.await {
        (Ok(_), Ok(Ok(()))) => Ok(OK),
        (Ok(_), _) => Err(Error::unavailable("Redis is away")),
        (_, Ok(Ok(()))) => Err(Error::unavailable("PostgreSQL is away")),
        _ => Err(Error::unavailable("PostgreSQL and Redis are away")),
    }
}
