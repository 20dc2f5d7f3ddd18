//! What handlers are given: axum's extractors, whose refusals are problems,
//! and numbers that are valid by their type.

use std::{error::Error as _, fmt, marker::PhantomData, time::Duration};

use axum::{
    body::{Bytes, to_bytes},
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use http_body_util::LengthLimitError;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::error::Error;

/// The largest request body, in bytes.
const LARGEST_BODY: usize = 64 * 1024;

/// How long a body may take to come.
const SLOWEST_BODY: Duration = Duration::from_secs(30);

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

/// A JSON object. Types that are only made to be read from objects would take
/// arrays of their fields as well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, text: &mut fmt::Formatter) -> fmt::Result {
        text.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

/// A JSON body, whatever its content type says: there is only one format.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: de::DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let body = body(request).await?;
        parse(&body).map(Self)
    }
}

/// A JSON body that may be missing, which stands for the default.
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<S: Send + Sync, T: de::DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let body = body(request).await?;
        if body.is_empty() {
            return Ok(Self(T::default()));
        }
        parse(&body).map(Self)
    }
}

/// Reads the body here and not by axum's extractor, whose limit would be
/// a layer around every route and an entry in every request's extensions.
async fn body(request: Request) -> Result<Bytes, Error> {
    timeout(SLOWEST_BODY, to_bytes(request.into_body(), LARGEST_BODY))
        .await
        .map_err(|_| Error::TooSlow("the rest of the body did not come".into()))?
        .map_err(|error| {
            if let Some(source) = error.source()
                && source.is::<LengthLimitError>()
            {
                Error::TooLarge(format!("a body may have {LARGEST_BODY} bytes at most").into())
            } else {
                Error::bad_request(format!("the body could not be read: {error}"))
            }
        })
}

fn parse<T: de::DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body)
        .map(|Object(body)| body)
        .map_err(|error| Error::bad_request(format!("the body is not valid: {error}")))
}
