//! Rows that a destination didn't take, kept in a file of line protocol for `loadtest replay`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::line_protocol;
use super::point::Point;

/// A file that is made when the first rows come.
#[derive(Debug)]
pub(super) struct Spool {
    path: PathBuf,
    file: Option<File>,
}

impl Spool {
    /// A spool that would be this file.
    #[must_use]
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Appends the points; gives how many there were to write.
    ///
    /// # Errors
    /// The file's.
    pub(super) fn write(&mut self, points: &[Point]) -> io::Result<u64> {
        let mut lines = String::new();
        let rows = points
            .iter()
            .filter(|point| line_protocol::encode(point, &mut lines))
            .count();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(&self.path)?,
            ),
        };
        file.write_all(lines.as_bytes())?;
        file.sync_data()?;
        Ok(rows as u64)
    }

    /// The file, if there is one.
    #[must_use]
    pub(super) fn path(&self) -> Option<String> {
        self.file.as_ref().map(|_| self.path.display().to_string())
    }
}

/// The lines of a spool file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    /// Those that are whole.
    pub(super) whole: Vec<String>,
    /// How many are not: the end of a file that was cut. It could pass for a row of another time.
    pub(super) torn: u64,
}

/// Reads a spool file.
///
/// # Errors
/// The file's.
pub(super) fn lines(path: &Path) -> io::Result<Lines> {
    Ok(split(&std::fs::read(path)?))
}

/// The same of its bytes. What isn't UTF-8 becomes a bad line, and costs no other.
pub(super) fn split(bytes: &[u8]) -> Lines {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<&str> = text.split('\n').collect();
    let torn = lines.pop().is_some_and(|last| !last.trim().is_empty());
    let whole = lines.into_iter().filter(|line| !line.trim().is_empty());
    Lines {
        whole: whole.map(str::to_owned).collect(),
        torn: u64::from(torn),
    }
}
