//! What can go wrong when a private instance is started.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// Why a part of the testbed could not be started or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program that the testbed runs is not installed.
    #[error("`{program}` was not found on PATH or in the usual places; install it with: {install}")]
    MissingProgram {
        /// The program looked for.
        program: &'static str,
        /// The command that installs it on this system.
        install: &'static str,
    },

    /// The operating system refused something.
    #[error("could not {doing}")]
    Io {
        /// What was being done, as in "could not …".
        doing: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },

    /// A child ended before it was ready.
    #[error("{program} ended before it was ready ({status}); its log ends with:\n{log}")]
    Exited {
        /// The program started.
        program: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it logged.
        log: String,
    },

    /// A child runs but did not answer in time.
    #[error("{program} was not ready after {after:?}; its log ends with:\n{log}")]
    TimedOut {
        /// The program started.
        program: &'static str,
        /// How long it was waited for.
        after: Duration,
        /// The last lines that it logged.
        log: String,
    },

    /// The private PostgreSQL refused a statement.
    #[error("PostgreSQL refused to {doing}")]
    Database {
        /// What was being done, as in "refused to …".
        doing: String,
        /// PostgreSQL's reason.
        #[source]
        source: sqlx::Error,
    },

    /// The directory for temporary files can't be used.
    #[error("TMPDIR: {path} {why}; set another", path = path.display())]
    TemporaryDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },

    /// PostgreSQL asks for the name of whoever runs it.
    #[error(
        "PostgreSQL can't be started by user {0}, who is not in /etc/passwd: run as a user who is, \
         or give the address of a server with --host"
    )]
    NoUser(u32),

    /// A path cannot be put into a connection URL.
    #[error("the temporary directory {0:?} is not valid UTF-8; set TMPDIR to another one")]
    Path(PathBuf),
}

impl Error {
    /// An adapter for `map_err` on I/O: `doing` completes "could not …".
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}
