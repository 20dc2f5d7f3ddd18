//! What outputs into a file share.

use std::fmt;
use std::future::ready;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::destination::{Opening, Output, Place, Read, WriteError};

/// A file that is made when it is opened.
#[derive(Debug)]
pub(super) struct FilePlace {
    kind: &'static str,
    path: PathBuf,
    create: Create,
}

/// Makes the file of an output.
pub(super) type Create = fn(&Path) -> io::Result<Box<dyn Output>>;

impl FilePlace {
    /// Reads `FILE`.
    pub(super) fn read(kind: &'static str, path: &str, create: Create) -> Read {
        if path.is_empty() {
            return Err(format!("{kind} names no file; write {kind}=FILE"));
        }
        let path = path.into();
        Ok(Arc::new(Self { kind, path, create }))
    }
}

impl Place for FilePlace {
    fn open(&self) -> Opening<'_> {
        let opened = (self.create)(&self.path);
        Box::pin(ready(opened.map_err(|error| error.to_string())))
    }
}

impl fmt::Display for FilePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind, self.path.display())
    }
}

/// A file that can't be written now won't be later: its rows are lost, and the account says so.
pub(super) fn refused(error: &io::Error) -> WriteError {
    WriteError::Refused(error.to_string())
}
