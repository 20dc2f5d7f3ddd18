//! Reads values out of layered sources and gathers what is wrong with them.

use super::field::Fields;
use super::layer::{Layer, Value};
use super::problem::Problem;

/// Layers, the weightiest last, and the problems found while reading them.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) fields: Fields,
    pub(super) layers: Vec<Layer>,
    pub(super) problems: Vec<Problem>,
    /// Keys whose values were given but no longer count, because of what was given above them.
    pub(super) overridden: Vec<&'static str>,
    pub(super) is_trial: bool,
}

impl Reader {
    /// The value of the weightiest layer that has one.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.layers.iter().rev().find_map(|layer| layer.get(key))
    }

    /// The weightiest layer that has the key, counted from the bottom.
    pub(super) fn level(&self, key: &str) -> Option<usize> {
        self.layers
            .iter()
            .rposition(|layer| layer.get(key).is_some())
    }

    pub(super) fn is_on(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// The parsed value; what can't be parsed becomes a problem and counts as absent.
    pub(super) fn parse<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.parse_all(key, parse)?.pop()
    }

    /// The same, and `default` for what is absent.
    pub(super) fn parse_or<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
        default: T,
    ) -> T {
        self.parse(key, parse).unwrap_or(default)
    }

    /// The parsed values of a list.
    pub(super) fn parse_all<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let Value { texts, source } = self.value(key)?.clone();
        let mut parsed = Vec::new();
        for text in &texts {
            match parse(text) {
                Ok(value) => parsed.push(value),
                Err(message) => self.problems.push(Problem::new(source.clone(), message)),
            }
        }
        (parsed.len() == texts.len()).then_some(parsed)
    }

    pub(super) fn problem(&mut self, key: &str, message: impl Into<String>) {
        let problem = match self.value(key) {
            Some(value) => Problem::new(value.source.clone(), message),
            None => Problem::with_flag(key, message),
        };
        self.problems.push(problem);
    }
}
