//! The values of a suite's own fields.

use std::collections::BTreeMap;

use super::field::Field;
use super::reader::Reader;
use super::scenario::Scenario;
use super::section::Section;
use super::sections::Sections;
use crate::persona::Role;

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

/// Which options contradict each other, and why: see `Suite::refuse`.
pub(super) type Refuse = fn(&Options) -> Vec<(&'static Field, String)>;

/// The suite's own values; what its fields, the suite itself, or a load without use for them refuse
/// becomes a problem.
pub(super) fn options(
    reader: &mut Reader,
    sections: Sections,
    refuse: Refuse,
    scenarios: Option<&[Scenario]>,
) -> Options {
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
    for (field, message) in refuse(&options) {
        reader.problem(field.key, message);
    }
    refuse_unused(reader, scenarios.unwrap_or_default());
    options
}

/// A field about requests that no persona of the mix sends is an error, unless the mix was given in
/// a higher layer.
fn refuse_unused(reader: &mut Reader, scenarios: &[Scenario]) {
    let roles: Vec<Role> = scenarios
        .iter()
        .flat_map(|scenario| scenario.mix.shares())
        .map(|(role, _)| role)
        .collect();
    let sends = |role: &Role, name: &&str| {
        let mut planned = role.requests.iter();
        role.requests.is_empty() || planned.any(|(planned, ..)| planned == name)
    };
    for field in reader.fields.clone().own() {
        let mut about = field.requests.iter();
        let is_used = about.any(|name| roles.iter().any(|role| sends(role, name)));
        let is_asked = reader.is_on(field.key) && reader.level(field.key) >= reader.level("mix");
        if !field.requests.is_empty() && !roles.is_empty() && !is_used && is_asked {
            let what = format!(
                "no persona of the mix sends {}; leave it out, or change --mix",
                field.requests.join(" or ")
            );
            reader.problem(field.key, what);
        }
    }
}
