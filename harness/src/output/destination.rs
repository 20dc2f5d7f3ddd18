//! Where rows can go.

use thiserror::Error;

use super::address::Address;
use super::file::{CsvFile, JsonFile};
use super::influxdb::InfluxDb;
use super::influxdb2::InfluxDb2;
use super::point::Point;

/// Why a batch was not taken.
#[derive(Debug, Error)]
pub enum WriteError {
    /// For what it says: to send it again changes nothing.
    #[error("{0}")]
    Refused(String),
    /// Not now: away, overloaded or too slow.
    #[error("{0}")]
    Unavailable(String),
}

/// Why an output can't be used, found before the load.
#[derive(Debug, Error)]
#[error("{name}: {reason}")]
pub struct OpenError {
    /// The output, without any secret.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// An opened output.
#[derive(Debug)]
pub enum Destination {
    /// InfluxDB 1.x `/write`.
    Influx(InfluxDb),
    /// InfluxDB 2.x `/api/v2/write`.
    Influx2(InfluxDb2),
    /// A JSON object a line.
    Json(JsonFile),
    /// A table.
    Csv(CsvFile),
}

impl Destination {
    /// Opens the output and writes `first` to it, if there is anything, so that bad credentials, a missing bucket or a
    /// file that can't be written are found before the load.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn open(address: &Address, first: &[Point]) -> Result<Self, OpenError> {
        let failed = |reason: String| OpenError {
            name: address.to_string(),
            reason,
        };
        let mut destination = match address {
            Address::Influx(settings) => {
                Self::Influx(InfluxDb::connect(settings).await.map_err(failed)?)
            }
            Address::Influx2(settings) => {
                Self::Influx2(InfluxDb2::connect(settings).map_err(failed)?)
            }
            Address::Json(path) => {
                Self::Json(JsonFile::create(path).map_err(|error| failed(error.to_string()))?)
            }
            Address::Csv(path) => {
                Self::Csv(CsvFile::create(path).map_err(|error| failed(error.to_string()))?)
            }
        };
        if !first.is_empty() {
            let written = destination.write(first).await;
            written.map_err(|error| failed(error.to_string()))?;
        }
        Ok(destination)
    }

    /// Its name in accounts and errors, without any secret.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Influx(output) => output.name(),
            Self::Influx2(output) => output.name(),
            Self::Json(output) => output.name(),
            Self::Csv(output) => output.name(),
        }
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn write(&mut self, points: &[Point]) -> Result<(), WriteError> {
        match self {
            Self::Influx(output) => output.write(points).await,
            Self::Influx2(output) => output.write(points).await,
            Self::Json(output) => output.write(points),
            Self::Csv(output) => output.write(points),
        }
    }

    /// Writes lines of line protocol that are encoded already.
    ///
    /// # Errors
    /// Why they were not taken; files take none.
    pub async fn write_lines(&mut self, lines: String) -> Result<(), WriteError> {
        match self {
            Self::Influx(output) => output.write_lines(lines).await,
            Self::Influx2(output) => output.write_lines(lines).await,
            Self::Json(_) | Self::Csv(_) => Err(WriteError::Refused(
                "a file is no database to replay into".to_owned(),
            )),
        }
    }
}
