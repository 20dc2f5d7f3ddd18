//! Properties of every row that is written, and of every file of rows that is read, for fuzzing.

use super::line_protocol::encode;
use super::point::{Point, Value};
use super::spool;

/// Eight bytes of a number, a tag, and behind a NUL a text. Their line has them in it, and nothing
/// else.
pub fn line_protocol(data: &[u8]) {
    let (number, texts) = data.split_at(data.len().min(8));
    let text = String::from_utf8_lossy(texts);
    let (tag, text) = text.split_once('\0').unwrap_or((&text, ""));
    let mut bits = [0; 8];
    bits[..number.len()].copy_from_slice(number);
    let (float, int) = (f64::from_le_bytes(bits), i64::from_le_bytes(bits));
    let mut point = Point::new("a row", int).tag("a key", tag.to_owned());
    point = point.float("number", float).text("a text", text);
    point.fields.push(("count", Value::Int(int)));
    let mut line = String::new();
    assert!(encode(&point, &mut line));
    let read = Line::read(&line).unwrap_or_else(|| panic!("{line:?}"));
    let one_line = |text: &str| text.replace(['\n', '\r'], " ");
    let tag = one_line(tag).replace('\\', "/");
    let tags = [("a key".to_owned(), tag)];
    let tags = tags.into_iter().filter(|(_, tag)| !tag.is_empty());
    assert_eq!(read.measurement, "a row");
    assert_eq!(read.tags, tags.collect::<Vec<_>>());
    let float = float.is_finite().then_some(Value::Float(float));
    let fields = [
        float.map(|float| ("number", float)),
        Some(("a text", Value::Text(one_line(text)))),
        Some(("count", Value::Int(int))),
    ];
    let fields = fields.into_iter().flatten();
    let fields = fields.map(|(key, value)| (key.to_owned(), value));
    assert_eq!(read.fields, fields.collect::<Vec<_>>());
    assert_eq!(read.time_ns, int);
}

/// A line, read by the rules of the server and nothing else.
struct Line {
    measurement: String,
    tags: Vec<(String, String)>,
    fields: Vec<(String, Value)>,
    time_ns: i64,
}

impl Line {
    fn read(line: &str) -> Option<Self> {
        let line = line.strip_suffix('\n')?;
        if line.contains(['\n', '\r']) {
            return None;
        }
        let (measurement, mut rest) = word(line, &[',', ' ']);
        let mut tags = Vec::new();
        while let Some(tag) = rest.strip_prefix(',') {
            let (key, value) = word(tag, &['=']);
            let (value, after) = word(value.strip_prefix('=')?, &[',', ' ']);
            tags.push((key, value));
            rest = after;
        }
        let mut fields = Vec::new();
        let mut separator = ' ';
        while let Some(field) = rest.strip_prefix(separator).filter(|_| !is_time(rest)) {
            let (key, value) = word(field, &['=']);
            let (value, after) = value_of(value.strip_prefix('=')?)?;
            fields.push((key, value));
            (rest, separator) = (after, ',');
        }
        let time_ns = rest.strip_prefix(' ')?.parse().ok()?;
        Some(Self {
            measurement,
            tags,
            fields,
            time_ns,
        })
    }
}

/// Whether nothing but the time is left.
fn is_time(rest: &str) -> bool {
    rest.strip_prefix(' ')
        .is_some_and(|time| time.parse::<i64>().is_ok())
}

/// The text up to one of these characters that is not escaped, and what is left.
fn word<'a>(text: &'a str, ends: &[char]) -> (String, &'a str) {
    let mut word = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            '\\' if !escaped => {
                escaped = true;
                continue;
            }
            c if ends.contains(&c) && !escaped => return (word, &text[at..]),
            _ => word.push(c),
        }
        escaped = false;
    }
    (word, "")
}

fn value_of(text: &str) -> Option<(Value, &str)> {
    if let Some(text) = text.strip_prefix('"') {
        let (value, rest) = word(text, &['"']);
        return Some((Value::Text(value), rest.strip_prefix('"')?));
    }
    let (value, rest) = text.split_at(text.find([',', ' '])?);
    let value = match value.strip_suffix('i') {
        Some(number) => Value::Int(number.parse().ok()?),
        None => Value::Float(value.parse().ok()?),
    };
    Some((value, rest))
}

/// Every line of a file of rows is told: as a row, or as the one that was cut.
pub fn spool(data: &[u8]) {
    let lines = spool::split(data);
    let text = String::from_utf8_lossy(data);
    let told = text.split('\n').filter(|line| !line.trim().is_empty());
    let rows = lines.whole.iter().map(String::as_str);
    assert!(told.clone().zip(rows).all(|(told, row)| told == row));
    assert_eq!(
        told.count(),
        lines.whole.len() + usize::from(lines.torn > 0)
    );
    assert!(lines.torn == 0 || !data.ends_with(b"\n"));
}
