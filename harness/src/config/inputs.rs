//! What a configuration is made from.

use super::layer::Layer;

/// What a configuration is made from.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The flags.
    pub flags: Layer,
    /// The environment.
    pub variables: Vec<(String, String)>,
}
