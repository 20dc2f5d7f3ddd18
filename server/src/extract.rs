//! What handlers are given: axum's extractors, whose refusals are problems,
//! and numbers that are valid by their type.

use axum::{
    body::Bytes,
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{BytesRejection, FailedToBufferBody},
    },
    http::request::Parts,
};
use serde::{Deserialize, Deserializer, de};
use utoipa::ToSchema;

use crate::error::Error;

/// The largest request body, in bytes.
pub(crate) const LARGEST_BODY: usize = 64 * 1024;

/// The id of a row: a whole number from 1 up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = i64, minimum = 1)]
pub(crate) struct Id(pub(crate) i64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = i64::deserialize(deserializer)?;
        if id < 1 {
            return Err(de::Error::custom(format_args!(
                "{id} is no id: ids start at 1"
            )));
        }
        Ok(Self(id))
    }
}

/// The parameters in a path.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: de::DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(path)| Self(path))
            .map_err(|rejection| Error::bad_request(rejection.body_text()))
    }
}

/// The parameters of a query.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: de::DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|rejection| Error::bad_request(rejection.body_text()))
    }
}

/// A JSON body, whatever its content type says: there is only one format.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: de::DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let body = body(request, state).await?;
        parse(&body).map(Self)
    }
}

/// A JSON body that may be missing, which stands for the default.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<S: Send + Sync, T: de::DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let body = body(request, state).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        parse(&body).map(Self)
    }
}

async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Error> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
                Error::TooLarge(format!("a body may have {LARGEST_BODY} bytes at most").into())
            }
            other => Error::bad_request(other.body_text()),
        })
}

fn parse<T: de::DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body)
        .map_err(|error| Error::bad_request(format!("the body is not valid: {error}")))
}
