//! `--probe`: what is watched, and where. Pure.

use std::fmt;

use url::Url;

use super::pattern::Patterns;
use crate::secret::{self, mistyped_address, without_logins};

/// What can be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
    /// Whatever has an endpoint of metrics in Prometheus' text format.
    Prometheus,
    /// This machine.
    Host,
}

const KINDS: [Kind; 4] = [Kind::Postgres, Kind::Redis, Kind::Prometheus, Kind::Host];

impl Kind {
    /// How it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Prometheus => "prometheus",
            Self::Host => "host",
        }
    }

    const fn form(self) -> &'static str {
        match self {
            Self::Postgres => "postgres=postgres://USER@HOST/DATABASE",
            Self::Redis => "redis=redis://HOST:6379",
            Self::Prometheus => "prometheus=http://HOST/metrics?match=PATTERN,...",
            Self::Host => "host",
        }
    }

    fn of(name: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.name() == name)
    }

    const fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgres", "postgresql"],
            Self::Redis => &["redis", "rediss", "redis+unix", "unix"],
            Self::Prometheus => &["http", "https"],
            Self::Host => &[],
        }
    }
}

/// Where a password may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passwords {
    /// In the address: it came from a variable.
    Taken,
    /// In a variable of their own: others can read a command line or a file.
    Refused,
}

/// A probe as the user names it: `[NAME=]KIND=URL`.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// What tells it from other probes.
    pub name: String,
    /// What is watched.
    pub kind: Kind,
    /// Where, with its password; nothing for this machine.
    pub(super) url: Option<Url>,
    /// A token for a server of metrics.
    pub(super) token: Option<String>,
    /// Which metrics of a server of them.
    pub(super) patterns: Patterns,
}

impl Address {
    /// Reads `[NAME=]KIND=URL`; `variable` looks up the environment, where passwords come from.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn parse(
        text: &str,
        passwords: Passwords,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let (name, kind, place) = split(text.trim())?;
        let mut address = Self {
            name: name.to_owned(),
            kind,
            url: None,
            token: None,
            patterns: Patterns::default(),
        };
        if kind == Kind::Host {
            return match place {
                "" => Ok(address),
                _ => Err("host is this machine; write host without an address".to_owned()),
            };
        }
        let mut url = url_of(kind, place)?;
        if kind == Kind::Prometheus {
            address.patterns = Patterns::taken_from(&mut url)?;
        }
        let own = variable_of(name);
        let password = variable(&own).or_else(|| variable(PASSWORD));
        if let Some(given) = given_password(&url) {
            if passwords == Passwords::Refused {
                return Err(format!(
                    "{}: everybody on this machine can read a password there; set {own}, or \
                     LOADTEST_PROBE",
                    shown(&url)
                ));
            }
            secret::keep(&given);
        } else if let Some(password) = password {
            secret::keep(&password);
            address.token = with_password(kind, &mut url, password);
        }
        address.url = Some(url);
        Ok(address)
    }
}

/// Has the password of every probe that has none of its own.
const PASSWORD: &str = "PROBE_PASSWORD";
/// The longest name.
const LONGEST: usize = 40;

/// The variable of a probe's own password: `PROBE_PASSWORD_ORDERS_DB`.
fn variable_of(name: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_uppercase(),
        false => '_',
    };
    format!(
        "{PASSWORD}_{}",
        name.chars().map(letter).collect::<String>()
    )
}

/// Name, kind and place.
fn split(text: &str) -> Result<(&str, Kind, &str), String> {
    let (first, rest) = text.split_once('=').unwrap_or((text, ""));
    if let Some(kind) = Kind::of(first) {
        return Ok((first, kind, rest));
    }
    let (second, place) = rest.split_once('=').unwrap_or((rest, ""));
    let Some(kind) = Kind::of(second) else {
        let forms = KINDS.map(Kind::form).join(", ");
        let text = mistyped_address(text);
        return Err(format!("'{text}' is no probe; write one of {forms}"));
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if first.is_empty() || first.len() > LONGEST || !first.chars().all(plain) {
        return Err(format!(
            "a probe's name has up to {LONGEST} letters, digits, _ - and .; write NAME={}",
            kind.form()
        ));
    }
    Ok((first, kind, place))
}

fn url_of(kind: Kind, place: &str) -> Result<Url, String> {
    let url = Url::parse(place).ok();
    let url = url.filter(|url| kind.schemes().contains(&url.scheme()));
    url.ok_or_else(|| {
        let place = mistyped_address(place);
        format!(
            "'{place}' is not the address of a probe; write {}",
            kind.form()
        )
    })
}

/// What stands for a password in the query of an address.
const SECRET_KEYS: [&str; 4] = ["pass", "password", "sslpassword", "token"];

fn given_password(url: &Url) -> Option<String> {
    let in_query = || {
        let mut pairs = url.query_pairs();
        let pair = pairs.find(|(key, _)| SECRET_KEYS.contains(&&**key));
        pair.map(|(_, value)| value.into_owned())
    };
    url.password().map(str::to_owned).or_else(in_query)
}

/// Puts the password where the client of this kind looks for it; gives it back as a token where
/// there is no user.
fn with_password(kind: Kind, url: &mut Url, password: String) -> Option<String> {
    if kind == Kind::Prometheus && url.username().is_empty() {
        return Some(password);
    }
    // The address of a socket has no host, and no password but in its query.
    if url.set_password(Some(&password)).is_err() {
        url.query_pairs_mut().append_pair("pass", &password);
    }
    None
}

/// An address without what may be secret.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    if given_password(&url).is_some() {
        url.set_query(None);
    }
    without_logins(url.as_str()).into_owned()
}

impl fmt::Display for Address {
    /// Without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name, kind, url, ..
        } = self;
        if name != kind.name() {
            write!(f, "{name}=")?;
        }
        f.write_str(kind.name())?;
        match url {
            Some(url) => write!(f, "={}", shown(url)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Address {
    /// Without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
