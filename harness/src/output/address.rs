//! `--out`: which output, and where. Pure.

use std::fmt;
use std::path::PathBuf;

use url::Url;

/// An output as the user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `influxdb=http://user:pass@host:8086/db`
    Influx(InfluxSettings),
    /// `influxdb2=http://host:8086?org=ORG&bucket=BUCKET`
    Influx2(Influx2Settings),
    /// `json=FILE`
    Json(PathBuf),
    /// `csv=FILE`
    Csv(PathBuf),
}

/// InfluxDB by its 1.x API, which 2.x and 3.x have as well.
#[derive(Clone, PartialEq, Eq)]
pub struct InfluxSettings {
    /// Scheme, host and port.
    pub base: Url,
    /// The database.
    pub database: String,
    /// User and password.
    pub login: Option<(String, String)>,
    /// A token, for 2.x and 3.x behind the 1.x API.
    pub token: Option<String>,
    /// The retention policy, unless the default one.
    pub retention: Option<String>,
    /// Write consistency of a cluster.
    pub consistency: Option<String>,
    /// Whether any certificate is taken.
    pub insecure: bool,
}

/// InfluxDB by its 2.x API.
#[derive(Clone, PartialEq, Eq)]
pub struct Influx2Settings {
    /// Scheme, host and port.
    pub base: Url,
    /// The organisation.
    pub org: String,
    /// The bucket.
    pub bucket: String,
    /// The token.
    pub token: String,
}

const DEFAULT_INFLUX: &str = "http://localhost:8086";
const DEFAULT_DATABASE: &str = "k6";

impl Address {
    /// Reads `kind=where`; `variable` looks up the environment, where secrets come from.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub fn parse(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let (kind, place) = text.split_once('=').unwrap_or((text, ""));
        match kind.trim() {
            "influxdb" => influx(place, variable).map(Self::Influx),
            "influxdb2" => influx2(place, variable).map(Self::Influx2),
            "json" | "csv" if place.is_empty() => {
                Err(format!("{kind} names no file; write {kind}=FILE"))
            }
            "json" => Ok(Self::Json(place.into())),
            "csv" => Ok(Self::Csv(place.into())),
            other => Err(format!(
                "there is no output '{other}'; write influxdb=http://host:8086/db, \
                 influxdb2=http://host:8086?org=ORG&bucket=BUCKET, json=FILE or csv=FILE"
            )),
        }
    }
}

