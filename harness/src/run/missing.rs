//! What was asked to be written, and isn't.

use std::fmt::Display;
use std::io;

use crate::threshold::ExitCode;
use crate::tui::tell;

/// What could not be written, each with its reason.
#[derive(Debug, Default)]
pub(crate) struct Missing(Vec<String>);

impl Missing {
    /// Keeps what became of writing this, if it failed.
    pub(crate) fn note(&mut self, what: impl Display, written: io::Result<()>) {
        let error = written.err();
        let told = |error| format!("{what} could not be written: {error}");
        self.0.extend(error.map(told));
    }

    /// Keeps errors that say themselves what it is.
    pub(crate) fn add(&mut self, errors: impl IntoIterator<Item = impl Display>) {
        let errors = errors.into_iter();
        self.0.extend(errors.map(|error| error.to_string()));
    }

    /// Tells of it, and gives the exit code of what would else end with this one. Nothing of which a
    /// part is missing passes; what failed has failed, and its code says so.
    pub(crate) fn exit(self, exit: ExitCode) -> ExitCode {
        for error in &self.0 {
            tell(&format!("error: {error}"));
        }
        match exit {
            ExitCode::Pass if !self.0.is_empty() => ExitCode::Invalid,
            exit => exit,
        }
    }
}
