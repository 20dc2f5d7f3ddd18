//! Tags that the user chooses, of a scenario or of the whole run.

use super::parse;
use super::reader::Reader;
use crate::metrics::METRICS;

/// Reads `key=value`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or_else(|| format!("'{text}' is not a tag; write key=value, as in team=checkout"))?;
    let (key, value) = (key.trim(), value.trim());
    check(key, value)?;
    Ok((key.to_owned(), value.to_owned()))
}

/// Whether series can have this tag.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(key: &str, value: &str) -> Result<(), String> {
    let built_in = METRICS.iter().any(|metric| metric.tags.contains(&key));
    if built_in || matches!(key, "run_id" | "instance" | "time" | "trend" | "part") {
        return Err(format!(
            "'{key}' is a tag that there is already; choose another key"
        ));
    }
    let good = |text: &str| !text.is_empty() && parse::is_name(text);
    if good(key) && good(value) {
        return Ok(());
    }
    Err(format!(
        "'{key}' must be a text of letters, digits, _ - and ."
    ))
}

/// The tags of the whole run.
pub(super) fn of_run(reader: &mut Reader) -> Vec<(String, String)> {
    let tags = reader.parse_all("tags", pair).unwrap_or_default();
    for (at, (key, _)) in tags.iter().enumerate() {
        if tags[..at].iter().any(|(known, _)| known == key) {
            reader.problem("tags", format!("'{key}' is given twice"));
        }
    }
    tags
}
