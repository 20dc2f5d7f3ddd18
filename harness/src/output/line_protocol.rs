//! InfluxDB's line protocol. Pure.
//!
//! ```text
//! line        = measurement { "," key "=" value } " " key "=" field { "," key "=" field } " " time
//! measurement : "\" before "," and " "
//! key, value  : "\" before ",", "=" and " "
//! field       = float | integer "i" | '"' text '"', in text "\" before '"' and "\"
//! ```
//!
//! Beyond escaping, the server refuses: empty tag values, NaN and infinities, a line without
//! fields, raw line breaks in names and tags, and a backslash at the end of a tag, which would
//! escape what follows. Such tags and fields are left out or their characters replaced, so that
//! one odd value can't cost a whole batch.

use std::fmt::Write;

use super::point::{Point, Value};
use crate::shown::seen;

/// Appends a point's line to `out`; a point without any field that can be written gives none.
/// Whether it gave one.
pub fn encode(point: &Point, out: &mut String) -> bool {
    let start = out.len();
    escape(point.measurement, &[',', ' '], out);
    for (key, value) in &point.tags {
        if !value.is_empty() {
            out.push(',');
            escape(key, &[',', '=', ' '], out);
            out.push('=');
            escape(value, &[',', '=', ' '], out);
        }
    }
    let mut separator = ' ';
    for (key, value) in &point.fields {
        if matches!(value, Value::Float(number) if !number.is_finite()) {
            continue;
        }
        out.push(separator);
        separator = ',';
        escape(key, &[',', '=', ' '], out);
        out.push('=');
        field(value, out);
    }
    if separator == ' ' {
        out.truncate(start);
        return false;
    }
    // Writing to a string can't fail.
    let _ = writeln!(out, " {}", point.time_ns);
    true
}

/// The lines of points.
#[must_use]
pub(super) fn lines(points: &[Point]) -> String {
    let mut lines = String::new();
    for point in points {
        encode(point, &mut lines);
    }
    lines
}

fn field(value: &Value, out: &mut String) {
    let _ = match value {
        Value::Float(number) => write!(out, "{number}"),
        Value::Int(number) => write!(out, "{number}i"),
        Value::Text(text) => {
            out.push('"');
            // A line break is allowed here, but one row must stay one line for the spool.
            let one_line = |c| match c {
                '\n' | '\r' => ' ',
                c => seen(c),
            };
            for c in text.chars().map(one_line) {
                if matches!(c, '"' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            }
            out.push('"');
            Ok(())
        }
    };
}

/// Escapes a name or a tag. A line break ends the line whatever stands before it, and a backslash
/// before a special character can't be told from its escape: both become a space and a slash.
fn escape(text: &str, special: &[char], out: &mut String) {
    for c in text.chars() {
        let c = match c {
            '\n' | '\r' => ' ',
            '\\' => '/',
            c => seen(c),
        };
        if special.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(point: &Point) -> String {
        let mut out = String::new();
        encode(point, &mut out);
        out
    }

    #[test]
    fn every_kind_of_value_is_written() {
        let point = Point::new("requests", 1_700_000_000_000)
            .tag("name", "5_create_order")
            .int("count", 3)
            .float("p95", 12.5)
            .text("title", "say \"hi\" \\ bye");
        let expected = r#"requests,name=5_create_order count=3i,p95=12.5,title="say \"hi\" \\ bye" 1700000000000"#;
        assert_eq!(line(&point), format!("{expected}\n"));
    }

    #[test]
    fn what_a_server_refuses_is_never_written() {
        // (point, line)
        let rows = [
            (Point::new("a b,c", 1).int("x", 1), "a\\ b\\,c x=1i 1\n"),
            (
                Point::new("m", 1).tag("k e=y", "v,a l=u\ne").int("x", 1),
                "m,k\\ e\\=y=v\\,a\\ l\\=u\\ e x=1i 1\n",
            ),
            (
                Point::new("m", 1).tag("empty", "").int("x", 1),
                "m x=1i 1\n",
            ),
            (
                Point::new("m", 1)
                    .tag("t", "\u{1b}[1m\u{202e}")
                    .text("x", "\0"),
                "m,t=␛[1m\u{fffd} x=\"␀\" 1\n",
            ),
            (
                Point::new("m", 1).tag("path", "C:\\").int("x", 1),
                "m,path=C:/ x=1i 1\n",
            ),
            (
                Point::new("m", 1).float("nan", f64::NAN).int("x", 1),
                "m x=1i 1\n",
            ),
            (Point::new("m", 1).float("inf", f64::INFINITY), ""),
            (Point::new("m", 1), ""),
        ];
        for (point, expected) in rows {
            assert_eq!(line(&point), expected);
        }
    }

    /// A reader of one line by the rules above: measurement, tags, fields.
    type Parsed = (String, Vec<(String, String)>, Vec<(String, String)>);

    fn parse(line: &str) -> Parsed {
        let mut parts = vec![vec![String::new()]];
        let (mut escaped, mut quoted) = (false, false);
        for c in line.trim_end_matches('\n').chars() {
            // Quotes mean something in fields only.
            let in_fields = parts.len() == 2;
            let section = parts.last_mut().expect("never empty");
            let word = section.last_mut().expect("never empty");
            match c {
                c if escaped => {
                    word.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' if in_fields => quoted = !quoted,
                ' ' if !quoted => parts.push(vec![String::new()]),
                ',' | '=' if !quoted => section.push(String::new()),
                c => word.push(c),
            }
        }
        let pairs = |words: &[String]| {
            words
                .chunks(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect()
        };
        (parts[0][0].clone(), pairs(&parts[0][1..]), pairs(&parts[1]))
    }

    fn shown(text: &str) -> String {
        text.chars().map(seen).collect()
    }

    proptest! {
        /// Whatever the text, one point is one line, and reads back as what was put in.
        #[test]
        fn any_text_survives(tag in "[^\\\\\r\n]{1,20}", text in "[^\r\n]{0,20}", number in -1e12_f64..1e12) {
            let point = Point::new("m", 7).tag("t", tag.clone()).text("f", text.clone()).float("n", number);
            let line = line(&point);
            let (measurement, tags, fields) = parse(&line);
            prop_assert_eq!(measurement, "m");
            prop_assert_eq!(tags, vec![("t".to_owned(), shown(&tag))]);
            prop_assert_eq!(fields, vec![("f".to_owned(), shown(&text)), ("n".to_owned(), number.to_string())]);
        }

        #[test]
        fn hostile_tags_stay_within_their_line(tag in ".{0,30}|[\\\\\r\n ,=]{0,10}") {
            let line = line(&Point::new("m", 7).tag("t", tag).int("x", 1));
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert!(line.ends_with(" x=1i 7\n"), "{}", line);
        }
    }
}
