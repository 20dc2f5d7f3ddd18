//! A run on several machines: which of its processes this is, and its configuration as the lead
//! tells it to the workers. What goes there is text as it was given, without what only concerns the
//! lead, and without secrets: those come from each process's own environment.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::field::Fields;
use super::headers;
use super::layer::{Layer, Value};
use super::outline::Outline;
use super::parse;
use super::problem::{Problem, Source};
use super::reader::Reader;
use super::strays::PREFIX;
use super::validate::{Inputs, load_with};
use super::{Fleet, RunConfig};
use crate::fleet::{self, Given};
use crate::secret;

/// Has the store's password, where its address has none.
const PASSWORD: &str = "FLEET_PASSWORD";
const WAIT: Duration = Duration::from_secs(300);

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
                let secrets = texts.iter().map(|text| secret_in(key, text, source.clone()));
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
        // Whoever can't read it, or to whom it is no TOML, is told so when the run is made of it.
        let text = std::fs::read_to_string(path).ok()?;
        let mut table: toml::Table = text.parse().ok()?;
        table.retain(|key, _| fields.of_key(key).is_none_or(|field| field.told));
        let source = |key: &str| Source::Key {
            key: key.to_owned(),
            file: path.clone(),
        };
        for (key, value) in &table {
            let texts: Vec<&str> = match value {
                toml::Value::Array(values) => values.iter().filter_map(|one| one.as_str()).collect(),
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

    /// The configuration again, in a process with these variables.
    ///
    /// # Errors
    /// Everything that is wrong with it in this process, such as a variable that is not set.
    pub fn load(
        &self,
        outline: &Outline,
        seed: u64,
        variables: &[(String, String)],
    ) -> Result<RunConfig, Vec<Problem>> {
        let own = variables.iter().filter(|(name, _)| !name.starts_with(PREFIX));
        let told = self.variables.iter();
        let told = told.map(|(name, text)| (name.clone(), text.clone()));
        let mut flags = Layer::default();
        let seed = ("seed".to_owned(), vec![seed.to_string()]);
        for (key, texts) in self.flags.clone().into_iter().chain([seed]) {
            if let Some(field) = outline.fields.of_key(&key) {
                flags.set_flag(field, texts);
            }
        }
        let inputs = Inputs {
            flags,
            variables: own.cloned().chain(told).collect(),
        };
        load_with(outline, inputs, |_| {
            let file = self.file.clone();
            file.ok_or_else(|| io::Error::other("the lead could not read it"))
        })
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

/// The process's place in a run on several machines, if it is part of one.
///
/// # Errors
/// Everything that is wrong with it.
pub fn place(outline: &Outline, inputs: &Inputs) -> Result<Option<Fleet>, Vec<Problem>> {
    let mut reader = Reader {
        fields: outline.fields.clone(),
        layers: Vec::new(),
        problems: Vec::new(),
        overridden: Vec::new(),
    };
    // What is no switch and no number is told of when everything is read.
    let mut others = (Vec::new(), Vec::new());
    let ignored = (&mut others.0, &mut others.1);
    let environment = Layer::from_env(&inputs.variables, &outline.fields, ignored);
    reader.layers = vec![environment, inputs.flags.clone()];
    let fleet = fleet_of(&mut reader, &inputs.variables);
    match reader.problems.is_empty() {
        true => Ok(fleet),
        false => Err(reader.problems),
    }
}

/// The same, with its problems among the others.
pub(super) fn fleet_of(reader: &mut Reader, variables: &[(String, String)]) -> Option<Fleet> {
    let text = |key: &str| {
        let value = reader.value(key);
        value.and_then(|value| value.texts.first()).cloned()
    };
    let keys = ["fleet", "workers", "index", "weight", "fleet_run"];
    let [fleet, workers, index, weight, fleet_run] = keys.map(text);
    let given = Given {
        fleet: fleet.as_deref(),
        workers: workers.as_deref(),
        index: index.as_deref(),
        weight: weight.as_deref(),
        fleet_run: fleet_run.as_deref(),
    };
    let mut place = match fleet::place(&given, variables) {
        Ok(place) => place?,
        Err(wrong) => {
            for fleet::Misplaced { flag, message } in wrong {
                reader.problem(&flag.replace('-', "_"), message);
            }
            return None;
        }
    };
    place.store = address(reader, &place.store, variables)?;
    let wait = reader.parse_or("fleet_wait", parse::positive_duration, WAIT);
    Some(Fleet { place, wait })
}

/// The store's address with its password.
fn address(reader: &mut Reader, store: &str, variables: &[(String, String)]) -> Option<String> {
    let Ok(mut url) = Url::parse(store) else {
        reader.problem("fleet", "is no address; write redis://host:6379/0");
        return None;
    };
    let is_flag = reader
        .value("fleet")
        .is_some_and(|value| matches!(value.source, Source::Flag(_)));
    if let Some(password) = url.password() {
        if is_flag {
            let message = format!(
                "everybody on this machine can read a password there; set {PASSWORD}, or \
                 LOADTEST_FLEET"
            );
            reader.problem("fleet", message);
            return None;
        }
        secret::keep(password);
        return Some(store.to_owned());
    }
    let password = variables.iter().find(|(name, _)| name == PASSWORD);
    if let Some((_, password)) = password.filter(|(_, password)| !password.is_empty()) {
        secret::keep(password);
        // An address without a host, of a socket, has no password in it.
        let _ = url.set_password(Some(password));
    }
    Some(url.into())
}

/// What a lead can't do, because it has no virtual users.
pub(super) fn refuse(reader: &mut Reader, fleet: Option<&Fleet>) {
    if fleet.is_none() {
        return;
    }
    if !reader.is_on("host") {
        let message = "is missing; several machines need the address of a server that all can reach";
        reader.problem("host", message);
    }
    if reader.is_on("influx_raw") {
        let message = "single samples stay with the workers of a --fleet; leave one of both out";
        reader.problem("influx_raw", message);
    }
}

#[cfg(test)]
#[path = "distributed_tests.rs"]
mod tests;
