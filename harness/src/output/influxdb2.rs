//! InfluxDB by its 2.x API, through the `influxdb2` crate.
//!
//! It is fed with our own line protocol: the crate's point builder escapes neither backslashes
//! nor line breaks, and writes empty tags and NaN, all of which a server refuses.

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use influxdb2::api::write::TimestampPrecision;
use influxdb2::{Client, ClientBuilder, RequestError};
use reqwest::Url;
use tokio::time::timeout;

use super::destination::{Kind, Opening, Output, Place, Variable, WriteError, Writing};
use super::influxdb::{WRITE_WITHIN, base, without_secrets};
use super::line_protocol;
use super::point::Point;

/// `influxdb2=http://host:8086?org=ORG&bucket=BUCKET`
pub(super) const KIND: Kind = Kind {
    name: "influxdb2",
    form: "http://host:8086?org=ORG&bucket=BUCKET",
    read: |place, variable| Ok(Arc::new(read(place, variable)?)),
};

/// InfluxDB by its 2.x API.
#[derive(Clone)]
struct Influx2Settings {
    /// Scheme, host and port.
    base: Url,
    /// The organisation.
    org: String,
    /// The bucket.
    bucket: String,
    /// The token.
    token: String,
}

impl Place for Influx2Settings {
    fn open(&self) -> Opening<'_> {
        let opened = InfluxDb2::connect(self);
        let opened = opened.map(|bucket| Box::new(bucket) as Box<dyn Output>);
        Box::pin(ready(opened))
    }
}

impl fmt::Display for Influx2Settings {
    /// Without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            base, org, bucket, ..
        } = self;
        write!(f, "influxdb2={base}?org={org}&bucket={bucket}")
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

fn read(place: &str, variable: Variable<'_>) -> Result<Influx2Settings, String> {
    let form = KIND.form;
    let url = base(place, form)?;
    let asked = |key: &str| {
        let found = url
            .query_pairs()
            .find(|(name, value)| name == key && !value.is_empty());
        found
            .map(|(_, value)| value.into_owned())
            .ok_or_else(|| format!("names no {key}; write influxdb2={form}"))
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

/// A client of one bucket.
struct InfluxDb2 {
    client: Client,
    settings: Influx2Settings,
}

impl InfluxDb2 {
    /// A client; the first write tells whether it is let in and whether the bucket is there.
    ///
    /// # Errors
    /// In words.
    fn connect(settings: &Influx2Settings) -> Result<Self, String> {
        let base = settings.base.as_str().trim_end_matches('/');
        let client = ClientBuilder::new(base, &settings.org, &settings.token).build();
        Ok(Self {
            client: client.map_err(|error| error.to_string())?,
            settings: settings.clone(),
        })
    }

    /// Sends lines that are encoded already.
    async fn send(&self, lines: String) -> Result<(), WriteError> {
        let Influx2Settings { org, bucket, .. } = &self.settings;
        let write = self.client.write_line_protocol_with_precision(
            org,
            bucket,
            lines,
            TimestampPrecision::Nanoseconds,
        );
        // The crate has no time-out of its own.
        match timeout(WRITE_WITHIN, write).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(RequestError::Http { status, text }))
                if status.is_client_error() && status.as_u16() != 429 =>
            {
                Err(WriteError::Refused(format!("{status}: {}", text.trim())))
            }
            Ok(Err(error)) => Err(WriteError::Unavailable(error.to_string())),
            Err(_) => Err(WriteError::Unavailable("timed out".to_owned())),
        }
    }
}

impl Output for InfluxDb2 {
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
