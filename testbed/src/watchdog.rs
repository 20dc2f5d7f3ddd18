//! One small shell that outlives this process for a moment, and ends what it
//! leaves behind.
//!
//! It reads a pipe of which this process holds the writing end. Children and
//! directories are written into that pipe; when it reports end of file, this
//! process is gone, be it by a signal, `exit`, a panic that aborts or SIGKILL,
//! and the shell ends the children and removes the directories.
//! `PR_SET_PDEATHSIG` would not do: it exists on Linux only and fires when the
//! thread that forked ends.
//!
//! Children and watchdog have process groups of their own: Ctrl-C in the
//! terminal must not take the database away under a harness that still has
//! a summary to write.

use std::{
    ffi::OsString,
    io::{self, PipeWriter, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

use crate::Error;

/// Reads `add PID SIGNAL`, `del PID` and `dir PATH` until its standard input
/// ends, then ends the groups by their signal, kills what is left after five
/// seconds, and removes the directories.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM QUIT
children=
while read -r verb rest; do
  case $verb in
    add) children="$children ${rest#* }:${rest% *}" ;;
    del) kept=
         for child in $children; do
           [ "${child#*:}" = "$rest" ] || kept="$kept $child"
         done
         children=$kept ;;
    dir) set -- "$@" "$rest" ;;
  esac
done
for child in $children; do kill -"${child%%:*}" -"${child#*:}"; done
tries=0
while [ $tries -lt 100 ]; do
  alive=
  for child in $children; do kill -0 -"${child#*:}" && alive=yes; done
  [ "$alive" ] || break
  tries=$((tries + 1))
  sleep 0.05
done
for child in $children; do kill -KILL -"${child#*:}"; done
[ $# -eq 0 ] || rm -rf -- "$@"
"#;

/// The writing end of the watchdog's pipe, held for the life of this process.
pub(crate) fn pipe() -> Result<&'static PipeWriter, Error> {
    static PIPE: OnceLock<Result<PipeWriter, (io::ErrorKind, String)>> = OnceLock::new();
    let start = || {
        let (reader, writer) = io::pipe()?;
        Command::new("/bin/sh")
            .args(["-c", WATCHDOG])
            .stdin(reader)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()?;
        Ok(writer)
    };
    PIPE.get_or_init(|| start().map_err(|error: io::Error| (error.kind(), error.to_string())))
        .as_ref()
        .map_err(|(kind, reason)| {
            Error::io("start the watchdog (/bin/sh)")(io::Error::new(*kind, reason.clone()))
        })
}

/// Writes one line to the watchdog. A line is far below `PIPE_BUF`, so lines
/// of several threads and children don't mix.
fn tell(line: &str) -> Result<(), Error> {
    let mut pipe = pipe()?;
    pipe.write_all(format!("{line}\n").as_bytes())
        .map_err(Error::io("reach the watchdog"))
}

/// Has a child forgotten, once it is reaped: its id may become another
/// process's. A watchdog that is gone has nothing to forget.
pub fn forget(pid: u32) {
    let _ = tell(&format!("del {pid}"));
}

/// The longest path of a Unix socket, in bytes; that of PostgreSQL is the longest here.
const LONGEST_SOCKET: usize = 107;
const SOCKET: &str = ".s.PGSQL.5432";

/// A temporary directory that the watchdog knows, short enough for a Unix socket in it.
pub(crate) fn private_dir() -> Result<TempDir, Error> {
    private_dir_in(std::env::var_os("TMPDIR").filter(|path| !path.is_empty()))
}

fn private_dir_in(tmpdir: Option<OsString>) -> Result<TempDir, Error> {
    let parent = PathBuf::from(tmpdir.unwrap_or_else(|| "/tmp".into()));
    let unfit = |why: String| Error::TemporaryDirectory {
        path: parent.clone(),
        why,
    };
    let dir = private_dir_below(&parent).map_err(|error| match error {
        Error::Io { source, .. } => unfit(format!("can't be written to: {source}")),
        error => error,
    })?;
    let length = dir.path().join(SOCKET).as_os_str().len();
    if length > LONGEST_SOCKET {
        let by = length - LONGEST_SOCKET;
        return Err(unfit(format!(
            "is too long for a Unix socket in it, by {by} bytes"
        )));
    }
    Ok(dir)
}

/// The same, in another place.
pub(crate) fn private_dir_below(parent: &Path) -> Result<TempDir, Error> {
    let dir = tempfile::Builder::new()
        .prefix("testbed-")
        .tempdir_in(parent)
        .map_err(Error::io("create a temporary directory"))?;
    tell(&format!("dir {}", dir.path().display()))?;
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(tmpdir: &str) -> String {
        let refused = private_dir_in(Some(tmpdir.into()));
        refused.expect_err(tmpdir).to_string()
    }

    #[test]
    fn a_directory_that_is_unfit_is_named_with_its_variable() {
        let missing = refused("/nowhere");
        assert!(
            missing.starts_with("TMPDIR: /nowhere can't be written to: "),
            "{missing}"
        );
        let parent = tempfile::tempdir().expect("a directory");
        let long = parent.path().join("x".repeat(100));
        std::fs::create_dir(&long).expect("made");
        let name = long.display().to_string();
        let told = refused(&name);
        // "/testbed-" and six letters, and the socket.
        let by = name.len() + 15 + 1 + SOCKET.len() - LONGEST_SOCKET;
        let expected = format!(
            "TMPDIR: {name} is too long for a Unix socket in it, by {by} bytes; set another"
        );
        assert_eq!(told, expected);
        let left = std::fs::read_dir(&long).expect("there").count();
        assert_eq!(left, 0, "nothing is left behind");
    }

    #[test]
    fn without_the_variable_it_is_tmp() {
        let dir = private_dir_in(None).expect("a directory");
        assert!(dir.path().starts_with("/tmp"), "{dir:?}");
    }
}
