//! InfluxDB by its 2.x API, through the `influxdb2` crate.
//!
//! It is fed with our own line protocol: the crate's point builder escapes neither backslashes
//! nor line breaks, and writes empty tags and NaN, all of which a server refuses. The crate also
//! drops the path of an address, and its TLS has unfixed security advisories. So behind a gateway's
//! path, and over https, we send the request ourselves.

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use influxdb2::api::write::TimestampPrecision;
use influxdb2::{ClientBuilder, RequestError};
use reqwest::{StatusCode, Url};
use reqwest_of_influxdb2 as reqwest_011;

use super::destination::{Kind, Opening, Output, Place, Variable, WriteError, Writing};
use super::point::Point;
use super::{line_protocol, line_server};
use crate::secret;

/// `influxdb2=http://host:8086?org=ORG&bucket=BUCKET`
pub(super) const KIND: Kind = Kind {
    name: "influxdb2",
    form: "http://host:8086?org=ORG&bucket=BUCKET",
    read: |place, variable| Ok(Arc::new(read(place, variable)?)),
};

/// InfluxDB by its 2.x API.
#[derive(Clone)]
struct Influx2Settings {
    /// Scheme, host, port and the path of a gateway.
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

    fn shared(&self) -> Option<String> {
        let mut url = self.base.clone();
        url.query_pairs_mut()
            .append_pair("org", &self.org)
            .append_pair("bucket", &self.bucket);
        Some(format!("{}={url}", KIND.name))
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
    let url = line_server::address(place, form)?;
    if !url.username().is_empty() || url.query_pairs().any(|(name, _)| name == "token") {
        return Err("has a secret in it; give the token by the variable INFLUX_TOKEN".to_owned());
    }
    let asked = |key: &str| {
        let mut found = url.query_pairs().filter(|(name, _)| name == key);
        match (found.next(), found.next()) {
            (Some((_, value)), None) if !value.is_empty() => Ok(value.into_owned()),
            (Some(_), Some(_)) => Err(format!("names {key} twice; write influxdb2={form}")),
            _ => Err(format!("names no {key}; write influxdb2={form}")),
        }
    };
    let (org, bucket) = (asked("org")?, asked("bucket")?);
    if url.query_pairs().count() > 2 {
        return Err(format!(
            "has more than org and bucket behind '?'; write influxdb2={form}"
        ));
    }
    let token = variable("INFLUX_TOKEN").filter(|token| !token.is_empty());
    token.as_deref().map(secret::keep);
    Ok(Influx2Settings {
        org,
        bucket,
        token: token.ok_or("needs a token; set the variable INFLUX_TOKEN")?,
        base: line_server::base(&url, url.path()),
    })
}

/// A client of one bucket.
struct InfluxDb2 {
    client: Client,
    settings: Influx2Settings,
}

enum Client {
    Direct(influxdb2::Client),
    /// For a gateway's path, or https.
    Own(reqwest::Client),
}

impl InfluxDb2 {
    /// A client; the first write tells whether it is let in and whether the bucket is there.
    ///
    /// # Errors
    /// In words.
    fn connect(settings: &Influx2Settings) -> Result<Self, String> {
        let client = match (settings.base.scheme(), settings.base.path()) {
            ("http", "/") => Client::Direct(direct(settings)?),
            _ => Client::Own(line_server::client(&settings.base, false)?),
        };
        Ok(Self {
            client,
            settings: settings.clone(),
        })
    }

    /// Sends lines that are encoded already.
    async fn send(&self, lines: String) -> Result<(), WriteError> {
        let Influx2Settings {
            base,
            org,
            bucket,
            token,
        } = &self.settings;
        let client = match &self.client {
            Client::Direct(client) => {
                let precision = TimestampPrecision::Nanoseconds;
                let write =
                    client.write_line_protocol_with_precision(org, bucket, lines, precision);
                return write.await.or_else(judged);
            }
            Client::Own(client) => client,
        };
        let query = [
            ("org", org.clone()),
            ("bucket", bucket.clone()),
            ("precision", "ns".to_owned()),
        ];
        let url = line_server::endpoint(base, "api/v2/write", &query);
        let request = client.post(url).body(lines);
        line_server::write(request.header("Authorization", format!("Token {token}"))).await
    }
}

/// The crate's client, which does as ours: no redirects, no proxy, and an end to waiting.
fn direct(settings: &Influx2Settings) -> Result<influxdb2::Client, String> {
    let Influx2Settings {
        base, org, token, ..
    } = settings;
    let builder = reqwest_011::Client::builder()
        .timeout(line_server::WRITE_WITHIN)
        .no_proxy()
        .redirect(reqwest_011::redirect::Policy::none());
    let base = base.as_str().trim_end_matches('/');
    let client = ClientBuilder::with_builder(builder, base, org, token).build();
    client.map_err(|error| error.to_string())
}

/// Whatever isn't 204 is an error of the crate's.
fn judged(error: RequestError) -> Result<(), WriteError> {
    match error {
        RequestError::Http { status, text } => line_server::judged(&line_server::Answer {
            status: StatusCode::from_u16(status.as_u16()).unwrap_or_default(),
            kind: "something else",
            location: None,
            body: text.as_bytes(),
        }),
        RequestError::ReqwestProcessing { source } => Err(WriteError::Unavailable(
            line_server::told(&source.without_url()),
        )),
        error => Err(WriteError::Unavailable(error.to_string())),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(place: &str) -> Result<Influx2Settings, String> {
        read(place, &|name| {
            (name == "INFLUX_TOKEN").then(|| "t".to_owned())
        })
    }

    #[test]
    fn the_path_of_a_gateway_is_kept_and_nothing_else_is_taken() {
        for (place, write) in [
            ("http://h:1?org=o&bucket=b", "http://h:1/api/v2/write"),
            (
                "http://h:1/a/b?org=o&bucket=b",
                "http://h:1/a/b/api/v2/write",
            ),
            ("http://h:1/a/?bucket=b&org=o", "http://h:1/a/api/v2/write"),
        ] {
            let settings = settings(place).expect(place);
            let mut url = line_server::endpoint(&settings.base, "api/v2/write", &[]);
            url.set_query(None);
            assert_eq!(url.as_str(), write);
        }
        for (place, expected) in [
            ("http://h?org=o&bucket=b&db=x", "more than org and bucket"),
            ("http://h?org=o&bucket=b&bucket=c", "names bucket twice"),
            ("http://h?org=o&bucket=b#c", "has a '#'"),
        ] {
            let error = settings(place).expect_err(place);
            assert!(error.contains(expected), "{place}: {error}");
        }
    }
}
