//! Files that are written whole or not at all. Pipes and devices are written to directly.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{AccessFlags, access};

use crate::stdout;

/// How long a named pipe may be without a reader, and a reader may read nothing.
const READER_WITHIN: Duration = Duration::from_secs(2);

/// How often a pipe is tried meanwhile.
const PAUSE: Duration = Duration::from_millis(10);

/// What is said of `-` where it would be a file of that name.
pub(crate) const DASH: &str = "- isn't standard output here; write /dev/stdout, or ./- for a file";

/// As many links as Linux follows.
const MOST_LINKS: u32 = 40;

/// The directory that a file lies in.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// A file, there or not yet, by its own path and no link's.
    File(PathBuf),
    /// An open file of this process, such as `/dev/stdout` or `/dev/fd/3`.
    Open(PathBuf, u32),
    /// A device or a named pipe.
    Device(PathBuf),
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            if let Some(number) = open_file(&path) {
                return Ok(Self::Open(path, number));
            }
            match fs::read_link(&path) {
                Ok(target) => path = directory_of(&path).join(target),
                Err(_) => return Self::of_target(path),
            }
        }
        Err(Errno::ELOOP.into())
    }

    fn of_target(path: PathBuf) -> io::Result<Self> {
        let kind = match fs::metadata(&path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::File(path)),
            Err(error) => return Err(error),
        };
        if kind.is_file() {
            Ok(Self::File(path))
        } else if kind.is_dir() {
            Err(ErrorKind::IsADirectory.into())
        } else if kind.is_socket() {
            Err(io::Error::other("it is a socket"))
        } else {
            Ok(Self::Device(path))
        }
    }
}

/// The number of an open file of this process, if the path is one.
fn open_file(path: &Path) -> Option<u32> {
    let number = path.file_name()?.to_str()?.parse().ok()?;
    let own = fs::canonicalize("/dev/fd").ok()?;
    let directory = fs::canonicalize(directory_of(path)).ok()?;
    (directory == own).then_some(number)
}

/// Writes a file whole or not at all. What is no file, such as a pipe, is written into; and so is a
/// file that can't be replaced, because it is mounted or its directory isn't ours.
pub(crate) fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut content = Vec::new();
    write(&mut content)?;
    match Place::of(path)? {
        Place::File(path) => match replace(&path, &content) {
            Err(error) if stays(&error) && path.is_file() => overwrite(&path, &content),
            replaced => replaced,
        },
        place => {
            let mut stream = Stream::into(&place)?;
            stream.write_all(&content)?;
            stream.flush()
        }
    }
}

