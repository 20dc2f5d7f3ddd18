//! Rows into a table of comma-separated values.

use std::io;
use std::path::Path;

use super::destination::Kind;
use super::file::{FilePlace, Format};
use super::point::{Point, Value};
use crate::files::Stream;
use crate::shown::visible;

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

/// A text that no program takes for a formula: an apostrophe stands before what would begin one.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if formula { "'" } else { "" };
    format!("{mark}{}", visible(text))
}

impl CsvFile {
    fn fields_of(&mut self, point: &Point) -> io::Result<()> {
        let tags = point
            .tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        let tags = cell(&tags.collect::<Vec<_>>().join(";"));
        let time = point.time_ns.to_string();
        for (field, value) in &point.fields {
            let value = match value {
                Value::Float(number) => number.to_string(),
                Value::Int(number) => number.to_string(),
                Value::Text(text) => cell(text),
            };
            self.out
                .write_record([&time, point.measurement, &tags, field, &value])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_formula() {
        let rows = [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("name=x;a=b", "name=x;a=b"),
            ("\u{1b}[1m", "␛[1m"),
        ];
        for (text, expected) in rows {
            assert_eq!(cell(text), expected);
        }
    }
}
