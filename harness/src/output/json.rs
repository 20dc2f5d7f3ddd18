//! Rows into a file of JSON lines.

use std::fs::File;
use std::future::ready;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::{Map, json};

use super::destination::{Kind, Output, Writing};
use super::file::{FilePlace, refused};
use super::point::{Point, Value};
use crate::shown;

/// `json=FILE`
pub(super) const KIND: Kind = Kind {
    name: "json",
    form: "FILE",
    read: |path, _| FilePlace::read(KIND.name, path, create),
};

/// One interval a line: `{"time_ns":…,"rows":[{"measurement":…,"tags":{…},"fields":{…}}]}`.
struct JsonFile {
    out: BufWriter<File>,
}

fn create(path: &Path) -> io::Result<Box<dyn Output>> {
    let out = BufWriter::new(File::create(path)?);
    Ok(Box::new(JsonFile { out }))
}

impl Output for JsonFile {
    fn write<'a>(&'a mut self, points: &'a [Point]) -> Writing<'a> {
        let rows: Vec<_> = points.iter().map(row).collect();
        let time = points.first().map_or(0, |point| point.time_ns);
        let line = json!({ "time_ns": time, "rows": rows });
        let text = shown::json(&line).map_err(io::Error::from);
        let written = text.and_then(|text| writeln!(self.out, "{text}"));
        let written = written.and_then(|()| self.out.flush());
        Box::pin(ready(written.map_err(|error| refused(&error))))
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
