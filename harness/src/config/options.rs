//! The values of a suite's own fields.

use std::collections::BTreeMap;

use super::field::Field;
use super::reader::Reader;

/// What was given for a suite's own fields. Every text has passed its field's check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<&'static str, Vec<String>>);

impl Options {
    /// The last text that was given for a field.
    #[must_use]
    pub fn get(&self, field: &Field) -> Option<&str> {
        self.0.get(field.key)?.last().map(String::as_str)
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, field: &Field) -> bool {
        self.0.contains_key(field.key)
    }

    /// Sets a field, as a flag does.
    pub fn set(&mut self, field: &'static Field, text: &str) {
        self.0.insert(field.key, vec![text.to_owned()]);
    }
}

/// Which options contradict each other, and why: see `Suite::refuse`.
pub(super) type Refuse = fn(&Options) -> Vec<(&'static Field, String)>;

/// The suite's own values; what its fields, or the suite itself, refuse becomes a problem.
pub(super) fn options(reader: &mut Reader, refuse: Refuse) -> Options {
    let mut options = Options::default();
    for field in reader.fields.clone().own() {
        let texts = reader.parse_all(field.key, |text| {
            (field.check)(text).map(|()| text.to_owned())
        });
        if let Some(texts) = texts {
            options.0.insert(field.key, texts);
        }
    }
    for (field, message) in refuse(&options) {
        reader.problem(field.key, message);
    }
    options
}
