//! The values of a suite's own fields.

use std::collections::BTreeMap;

use super::field::Field;
use super::reader::Reader;
use super::section::Section;
use super::sections::Sections;

/// What was given for a suite's own fields and sections, all of which has passed their checks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    fields: BTreeMap<&'static str, Vec<String>>,
    sections: Sections,
}

impl Options {
    /// The last text that was given for a field.
    #[must_use]
    pub fn get(&self, field: &Field) -> Option<&str> {
        self.fields.get(field.key)?.last().map(String::as_str)
    }

    /// Whether a switch is on.
    #[must_use]
    pub fn is_on(&self, field: &Field) -> bool {
        self.fields.contains_key(field.key)
    }

    /// Sets a field, as a flag does.
    pub fn set(&mut self, field: &'static Field, text: &str) {
        self.fields.insert(field.key, vec![text.to_owned()]);
    }

    /// A table of the profile or file.
    #[must_use]
    pub fn section(&self, section: &Section) -> Option<&toml::Table> {
        self.sections.get(section.key)
    }
}

/// The suite's own values; what its fields refuse becomes a problem.
pub(super) fn options(reader: &mut Reader, sections: Sections) -> Options {
    let fields = BTreeMap::new();
    let mut options = Options { fields, sections };
    for field in reader.fields.clone().own() {
        let texts = reader.parse_all(field.key, |text| {
            (field.check)(text).map(|()| text.to_owned())
        });
        if let Some(texts) = texts {
            options.fields.insert(field.key, texts);
        }
    }
    options
}