/// Whether the file may be written that can't be replaced.
fn stays(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::ResourceBusy
            | ErrorKind::CrossesDevices
    )
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory_of(path))?;
    file.as_file_mut().write_all(content)?;
    // A temporary file is its owner's alone, and a report is for others as well: who serves a CI's
    // artefacts is another user.
    let permissions = match fs::metadata(path) {
        Ok(there) => there.permissions(),
        Err(_) => Permissions::from_mode(0o644),
    };
    file.as_file().set_permissions(permissions)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).truncate(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// The one path of a regular file, there or not yet, or of an open file of this process; none of
/// what several may be written into.
pub(crate) fn own_path(path: &Path) -> Option<PathBuf> {
    let path = match Place::of(path) {
        Ok(Place::File(path)) => path,
        Ok(Place::Open(_, number)) => return Some(format!("/dev/fd/{number}").into()),
        Ok(Place::Device(_)) | Err(_) => return None,
    };
    let directory = fs::canonicalize(directory_of(&path)).ok()?;
    Some(directory.join(path.file_name()?))
}

/// Finds out whether a file can be written later. Nothing is written, and no pipe is opened: its
/// reader would take that for the end.
pub(crate) fn check(path: &Path) -> io::Result<()> {
    match Place::of(path)? {
        Place::Open(_, 1) => stdout::check(),
        Place::Open(..) => Ok(()),
        Place::Device(path) => Ok(access(&path, AccessFlags::W_OK)?),
        Place::File(path) if path.exists() => {
            OpenOptions::new().write(true).open(path)?;
            Ok(())
        }
        Place::File(path) => {
            let directory = directory_of(&path);
            if !directory.is_dir() {
                let why = format!("there is no directory {}", directory.display());
                return Err(io::Error::new(ErrorKind::NotFound, why));
            }
            tempfile::tempfile_in(directory)?;
            Ok(())
        }
    }
}

/// Something that is written bit by bit: a file that was emptied, a pipe, a device.
#[derive(Debug)]
pub(crate) struct Stream {
    file: File,
    /// Of what is a file: where it is, and how many bytes were written into it.
    own: Option<(PathBuf, u64)>,
}

impl Stream {
    /// Opens it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Self::into(&Place::of(path)?)
    }

    fn into(place: &Place) -> io::Result<Self> {
        let file = match place {
            Place::File(path) => emptied(path)?,
            // As this process has it: at its place, and with whoever else writes there.
            Place::Open(_, 1) => {
                stdout::check()?;
                File::from(io::stdout().as_fd().try_clone_to_owned()?)
            }
            Place::Open(_, 2) => File::from(io::stderr().as_fd().try_clone_to_owned()?),
            Place::Open(path, _) | Place::Device(path) => open(path)?,
        };
        let own = match place {
            Place::File(path) => Some((path.clone(), 0)),
            Place::Open(..) | Place::Device(_) => None,
        };
        Ok(Self { file, own })
    }

    /// That everything that was written is still in the file that it was written for.
    fn check_whole(&self) -> io::Result<()> {
        let Some((path, written)) = &self.own else {
            return Ok(());
        };
        let (open, found) = (self.file.metadata()?, fs::metadata(path));
        let is_this = |found: &fs::Metadata| (found.dev(), found.ino()) == (open.dev(), open.ino());
        if !found.as_ref().is_ok_and(is_this) {
            return Err(io::Error::other(
                "somebody removed or replaced it while it was written",
            ));
        }
        if open.len() < *written {
            return Err(io::Error::other("somebody emptied it while it was written"));
        }
        Ok(())
    }
}

/// An empty file, made where there is none. What is written goes to its end, wherever that is.
fn emptied(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    file.set_len(0)?;
    Ok(file)
}

/// Opens what is no file, without waiting for ever for the reader of a pipe.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .append(true)
        .custom_flags(OFlag::O_NONBLOCK.bits() | OFlag::O_NOCTTY.bits());
    let nobody = Some(Errno::ENXIO as i32);
    let until = Instant::now() + READER_WITHIN;
    loop {
        match options.open(path) {
            Err(error) if error.raw_os_error() == nobody && Instant::now() < until => {
                std::thread::sleep(PAUSE);
            }
            Err(error) if error.raw_os_error() == nobody => {
                return Err(io::Error::other("nobody reads it"));
            }
            opened => return opened,
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let until = Instant::now() + READER_WITHIN;
        loop {
            match self.file.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if Instant::now() >= until {
                        let why = "its reader has stopped reading";
                        return Err(io::Error::new(ErrorKind::TimedOut, why));
                    }
                    std::thread::sleep(PAUSE);
                }
                written => {
                    if let (Ok(bytes), Some((_, all))) = (&written, &mut self.own) {
                        *all += *bytes as u64;
                    }
                    return written;
                }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()?;
        self.check_whole()
    }
}

/// Makes `name` beside a directory lead to it. Where that can't be, or another has something of that
/// name, it isn't there: it is a convenience.
pub(crate) fn link_beside(directory: &Path, name: &str) {
    let (Some(parent), Some(own)) = (directory.parent(), directory.file_name()) else {
        return;
    };
    let link = parent.join(name);
    let is_anothers = |found: fs::Metadata| !found.is_symlink();
    if link.symlink_metadata().is_ok_and(is_anothers) {
        return;
    }
    // Replaced in one step, so that the file is never missing.
    let new = parent.join(format!(".{name}-{}", std::process::id()));
    if symlink(own, &new).is_ok() && fs::rename(&new, &link).is_err() {
        let _ = fs::remove_file(&new);
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
