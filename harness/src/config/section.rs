//! A table of a profile or file that a suite reads itself, such as `[api]`.

/// A table of profiles and files that belongs to a suite.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Its name in the file.
    pub key: &'static str,
    /// Everything that is wrong with it; called before anything is sent.
    pub check: fn(&toml::Table) -> Vec<Flaw>,
}

/// Something that is wrong in a [`Section`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The key below the section, such as `items.id`.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Flaw {
    /// A flaw of the value at this key.
    #[must_use]
    pub fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            message: message.into(),
        }
    }
}
