//! Rows into a table of comma-separated values.

use std::io;
use std::path::Path;

use super::destination::Kind;
use super::file::{FilePlace, Format};
use super::point::{Point, Value};
use crate::files::Stream;

/// `csv=FILE`
pub(super) const KIND: Kind = Kind {
    name: "csv",
    form: "FILE",
    read: |path, _| FilePlace::read(KIND.name, path, create),
};

/// One field of one row a line: `time_ns,measurement,tags,field,value`, the tags as `key=value;…`.
/// A line per field, because measurements have different ones.
struct CsvFile {
    out: csv::Writer<Stream>,
}

fn create(path: &Path) -> io::Result<Box<dyn Format>> {
    let mut out = csv::Writer::from_writer(Stream::open(path)?);
    out.write_record(["time_ns", "measurement", "tags", "field", "value"])?;
    Ok(Box::new(CsvFile { out }))
}

impl Format for CsvFile {
    fn write(&mut self, points: &[Point]) -> io::Result<()> {
        points.iter().try_for_each(|point| self.fields_of(point))?;
        self.out.flush()
    }
}

impl CsvFile {
    fn fields_of(&mut self, point: &Point) -> io::Result<()> {
        let tags = point
            .tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        let tags = tags.collect::<Vec<_>>().join(";");
        let time = point.time_ns.to_string();
        for (field, value) in &point.fields {
            let value = match value {
                Value::Float(number) => number.to_string(),
                Value::Int(number) => number.to_string(),
                Value::Text(text) => text.clone(),
            };
            self.out
                .write_record([&time, point.measurement, &tags, field, &value])?;
        }
        Ok(())
    }
}
