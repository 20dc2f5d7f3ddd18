//! InfluxDB by its 1.x API: `/write`, which 2.x and 3.x have as well.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use reqwest::{Client, RequestBuilder, Url};

use super::destination::{Kind, Opening, Output, Place, Variable, WriteError, Writing};
use super::point::Point;
use super::{line_protocol, line_server};
use crate::secret;

/// `influxdb=http://user:pass@host:8086/db`
pub(super) const KIND: Kind = Kind {
    name: "influxdb",
    form: "http://host:8086/db",
    read: |place, variable| Ok(Arc::new(read(place, variable)?)),
};

/// InfluxDB by its 1.x API, which 2.x and 3.x have as well.
#[derive(Clone)]
struct InfluxSettings {
    /// Scheme, host, port and the path before the database.
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

    fn shared(&self) -> Option<String> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .push(&self.database);
        Some(format!("{}={url}", KIND.name))
    }
}

impl fmt::Display for InfluxSettings {
    /// Without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "influxdb={}{}", self.base, self.database)
    }
}

/// k6's form and k6's variables: what the URL leaves open, `K6_INFLUXDB_*` fill in.
///
/// The last part of a URL's path is the database, and what comes before it the path of a gateway.
/// The path of `K6_INFLUXDB_ADDR` is a gateway's as a whole, as in k6.
fn read(place: &str, variable: Variable<'_>) -> Result<InfluxSettings, String> {
    let k6 = |name: &str| variable(&format!("K6_INFLUXDB_{name}")).filter(|text| !text.is_empty());
    let (text, form) = match place {
        "" => (
            k6("ADDR").unwrap_or_else(|| DEFAULT_INFLUX.to_owned()),
            "K6_INFLUXDB_ADDR=http://host:8086",
        ),
        // Without a login, which would be masked like any other.
        place => (place.to_owned(), "influxdb=http://host:8086/db"),
    };
    let url = line_server::address(&text, form)?;
    if url.query().is_some() {
        return Err(format!(
            "has a '?': the database stands in the path, and the rest in variables such as \
             K6_INFLUXDB_RETENTION; write {form}"
        ));
    }
    let path = url.path().trim_matches('/');
    let (prefix, database) = match place {
        "" => (path, ""),
        _ => path.rsplit_once('/').unwrap_or(("", path)),
    };
    let database = match database {
        "" => k6("DB").unwrap_or_else(|| DEFAULT_DATABASE.to_owned()),
        database => decoded(database),
    };
    let login = match (url.username(), url.password()) {
        ("", _) => k6("USERNAME").map(|user| (user, k6("PASSWORD").unwrap_or_default())),
        (user, password) => Some((decoded(user), decoded(password.unwrap_or_default()))),
    };
    let token = variable("INFLUX_TOKEN").filter(|token| !token.is_empty());
    token.as_deref().map(secret::keep);
    if let Some((user, password)) = &login {
        secret::keep(password);
        // As it is sent, and as a server may quote it.
        secret::keep(&BASE64.encode(format!("{user}:{password}")));
    }
    Ok(InfluxSettings {
        base: line_server::base(&url, prefix),
        database,
        login,
        token,
        retention: k6("RETENTION"),
        consistency: k6("CONSISTENCY"),
        insecure: insecure(k6("INSECURE").as_deref())?,
    })
}

