//! InfluxDB by its 1.x API: `/write`, which 2.x and 3.x have as well.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, Url};

use super::address::{Address, InfluxSettings};
use super::destination::WriteError;
use super::line_protocol;
use super::point::Point;

/// How long a write may take before it is tried again.
pub(super) const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// The longest part of a server's answer that an error quotes.
const QUOTED_CHARS: usize = 200;

/// A client of one database.
#[derive(Debug)]
pub struct InfluxDb {
    client: Client,
    settings: InfluxSettings,
    lines: String,
}

impl InfluxDb {
    /// Makes the database if it is missing, as k6 does, and finds out whether it lets us in.
    ///
    /// # Errors
    /// In words.
    pub(super) async fn connect(settings: &InfluxSettings) -> Result<Self, String> {
        let client = Client::builder()
            .timeout(WRITE_WITHIN)
            .no_proxy()
            .tls_danger_accept_invalid_certs(settings.insecure)
            .build()
            .map_err(|error| error.to_string())?;
        let database = Self {
            client,
            settings: settings.clone(),
            lines: String::new(),
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

    pub(super) fn name(&self) -> String {
        Address::Influx(self.settings.clone()).to_string()
    }

    pub(super) async fn write(&mut self, points: &[Point]) -> Result<(), WriteError> {
        let mut lines = std::mem::take(&mut self.lines);
        lines.clear();
        points.iter().for_each(|point| {
            line_protocol::encode(point, &mut lines);
        });
        let written = self.write_lines(lines.clone()).await;
        self.lines = lines;
        written
    }

    /// Writes lines that are encoded already.
    pub(super) async fn write_lines(&self, lines: String) -> Result<(), WriteError> {
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
