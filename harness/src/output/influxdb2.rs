//! InfluxDB by its 2.x API, through the `influxdb2` crate.
//!
//! It is fed with our own line protocol: the crate's point builder escapes neither backslashes
//! nor line breaks, and writes empty tags and NaN, all of which a server refuses.

use influxdb2::api::write::TimestampPrecision;
use influxdb2::{Client, ClientBuilder, RequestError};
use tokio::time::timeout;

use super::address::{Address, Influx2Settings};
use super::destination::WriteError;
use super::influxdb::WRITE_WITHIN;
use super::line_protocol;
use super::point::Point;

/// A client of one bucket.
#[derive(Debug)]
pub struct InfluxDb2 {
    client: Client,
    settings: Influx2Settings,
}

impl InfluxDb2 {
    /// A client; the first write tells whether it is let in and whether the bucket is there.
    ///
    /// # Errors
    /// In words.
    pub(super) fn connect(settings: &Influx2Settings) -> Result<Self, String> {
        let base = settings.base.as_str().trim_end_matches('/');
        let client = ClientBuilder::new(base, &settings.org, &settings.token).build();
        Ok(Self {
            client: client.map_err(|error| error.to_string())?,
            settings: settings.clone(),
        })
    }

    pub(super) fn name(&self) -> String {
        Address::Influx2(self.settings.clone()).to_string()
    }

    pub(super) async fn write(&self, points: &[Point]) -> Result<(), WriteError> {
        let mut lines = String::new();
        points.iter().for_each(|point| {
            line_protocol::encode(point, &mut lines);
        });
        self.write_lines(lines).await
    }

    /// Writes lines that are encoded already.
    pub(super) async fn write_lines(&self, lines: String) -> Result<(), WriteError> {
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
