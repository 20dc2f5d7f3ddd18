//! The keys of `[api]`: the contract's, with what a file gives in their place.

use std::sync::LazyLock;

use harness::Flaw;
use harness::config::no_such_key;
use harness::metrics::Method;
use toml::{Table, Value};

use super::path::Path;

static CONTRACT: LazyLock<Table> = LazyLock::new(|| {
    let text = include_str!("contract.toml");
    text.parse().expect("the contract is TOML: a test reads it")
});

/// The word for what there isn't.
pub(super) const NONE: &str = "none";

/// Reads the keys and gathers what is wrong with them.
pub(super) struct Keys {
    table: Table,
    pub(super) flaws: Vec<Flaw>,
    /// What follows users' names.
    suffix: String,
}

impl Keys {
    pub(super) fn of(given: Option<&Table>, suffix: &str) -> Self {
        let mut keys = Self {
            table: CONTRACT.clone(),
            flaws: Vec::new(),
            suffix: suffix.to_owned(),
        };
        for (part, values) in given.into_iter().flatten() {
            keys.replace(part, values);
        }
        keys
    }

    fn replace(&mut self, part: &str, values: &Value) {
        let known: Vec<&str> = CONTRACT.keys().map(String::as_str).collect();
        let Some(mine) = self.table.get_mut(part).and_then(Value::as_table_mut) else {
            self.flaws.push(Flaw::new(part, no_such_key(part, &known)));
            return;
        };
        let Some(values) = values.as_table() else {
            let message = format!("must have keys of its own, as in {part}.path = \"/…\"");
            self.flaws.push(Flaw::new(part, message));
            return;
        };
        for (key, value) in values {
            let name = format!("{part}.{key}");
            let known: Vec<&str> = mine.keys().map(String::as_str).collect();
            let message = match mine.get(key) {
                None => no_such_key(key, &known),
                Some(own) => match fitting(own, value) {
                    Some(value) => {
                        mine.insert(key.clone(), value);
                        continue;
                    }
                    None => format!("must be {}", form(own)),
                },
            };
            self.flaws.push(Flaw::new(name, message));
        }
    }

    fn value(&self, part: &str, key: &str) -> &Value {
        &self.table[part][key]
    }

    fn flaw(&mut self, part: &str, key: &str, message: String) {
        self.flaws.push(Flaw::new(format!("{part}.{key}"), message));
    }

    pub(super) fn text(&self, part: &str, key: &str) -> &str {
        self.value(part, key).as_str().unwrap_or_default()
    }

    pub(super) fn is_on(&self, part: &str, key: &str) -> bool {
        self.value(part, key).as_bool().unwrap_or_default()
    }

    /// The name of a field.
    pub(super) fn name(&mut self, part: &str, key: &str) -> String {
        let name = self.text(part, key).to_owned();
        if name.is_empty() {
            self.flaw(part, key, "must be the name of a field".to_owned());
        }
        name
    }

    /// The name of a field that there may not be.
    pub(super) fn optional(&mut self, part: &str, key: &str) -> Option<String> {
        Some(self.name(part, key)).filter(|name| name != NONE)
    }

    pub(super) fn path(&mut self, part: &str, key: &str) -> Path {
        match Path::parse(self.text(part, key), &self.suffix) {
            Ok(path) => path,
            Err(message) => {
                self.flaw(part, key, message);
                Path::default()
            }
        }
    }

    /// A path that there may not be.
    pub(super) fn optional_path(&mut self, part: &str, key: &str) -> Option<Path> {
        (self.text(part, key) != NONE).then(|| self.path(part, key))
    }

    pub(super) fn method(&mut self, part: &str) -> Method {
        const METHODS: [Method; 5] = [
            Method::Get,
            Method::Post,
            Method::Put,
            Method::Patch,
            Method::Delete,
        ];
        let text = self.text(part, "method").to_owned();
        let known = METHODS.into_iter().find(|method| method.as_str() == text);
        known.unwrap_or_else(|| {
            let message = format!("'{text}' is none of GET, POST, PUT, PATCH, DELETE");
            self.flaw(part, "method", message);
            Method::Get
        })
    }

    /// Statuses; none only where the contract has none either.
    pub(super) fn statuses(&mut self, part: &str, key: &str) -> Vec<u16> {
        let values = self.value(part, key).as_array().cloned();
        let values = values.unwrap_or_default();
        let status = |value: &Value| {
            let number = value.as_integer()?;
            u16::try_from(number)
                .ok()
                .filter(|n| (100..600).contains(n))
        };
        let statuses: Vec<u16> = values.iter().filter_map(status).collect();
        let may_be_empty = key != "status";
        if statuses.len() < values.len() || statuses.is_empty() && !may_be_empty {
            let message = "must be statuses from 100 to 599, such as [200]".to_owned();
            self.flaw(part, key, message);
        }
        statuses
    }
}

/// The value in the form of the contract's: a single status is a list of one.
fn fitting(own: &Value, value: &Value) -> Option<Value> {
    match (own, value) {
        (Value::Array(_), Value::Integer(_)) => Some(Value::Array(vec![value.clone()])),
        _ if own.same_type(value) => Some(value.clone()),
        _ => None,
    }
}

fn form(own: &Value) -> &'static str {
    match own {
        Value::Array(_) => "a status or a list of them, such as 201 or [200, 201]",
        Value::Boolean(_) => "true or false",
        _ => "a text",
    }
}
