//! One call of a request: where to, with which headers and which body.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use url::form_urlencoded;

use super::error::CallError;
use super::header::{self, CONTENT_TYPE, Fields};
use super::request::Request;
use super::wire;
use crate::metrics::Method;

/// One call of a request. Nothing is allocated for one without headers.
#[derive(Debug, Clone)]
#[must_use = "it is sent by VirtualUser::send"]
pub struct Call<'a> {
    pub(super) request: &'static Request,
    /// The request's, except after a redirect.
    pub(super) method: Method,
    pub(super) path: Cow<'a, str>,
    /// Whether the path begins at the server and not below the target's address.
    pub(super) rooted: bool,
    headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    body: Option<Body<'a>>,
    /// What was wrong first.
    error: Option<CallError>,
}

#[derive(Debug, Clone)]
struct Body<'a> {
    content_type: Cow<'a, str>,
    bytes: Bytes,
}

impl Request {
    /// One such request, for this path below the target's address.
    pub fn at<'a>(&'static self, path: impl Into<Cow<'a, str>>) -> Call<'a> {
        Call::new(self, path.into())
    }
}

impl<'a> Call<'a> {
    pub(super) const fn new(request: &'static Request, path: Cow<'a, str>) -> Self {
        Self {
            request,
            method: request.method,
            path,
            rooted: false,
            headers: Vec::new(),
            body: None,
            error: None,
        }
    }

    /// With this header, in place of the request's and the run's.
    pub fn header(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        let (name, value) = (name.into(), value.into());
        match header::check(&name, &value) {
            Ok(()) => self.headers.push((name, value)),
            Err(error) => self.fail(error.into()),
        }
        self
    }

    /// With this body. A header `content-type`, if there is one, overrides its type.
    pub fn body(mut self, content_type: impl Into<Cow<'a, str>>, bytes: impl Into<Bytes>) -> Self {
        let (content_type, bytes) = (content_type.into(), bytes.into());
        match header::check(CONTENT_TYPE, &content_type) {
            Ok(()) => {
                self.body = Some(Body {
                    content_type,
                    bytes,
                });
            }
            Err(error) => self.fail(error.into()),
        }
        self
    }

    /// With this as JSON.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body("application/json", bytes),
            Err(error) => {
                self.fail(CallError::Json(error.to_string()));
                self
            }
        }
    }

    /// With these as an HTML form sends them.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.body("application/x-www-form-urlencoded", body)
    }

    fn fail(&mut self, error: CallError) {
        self.error.get_or_insert(error);
    }

    /// The same call to another place, for a redirect.
    pub(super) fn moved(mut self, method: Method, path: String, keeps_body: bool) -> Self {
        self.method = method;
        self.path = Cow::Owned(path);
        self.rooted = true;
        if !keeps_body {
            self.body = None;
            self.headers
                .retain(|(name, _)| !name.eq_ignore_ascii_case(CONTENT_TYPE));
        }
        self
    }

    /// Whether it can be sent.
    pub(super) fn check(&self) -> Result<(), CallError> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(wire::check_target(self.method, &self.path)?),
        }
    }

    /// Writes its first line and its header fields but for those that follow from the body's
    /// length. `prefix` comes before its path, `fields` are the run's, `cookie` the jar's.
    pub(super) fn write_head(
        &self,
        out: &mut BytesMut,
        prefix: &str,
        fields: &Fields,
        cookie: Option<&str>,
    ) {
        let prefix = if self.rooted { "" } else { prefix };
        wire::request_line(out, self.method, prefix, &self.path);
        let own = self.request.own_headers();
        let plain = own.is_empty() && self.headers.is_empty() && cookie.is_none();
        if plain && !(fields.is_typed() && self.body.is_some()) {
            fields.write(out);
            if let Some(body) = &self.body {
                header::field(out, CONTENT_TYPE, &body.content_type);
            }
        } else {
            self.each_field(fields, cookie, |name, value| {
                header::field(out, name, value);
            });
        }
    }

    /// Writes the rest.
    pub(super) fn write_content(&self, out: &mut BytesMut) {
        let body = self.body.as_ref().map(|body| &*body.bytes);
        wire::content(out, self.method, body);
    }

    /// Its body.
    pub(super) fn content(&self) -> Option<Bytes> {
        self.body.as_ref().map(|body| body.bytes.clone())
    }

    /// Gives each header field once. The call's override the request's, and these override the
    /// run's. Fields that give the body's length are left out.
    pub(super) fn each_field(
        &self,
        fields: &Fields,
        cookie: Option<&str>,
        mut give: impl FnMut(&str, &str),
    ) {
        let own = self.request.own_headers();
        let by_call = |name: &str| has(self.headers.iter().map(|(known, _)| &**known), name);
        let by_request = |name: &str| has(own.iter().map(|(known, _)| *known), name);
        let given = |name: &str| by_call(name) || by_request(name);
        let body = self.body.as_ref().filter(|_| !given(CONTENT_TYPE));
        let cookie = cookie.filter(|_| !given("cookie"));
        let replaced = |name: &str| {
            given(name)
                || body.is_some() && name.eq_ignore_ascii_case(CONTENT_TYPE)
                || cookie.is_some() && name.eq_ignore_ascii_case("cookie")
        };
        let of_the_run = fields.each().filter(|(name, _)| !replaced(name));
        of_the_run.for_each(|(name, value)| give(name, value));
        let of_the_request = own.iter().filter(|(name, _)| !by_call(name));
        of_the_request.for_each(|(name, value)| give(name, value));
        for (name, value) in &self.headers {
            give(name, value);
        }
        if let Some(cookie) = cookie {
            give("cookie", cookie);
        }
        if let Some(body) = body {
            give(CONTENT_TYPE, &body.content_type);
        }
    }
}

fn has<'b>(mut names: impl Iterator<Item = &'b str>, name: &str) -> bool {
    names.any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
