//! The headers of every request: the suite's, and those of `--header 'Name: value'` with variables
//! of the environment in the value.

use super::outline::Outline;
use super::problem::{Problem, Source};
use super::reader::Reader;
use crate::secret;
use crate::vu::{Header, HeaderError};

/// What every request has: the run's own headers, and the suite's but for those that the run gives
/// as well. Values of variables are secrets from here on.
pub(super) fn headers(
    reader: &mut Reader,
    outline: &Outline,
    variables: &[(String, String)],
) -> Vec<Header> {
    let parse = |text: &str| header(text, variables);
    let given = reader.parse_all("headers", parse).unwrap_or_default();
    let mut headers = (outline.headers)().unwrap_or_else(|error| {
        let source = Source::Suite(outline.program.name);
        let problem = Problem::new(source, error);
        reader.problems.push(problem);
        Vec::new()
    });
    headers.retain(|header| {
        let mut given = given.iter();
        !given.any(|other| other.name().eq_ignore_ascii_case(header.name()))
    });
    headers.extend(given);
    headers
}

/// Headers whose values are no secret, and stand in too many texts to be masked there.
const HARMLESS: [&str; 10] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-type",
    "host",
    "origin",
    "pragma",
    "referer",
    "user-agent",
];

/// A shorter value that is written out is a flag or a number rather than a secret.
const SHORTEST_SECRET: usize = 8;

/// Has a value that is written out masked where a server quotes it, as it is in the settings.
fn keep_written(name: &str, value: &str) {
    let is_harmless = HARMLESS.iter().any(|one| name.eq_ignore_ascii_case(one));
    if !is_harmless && value.chars().count() >= SHORTEST_SECRET {
        secret::keep(value);
    }
}

/// Messages never quote a value: what is written there may be a secret.
pub(super) fn header(text: &str, variables: &[(String, String)]) -> Result<Header, String> {
    let (name, value) = split(text).ok_or(
        "is not a header; write 'Name: value', with a name of letters, digits and -, \
         such as 'authorization: Bearer $API_TOKEN'",
    )?;
    let mut expanded = String::new();
    for part in parts(value) {
        match part {
            Part::Text(text) => expanded.push_str(text),
            Part::Variable(variable) => {
                let found = variables.iter().find(|(known, _)| known == variable);
                let (_, value) = found.ok_or_else(|| unset(name, variable, "not set"))?;
                if value.is_empty() {
                    return Err(unset(name, variable, "empty"));
                }
                secret::keep(value);
                expanded.push_str(value);
            }
            Part::Open => {
                return Err(format!(
                    "the value of '{name}' has a $ that begins no variable; write $NAME or \
                     ${{NAME}}, or $$ for a $"
                ));
            }
        }
    }
    if !has_variable(value) {
        keep_written(name, expanded.trim());
    }
    Header::new(name, expanded.trim()).map_err(|error| match error {
        HeaderError::Value(_) => format!("{error}; take it out, or out of the variable"),
        error => error.to_string(),
    })
}

fn unset(name: &str, variable: &str, what: &str) -> String {
    format!(
        "the value of '{name}' needs the environment variable {variable}, which is {what}; \
         set it, or write $$ for a $"
    )
}

/// The name, and the value as it is written; nothing where no name can be told for certain.
fn split(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(':')?;
    let name = name.trim();
    let is_name = !matches!(Header::new(name, ""), Err(HeaderError::Name(_)));
    is_name.then_some((name, value.trim()))
}

/// The header as it may be shown: as it is written if its value comes from a variable, without the
/// value otherwise.
pub(super) fn shown(text: &str) -> String {
    let Some((name, value)) = split(text) else {
        return secret::MASK.to_owned();
    };
    if has_variable(value) {
        text.to_owned()
    } else {
        format!("{name}: {}", secret::MASK)
    }
}

/// A header as it is compared: in its name, upper and lower case are the same (RFC 9110, 5.1).
pub(super) fn plain(text: &str) -> String {
    match split(text) {
        Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
        None => text.to_owned(),
    }
}

fn has_variable(value: &str) -> bool {
    parts(value).any(|part| matches!(part, Part::Variable(_)))
}

/// The variables that a value names.
pub(super) fn variables(value: &str) -> impl Iterator<Item = String> {
    parts(value).filter_map(|part| match part {
        Part::Variable(name) => Some(name.to_owned()),
        Part::Text(_) | Part::Open => None,
    })
}

