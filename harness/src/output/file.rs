//! What outputs into a file share.

use std::fmt;
use std::future::ready;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};

use super::destination::{Opening, Output, Place, Read, WriteError, Writing};
use super::point::Point;
use crate::files::DASH;

/// A file that is made when it is opened.
#[derive(Debug)]
pub(super) struct FilePlace {
    kind: &'static str,
    path: PathBuf,
    create: Create,
}

/// Makes the file of an output.
pub(super) type Create = fn(&Path) -> io::Result<Box<dyn Format>>;

/// How rows are written into a file.
pub(super) trait Format: Send {
    /// Writes the rows of a batch, all the way to the system.
    fn write(&mut self, points: &[Point]) -> io::Result<()>;
}

/// A file that is open, or why nothing more is written into it.
struct OpenFile(Result<Box<dyn Format>, String>);

impl FilePlace {
    /// Reads `FILE`.
    pub(super) fn read(kind: &'static str, path: &str, create: Create) -> Read {
        if path.is_empty() {
            return Err(format!("{kind} names no file; write {kind}=FILE"));
        }
        if path == "-" {
            return Err(format!("{kind}={path}: {DASH}"));
        }
        let path = path.into();
        Ok(Arc::new(Self { kind, path, create }))
    }
}

impl Place for FilePlace {
    fn file(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn open(&self) -> Opening<'_> {
        let open = || (self.create)(&self.path).map_err(|error| error.to_string());
        let opened = beside(open).map(|file| Box::new(OpenFile(Ok(file))) as Box<dyn Output>);
        Box::pin(ready(opened))
    }
}

impl fmt::Display for FilePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind, self.path.display())
    }
}

impl Output for OpenFile {
    fn must_be_whole(&self) -> bool {
        true
    }

    /// A file that can't be written now won't be later: a row behind a torn one would be part of
    /// it. The rows are lost, and the account says so.
    fn write<'a>(&'a mut self, points: &'a [Point]) -> Writing<'a> {
        let written = match &mut self.0 {
            Ok(file) => beside(|| file.write(points)).map_err(|error| error.to_string()),
            Err(error) => Err(error.clone()),
        };
        if let Err(error) = &written {
            self.0 = Err(error.clone());
        }
        Box::pin(ready(written.map_err(WriteError::Refused)))
    }
}

/// Does what may take its time, as a disk or the reader of a pipe does, while others go on.
fn beside<T>(work: impl FnOnce() -> T) -> T {
    let many_threads = Handle::try_current()
        .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    if many_threads {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}
