//! What is wrong with a configuration, and where.

use std::fmt;

use super::field::Field;

/// Where a value comes from, as the user knows the place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag.
    Flag(&'static str),
    /// An environment variable.
    Variable(String),
    /// What the suite needs, by its program's name.
    Suite(&'static str),
    /// A key of a profile or file.
    Key {
        /// The key.
        key: String,
        /// The profile's or file's name.
        file: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "--{flag}"),
            Self::Variable(name) => f.write_str(name),
            Self::Suite(name) => f.write_str(name),
            Self::Key { key, file } => write!(f, "{key} in {file}"),
        }
    }
}

/// Something that is wrong: where, what, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    source: Source,
    message: String,
}

impl Problem {
    /// A problem with the value from `source`.
    #[must_use]
    pub fn new(source: Source, message: impl Into<String>) -> Self {
        Self {
            source,
            message: message.into(),
        }
    }

    /// A problem that a flag would fix.
    #[must_use]
    pub fn with_flag(key: &str, message: impl Into<String>) -> Self {
        Self::new(
            Source::Flag(Field::of_key(key).map_or("config", |field| field.flag)),
            message,
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.message)
    }
}
