//! A database that takes lines over HTTP: how it is asked, and what its answers mean.
//!
//! | answer | meaning |
//! | --- | --- |
//! | 204 | the rows were taken |
//! | 400, 422 with a JSON object | a row is bad; the others may be taken |
//! | 413 | too much at once: rows are sent in parts, and one that is refused alone is spooled |
//! | anything else | not now: rows are kept, and sent again |
//!
//! A redirect and a page with status 200 come from something in between, such as a login page or a
//! gateway. The rows are not delivered then.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};

use super::destination::WriteError;
use crate::crypto::provide;
use crate::secret::scrub;

/// How long a write may take before it is tried again.
pub(super) const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// What is read of an answer at most.
const READ_BYTES: usize = 64 * 1024;
/// How much of a text an error quotes, of its start and of its end.
const QUOTED_CHARS: usize = 200;

/// A client for an address, that follows no redirects. Like every client here, it uses no proxy:
/// `HTTP_PROXY` and its like are for browsers, and what a proxy answers would pass for the
/// database's answer.
///
/// # Errors
/// In words.
pub(super) fn client(base: &Url, insecure: bool) -> Result<Client, String> {
    provide();
    // Who needs no certificates must not fail because there are none.
    let insecure = insecure || base.scheme() == "http";
    Client::builder()
        .timeout(WRITE_WITHIN)
        .no_proxy()
        .redirect(Policy::none())
        .tls_danger_accept_invalid_certs(insecure)
        .build()
        .map_err(chain)
}

/// Sends a request that writes rows.
pub(super) async fn write(request: RequestBuilder) -> Result<(), WriteError> {
    let unavailable = |error| WriteError::Unavailable(chain(error));
    let mut answer = request.send().await.map_err(unavailable)?;
    let header = |name| {
        let value = answer.headers().get(name);
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let (status, kind) = (answer.status(), header(CONTENT_TYPE));
    let location = header(LOCATION);
    let body = match status {
        StatusCode::NO_CONTENT => Vec::new(),
        _ => start_of(&mut answer).await.map_err(unavailable)?,
    };
    judged(&Answer {
        status,
        kind: kind.as_deref().unwrap_or("no content type"),
        location: location.as_deref(),
        body: &body,
    })
}

/// The body of an answer, of a long one its start.
pub(super) async fn start_of(answer: &mut Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > READ_BYTES {
            break;
        }
    }
    Ok(body)
}

/// What matters of an answer.
pub(super) struct Answer<'a> {
    pub(super) status: StatusCode,
    /// Its content type.
    pub(super) kind: &'a str,
    pub(super) location: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// What an answer means for the rows.
pub(super) fn judged(answer: &Answer<'_>) -> Result<(), WriteError> {
    let Answer { status, kind, .. } = answer;
    let said = || quoted(&String::from_utf8_lossy(answer.body));
    let text = || format!("{status}: {}", said());
    match status.as_u16() {
        204 => Ok(()),
        400 | 422 if is_object(answer.body) => Err(WriteError::Split(text())),
        413 => Err(WriteError::TooMuch(text())),
        401 | 403 => Err(WriteError::Unavailable(format!(
            "the login was refused ({status}): {}; check user and password or INFLUX_TOKEN, and \
             whether they may write there",
            said()
        ))),
        200..=299 => Err(WriteError::Unavailable(format!(
            "answered {status} with {kind}, where a database answers 204: is this the address of \
             an InfluxDB?"
        ))),
        300..=399 => Err(WriteError::Unavailable(format!(
            "answered {status}, a redirect{}: give the address of the InfluxDB itself",
            answer
                .location
                .map_or_else(String::new, |to| format!(" to {}", place(to)))
        ))),
        _ => Err(WriteError::Unavailable(text())),
    }
}

/// Whether InfluxDB itself said this: what is wrong with rows comes as a JSON object.
fn is_object(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Map<_, _>>(body).is_ok()
}

/// A location without what may be secret in it.
fn place(location: &str) -> String {
    let bare = location.split(['?', '#']).next().unwrap_or_default();
    match Url::parse(bare) {
        Ok(url) => quoted(without_login(url).as_str()),
        Err(_) => quoted(bare),
    }
}

