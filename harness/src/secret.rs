//! What must not be shown: values that came from variables, and how they are kept out of text.

use std::borrow::Cow;

use parking_lot::RwLock;
use thiserror::Error;
use url::form_urlencoded;

/// What stands where a secret stood.
pub const MASK: &str = "***";

/// A shorter value guards nothing, and is a part of too many innocent words.
const SHORTEST: usize = 4;

/// The longest first, so that a secret within another one leaves nothing of that.
static SECRETS: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// A variable that a suite needs and does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the environment variable {0} is not set, is empty, or is no text; set it, e.g. export {0}=…"
)]
pub struct Missing(pub String);

/// Reads a secret from the environment; it is shown nowhere from then on.
///
/// # Errors
/// When there is no such variable.
pub fn from_env(name: &str) -> Result<String, Missing> {
    let value = std::env::var(name).ok().filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| Missing(name.to_owned()))?;
    keep(&value);
    Ok(value)
}

/// Has the value masked by [`scrub`] from now on. One of fewer than four characters is not.
pub fn keep(value: &str) {
    if value.chars().count() < SHORTEST {
        return;
    }
    let in_a_query: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let in_json = serde_json::Value::from(value).to_string();
    // Without its quotes: the text around it may go on within the same ones.
    let in_json = in_json[1..in_json.len() - 1].to_owned();
    let mut secrets = SECRETS.write();
    for form in [value.to_owned(), in_a_query, in_json] {
        if !secrets.contains(&form) {
            secrets.push(form);
        }
    }
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
}

/// The text with [`MASK`] for every secret in it, and for the login of every address. To be done
/// before a text is cut: half a secret would not be known for one.
#[must_use]
pub fn scrub(text: &str) -> Cow<'_, str> {
    let mut scrubbed = without_logins(text);
    for secret in SECRETS.read().iter() {
        if scrubbed.contains(secret.as_str()) {
            scrubbed = Cow::Owned(scrubbed.replace(secret.as_str(), MASK));
        }
    }
    scrubbed
}

/// The text with [`MASK`] for user and password of every address in it.
#[must_use]
pub fn without_logins(text: &str) -> Cow<'_, str> {
    if !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let mut bare = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        let ends = |c: char| c.is_whitespace() || c.is_control() || "/?#\\\"<>".contains(c);
        let authority = &after[..after.find(ends).unwrap_or(after.len())];
        bare.push_str(before);
        bare.push_str("://");
        rest = after;
        if let Some(at) = authority.rfind('@') {
            bare.push_str(MASK);
            rest = &after[at..];
        }
    }
    if bare.contains(MASK) {
        return Cow::Owned(bare + rest);
    }
    Cow::Borrowed(text)
}

/// What was meant for an address and is none, without what may be secret in it: wherever a login
/// ends, and from where a query begins.
#[must_use]
pub fn mistyped_address(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let rest = match rest.rfind('@') {
        Some(at) => format!("{MASK}{}", &rest[at..]),
        None => rest.to_owned(),
    };
    match rest.find(['?', '#']) {
        Some(query) => format!("{scheme}{}{MASK}", &rest[..=query]),
        None => scheme + &rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_masked_wherever_an_address_stands() {
        // (text, what is left of it)
        let rows = [
            ("checks: rate==1", "checks: rate==1"),
            ("http://host/x@y", "http://host/x@y"),
            ("http://a:b@c@host/x@y", "http://***@host/x@y"),
            ("http://:hunter2@host", "http://***@host"),
            (
                "at redis://:hunter2@h:1/0: refused",
                "at redis://***@h:1/0: refused",
            ),
            ("http://a b@c", "http://a b@c"),
            (
                "influxdb=http://u:p@h/db and postgres://u:p@h",
                "influxdb=http://***@h/db and postgres://***@h",
            ),
            ("http://***@host", "http://***@host"),
        ];
        for (text, expected) in rows {
            assert_eq!(without_logins(text), expected);
        }
    }

    #[test]
    fn of_a_mistyped_address_no_secret_is_left() {
        let rows = [
            ("localhost:8080", "localhost:8080"),
            ("user:hunter2@host", "***@host"),
            ("http:/user:hunter2@host", "***@host"),
            ("http://u:hun/ter2@host/x", "http://***@host/x"),
            ("http://host?token=hunter2", "http://host?***"),
            ("http://u:hun?ter2@host", "http://***@host"),
        ];
        for (text, expected) in rows {
            assert_eq!(mistyped_address(text), expected);
        }
    }

    #[test]
    fn a_secret_is_masked_in_every_form_and_other_text_is_left_alone() {
        keep("s3cret/of \"mine\"");
        keep("s3cret/of \"mine\" and more");
        let rows = [
            ("nothing here", "nothing here"),
            ("token s3cret/of \"mine\"!", "token ***!"),
            ("GET /x?t=s3cret%2Fof+%22mine%22&b=1", "GET /x?t=***&b=1"),
            (r#"{"token":"s3cret/of \"mine\""}"#, r#"{"token":"***"}"#),
            ("<s3cret/of \"mine\" and more>", "<***>"),
            ("http://me:hunter2@host", "http://***@host"),
        ];
        for (text, expected) in rows {
            assert_eq!(scrub(text), expected);
        }
        assert!(matches!(scrub("nothing here"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_masks_nothing() {
        keep("");
        keep("xyz");
        assert_eq!(scrub("xyz"), "xyz");
    }

    #[test]
    fn a_variable_that_is_not_there_is_named() {
        assert_eq!(
            from_env("LOADTEST_TEST_NO_SUCH_SECRET"),
            Err(Missing("LOADTEST_TEST_NO_SUCH_SECRET".to_owned()))
        );
        let license = from_env("CARGO_PKG_LICENSE").expect("cargo sets it");
        assert_eq!(scrub(&format!("in {license}/x")), "in ***/x");
    }
}
