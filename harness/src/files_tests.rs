use std::io::Read;
use std::os::unix::fs::MetadataExt;

use nix::sys::stat::Mode;

use super::*;

fn write(path: &Path, text: &str) -> io::Result<()> {
    write_whole(path, |out| out.write_all(text.as_bytes()))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("it is there")
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

fn pipe(directory: &Path) -> PathBuf {
    let path = directory.join("pipe");
    nix::unistd::mkfifo(&path, Mode::S_IRWXU).expect("a pipe");
    path
}

#[test]
fn what_fails_halfway_leaves_the_old_file() {
    let directory = directory();
    let path = directory.path().join("report");
    write(&path, "old").expect("written");
    let failed = write_whole(&path, |out| {
        out.write_all(b"new")?;
        Err(io::Error::other("halfway"))
    });
    assert_eq!(failed.expect_err("fails").to_string(), "halfway");
    assert_eq!(read(&path), "old");
    let left = fs::read_dir(&directory).expect("there").count();
    assert_eq!(left, 1, "no temporary file is left behind");
}

#[test]
fn a_new_file_is_for_everybody_and_an_old_one_keeps_its_mode() {
    let directory = directory();
    let path = directory.path().join("report");
    let mode = || fs::metadata(&path).expect("there").mode() & 0o777;
    write(&path, "new").expect("written");
    assert_eq!(mode(), 0o644);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("ours");
    write(&path, "newer").expect("written");
    assert_eq!((mode(), read(&path)), (0o600, "newer".to_owned()));
}

#[test]
fn a_link_stays_one_and_its_target_is_written() {
    let directory = directory();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("real")).expect("made");
    symlink("real/report", at("link")).expect("made");
    symlink(at("link"), at("second")).expect("made");
    for text in ["into a link that leads to nothing", "and to a file"] {
        check(&at("second")).expect("it can be written");
        write(&at("second"), text).expect("written");
        assert_eq!(read(&at("real/report")), text);
        for link in ["link", "second"] {
            assert!(at(link).is_symlink(), "{link}");
        }
    }
    symlink("loop", at("loop")).expect("made");
    for refused in [check(&at("loop")), write(&at("loop"), "x")] {
        let error = refused.expect_err("a loop").to_string();
        assert!(
            error.contains("Too many levels of symbolic links"),
            "{error}"
        );
    }
}

#[test]
fn devices_are_written_into() {
    let null = Path::new("/dev/null");
    check(null).expect("it can be written");
    write(null, "nothing").expect("written");
    let kind = fs::metadata(null).expect("there").file_type();
    assert!(kind.is_char_device(), "{kind:?}");
    check(Path::new("/dev/full")).expect("it looks as if it could be written");
    let full = write(Path::new("/dev/full"), "x").expect_err("no space");
    assert_eq!(full.kind(), ErrorKind::StorageFull);
}

#[test]
fn a_pipe_is_not_touched_by_the_check_and_gets_everything() {
    let directory = directory();
    let path = pipe(directory.path());
    let from = path.clone();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let mut pipe = File::open(from).expect("a writer came");
        pipe.read_to_string(&mut text).expect("text");
        text
    });
    check(&path).expect("it can be written");
    // More than a pipe holds.
    let long = "0123456789".repeat(100_000);
    write(&path, &long).expect("written");
    assert!(reader.join().expect("read") == long, "other text came");
    assert!(fs::metadata(&path).expect("there").file_type().is_fifo());
}

#[test]
fn a_pipe_without_a_reader_holds_nobody_up() {
    let directory = directory();
    let path = pipe(directory.path());
    check(&path).expect("a reader may still come");
    let error = write(&path, "x").expect_err("nobody reads");
    assert_eq!(error.to_string(), "nobody reads it");
    let _reader = OpenOptions::new().read(true).write(true).open(&path);
    let long = "0123456789".repeat(100_000);
    let error = write(&path, &long).expect_err("nobody reads on");
    assert_eq!(error.to_string(), "its reader has stopped reading");
}

#[test]
fn open_files_are_known_by_whatever_name() {
    let file = tempfile::tempfile().expect("a file");
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    for directory in ["/dev/fd", "/proc/self/fd"] {
        let path = PathBuf::from(format!("{directory}/{number}"));
        assert_eq!(
            Place::of(&path).expect("a place"),
            Place::Open(path.clone(), number.unsigned_abs())
        );
        write(&path, "a line\n").expect("written");
    }
    let mut text = String::new();
    (&file).read_to_string(&mut text).expect("text");
    assert_eq!(text, "a line\na line\n", "the second is after the first");
    let stdout = Place::of(Path::new("/dev/stdout")).expect("a place");
    assert!(matches!(stdout, Place::Open(_, 1)), "{stdout:?}");
}

#[test]
fn what_can_not_be_written_is_found_before() {
    let directory = directory();
    let rows = [
        (directory.path().to_owned(), "is a directory"),
        (directory.path().join("no/report"), "there is no directory"),
        (PathBuf::from("/dev/null/report"), "Not a directory"),
    ];
    for (path, expected) in rows {
        for refused in [check(&path), write(&path, "x")] {
            let error = refused.expect_err(expected).to_string();
            let is_said = error.contains(expected) || error.contains("No such file");
            assert!(is_said, "{}: {error}", path.display());
        }
    }
    assert_eq!(fs::read_dir(&directory).expect("there").count(), 0);
}

#[test]
fn a_link_leads_to_the_last_of_them_and_takes_nobodys_place() {
    let directory = directory();
    let at = |name: &str| directory.path().join(name);
    for run in ["first", "second"] {
        fs::create_dir(at(run)).expect("made");
        link_beside(&at(run), "latest");
        let leads_to = fs::read_link(at("latest")).expect("a link");
        assert_eq!(leads_to, Path::new(run));
    }
    let there = fs::read_dir(&directory).expect("there").count();
    assert_eq!(there, 3, "nothing but the two and the link");
    fs::remove_file(at("latest")).expect("removed");
    write(&at("latest"), "mine").expect("written");
    link_beside(&at("first"), "latest");
    assert_eq!(read(&at("latest")), "mine");
}
