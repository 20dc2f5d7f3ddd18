//! The parts of the server's time in one trial.

use serde::{Serialize, Serializer};

/// The name of each part that the suite names, and its 95th percentile in ms.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerParts(pub Vec<(String, f64)>);

impl Serialize for ServerParts {
    /// An object.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, ms)| (name, ms)))
    }
}

impl ServerParts {
    /// How much longer each part took than in another trial of the same suite, in ms.
    pub(super) fn grown<'a>(&'a self, since: &'a Self) -> impl Iterator<Item = (&'a str, f64)> {
        let pairs = self.0.iter().zip(&since.0);
        pairs.map(|((name, ms), (_, before))| (name.as_str(), ms - before))
    }
}
