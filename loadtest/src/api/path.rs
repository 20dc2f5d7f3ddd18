//! A path with what is filled in, prepared once: a request formats only its numbers.

use std::borrow::Cow;
use std::fmt::Write;

use harness::config::no_such_key;

/// What a path may have filled in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ids {
    /// The virtual user's number, of which its name is made.
    pub vu: u32,
    /// The user's id.
    pub user: i64,
    /// The coupon policy's id.
    pub policy: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hole {
    Vu,
    User,
    Policy,
}

/// A path of the API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    text: String,
    /// What is filled in, with the text that follows it.
    holes: Vec<(Hole, String)>,
    /// What comes before.
    first: String,
}

/// Room for the numbers that are filled in.
const DIGITS: usize = 20;

impl Path {
    /// Reads a path. Users are called `u1`, `u2`, … with `suffix` behind.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str, suffix: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("'{text}' is not a path; begin it with /"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("'{text}' has blanks; write them as %20"));
        }
        let mut parts = text.split('{');
        let mut path = Self {
            text: text.to_owned(),
            first: parts.next().unwrap_or_default().to_owned(),
            holes: Vec::new(),
        };
        for part in parts {
            let (name, rest) = part
                .split_once('}')
                .ok_or_else(|| format!("'{text}' has a {{ without its }}"))?;
            match name {
                "user" => path.holes.push((Hole::User, rest.to_owned())),
                "policy" => path.holes.push((Hole::Policy, rest.to_owned())),
                "name" => {
                    path.tail().push('u');
                    path.holes.push((Hole::Vu, format!("{suffix}{rest}")));
                }
                other => {
                    let known = no_such_key(other, &["name", "user", "policy"]);
                    return Err(format!("'{text}' has {{{other}}}: {known}"));
                }
            }
        }
        Ok(path)
    }

    fn tail(&mut self) -> &mut String {
        match self.holes.last_mut() {
            Some((_, rest)) => rest,
            None => &mut self.first,
        }
    }

    /// The path as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The path of a request. Nothing is allocated for one without anything to fill in.
    #[must_use]
    pub fn of(&self, ids: Ids) -> Cow<'_, str> {
        if self.holes.is_empty() {
            return Cow::Borrowed(&self.first);
        }
        let room = self.text.len() + DIGITS * self.holes.len();
        let mut path = String::with_capacity(room);
        path.push_str(&self.first);
        for (hole, rest) in &self.holes {
            // Writing to a text can't fail.
            let _ = match hole {
                Hole::Vu => write!(path, "{}", ids.vu),
                Hole::User => write!(path, "{}", ids.user),
                Hole::Policy => write!(path, "{}", ids.policy),
            };
            path.push_str(rest);
        }
        Cow::Owned(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: Ids = Ids {
        vu: 7,
        user: 42,
        policy: 3,
    };

    #[test]
    fn numbers_and_names_are_filled_in() {
        let rows = [
            ("/products", "", "/products"),
            ("/users/{user}/balance", "", "/users/42/balance"),
            (
                "/coupons?userId={user}&policyId={policy}",
                "",
                "/coupons?userId=42&policyId=3",
            ),
            ("/users/id?name={name}", "", "/users/id?name=u7"),
            ("/users/{name}/id", "-5f", "/users/u7-5f/id"),
            ("/{user}{name}", "", "/42u7"),
        ];
        for (text, suffix, expected) in rows {
            let path = Path::parse(text, suffix).expect(text);
            assert_eq!(path.of(IDS), expected);
            assert_eq!(path.text(), text);
        }
        let plain = Path::parse("/products", "").expect("a path");
        assert!(matches!(plain.of(IDS), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let rows = [
            ("products", "begin it with /"),
            ("/a b", "has blanks"),
            ("/users/{user", "has a { without its }"),
            (
                "/users/{usr}",
                "has {usr}: there is no such key; did you mean user?",
            ),
        ];
        for (text, expected) in rows {
            let error = Path::parse(text, "").expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
    }
}
