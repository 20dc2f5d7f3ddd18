//! Rows into a file: JSON lines or CSV.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, json};

use super::destination::WriteError;
use super::point::{Point, Value};

/// One interval a line: `{"time_ns":…,"rows":[{"measurement":…,"tags":{…},"fields":{…}}]}`.
#[derive(Debug)]
pub struct JsonFile {
    path: PathBuf,
    out: BufWriter<File>,
}

impl JsonFile {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            out: BufWriter::new(File::create(path)?),
        })
    }

    pub(super) fn name(&self) -> String {
        format!("json={}", self.path.display())
    }

    pub(super) fn write(&mut self, points: &[Point]) -> Result<(), WriteError> {
        let rows: Vec<_> = points.iter().map(row).collect();
        let time = points.first().map_or(0, |point| point.time_ns);
        let line = json!({ "time_ns": time, "rows": rows });
        writeln!(self.out, "{line}")
            .and_then(|()| self.out.flush())
            .map_err(|error| refused(&error))
    }
}

fn row(point: &Point) -> serde_json::Value {
    let tags: Map<_, _> = point
        .tags
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect();
    let fields: Map<_, _> = point
        .fields
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Value::Float(number) => json!(number),
                Value::Int(number) => json!(number),
                Value::Text(text) => json!(text),
            };
            ((*key).to_owned(), value)
        })
        .collect();
    json!({ "measurement": point.measurement, "time_ns": point.time_ns, "tags": tags, "fields": fields })
}

/// One field of one row a line: `time_ns,measurement,tags,field,value`, the tags as `key=value;…`.
/// A line per field, because measurements have different ones.
#[derive(Debug)]
pub struct CsvFile {
    path: PathBuf,
    out: csv::Writer<File>,
}

impl CsvFile {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut out = csv::Writer::from_path(path)?;
        out.write_record(["time_ns", "measurement", "tags", "field", "value"])?;
        Ok(Self {
            path: path.to_owned(),
            out,
        })
    }

    pub(super) fn name(&self) -> String {
        format!("csv={}", self.path.display())
    }

    pub(super) fn write(&mut self, points: &[Point]) -> Result<(), WriteError> {
        self.write_all(points).map_err(|error| refused(&error))
    }

    fn write_all(&mut self, points: &[Point]) -> io::Result<()> {
        for point in points {
            let tags: Vec<String> = point
                .tags
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            for (field, value) in &point.fields {
                let value = match value {
                    Value::Float(number) => number.to_string(),
                    Value::Int(number) => number.to_string(),
                    Value::Text(text) => text.clone(),
                };
                let time = point.time_ns.to_string();
                self.out.write_record([
                    &time,
                    point.measurement,
                    &tags.join(";"),
                    field,
                    &value,
                ])?;
            }
        }
        self.out.flush()
    }
}

/// A file that can't be written now won't be later: its rows are lost, and the account says so.
fn refused(error: &io::Error) -> WriteError {
    WriteError::Refused(error.to_string())
}
