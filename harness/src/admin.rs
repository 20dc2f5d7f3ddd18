//! The client of set-up and audit. It is not measured, except for a request that asks for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use url::Url;

use crate::metrics::{Noted, Proto, RequestTags, SET_UP};
use crate::secret::scrub;
use crate::vu::{Header, Request, Target};

/// Why a call of set-up or audit failed.
#[derive(Debug, Error)]
pub enum AdminError {
    /// No answer.
    #[error("{} was not answered: {}", scrub(.request), scrub(.reason))]
    NoAnswer {
        /// Method and path.
        request: String,
        /// What went wrong, with its causes.
        reason: String,
        /// Whether the request can't have reached the server.
        unsent: bool,
    },
    /// A redirect, which set-up and audit never follow: a `POST` would become a `GET`.
    #[error(
        "{} was answered with {status}, which redirects to {}; give the server's own address with --host",
        scrub(.request),
        scrub(.location)
    )]
    Redirect {
        /// Method and path.
        request: String,
        /// The status.
        status: u16,
        /// Where to.
        location: String,
    },
    /// An answer, but not the one that was asked for.
    #[error("{} was answered with {status}: {}", scrub(.request), scrub(.body))]
    Status {
        /// Method and path.
        request: String,
        /// The status.
        status: u16,
        /// What it said, cut short.
        body: String,
    },
    /// An answer that isn't what the API promises.
    #[error(
        "{} was answered with something other than the API promises: {}",
        scrub(.request),
        scrub(&.source.to_string())
    )]
    Body {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The longest part of an unexpected body that an error quotes.
const QUOTED_CHARS: usize = 200;
/// A call that is safe to repeat is tried so often in all.
const TRIES: u32 = 5;
/// The pause before the second try. It doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The client of set-up and audit, for the server that is tested.
#[derive(Debug, Clone)]
pub struct Admin {
    client: reqwest::Client,
    base: Url,
    proto: Proto,
    noted: Arc<Mutex<Vec<Noted>>>,
    /// Method and path of the request that was begun last.
    last: Arc<Mutex<String>>,
}

impl Admin {
    /// A client for this server, whose requests have these headers; no call may
    /// take longer than `timeout`.
    ///
    /// # Errors
    /// When it can't be set up.
    pub fn new(target: &Target, timeout: Duration, headers: &[Header]) -> reqwest::Result<Self> {
        Ok(Self {
            client: target.companion(timeout, sensitive(headers))?,
            base: target.base().clone(),
            proto: match target.speaks_http2() {
                true => Proto::Http2,
                false => Proto::Http1,
            },
            noted: Arc::default(),
            last: Arc::default(),
        })
    }

    /// Sends JSON as a request of the suite and reads the answer as JSON. It is measured, with a
    /// check that its status is an expected one, and counts among the requests of the load, as in
    /// k6. It is tried again only if it can't have reached the server.
    ///
    /// # Errors
    /// See [`AdminError`]; a status that the request doesn't expect is one.
    pub async fn measured<T: DeserializeOwned>(
        &self,
        request: &Request,
        check: &'static str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, AdminError> {
        let began = Instant::now();
        let method = Method::from_bytes(request.method.as_str().as_bytes()).unwrap_or_default();
        let answer = self.answer(&method, path, Some(body)).await;
        let status = match &answer {
            Ok(answer) => answer.status,
            Err(AdminError::Redirect { status, .. } | AdminError::Status { status, .. }) => *status,
            Err(AdminError::NoAnswer { .. } | AdminError::Body { .. }) => 0,
        };
        let tags = RequestTags {
            scenario: SET_UP,
            persona: SET_UP,
            name: request.name,
            method: request.method,
            status,
            stage: 0,
            expected: request.is_expected(status),
            trend: request.trend,
            proto: self.proto,
        };
        self.noted.lock().push(Noted {
            tags,
            url: scrub(self.base.as_str()).into_owned(),
            check,
            duration: began.elapsed(),
        });
        let answer = answer?;
        if !request.is_expected(status) {
            return Err(answer.unexpected());
        }
        answer.read(|body| serde_json::from_slice(body))
    }

    /// Takes what was measured.
    pub(crate) fn take_noted(&self) -> Vec<Noted> {
        std::mem::take(&mut *self.noted.lock())
    }

    /// Method and path of the request that was begun last, if there was one.
    pub(crate) fn last(&self) -> Option<String> {
        Some(scrub(&self.last.lock()).into_owned()).filter(|last| !last.is_empty())
    }

    /// Gets a path and reads the answer as JSON. Without an answer, or with one of 502 to 504, it
    /// is tried again.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        self.read(path, |body| serde_json::from_slice(body)).await
    }

    /// The same with a reader of one's own.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn read<T>(
        &self,
        path: &str,
        read: impl FnOnce(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T, AdminError> {
        self.call(Method::GET, path, None::<&()>, read).await
    }

    /// Posts JSON and reads the answer as JSON. It is tried again only if it can't have reached
    /// the server.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, AdminError> {
        let read = |body: &[u8]| serde_json::from_slice(body);
        self.call(Method::POST, path, Some(body), read).await
    }

    /// Where a request of this path is redirected to, if it is.
    pub async fn redirect(&self, path: &str) -> Option<String> {
        match self.try_once(&Method::GET, path, None::<&()>).await {
            Err(AdminError::Redirect { location, .. }) => Some(location),
            _ => None,
        }
    }

    async fn call<T>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        read: impl FnOnce(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T, AdminError> {
        self.answer(&method, path, body).await?.read(read)
    }

    /// A successful answer, after some tries where it is safe to try again.
    async fn answer(
        &self,
        method: &Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Answer, AdminError> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            match self.try_once(method, path, body).await {
                Err(AdminError::NoAnswer { unsent, .. })
                    if tries < TRIES && (unsent || method.is_safe()) => {}
                // The server says that it is a matter of time.
                Err(AdminError::Status { status, .. })
                    if tries < TRIES && method.is_safe() && matches!(status, 502..=504) => {}
                answer => return answer,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            tries += 1;
        }
    }

    async fn try_once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Answer, AdminError> {
        let request = format!("{method} {path}");
        self.last.lock().clone_from(&request);
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut call = self.client.request(method.clone(), url);
        if let Some(body) = body {
            call = call.json(body);
        }
        let no_answer = |error: reqwest::Error| AdminError::NoAnswer {
            request: request.clone(),
            unsent: error.is_connect(),
            reason: chain(&error),
        };
        let answer = call.send().await.map_err(no_answer)?;
        let status = answer.status();
        let location = answer.headers().get(LOCATION).cloned();
        let body = answer.bytes().await.map_err(no_answer)?;
        let answer = Answer {
            request,
            status: status.as_u16(),
            body,
        };
        if status.is_success() {
            return Ok(answer);
        }
        match location.filter(|_| status.is_redirection()) {
            Some(location) => Err(AdminError::Redirect {
                request: answer.request,
                status: answer.status,
                location: String::from_utf8_lossy(location.as_bytes()).into_owned(),
            }),
            None => Err(answer.unexpected()),
        }
    }
}

/// What came back.
struct Answer {
    /// Method and path of what it answers.
    request: String,
    status: u16,
    body: bytes::Bytes,
}

impl Answer {
    fn read<T>(self, read: impl FnOnce(&[u8]) -> serde_json::Result<T>) -> Result<T, AdminError> {
        let request = self.request;
        read(&self.body).map_err(|source| AdminError::Body { request, source })
    }

    fn unexpected(self) -> AdminError {
        // Scrubbed as a whole: half a secret would not be known for one.
        let said = String::from_utf8_lossy(&self.body);
        let said = scrub(&said);
        AdminError::Status {
            request: self.request,
            status: self.status,
            body: said.chars().take(QUOTED_CHARS).collect(),
        }
    }
}

/// The headers of every request, marked so that nobody logs them.
fn sensitive(headers: &[Header]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for header in headers {
        // Whatever passed as a header of the run is one here as well.
        if let (Ok(name), Ok(mut value)) = (
            HeaderName::from_bytes(header.name().as_bytes()),
            HeaderValue::from_bytes(header.value().as_bytes()),
        ) {
            value.set_sensitive(true);
            map.append(name, value);
        }
    }
    map
}

/// An error with its causes: reqwest's own text leaves them out.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
#[path = "admin_tests.rs"]
mod tests;
