//! One row of telemetry: what every output writes, each in its own format.

use std::borrow::Cow;

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number, such as milliseconds.
    Float(f64),
    /// A count.
    Int(i64),
    /// Text.
    Text(String),
}

/// A row: a measurement at a time, told apart by tags, with fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What is measured.
    pub measurement: &'static str,
    /// What tells this row from others of the same time. One with an empty value is left out: a
    /// tag without a value is no tag.
    pub tags: Vec<(&'static str, Cow<'static, str>)>,
    /// What was measured. A number that is none (NaN, infinite) is left out.
    pub fields: Vec<(&'static str, Value)>,
    /// Nanoseconds since 1970.
    pub time_ns: i64,
}

impl Point {
    /// A row without tags and fields yet.
    #[must_use]
    pub const fn new(measurement: &'static str, time_ns: i64) -> Self {
        Self {
            measurement,
            tags: Vec::new(),
            fields: Vec::new(),
            time_ns,
        }
    }

    /// About how much memory it takes, in bytes.
    #[must_use]
    pub(super) fn weight(&self) -> usize {
        let tags = self.tags.iter().map(|(_, value)| match value {
            Cow::Borrowed(_) => size_of_val(value),
            Cow::Owned(text) => size_of_val(value) + text.capacity(),
        });
        let fields = self.fields.iter().map(|(_, value)| match value {
            Value::Text(text) => size_of_val(value) + text.capacity(),
            Value::Float(_) | Value::Int(_) => size_of_val(value),
        });
        let keys = (self.tags.len() + self.fields.len()) * size_of::<&str>();
        size_of::<Self>() + keys + tags.sum::<usize>() + fields.sum::<usize>()
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, key: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.tags.push((key, value.into()));
        self
    }

    /// Adds a count.
    #[must_use]
    pub fn int(mut self, key: &'static str, value: u64) -> Self {
        self.fields
            .push((key, Value::Int(i64::try_from(value).unwrap_or(i64::MAX))));
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn float(mut self, key: &'static str, value: f64) -> Self {
        self.fields.push((key, Value::Float(value)));
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((key, Value::Text(value.into())));
        self
    }
}
