//! The built-in profiles: the files in `loadtest/profiles`, embedded.

/// A profile that comes with the program.
#[derive(Debug, Clone, Copy)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Its text, in the form that `--config` takes.
    pub toml: &'static str,
}

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        [$(BuiltIn { name: $name, toml: include_str!(concat!("../../profiles/", $name, ".toml")) }),*]
    };
}

/// Every built-in profile.
pub static PROFILES: [BuiltIn; 8] = built_in![
    "smoke",
    "flow_iterations",
    "flow_iterations_unlimited",
    "flow_10vus",
    "flow_100vus",
    "flow_300vus",
    "ramping",
    "mixed",
];

impl BuiltIn {
    /// The profile of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.name == name)
    }

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
