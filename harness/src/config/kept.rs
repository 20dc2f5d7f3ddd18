//! A configuration file as a summary keeps it, so that the run can be repeated where the file is
//! gone: its values without comments and without secrets. Pure.

use toml::{Table, Value};

use super::headers;
use crate::secret::{MASK, without_logins};

/// The file's text; nothing of what is no TOML.
pub(super) fn kept(text: &str) -> Option<String> {
    let mut table: Table = text.parse().ok()?;
    table
        .iter_mut()
        .for_each(|(key, value)| mask(value, key == HEADERS));
    toml::to_string_pretty(&table).ok()
}

/// What may be a secret wherever it stands in a file.
const HEADERS: &str = "headers";

/// Masks secrets in a value. `is_header` says whether it is one of the headers.
fn mask(value: &mut Value, is_header: bool) {
    match value {
        Value::String(text) if is_header => *text = headers::shown(text),
        Value::String(text) => *text = without_logins(text).into_owned(),
        Value::Array(values) => values.iter_mut().for_each(|value| mask(value, is_header)),
        Value::Table(table) => {
            for (key, value) in table {
                match value {
                    // A header by its name.
                    Value::String(text) if is_header => *text = MASK.to_owned(),
                    _ => mask(value, is_header || key == HEADERS),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_without_what_is_secret() {
        let text = r#"
            # the token is hunter2
            name = "evening"
            vus = 20
            headers = ["Authorization: Bearer hunter2", "X-Trace: ${TRACE}"]
            out = ["influxdb=http://me:hunter2@localhost:8086/k6"]
            [api.headers]
            X-Key = "hunter2"
            [[scenario]]
            name = "browse"
            mix = "b=1"
        "#;
        let kept = kept(text).expect("TOML");
        assert!(!kept.contains("hunter2"), "{kept}");
        let table: Table = kept.parse().expect("TOML again");
        let was: Table = text.parse().expect("TOML");
        for key in ["name", "vus", "scenario"] {
            assert_eq!(table[key], was[key]);
        }
        let headers = table["headers"].as_array().expect("headers");
        assert_eq!(headers[0].as_str(), Some("Authorization: ***"));
        assert_eq!(headers[1].as_str(), Some("X-Trace: ${TRACE}"));
        assert!(kept.contains("X-Key = \"***\"") && kept.contains("localhost:8086/k6"));
        assert_eq!(super::kept("= nothing"), None);
    }
}
