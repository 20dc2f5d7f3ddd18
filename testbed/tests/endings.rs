//! However a process with a stack ends, nothing of the stack is left.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};

/// A process of its own with a stack, and what is known of that.
struct Holder {
    child: Child,
    pids: Vec<i32>,
    base_url: String,
    /// Its own temporary directory, where nobody else creates anything.
    dir: tempfile::TempDir,
}

fn holder() -> Holder {
    let dir = tempfile::Builder::new()
        .prefix("endings")
        .tempdir()
        .unwrap();
    // PostgreSQL's user must get in.
    fs::set_permissions(
        dir.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_testbed"))
        .env("TMPDIR", dir.path())
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut facts: HashMap<String, String> = HashMap::new();
    for line in lines {
        let line = line.unwrap();
        let (name, value) = line.split_once('=').unwrap();
        facts.insert(name.to_owned(), value.to_owned());
        if facts.len() == 6 {
            break;
        }
    }
    let pids = ["server_pid", "postgres_pid", "redis_pid"].map(|name| facts[name].parse().unwrap());
    Holder {
        child,
        pids: pids.to_vec(),
        base_url: facts["base_url"].clone(),
        dir,
    }
}

/// Whether a process runs; one that is dead and not yet reaped does not.
fn runs(pid: i32) -> bool {
    let output = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output()
        .unwrap();
    let state = String::from_utf8(output.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

fn left_in(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(10), "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn nothing_is_left(mut holder: Holder) {
    holder.child.wait().unwrap();
    for pid in &holder.pids {
        eventually(&format!("process {pid} still runs"), || !runs(*pid));
    }
    eventually(&format!("{:?} is left", left_in(holder.dir.path())), || {
        left_in(holder.dir.path()).is_empty()
    });
}

fn process_of(holder: &Holder) -> Pid {
    Pid::from_raw(holder.child.id().try_into().unwrap())
}

#[test]
fn sigkill_leaves_nothing() {
    let holder = holder();
    assert!(holder.pids.iter().all(|pid| runs(*pid)));
    assert_eq!(left_in(holder.dir.path()).len(), 3);
    kill(process_of(&holder), Signal::SIGKILL).unwrap();
    nothing_is_left(holder);
}

#[test]
fn sigterm_and_sigint_leave_nothing() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let holder = holder();
        kill(process_of(&holder), signal).unwrap();
        nothing_is_left(holder);
    }
}

/// Ctrl-C goes to the whole foreground group. The stack must not be in it: the
/// parent may still have a summary to write.
#[test]
fn what_kills_the_parents_group_does_not_hit_the_stack_first() {
    let mut holder = holder();
    killpg(process_of(&holder), Signal::SIGSTOP).unwrap();
    let address = holder.base_url.strip_prefix("http://").unwrap().to_owned();
    assert!(std::net::TcpStream::connect(address).is_ok());
    assert!(holder.pids.iter().all(|pid| runs(*pid)));
    // A stopped process still holds the watchdog's pipe; a dead one does not.
    killpg(process_of(&holder), Signal::SIGKILL).unwrap();
    holder.child.wait().unwrap();
    nothing_is_left(holder);
}

/// A stack that cannot start completely takes down what had started.
#[tokio::test]
async fn a_server_that_does_not_start_is_an_error_with_its_log() {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo the reason >&2; exit 7"]);
    let error = testbed::Stack::start(command).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server ended before it was ready (exit status: 7); its log ends with:\nthe reason"
    );
}