/// A part of a value as it is written.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Variable(&'a str),
    /// A `$` that begins nothing.
    Open,
}

fn parts(value: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = value;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (part, length) = part(rest);
        rest = &rest[length..];
        Some(part)
    })
}

/// The first part of a text that isn't empty, and how long it is.
fn part(text: &str) -> (Part<'_>, usize) {
    let Some(behind) = text.strip_prefix('$') else {
        let length = text.find('$').unwrap_or(text.len());
        return (Part::Text(&text[..length]), length);
    };
    if behind.starts_with('$') {
        return (Part::Text("$"), 2);
    }
    if let Some(braced) = behind.strip_prefix('{') {
        return match braced.find('}') {
            Some(end) if end > 0 && word(braced) == end => {
                (Part::Variable(&braced[..end]), end + 3)
            }
            _ => (Part::Open, 1),
        };
    }
    match word(behind) {
        0 => (Part::Open, 1),
        end => (Part::Variable(&behind[..end]), end + 1),
    }
}

/// How long the variable's name is that the text begins with.
fn word(text: &str) -> usize {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c| !in_name(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, String> {
        let variables = [
            ("API_TOKEN", "tok-4711"),
            ("B", "bee-4712"),
            ("BAD", "x\ny"),
            ("EMPTY", ""),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        header(text, &variables).map(|header| format!("{}={}", header.name(), header.value()))
    }

    #[test]
    fn variables_stand_in_values_as_in_a_shell() {
        let rows = [
            (
                "Authorization: Bearer $API_TOKEN",
                "Authorization=Bearer tok-4711",
            ),
            ("x:${API_TOKEN}$B", "x=tok-4711bee-4712"),
            ("x: a${B}c", "x=abee-4712c"),
            ("x: $API_TOKEN-1 $$B $$", "x=tok-4711-1 $B $"),
            ("x: a:b", "x=a:b"),
            ("x:", "x="),
        ];
        for (text, expected) in rows {
            assert_eq!(value(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_without_the_value() {
        let rows = [
            ("hunter2", "is not a header; write 'Name: value'"),
            ("hunter 2: x", "is not a header; write 'Name: value'"),
            (": hunter2", "is not a header; write 'Name: value'"),
            (
                "x: $NOT_THERE hunter2",
                "the value of 'x' needs the environment variable NOT_THERE, which is not set",
            ),
            (
                "x: $EMPTY hunter2",
                "the value of 'x' needs the environment variable EMPTY, which is empty",
            ),
            (
                "x: hunter2$",
                "the value of 'x' has a $ that begins no variable",
            ),
            (
                "x: ${B hunter2",
                "the value of 'x' has a $ that begins no variable",
            ),
            (
                "x: ${}hunter2",
                "the value of 'x' has a $ that begins no variable",
            ),
            (
                "x: $1hunter2",
                "the value of 'x' has a $ that begins no variable",
            ),
            ("x: $BAD", "the value of the header 'x' has a line break"),
            (
                "content-length: 5",
                "the header 'content-length' follows from the body",
            ),
        ];
        for (text, expected) in rows {
            let error = value(text).expect_err(text);
            assert!(error.starts_with(expected), "{text}: {error}");
            assert!(!error.contains("hunter"), "{error}");
        }
    }

    #[test]
    fn values_that_are_written_out_are_masked_unless_they_are_harmless() {
        let rows = [
            (
                "x-api-key: literalsecret99",
                "no literalsecret99!",
                "no ***!",
            ),
            ("x-price: $$100-literal", "no $100-literal!", "no ***!"),
            (
                "authorization: Bearer literal-bearer",
                "no literal-bearer!",
                "no ***!",
            ),
            (
                "Content-Type: application/x-literal",
                "no application/x-literal!",
                "no application/x-literal!",
            ),
            ("x-flag: lit-off", "no lit-off!", "no lit-off!"),
        ];
        for (text, answer, expected) in rows {
            value(text).expect(text);
            assert_eq!(secret::scrub(answer), expected, "{text}");
        }
    }

    #[test]
    fn only_names_of_variables_are_shown_of_a_value() {
        let rows = [
            (
                "authorization: Bearer $API_TOKEN",
                "authorization: Bearer $API_TOKEN",
            ),
            ("x: ${B}", "x: ${B}"),
            ("x: hunter2", "x: ***"),
            ("x: $$hunter2", "x: ***"),
            ("hunter2", "***"),
        ];
        for (text, expected) in rows {
            assert_eq!(shown(text), expected);
        }
    }
}
