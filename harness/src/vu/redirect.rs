//! Where an answer points, and what is sent there (RFC 9110, 15.4). Pure.

use thiserror::Error;
use url::{Position, Url};

use crate::metrics::Method;

/// A redirect that is not followed though redirects are.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RedirectError {
    /// Another server is not what is tested.
    #[error("redirected to another origin, {0}, which is not followed; test that address instead")]
    Elsewhere(String),
    /// There is no end to them.
    #[error("redirected more than {most} times, last to {location}")]
    TooMany {
        /// How many are followed.
        most: u32,
        /// Where the next would have gone.
        location: String,
    },
}

/// The next request of a redirect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: String,
    pub(super) keeps_body: bool,
}

/// Where an answer of this status and with this `Location` points, as seen from `base`, the address
/// that was asked; nothing when it doesn't redirect.
#[must_use]
pub fn location_of(status: u16, location: Option<&str>, base: &Url) -> Option<Url> {
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    base.join(location?).ok()
}

/// What follows a redirect from `base` to `to`, when `left` of `most` redirects are.
pub(super) fn next(
    status: u16,
    method: Method,
    base: &Url,
    to: &Url,
    left: u32,
    most: u32,
) -> Result<Hop, RedirectError> {
    if to.origin() != base.origin() {
        return Err(RedirectError::Elsewhere(to.to_string()));
    }
    if left == 0 {
        let location = to.to_string();
        return Err(RedirectError::TooMany { most, location });
    }
    let becomes_get = match status {
        303 => method != Method::Head,
        301 | 302 => method == Method::Post,
        _ => false,
    };
    Ok(Hop {
        method: if becomes_get { Method::Get } else { method },
        path: to[Position::BeforePath..Position::AfterQuery].to_owned(),
        keeps_body: !becomes_get,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("http://shop:8080/api/orders?x=1").expect("an address")
    }

    fn to(status: u16, location: &str) -> Option<String> {
        location_of(status, Some(location), &base()).map(Into::into)
    }

    #[test]
    fn a_location_is_read_as_seen_from_the_request() {
        let rows = [
            (
                302,
                "/login?next=%2F",
                Some("http://shop:8080/login?next=%2F"),
            ),
            (301, "7", Some("http://shop:8080/api/7")),
            (307, "//other/x", Some("http://other/x")),
            (308, "https://shop:8080/", Some("https://shop:8080/")),
            (303, "http://[", None),
            (300, "/x", None),
            (304, "/x", None),
            (200, "/x", None),
            (201, "/orders/7", None),
        ];
        for (status, location, expected) in rows {
            assert_eq!(
                to(status, location).as_deref(),
                expected,
                "{status} {location}"
            );
        }
        assert_eq!(location_of(302, None, &base()), None);
    }

    #[test]
    fn methods_and_bodies_survive_where_they_should() {
        use Method::{Delete, Get, Head, Patch, Post, Put};
        let rows = [
            (303, Post, Get, false),
            (303, Put, Get, false),
            (303, Head, Head, true),
            (301, Post, Get, false),
            (302, Post, Get, false),
            (302, Delete, Delete, true),
            (301, Get, Get, true),
            (307, Post, Post, true),
            (308, Patch, Patch, true),
        ];
        let there = base().join("/there?y=2#part").expect("an address");
        for (status, from, to, keeps_body) in rows {
            let hop = next(status, from, &base(), &there, 1, 3);
            let expected = Hop {
                method: to,
                path: "/there?y=2".to_owned(),
                keeps_body,
            };
            assert_eq!(hop, Ok(expected), "{status} {from:?}");
        }
    }

    #[test]
    fn only_the_same_server_is_asked_and_not_for_ever() {
        for elsewhere in ["https://shop:8080/", "http://shop/", "http://other:8080/"] {
            let there = Url::parse(elsewhere).expect("an address");
            assert_eq!(
                next(302, Method::Get, &base(), &there, 1, 3),
                Err(RedirectError::Elsewhere(elsewhere.to_owned()))
            );
        }
        let same = Url::parse("http://SHOP:8080/x").expect("an address");
        assert!(next(302, Method::Get, &base(), &same, 1, 3).is_ok());
        assert_eq!(
            next(302, Method::Get, &base(), &same, 0, 3).map_err(|error| error.to_string()),
            Err("redirected more than 3 times, last to http://shop:8080/x".to_owned())
        );
    }
}
