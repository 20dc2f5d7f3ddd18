//! What a request to the live page asks for. Pure.

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderMap, Method, header};

use super::token::Token;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Page,
    Stop,
    /// To stop, without the token.
    Forbidden,
    /// By a name that isn't this server's.
    Foreign,
    /// Something else.
    Nothing,
}

impl Asked {
    pub(super) fn of(parts: &Parts, token: &Token) -> Self {
        if !is_own(host(&parts.headers)) {
            return Self::Foreign;
        }
        match (&parts.method, parts.uri.path()) {
            (&Method::GET, "/") => Self::Page,
            (&Method::POST, "/stop") if token.is(bearer(&parts.headers)) => Self::Stop,
            (&Method::POST, "/stop") => Self::Forbidden,
            _ => Self::Nothing,
        }
    }
}

fn host(headers: &HeaderMap) -> &str {
    let host = headers.get(header::HOST);
    host.and_then(|host| host.to_str().ok()).unwrap_or_default()
}

/// A page of somebody else can have its own name lead here (DNS rebinding), and then read what this
/// server says. It can't do so with numbers, or with `localhost`.
fn is_own(host: &str) -> bool {
    let has_port = |port: &str| port.parse::<u16>().is_ok();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if has_port(port) => name,
        _ => host,
    };
    let inner = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost") || inner.unwrap_or(name).parse::<IpAddr>().is_ok()
}

fn bearer(headers: &HeaderMap) -> &[u8] {
    let given = headers.get(header::AUTHORIZATION);
    let given = given.and_then(|given| given.as_bytes().strip_prefix(b"Bearer "));
    given.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_request_is_for_the_page_or_for_a_stop_with_the_token() {
        let token = Token::random();
        let right = format!("Bearer {token}");
        let host = "127.0.0.1:5665";
        let rows = [
            ("GET", "/", host, "", Asked::Page),
            ("GET", "/?x=1", host, "", Asked::Page),
            ("HEAD", "/", host, "", Asked::Nothing),
            ("GET", "/stop", host, &right, Asked::Nothing),
            ("POST", "/", host, &right, Asked::Nothing),
            ("GET", "/../etc/passwd", host, "", Asked::Nothing),
            ("POST", "/stop", host, &right, Asked::Stop),
            ("POST", "/stop", host, "", Asked::Forbidden),
            ("POST", "/stop", host, "Bearer ", Asked::Forbidden),
            ("POST", "/stop", host, &right[7..], Asked::Forbidden),
            ("POST", "/stop", "evil.example:5665", &right, Asked::Foreign),
            ("GET", "/", "evil.example", "", Asked::Foreign),
            ("GET", "/", "", "", Asked::Foreign),
        ];
        for (method, path, host, given, expected) in rows {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header(header::HOST, host)
                .header(header::AUTHORIZATION, given);
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            let found = Asked::of(&parts, &token);
            assert_eq!(found, expected, "{method} {path} {host} {given}");
        }
    }

    #[test]
    fn its_own_names_are_numbers_and_localhost() {
        let rows = [
            ("127.0.0.1", true),
            ("127.0.0.1:80", true),
            ("[::1]:80", true),
            ("[::1]", true),
            ("10.1.2.3:5665", true),
            ("LocalHost:5665", true),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example:80", false),
            ("localhost:80:80", false),
            ("", false),
        ];
        for (host, expected) in rows {
            assert_eq!(is_own(host), expected, "{host}");
        }
    }
}