/// k6's form and k6's variables: what the URL leaves open, `K6_INFLUXDB_*` fill in.
fn influx(
    place: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<InfluxSettings, String> {
    let k6 = |name: &str| variable(&format!("K6_INFLUXDB_{name}")).filter(|text| !text.is_empty());
    let address = match place {
        "" => k6("ADDR").unwrap_or_else(|| DEFAULT_INFLUX.to_owned()),
        place => place.to_owned(),
    };
    let url = base(&address, "http://user:pass@host:8086/db")?;
    let path = url.path().trim_matches('/');
    if path.contains('/') {
        return Err(format!(
            "'{path}' is not a database; write influxdb=http://host:8086/db"
        ));
    }
    let database = match path {
        "" => k6("DB").unwrap_or_else(|| DEFAULT_DATABASE.to_owned()),
        path => decoded(path),
    };
    let login = match (url.username(), url.password()) {
        ("", _) => k6("USERNAME").map(|user| (user, k6("PASSWORD").unwrap_or_default())),
        (user, password) => Some((decoded(user), decoded(password.unwrap_or_default()))),
    };
    Ok(InfluxSettings {
        base: without_secrets(&url),
        database,
        login,
        token: variable("INFLUX_TOKEN").filter(|token| !token.is_empty()),
        retention: k6("RETENTION"),
        consistency: k6("CONSISTENCY"),
        insecure: k6("INSECURE").is_some_and(|text| text == "true" || text == "1"),
    })
}

fn influx2(
    place: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Influx2Settings, String> {
    const FORM: &str = "http://host:8086?org=ORG&bucket=BUCKET";
    let url = base(place, FORM)?;
    let asked = |key: &str| {
        let found = url
            .query_pairs()
            .find(|(name, value)| name == key && !value.is_empty());
        found
            .map(|(_, value)| value.into_owned())
            .ok_or_else(|| format!("names no {key}; write influxdb2={FORM}"))
    };
    if !url.username().is_empty() || url.query_pairs().any(|(name, _)| name == "token") {
        return Err("has a secret in it; give the token by the variable INFLUX_TOKEN".to_owned());
    }
    let token = variable("INFLUX_TOKEN").filter(|token| !token.is_empty());
    Ok(Influx2Settings {
        org: asked("org")?,
        bucket: asked("bucket")?,
        token: token.ok_or("needs a token; set the variable INFLUX_TOKEN")?,
        base: without_secrets(&url),
    })
}

fn base(text: &str, form: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // The text may hold a password: it is not repeated.
    url.ok_or_else(|| format!("is not the address of an InfluxDB; write {form}"))
}

/// Scheme, host and port only.
fn without_secrets(url: &Url) -> Url {
    let mut base = url.clone();
    // Neither fails for http and https.
    let _ = base.set_username("");
    let _ = base.set_password(None);
    base.set_path("");
    base.set_query(None);
    base.set_fragment(None);
    base
}

fn decoded(text: &str) -> String {
    url::form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

impl fmt::Display for Address {
    /// Without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Influx(settings) => write!(f, "influxdb={}{}", settings.base, settings.database),
            Self::Influx2(settings) => {
                write!(
                    f,
                    "influxdb2={}?org={}&bucket={}",
                    settings.base, settings.org, settings.bucket
                )
            }
            Self::Json(path) => write!(f, "json={}", path.display()),
            Self::Csv(path) => write!(f, "csv={}", path.display()),
        }
    }
}

impl fmt::Debug for InfluxSettings {
    /// Without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfluxSettings")
            .field("base", &self.base.as_str())
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Influx2Settings {
    /// Without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Influx2Settings")
            .field("base", &self.base.as_str())
            .field("org", &self.org)
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Address, String> {
        Address::parse(text, &|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    fn influx(text: &str, variables: &[(&str, &str)]) -> InfluxSettings {
        match parse(text, variables) {
            Ok(Address::Influx(settings)) => settings,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn k6s_url_form_is_read() {
        let settings = influx("influxdb=http://k6:p%40ss@influxdb:8086/shop", &[]);
        assert_eq!(settings.base.as_str(), "http://influxdb:8086/");
        assert_eq!(settings.database, "shop");
        assert_eq!(settings.login, Some(("k6".to_owned(), "p@ss".to_owned())));
    }

    #[test]
    fn k6s_variables_fill_what_the_url_leaves_open() {
        let variables = [
            ("K6_INFLUXDB_ADDR", "http://metrics:8086"),
            ("K6_INFLUXDB_DB", "fromk6"),
            ("K6_INFLUXDB_USERNAME", "u"),
            ("K6_INFLUXDB_PASSWORD", "p"),
            ("K6_INFLUXDB_RETENTION", "week"),
        ];
        let settings = influx("influxdb", &variables);
        assert_eq!(
            (settings.base.as_str(), settings.database.as_str()),
            ("http://metrics:8086/", "fromk6")
        );
        assert_eq!(settings.login, Some(("u".to_owned(), "p".to_owned())));
        assert_eq!(settings.retention.as_deref(), Some("week"));
        let settings = influx("influxdb=http://other:1/mine", &variables);
        assert_eq!(
            (settings.base.as_str(), settings.database.as_str()),
            ("http://other:1/", "mine")
        );
        assert_eq!(influx("influxdb", &[]).database, "k6");
    }

    #[test]
    fn no_secret_is_ever_shown() {
        let secret = "hunter2";
        let addresses = [
            parse("influxdb=http://k6:hunter2@host:8086/db", &[]),
            parse(
                "influxdb2=http://host?org=o&bucket=b",
                &[("INFLUX_TOKEN", secret)],
            ),
        ];
        for address in addresses {
            let address = address.expect("good");
            assert!(
                !address.to_string().contains(secret) && !format!("{address:?}").contains(secret)
            );
        }
        for bad in [
            "influxdb=ftp://k6:hunter2@host",
            "influxdb2=http://k6:hunter2@host?org=o&bucket=b",
        ] {
            let error = parse(bad, &[]).expect_err(bad);
            assert!(!error.contains(secret), "{error}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let rows = [
            (
                "graphite=x",
                "there is no output 'graphite'; write influxdb=http",
            ),
            ("json", "json names no file; write json=FILE"),
            ("influxdb=nowhere", "is not the address of an InfluxDB"),
            ("influxdb=http://h/a/b", "'a/b' is not a database"),
            ("influxdb2=http://h?org=o", "names no bucket"),
            ("influxdb2=http://h?bucket=b", "names no org"),
            (
                "influxdb2=http://h?org=o&bucket=b",
                "needs a token; set the variable INFLUX_TOKEN",
            ),
            (
                "influxdb2=http://h?org=o&bucket=b&token=t",
                "has a secret in it",
            ),
        ];
        for (text, expected) in rows {
            let error = parse(text, &[]).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
