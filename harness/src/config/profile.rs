//! Configurations that come with a suite.

/// A profile that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// Its text, in the form that `--config` takes.
    pub toml: &'static str,
}

impl Profile {
    /// What it is for, by its own word.
    #[must_use]
    pub fn description(&self) -> String {
        let table: toml::Table = self.toml.parse().unwrap_or_default();
        table
            .get("description")
            .and_then(toml::Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }
}
