//! One source of configuration, read into text.

use std::collections::BTreeMap;

use super::field::{Field, Fields, Form};
use super::nearest::no_such_key;
use super::parse::switch;
use super::probe_table;
use super::problem::{Problem, Source};
use super::strays::PREFIX;

/// The table of limits.
const LIMITS: &str = "limits";

/// A value and where it comes from. A switch that is on has no texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// One text, or several for a list.
    pub texts: Vec<String>,
    /// Where it comes from.
    pub source: Source,
}

/// The values of one source by key.
#[derive(Debug, Clone, Default)]
pub struct Layer(BTreeMap<&'static str, Value>);

impl Layer {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Every value with its key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(key, value)| (*key, value))
    }

    /// Sets a value, as a flag does.
    pub fn set_flag(&mut self, field: &'static Field, texts: Vec<String>) {
        self.0.insert(
            field.key,
            Value {
                texts,
                source: Source::Flag(field.flag),
            },
        );
    }

    /// Reads `LOADTEST_*` variables. An empty one is none, and one of no setting is a stray.
    pub(crate) fn from_env(
        variables: &[(String, String)],
        fields: &Fields,
        (problems, strays): (&mut Vec<Problem>, &mut Vec<(String, String)>),
    ) -> Self {
        let mut layer = Self::default();
        let own = variables
            .iter()
            .filter(|(name, text)| name.starts_with(PREFIX) && !text.is_empty());
        for (name, text) in own {
            let source = Source::Variable(name.clone());
            let Some(field) = fields.iter().find(|field| field.variable() == *name) else {
                strays.push((name.clone(), text.clone()));
                continue;
            };
            let texts = match field.form {
                Form::Many(_) => text.split(';').map(|part| part.trim().to_owned()).collect(),
                Form::One(_) | Form::Maybe(..) => vec![text.clone()],
                Form::Switch => match switch(text) {
                    Some(true) => vec![],
                    Some(false) => continue,
                    None => {
                        problems.push(Problem::new(
                            source,
                            format!("'{text}' is neither true nor false"),
                        ));
                        continue;
                    }
                },
            };
            layer.0.insert(field.key, Value { texts, source });
        }
        layer
    }

    /// Reads a profile or file but for its scenarios; unknown keys and values of the wrong kind
    /// are problems.
    pub fn from_toml(text: &str, file: &str, fields: &Fields, problems: &mut Vec<Problem>) -> Self {
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                problems.push(Problem::new(
                    Source::Flag("config"),
                    format!(
                        "{file} is not TOML{}: {}",
                        place(text, &error),
                        error.message()
                    ),
                ));
                return Self::default();
            }
        };
        let of_suite = fields.sections().iter().map(|section| section.key);
        let others: Vec<_> = of_suite
            .chain(["description", "scenario", LIMITS])
            .collect();
        let mut layer = Self::from_table(&table, file, &others, (fields, in_files), problems);
        if let Some(limits) = table.get(LIMITS) {
            layer.set_limits(limits, file, problems);
        }
        layer
    }

    /// Reads `[limits]`.
    fn set_limits(&mut self, limits: &toml::Value, file: &str, problems: &mut Vec<Problem>) {
        let source = |key: &str| Source::Key {
            key: key.to_owned(),
            file: file.to_owned(),
        };
        let Some(limits) = limits.as_table() else {
            let message = "must have keys of its own, as in limits.cpu = \"80%\"";
            problems.push(Problem::new(source(LIMITS), message));
            return;
        };
        for (name, value) in limits {
            let source = source(&format!("{LIMITS}.{name}"));
            let found = Field::of_limit(name).and_then(|field| match texts(field, value) {
                Ok(found) => Ok((field, found.unwrap_or_default())),
                Err(wanted) => Err(format!("must be {wanted}")),
            });
            match found {
                Ok((field, texts)) => {
                    self.0.insert(field.key, Value { texts, source });
                }
                Err(message) => problems.push(Problem::new(source, message)),
            }
        }
    }

    /// Reads the keys of a table but for `others`; of the fields it may have those that `may` takes.
    pub(super) fn from_table(
        table: &toml::Table,
        file: &str,
        others: &[&str],
        (fields, may): (&Fields, impl Fn(&Field) -> bool),
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut layer = Self::default();
        let source = |key: &str| Source::Key {
            key: key.to_owned(),
            file: file.to_owned(),
        };
        for (key, value) in table {
            if others.contains(&key.as_str()) {
                continue;
            }
            let Some(field) = fields.of_key(key).filter(|field| may(field)) else {
                let known = fields.iter().filter(|f| may(f)).map(|f| f.key);
                let known: Vec<_> = known.chain(others.iter().copied()).collect();
                problems.push(Problem::new(source(key), no_such_key(key, &known)));
                continue;
            };
            match texts(field, value) {
                Ok(Some(texts)) => {
                    layer.0.insert(
                        field.key,
                        Value {
                            texts,
                            source: source(key),
                        },
                    );
                }
                Ok(None) => {}
                Err(wanted) => {
                    problems.push(Problem::new(source(key), format!("must be {wanted}")));
                }
            }
        }
        layer
    }

    /// Sets a value that stands in a file.
    pub(super) fn set_key(&mut self, field: &'static Field, text: String, source: Source) {
        let texts = vec![text];
        self.0.insert(field.key, Value { texts, source });
    }
}

/// What stands in a file by a key of its own: limits have a table.
fn in_files(field: &Field) -> bool {
    field.in_files() && field.limit().is_none()
}

/// Where an error is. Its own text would quote the line, which may hold a secret.
fn place(text: &str, error: &toml::de::Error) -> String {
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return String::new();
    };
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before[start..].chars().count() + 1;
    format!(", line {line}, column {column}")
}

/// The texts of a TOML value, nothing for a switch that is off.
fn texts(field: &Field, value: &toml::Value) -> Result<Option<Vec<String>>, &'static str> {
    let one = |value: &toml::Value| match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        _ => None,
    };
    match (field.form, value) {
        (Form::Switch, toml::Value::Boolean(on)) => Ok(on.then(Vec::new)),
        (Form::Switch, _) => Err("true or false"),
        (Form::One(_) | Form::Maybe(..), value) => one(value)
            .map(|text| Some(vec![text]))
            .ok_or("a text or a whole number"),
        (Form::Many(_), toml::Value::Array(values)) if field.key == "probe" => values
            .iter()
            .map(|value| match value {
                toml::Value::Table(table) => probe_table::text_of(table),
                value => one(value),
            })
            .collect::<Option<Vec<_>>>()
            .map(Some)
            .ok_or("a list of texts, or tables with kind, url, name and match"),
        (Form::Many(_), toml::Value::Array(values)) => values
            .iter()
            .map(one)
            .collect::<Option<Vec<_>>>()
            .map(Some)
            .ok_or("a list of texts"),
        (Form::Many(_), toml::Value::String(text)) => Ok(Some(vec![text.clone()])),
        (Form::Many(_), _) => Err("a text, or a list of texts"),
    }
}
