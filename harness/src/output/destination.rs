//! What every output offers: a name, an address, and something that takes rows.

use std::fmt;
use std::future::ready;
use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use thiserror::Error;

use super::point::Point;

/// A kind of output. Each has a file of its own and a line in `address.rs`.
pub(super) struct Kind {
    /// What `--out` begins with.
    pub(super) name: &'static str,
    /// What comes after it and `=`, as errors show it.
    pub(super) form: &'static str,
    /// Reads what comes after it.
    pub(super) read: fn(&str, Variable<'_>) -> Read,
}

/// A place, or what is wrong with it, in words.
pub(super) type Read = Result<Arc<dyn Place>, String>;

/// Looks up a variable of the environment, where secrets come from.
pub(super) type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where an output lies. What it shows and prints has no secret in it.
pub(super) trait Place: fmt::Display + fmt::Debug + Send + Sync {
    /// Opens it, and finds out what can be found out without writing.
    fn open(&self) -> Opening<'_>;

    /// The file that it is, if it is one.
    fn file(&self) -> Option<&Path> {
        None
    }

    /// What `--out` takes for it, without any secret, if other processes may send samples there.
    fn shared(&self) -> Option<String> {
        None
    }
}

/// An output on its way to be opened, or what is wrong with it, in words.
pub(super) type Opening<'a> = BoxFuture<'a, Result<Box<dyn Output>, String>>;

/// An opened output.
pub(super) trait Output: Send {
    /// Whether it takes k6's schema, a point a sample, where that is asked for.
    fn takes_samples(&self) -> bool {
        false
    }

    /// Whether no row may be lost, as in a file, of which a part is not what was asked for.
    fn must_be_whole(&self) -> bool {
        false
    }

    /// Writes a batch.
    fn write<'a>(&'a mut self, points: &'a [Point]) -> Writing<'a>;

    /// Writes lines of line protocol that are encoded already.
    fn write_lines(&mut self, _lines: String) -> Writing<'_> {
        let why = "a file is no database to replay into".to_owned();
        Box::pin(ready(Err(WriteError::Refused(why))))
    }
}

/// A write on its way.
pub(super) type Writing<'a> = BoxFuture<'a, Result<(), WriteError>>;

/// Why a batch was not taken.
#[derive(Debug, Error)]
pub enum WriteError {
    /// For what it says: to send it again changes nothing.
    #[error("{0}")]
    Refused(String),
    /// For what some of its rows say: smaller parts may be taken, and one alone that isn't is bad.
    #[error("{0}")]
    Split(String),
    /// Because there is too much of it: smaller parts may be taken. Of one row alone it says more
    /// about who stands before the database than about the row, so the row is kept.
    #[error("{0}")]
    TooMuch(String),
    /// Not now: away, overloaded, too slow, or somebody else answered in its place.
    #[error("{0}")]
    Unavailable(String),
}

/// Why an output can't be used, found before the load.
#[derive(Debug, Error)]
#[error("{name}: {reason}")]
pub struct OpenError {
    /// The output, without any secret.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}
