//! What must not be shown: values that came from variables, and how they are kept out of text.

mod forms;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use parking_lot::RwLock;
use thiserror::Error;

use self::forms::Form;

/// What stands where a secret stood.
pub const MASK: &str = "***";

/// A shorter value guards nothing, and is a part of too many innocent words.
const SHORTEST: usize = 4;

/// The longest first, so that a secret within another one leaves nothing of that.
static SECRETS: RwLock<Vec<Form>> = RwLock::new(Vec::new());

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

/// Has the value masked by [`scrub`] from now on, in whatever form it stands there; and what is
/// secret within it, if it is what an `Authorization` has. One of fewer than four characters is not.
pub fn keep(value: &str) {
    keep_one(value);
    let credentials = match value.split_once(' ') {
        Some((scheme, rest)) if SCHEMES.iter().any(|own| scheme.eq_ignore_ascii_case(own)) => {
            keep_one(rest);
            rest
        }
        _ => value,
    };
    if let Some(password) = password(credentials) {
        keep_one(&password);
    }
}

/// Schemes whose credentials are one word, which may be quoted without them.
const SCHEMES: [&str; 3] = ["Basic", "Bearer", "Token"];

/// The password in the Base64 of `user:password`.
fn password(credentials: &str) -> Option<String> {
    let login = String::from_utf8(BASE64.decode(credentials).ok()?).ok()?;
    let (_, password) = login.split_once(':')?;
    Some(password.to_owned())
}

fn keep_one(value: &str) {
    if value.chars().count() < SHORTEST {
        return;
    }
    let mut secrets = SECRETS.write();
    for form in Form::all(value) {
        if !secrets.contains(&form) {
            secrets.push(form);
        }
    }
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.length()));
}

/// The text with [`MASK`] for every secret in it, and for the login of every address. To be done
/// before a text is cut: half a secret would not be known for one.
#[must_use]
pub fn scrub(text: &str) -> Cow<'_, str> {
    let mut scrubbed = without_logins(text);
    for secret in SECRETS.read().iter() {
        if let Some(masked) = secret.masked(&scrubbed, MASK) {
            scrubbed = Cow::Owned(masked);
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
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

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

    /// Every form of `p/w "é%\` and a part of a longer value in Base64, with what surrounds them.
    #[test]
    fn a_secret_is_masked_however_it_was_encoded() {
        keep("p/w \"\u{e9}%\\z");
        let rows = [
            ("percent, all", "/x/p%2Fw%20%22%C3%A9%25%5Cz?b"),
            ("lower case", "/x/p%2fw%20%22%c3%a9%25%5cz?b"),
            ("as some of it is in a path", "/x/p/w%20%22\u{e9}%25\\z?b"),
            ("a query", "/x/p%2Fw+%22%C3%A9%25%5Cz?b"),
            (
                "encoded twice",
                "/x/p%252Fw%2520%2522%25C3%25a9%2525%255Cz?b",
            ),
            ("every octet", "/x/%70%2F%77%20%22%C3%A9%25%5C%7A?b"),
            ("JSON", r#"/x/p/w \"\u{e9}%\\z?b"#),
            ("JSON in ASCII", r#"/x/p\/w \"\u00e9%\\z?b"#),
            ("with numbers", r"/x/p\u002Fw\u0020\u0022\u00E9%\u005cz?b"),
            ("JSON in JSON", r#"/x/p/w \\\"\\u00e9%\\\\z?b"#),
            ("HTML", "/x/p/w &quot;&#233;%\\z?b"),
            ("HTML by numbers", "/x/p&#x2F;w &#34;&#xe9;%\\z?b"),
        ];
        for (form, text) in rows {
            let text = text.replace("\\u{e9}", "\u{e9}");
            assert_eq!(scrub(&text), "/x/***?b", "{form}");
        }
    }

    #[test]
    fn a_secret_is_masked_in_digits_and_in_wide_characters() {
        keep("wide/Key~7");
        let wide = |zeros: usize| -> String {
            let zeros = "\0".repeat(zeros);
            "wide/Key~7"
                .chars()
                .map(|c| format!("{c}{zeros}"))
                .collect()
        };
        let rows = [
            "776964652f4b65797e37".to_owned(),
            "776964652F4B65797E37".to_owned(),
            wide(1),
            wide(3),
            wide(1).trim_end_matches('\0').to_owned(),
            wide(1).replace('\0', r"\u0000"),
            wide(1).replace('\0', "%00"),
        ];
        for text in rows {
            assert_eq!(scrub(&format!("<{text}>")), "<***>", "{text:?}");
        }
        for text in ["776964652f4b65797e38", "wide/Key\0\0\0\0~7", "WIDE/KEY~7"] {
            assert_eq!(scrub(text), text);
        }
    }

    #[test]
    fn a_login_in_base64_is_masked_whatever_stands_before_the_secret() {
        keep("hunter~22?>");
        for user in ["", "a", "ab", "abc", "joe?>"] {
            for after in ["", "&x"] {
                let login = format!("{user}:hunter~22?>{after}");
                let rows = [
                    STANDARD.encode(&login),
                    URL_SAFE.encode(&login),
                    STANDARD.encode(&login).replace('=', ""),
                    STANDARD.encode(&login).replace('/', "\\/"),
                    STANDARD.encode(&login).replace('/', "%2f"),
                ];
                for coded in rows {
                    let shown = scrub(&format!("refused 'Basic {coded}' here")).into_owned();
                    let shown = shown.replace("***%3D", "***");
                    assert!(shown.ends_with("***' here"), "{login}: {shown}");
                    let tail = STANDARD.encode("hunter~22?>");
                    assert!(!shown.contains(&tail[4..8]), "{login}: {shown}");
                }
            }
        }
        for text in ["aHVudGVyfjIy", "hunter~2?>", "%68unter", "dXNlcjpub25l"] {
            assert!(matches!(scrub(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn what_is_secret_within_a_login_is_masked_without_the_rest() {
        keep("Basic am9lOnBhc3Mtb2Ytam9l");
        keep("bearer token-of-a-bearer");
        let rows = [
            ("no user joe with 'pass-of-joe'", "no user joe with '***'"),
            ("got am9lOnBhc3Mtb2Ytam9l.", "got ***."),
            ("token-of-a-bearer expired", "*** expired"),
        ];
        for (text, expected) in rows {
            assert_eq!(scrub(text), expected);
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
