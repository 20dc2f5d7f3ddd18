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
#[error("the environment variable {0} is not set, or is no text; set it, e.g. export {0}=…")]
pub struct Missing(pub String);

/// Reads a secret from the environment; it is shown nowhere from then on.
///
/// # Errors
/// When there is no such variable.
pub fn from_env(name: &str) -> Result<String, Missing> {
    let value = std::env::var(name).map_err(|_| Missing(name.to_owned()))?;
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

/// The text with [`MASK`] for every secret in it.
#[must_use]
pub fn scrub(text: &str) -> Cow<'_, str> {
    let mut scrubbed = Cow::Borrowed(text);
    for secret in SECRETS.read().iter() {
        if scrubbed.contains(secret.as_str()) {
            scrubbed = Cow::Owned(scrubbed.replace(secret.as_str(), MASK));
        }
    }
    scrubbed
}

/// `http://user:password@host` without user and password.
#[must_use]
pub fn without_login(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://{MASK}{}", &rest[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ];
        for (text, expected) in rows {
            assert_eq!(scrub(text), expected);
        }
        assert!(matches!(scrub("nothing here"), Cow::Borrowed(_)));
    }

    #[test]
    fn an_address_is_shown_without_its_login() {
        let rows = [
            ("http://a:b@c@host/x@y", "http://***@host/x@y"),
            ("http://:secret@host", "http://***@host"),
            ("checks: rate==1", "checks: rate==1"),
        ];
        for (text, shown) in rows {
            assert_eq!(without_login(text), shown);
        }
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
