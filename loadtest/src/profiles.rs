//! The built-in profiles: the files in `loadtest/profiles`, embedded. The first is the default.

use harness::Profile;

macro_rules! built_in {
    ($($name:literal),* $(,)?) => {
        &[$(Profile { name: $name, toml: include_str!(concat!("../profiles/", $name, ".toml")) }),*]
    };
}

pub(crate) static PROFILES: &[Profile] = built_in![
    "smoke",
    "flow_iterations",
    "flow_iterations_unlimited",
    "flow_10vus",
    "flow_100vus",
    "flow_300vus",
    "ramping",
    "mixed",
    "hhplus",
];

#[cfg(test)]
#[path = "profiles_tests.rs"]
mod tests;