fn without_login(mut url: Url) -> Url {
    // Neither fails for http and https.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// A text on one line. Of a long one the start and the end: the reason stands behind the line that
/// it is about.
pub(super) fn quoted(text: &str) -> String {
    let text = scrub(text);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let chars: Vec<char> = line.chars().collect();
    if chars.len() <= 2 * QUOTED_CHARS {
        return line;
    }
    let start: String = chars[..QUOTED_CHARS].iter().collect();
    let end: String = chars[chars.len() - QUOTED_CHARS..].iter().collect();
    format!("{start} … {end}")
}

/// An error with what caused it; the output's name is said beside it, so the URL isn't.
pub(super) fn chain(error: reqwest::Error) -> String {
    told(&error.without_url())
}

/// An error with what caused it.
pub(super) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Reads the address of a database. Its path is kept, and nothing else that it may have.
///
/// # Errors
/// In words that repeat nothing of the text, for it may hold a password.
pub(super) fn address(text: &str, form: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .ok_or_else(|| format!("is not the address of an InfluxDB; write {form}"))?;
    if url.fragment().is_some() {
        return Err(format!("has a '#', which no address needs; write {form}"));
    }
    if url.username().is_empty() && url.password().is_some() {
        return Err(format!("has a password and no user; write {form}"));
    }
    Ok(url)
}

/// Scheme, host, port and this path, with a slash at its end.
pub(super) fn base(url: &Url, prefix: &str) -> Url {
    let mut base = without_login(url.clone());
    let prefix = prefix.trim_matches('/');
    base.set_path(&match prefix {
        "" => "/".to_owned(),
        prefix => format!("/{prefix}/"),
    });
    base.set_query(None);
    base
}

/// An endpoint below a base.
pub(super) fn endpoint(base: &Url, path: &str, query: &[(&str, String)]) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path()));
    url.query_pairs_mut().extend_pairs(query);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_quotes_of_a_login_is_masked() {
        crate::secret::keep("tok\"en/sec+ret");
        for said in [
            "Token tok\"en/sec+ret",
            r#"{"error":"Token tok\"en/sec+ret"}"#,
        ] {
            let shown = quoted(said);
            assert!(shown.contains("***") && !shown.contains("sec"), "{shown}");
        }
    }

    /// What an answer means: `ok`, or the kind of error and its text.
    fn meaning(status: u16, kind: &str, location: Option<&str>, body: &str) -> (String, String) {
        let judged = judged(&Answer {
            status: StatusCode::from_u16(status).expect("a status"),
            kind,
            location,
            body: body.as_bytes(),
        });
        let (word, text) = match judged {
            Ok(()) => ("taken", String::new()),
            Err(WriteError::Split(text)) => ("split", text),
            Err(WriteError::TooMuch(text)) => ("too much", text),
            Err(WriteError::Unavailable(text)) => ("later", text),
            Err(WriteError::Refused(text)) => ("lost", text),
        };
        (word.to_owned(), text)
    }

    #[test]
    fn only_204_is_a_delivery_and_only_rows_can_be_bad() {
        let conflict = r#"{"error":"partial write: field type conflict: input field \"p95\""}"#;
        let rows = [
            (204, "", "taken"),
            (200, "<html>Log in</html>", "later"),
            (202, "", "later"),
            (301, "", "later"),
            (400, conflict, "split"),
            (422, conflict, "split"),
            (400, "<html>400 Bad Request</html>", "later"),
            (401, "{}", "later"),
            (403, "{}", "later"),
            (404, r#"{"error":"database not found"}"#, "later"),
            (405, "", "later"),
            (413, "", "too much"),
            (429, "", "later"),
            (500, "", "later"),
            (503, "", "later"),
        ];
        for (status, body, expected) in rows {
            assert_eq!(
                meaning(status, "text/html", None, body).0,
                expected,
                "{status} {body}"
            );
        }
        let (_, text) = meaning(400, "application/json", None, conflict);
        assert!(text.contains("p95"), "the field is named: {text}");
    }

    #[test]
    fn who_answered_instead_is_said_without_its_secrets() {
        let (_, text) = meaning(
            302,
            "",
            Some("http://u:hunter2@sso.example/login?token=hunter2"),
            "",
        );
        assert!(
            text.contains("a redirect to http://sso.example/login"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
        let (_, text) = meaning(200, "text/html", None, "");
        assert!(text.contains("answered 200 OK with text/html"), "{text}");
    }

    #[test]
    fn of_a_long_answer_the_reason_at_its_end_is_kept() {
        let body = format!(
            r#"{{"error":"unable to parse '{}': bad timestamp"}}"#,
            "x".repeat(900)
        );
        let (_, text) = meaning(400, "", None, &body);
        assert!(
            text.contains("unable to parse") && text.contains("bad timestamp"),
            "{text}"
        );
        assert!(text.chars().count() < 450, "{text}");
    }
}