/// Go's booleans, as k6 reads them.
fn insecure(text: Option<&str>) -> Result<bool, String> {
    match text {
        None | Some("0" | "f" | "F" | "false" | "False" | "FALSE") => Ok(false),
        Some("1" | "t" | "T" | "true" | "True" | "TRUE") => Ok(true),
        Some(_) => Err("can't read K6_INFLUXDB_INSECURE; write true or false".to_owned()),
    }
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
    /// A client, of a database that is made if it is missing.
    ///
    /// # Errors
    /// In words, when there is no answer.
    async fn connect(settings: &InfluxSettings) -> Result<Self, String> {
        let database = Self {
            client: line_server::client(&settings.base, settings.insecure)?,
            settings: settings.clone(),
        };
        database.make().await?;
        Ok(database)
    }

    /// Makes the database if it is missing, as k6 does, and tells how that was answered. A login
    /// that may only write can't, nor can 2.x and 3.x, which make theirs elsewhere: whether it is
    /// there is told by the first write.
    async fn make(&self) -> Result<String, String> {
        let InfluxSettings { base, database, .. } = &self.settings;
        let name = database.replace('\\', "\\\\").replace('"', "\\\"");
        let query = [("q", format!("CREATE DATABASE \"{name}\""))];
        let url = line_server::endpoint(base, "query", &query);
        let request = self.authorised(self.client.post(url));
        let mut answer = request.send().await.map_err(line_server::chain)?;
        let status = answer.status();
        let said = line_server::start_of(&mut answer).await;
        let said = said.map_err(line_server::chain)?;
        let said = line_server::quoted(&String::from_utf8_lossy(&said));
        Ok(format!("{status}: {said}"))
    }

    /// Sends lines that are encoded already; a database that is gone is made anew.
    async fn send(&self, lines: String) -> Result<(), WriteError> {
        let lines = Bytes::from(lines);
        let written = self.write_once(lines.clone()).await;
        if !is_gone(&written) {
            return written;
        }
        let answered = self.make().await.map_err(WriteError::Unavailable)?;
        match self.write_once(lines).await {
            Err(WriteError::Unavailable(why)) => Err(WriteError::Unavailable(format!(
                "{why}; CREATE DATABASE was answered with {answered}"
            ))),
            written => written,
        }
    }

    async fn write_once(&self, lines: Bytes) -> Result<(), WriteError> {
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
        let url = line_server::endpoint(&self.settings.base, "write", &query);
        line_server::write(self.authorised(self.client.post(url).body(lines))).await
    }

    fn authorised(&self, request: RequestBuilder) -> RequestBuilder {
        match (&self.settings.login, &self.settings.token) {
            (Some((user, password)), _) => request.basic_auth(user, Some(password)),
            (None, Some(token)) => request.header("Authorization", format!("Token {token}")),
            (None, None) => request,
        }
    }
}

fn is_gone(written: &Result<(), WriteError>) -> bool {
    matches!(written, Err(WriteError::Unavailable(why)) if why.contains("database not found"))
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
    /// (address, `K6_INFLUXDB_ADDR`, where it writes, database)
    #[test]
    fn the_path_of_a_gateway_is_kept() {
        let rows = [
            ("http://h:1/db", "", "http://h:1/write", "db"),
            ("http://h:1/influx/db", "", "http://h:1/influx/write", "db"),
            ("http://h:1/a/b/db/", "", "http://h:1/a/b/write", "db"),
            ("http://h:1", "", "http://h:1/write", "k6"),
            ("", "http://h:1/influx", "http://h:1/influx/write", "k6"),
            ("", "http://h:1/a/b/", "http://h:1/a/b/write", "k6"),
        ];
        for (place, variable, write, database) in rows {
            let settings = influx(place, &[("K6_INFLUXDB_ADDR", variable)]);
            let mut url = line_server::endpoint(&settings.base, "write", &[]);
            url.set_query(None);
            assert_eq!(
                (url.as_str(), settings.database.as_str()),
                (write, database)
            );
        }
    }

    #[test]
    fn what_an_address_cannot_mean_is_refused() {
        let rows = [
            ("http://h/?db=lt", "", "the database stands in the path"),
            ("http://h/lt?rp=week", "", "the database stands in the path"),
            ("http://h/lt?", "", "the database stands in the path"),
            ("", "http://h/?db=lt", "K6_INFLUXDB_ADDR=http://host:8086"),
            ("http://h/lt#x", "", "has a '#'"),
            ("http://:hunter2@h/lt", "", "has a password and no user"),
        ];
        for (place, address, expected) in rows {
            let variable = |name: &str| (name == "K6_INFLUXDB_ADDR").then(|| address.to_owned());
            let error = read(place, &variable).expect_err(place);
            assert!(
                error.contains(expected) && !error.contains("hunter2"),
                "{place}: {error}"
            );
        }
        let odd = |name: &str| (name == "K6_INFLUXDB_INSECURE").then(|| "yes".to_owned());
        assert!(read("http://h/lt", &odd).is_err(), "neither true nor false");
    }
}
