//! What configuration, command line and reports know of a suite.

use std::sync::Arc;
use std::time::Duration;

use super::field::{Field, Fields};
use super::options::Options;
use super::profile::Profile;
use crate::catalogue::Catalogue;
use crate::persona::Role;
use crate::vu::{Header, Request};

/// A program that is a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// A suite without its types: what configuration, command line and reports know of it.
#[derive(Debug, Clone)]
pub struct Outline {
    /// Name, purpose and version.
    pub program: Program,
    /// Its personas.
    pub roles: Vec<Role>,
    /// Its requests and parts of the server's time.
    pub catalogue: Arc<Catalogue>,
    /// Everything that can be configured: the engine's fields and its own.
    pub fields: Fields,
    /// Configurations that come with it.
    pub profiles: Vec<Profile>,
    /// What its private server is, if it has one.
    pub private: Option<&'static str>,
    /// Headers of every request, or why there is none.
    pub headers: fn() -> Result<Vec<Header>, String>,
    /// How long an iteration waits by itself.
    pub pause: fn(&Options) -> Duration,
    /// Those of its requests that are others with these options.
    pub requests: fn(&Options) -> Vec<Request>,
    /// The requests that a check is about; none if anybody may make it.
    pub about: fn(&Options, &str) -> Vec<&'static str>,
    /// What it asserts with these options, beside that answers can be read.
    pub checks: fn(&Options) -> Vec<&'static str>,
    /// Which of its options contradict each other, and why.
    pub refuse: fn(&Options) -> Vec<(&'static Field, String)>,
}

impl Outline {
    /// The catalogue as these options make it.
    #[must_use]
    pub(super) fn catalogue_with(&self, options: &Options) -> Arc<Catalogue> {
        let others = (self.requests)(options);
        if others.is_empty() {
            return Arc::clone(&self.catalogue);
        }
        let mut catalogue = (*self.catalogue).clone();
        for entry in &mut catalogue.requests {
            if let Some(asked) = others.iter().find(|other| other.name == entry.name) {
                asked.method.as_str().clone_into(&mut entry.method);
                entry.expected = asked.expected;
                entry.unsent = asked.unsent;
            }
        }
        catalogue.into()
    }

    /// What the suite asserts, each with the requests that it is about.
    #[must_use]
    pub(super) fn checks_with(&self, options: &Options) -> Vec<Check> {
        let checks = (self.checks)(options).into_iter();
        let about = |name| Check {
            name,
            requests: (self.about)(options, name),
        };
        checks.map(about).collect()
    }
}

/// What a suite asserts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// Its name.
    pub(super) name: &'static str,
    /// The requests that it is about; none if anybody may make it.
    pub(super) requests: Vec<&'static str>,
}
