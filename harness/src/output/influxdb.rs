//! InfluxDB by its 1.x API: `/write`, which 2.x and 3.x have as well.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, Url};

use super::destination::{Kind, Opening, Output, Place, Variable, WriteError, Writing};
use super::line_protocol;
use super::point::Point;

/// `influxdb=http://user:pass@host:8086/db`
pub(super) const KIND: Kind = Kind {
    name: "influxdb",
    form: "http://host:8086/db",
    read: |place, variable| Ok(Arc::new(read(place, variable)?)),
};

/// How long a write may take before it is tried again.
pub(super) const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// The longest part of a server's answer that an error quotes.
const QUOTED_CHARS: usize = 200;

/// InfluxDB by its 1.x API, which 2.x and 3.x have as well.
#[derive(Clone)]
struct InfluxSettings {
    /// Scheme, host and port.
    base: Url,
    /// The database.
    database: String,
    /// User and password.
    login: Option<(String, String)>,
    /// A token, for 2.x and 3.x behind the 1.x API.
    token: Option<String>,
    /// The retention policy, unless the default one.
    retention: Option<String>,
    /// Write consistency of a cluster.
    consistency: Option<String>,
    /// Whether any certificate is taken.
    insecure: bool,
}

const DEFAULT_INFLUX: &str = "http://localhost:8086";
const DEFAULT_DATABASE: &str = "k6";

impl Place for InfluxSettings {
    fn open(&self) -> Opening<'_> {
        Box::pin(async {
            let database = InfluxDb::connect(self).await?;
            Ok(Box::new(database) as Box<dyn Output>)
        })
    }
}

impl fmt::Display for InfluxSettings {
    /// Without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "influxdb={}{}", self.base, self.database)
    }
}

/// k6's form and k6's variables: what the URL leaves open, `K6_INFLUXDB_*` fill in.
fn read(place: &str, variable: Variable<'_>) -> Result<InfluxSettings, String> {
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

pub(super) fn base(text: &str, form: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // The text may hold a password: it is not repeated.
    url.ok_or_else(|| format!("is not the address of an InfluxDB; write {form}"))
}

/// Scheme, host and port only.
pub(super) fn without_secrets(url: &Url) -> Url {
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

impl fmt::Debug for InfluxSettings {
    /// Without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InfluxSettings")
            .field("base", &self.base.as_str())
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// A client of one database.
struct InfluxDb {
    client: Client,
    settings: InfluxSettings,
}

impl InfluxDb {
    /// Makes the database if it is missing, as k6 does, and finds out whether it lets us in.
    ///
    /// # Errors
    /// In words.
    async fn connect(settings: &InfluxSettings) -> Result<Self, String> {
        let client = Client::builder()
            .timeout(WRITE_WITHIN)
            .no_proxy()
            .tls_danger_accept_invalid_certs(settings.insecure)
            .build()
            .map_err(|error| error.to_string())?;
        let database = Self {
            client,
            settings: settings.clone(),
        };
        let name = settings.database.replace('\\', "\\\\").replace('"', "\\\"");
        let query = [("q", format!("CREATE DATABASE \"{name}\""))];
        let request = database.client.post(database.url("query", &query));
        let answer = database.authorised(request).send().await.map_err(chain)?;
        match answer.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(format!(
                "the login was refused ({}); check user and password or INFLUX_TOKEN",
                answer.status()
            )),
            // 2.x and 3.x make buckets and databases elsewhere; the first write tells whether it is there.
            _ => Ok(database),
        }
    }

    /// Sends lines that are encoded already.
    async fn send(&self, lines: String) -> Result<(), WriteError> {
        let mut query = vec![
            ("db", self.settings.database.clone()),
            ("precision", "ns".to_owned()),
        ];
        query.extend(self.settings.retention.clone().map(|rp| ("rp", rp)));
        query.extend(
            self.settings
                .consistency
                .clone()
                .map(|level| ("consistency", level)),
        );
        let request = self.client.post(self.url("write", &query)).body(lines);
        let answer = self.authorised(request).send().await;
        let answer = answer.map_err(|error| WriteError::Unavailable(chain(error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let said: String = answer
            .text()
            .await
            .unwrap_or_default()
            .chars()
            .take(QUOTED_CHARS)
            .collect();
        let error = format!("{status}: {}", said.trim());
        // 4xx is about what was sent, but for "too many requests" and "too slow".
        let later = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
        );
        if status.is_client_error() && !later {
            Err(WriteError::Refused(error))
        } else {
            Err(WriteError::Unavailable(error))
        }
    }

    fn url(&self, path: &str, query: &[(&str, String)]) -> Url {
        let mut url = self.settings.base.clone();
        url.set_path(path);
        url.query_pairs_mut().extend_pairs(query);
        url
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match (&self.settings.login, &self.settings.token) {
            (Some((user, password)), _) => request.basic_auth(user, Some(password)),
            (None, Some(token)) => request.header("Authorization", format!("Token {token}")),
            (None, None) => request,
        }
    }
}

impl Output for InfluxDb {
    fn takes_samples(&self) -> bool {
        true
    }

    fn write<'a>(&'a mut self, points: &'a [Point]) -> Writing<'a> {
        self.write_lines(line_protocol::lines(points))
    }

    fn write_lines(&mut self, lines: String) -> Writing<'_> {
        Box::pin(self.send(lines))
    }
}

/// An error with what caused it; the output's name is said beside it, so the URL isn't.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn influx(place: &str, variables: &[(&str, &str)]) -> InfluxSettings {
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        read(place, &variable).expect(place)
    }

    #[test]
    fn k6s_url_form_is_read() {
        let settings = influx("http://k6:p%40ss@influxdb:8086/shop", &[]);
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
        let settings = influx("", &variables);
        assert_eq!(
            (settings.base.as_str(), settings.database.as_str()),
            ("http://metrics:8086/", "fromk6")
        );
        assert_eq!(settings.login, Some(("u".to_owned(), "p".to_owned())));
        assert_eq!(settings.retention.as_deref(), Some("week"));
        let settings = influx("http://other:1/mine", &variables);
        assert_eq!(
            (settings.base.as_str(), settings.database.as_str()),
            ("http://other:1/", "mine")
        );
        assert_eq!(influx("", &[]).database, "k6");
    }
}
