//! A `[[probe]]` of a file.

const KEYS: [&str; 4] = ["name", "kind", "url", "match"];

/// It as the text that a flag would have.
pub(super) fn text_of(table: &toml::Table) -> Option<String> {
    let text = |key: &str| table.get(key).and_then(toml::Value::as_str);
    if !table.keys().all(|key| KEYS.contains(&key.as_str())) {
        return None;
    }
    let mut whole = text("kind")?.to_owned();
    if let Some(url) = text("url") {
        whole += &format!("={url}");
    }
    if let Some(patterns) = table.get("match") {
        let patterns = patterns.as_array()?.iter().map(toml::Value::as_str);
        let patterns = patterns.collect::<Option<Vec<_>>>()?.join(",");
        let mark = if whole.contains('?') { '&' } else { '?' };
        whole += &format!("{mark}match={patterns}");
    }
    Some(match text("name") {
        Some(name) => format!("{name}={whole}"),
        None => whole,
    })
}
