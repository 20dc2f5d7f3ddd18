//! Why a request was not served, as an RFC 9457 problem.

use std::borrow::Cow;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The text of an error: what was wrong, for a person to read.
pub(crate) type Detail = Cow<'static, str>;

/// Longest detail that is sent. Messages of parsers quote what they were
/// given, and that may be 64 KiB.
const LONGEST_DETAIL: usize = 300;

/// Why a request was not served. `Clone`, because a batch that fails fails
/// for everyone in it.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Error {
    /// The request is wrong, whatever the state of the shop.
    #[error("{0}")]
    BadRequest(Detail),
    #[error("{0}")]
    Forbidden(Detail),
    #[error("{0}")]
    NotFound(Detail),
    #[error("{0}")]
    MethodNotAllowed(Detail),
    /// The request was fine and something is used up.
    #[error("{0}")]
    Conflict(Detail),
    #[error("{0}")]
    TooLarge(Detail),
    /// The client sends no more of its request.
    #[error("{0}")]
    TooSlow(Detail),
    /// PostgreSQL or Redis is away, or too much is queued.
    #[error("{0}")]
    Unavailable(Detail),
    /// A defect of the server. The reason is in its log.
    #[error("the server failed; its log says why")]
    Internal,
}

impl Error {
    pub(crate) fn bad_request(detail: impl Into<Detail>) -> Self {
        Self::BadRequest(detail.into())
    }

    pub(crate) fn not_found(detail: impl Into<Detail>) -> Self {
        Self::NotFound(detail.into())
    }

    pub(crate) fn conflict(detail: impl Into<Detail>) -> Self {
        Self::Conflict(detail.into())
    }

    pub(crate) fn unavailable(detail: impl Into<Detail>) -> Self {
        Self::Unavailable(detail.into())
    }

    pub(crate) fn unknown_user(id: i64) -> Self {
        Self::not_found(format!("there is no user {id}"))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error as it is sent, with media type `application/problem+json`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What the status means in general.
    #[schema(example = "Conflict")]
    title: &'static str,
    /// The status code again.
    #[schema(example = 409)]
    status: u16,
    /// What was wrong with this request.
    #[schema(example = "coupon 7 has been used")]
    detail: String,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut detail = self.to_string();
        if let Some((end, _)) = detail.char_indices().nth(LONGEST_DETAIL) {
            detail.truncate(end);
            detail.push('…');
        }
        let problem = Problem {
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
        };
        let mut response = (status, axum::Json(problem)).into_response();
        let media_type = HeaderValue::from_static("application/problem+json");
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, media_type);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            // A store that is back is noticed within a second.
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}

/// Classes and codes of PostgreSQL's errors that say that it is not able now,
/// as opposed to "this statement is wrong": connection, transaction rollback,
/// resources, lock not available, intervention (time-outs and shutdown).
const NOT_NOW: &[&str] = &["08", "40", "53", "55P03", "57"];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::Database(error) => error.code(),
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::RowNotFound => Some(Cow::Borrowed("an unexpected result")),
            _ => None,
        };
        match code {
            Some(code) if !NOT_NOW.iter().any(|class| code.starts_with(class)) => {
                tracing::error!(%error, "PostgreSQL refused a statement");
                Self::Internal
            }
            _ => {
                tracing::warn!(%error, "PostgreSQL did not serve a request");
                Self::unavailable("PostgreSQL did not answer in time; the outcome is unknown")
            }
        }
    }
}

impl From<redis::RedisError> for Error {
    fn from(error: redis::RedisError) -> Self {
        tracing::warn!(%error, "Redis did not serve a request");
        Self::unavailable("Redis did not answer in time")
    }
}
