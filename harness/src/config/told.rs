//! The configuration that the lead of a run on several machines sends to the workers: the text as
//! it was given, without what only the lead needs, and without secrets. Secrets come from the
//! environment of each process.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};

use super::field::Fields;
use super::headers;
use super::inputs::Inputs;
use super::layer::{Layer, Value};
use super::outline::Outline;
use super::problem::{Problem, Source};
use super::strays::PREFIX;
use crate::secret;

/// A configuration in texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Told {
    /// `LOADTEST_*` variables.
    variables: BTreeMap<String, String>,
    /// Flags by key, with their texts.
    flags: BTreeMap<String, Vec<String>>,
    /// The file of `--config`.
    file: Option<String>,
}

impl Told {
    /// What these inputs say that every process of a run has to know.
    ///
    /// # Errors
    /// A secret that would have to go through the store, or a file that can't be read.
    pub fn of(outline: &Outline, inputs: &Inputs) -> Result<Self, Vec<Problem>> {
        let fields = &outline.fields;
        let mut told = Self::default();
        let mut problems = Vec::new();
        for (name, text) in &inputs.variables {
            let field = fields.iter().find(|field| field.variable() == *name);
            if let Some(field) = field.filter(|field| field.told && !text.is_empty()) {
                let source = Source::Variable(name.clone());
                problems.extend(secret_in(field.key, text, source));
                told.variables.insert(name.clone(), text.clone());
            }
        }
        for (key, Value { texts, source }) in inputs.flags.iter() {
            if fields.of_key(key).is_some_and(|field| field.told) {
                let secrets = texts
                    .iter()
                    .map(|text| secret_in(key, text, source.clone()));
                problems.extend(secrets.flatten());
                told.flags.insert(key.to_owned(), texts.clone());
            }
        }
        told.file = told.read_file(fields, &mut problems);
        match problems.is_empty() {
            true => Ok(told),
            false => Err(problems),
        }
    }

    fn read_file(&self, fields: &Fields, problems: &mut Vec<Problem>) -> Option<String> {
        let of_flag = self.flags.get("config").and_then(|texts| texts.first());
        let path = of_flag.or_else(|| self.variables.get("LOADTEST_CONFIG"))?;
        // An unreadable file, or one that is not TOML, is reported when the run is configured.
        let text = std::fs::read_to_string(path).ok()?;
        let mut table: toml::Table = text.parse().ok()?;
        table.retain(|key, _| fields.of_key(key).is_none_or(|field| field.told));
        let source = |key: &str| Source::Key {
            key: key.to_owned(),
            file: path.clone(),
        };
        for (key, value) in &table {
            let texts: Vec<&str> = match value {
                toml::Value::Array(values) => {
                    values.iter().filter_map(|one| one.as_str()).collect()
                }
                value => value.as_str().into_iter().collect(),
            };
            let secrets = texts.iter().map(|text| secret_in(key, text, source(key)));
            problems.extend(secrets.flatten());
        }
        toml::to_string(&table).ok()
    }

    /// Whether nothing was given that others need to know.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same for the same texts.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    /// The file of `--config`.
    pub(super) fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// Variables that headers may take their values from. Where they stand in a file, whatever looks
    /// like one is taken for it.
    pub(super) fn variables_of_headers(&self) -> Vec<String> {
        let flags = self.flags.values().flatten();
        let texts = flags.chain(self.variables.values()).chain(&self.file);
        texts.flat_map(|text| headers::variables(text)).collect()
    }

    /// What the configuration is made from, in a process with these variables.
    pub(super) fn inputs(
        &self,
        fields: &Fields,
        seed: u64,
        variables: &[(String, String)],
    ) -> Inputs {
        let own = variables
            .iter()
            .filter(|(name, _)| !name.starts_with(PREFIX));
        let told = self.variables.iter();
        let told = told.map(|(name, text)| (name.clone(), text.clone()));
        let mut flags = Layer::default();
        let seed = ("seed".to_owned(), vec![seed.to_string()]);
        for (key, texts) in self.flags.clone().into_iter().chain([seed]) {
            if let Some(field) = fields.of_key(&key) {
                flags.set_flag(field, texts);
            }
        }
        Inputs {
            flags,
            variables: own.cloned().chain(told).collect(),
        }
    }
}

/// A secret that a text has in it, and would go through the store.
fn secret_in(key: &str, text: &str, source: Source) -> Option<Problem> {
    let message = match key {
        "headers" if headers::shown(text).contains(secret::MASK) => {
            "goes to the workers through the store at --fleet, where no secret may be; take its \
             value from a variable that every process has: 'name: $NAME'"
        }
        "headers" => return None,
        _ if matches!(secret::without_logins(text), Cow::Owned(_)) => {
            "goes to the workers through the store at --fleet, where no secret may be; leave user \
             and password out"
        }
        _ => return None,
    };
    Some(Problem::new(source, message))
}

#[cfg(test)]
#[path = "told_tests.rs"]
mod tests;
