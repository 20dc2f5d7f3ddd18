//! Rows into a file of JSON lines.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, json};

use super::destination::Kind;
use super::file::{FilePlace, Format};
use super::point::{Point, Value};
use crate::files::Stream;
use crate::shown;

/// `json=FILE`
pub(super) const KIND: Kind = Kind {
    name: "json",
    form: "FILE",
    read: |path, _| FilePlace::read(KIND.name, path, create),
};

/// One interval a line: `{"time_ns":…,"rows":[{"measurement":…,"tags":{…},"fields":{…}}]}`.
struct JsonFile {
    out: BufWriter<Stream>,
}

fn create(path: &Path) -> io::Result<Box<dyn Format>> {
    let out = BufWriter::new(Stream::open(path)?);
    Ok(Box::new(JsonFile { out }))
}

impl Format for JsonFile {
    fn write(&mut self, points: &[Point]) -> io::Result<()> {
        let rows: Vec<_> = points.iter().map(row).collect();
        let time = points.first().map_or(0, |point| point.time_ns);
        let line = json!({ "time_ns": time, "rows": rows });
        writeln!(self.out, "{}", shown::json(&line)?)?;
        self.out.flush()
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
    json!({
        "measurement": point.measurement,
        "time_ns": point.time_ns,
        "tags": tags,
        "fields": fields,
    })
}
