//! What a run was asked to write is written, or it doesn't pass; and what isn't a file is written
//! into.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use testbed::Stack;

use crate::program::{LOADTEST, stack};
use crate::series::run_directory;

/// A directory, and shell commands in it that know the program as `$LOADTEST` and `$RUN`, a short
/// run.
struct Place {
    directory: tempfile::TempDir,
    run: String,
}

impl Place {
    fn of(stack: &Stack) -> Self {
        let host = stack.base_url();
        Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            run: format!(
                "{LOADTEST} --host {host} --shared-machine --vus 2 --iterations-per-vu 1 \
                 --coupon-wait 0s --sla none --quiet --report-dir reports"
            ),
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    async fn shell(&self, line: &str) -> Output {
        let ended = tokio::process::Command::new("bash")
            .args(["-c", line])
            .env("LOADTEST", LOADTEST)
            .env("RUN", &self.run)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let minute = std::time::Duration::from_secs(60);
        let ended = tokio::time::timeout(minute, ended).await;
        ended.expect("it ends").expect("bash is there")
    }

    fn summary(&self, name: &str) -> Value {
        let text = fs::read(self.path().join(name)).expect(name);
        serde_json::from_slice(&text).expect("JSON")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn assert_code(output: &Output, code: i32, line: &str) {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(code),
        "{line}\n{stdout}\n{stderr}"
    );
}

const FULL: &str = "No space left on device";
const CLOSED: &str = "could not be written: it was closed when the program began";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_written_is_97_after_the_verdict() {
    let stack = stack().await;
    let place = Place::of(&stack);
    // (what is run, why it doesn't pass, whether its verdict is a pass all the same)
    let rows = [
        ("$RUN >/dev/full", FULL, false),
        ("$RUN --summary-json - >/dev/full", FULL, false),
        ("$RUN --summary-json - >&-", CLOSED, false),
        ("$RUN >&-", CLOSED, false),
        ("$RUN --summary-json /dev/full", FULL, true),
        ("set -o pipefail; $RUN | true", "Broken pipe", false),
        ("ulimit -f 8; $RUN --name small", "File too large", false),
        ("$RUN --summary-json >(sleep 0)", "nobody reads it", true),
    ];
    for (line, expected, passes) in rows {
        let ran = place.shell(line).await;
        assert_code(&ran, 97, line);
        let (stdout, stderr) = (text(&ran.stdout), text(&ran.stderr));
        let told = format!("{stdout}{stderr}");
        let is_told = told.contains(expected) || told.contains("Broken pipe");
        assert!(is_told, "{line}: {told}");
        if passes {
            assert!(stdout.contains("PASS"), "{line}: {stdout}");
        }
    }
    // What failed has failed.
    let line = "$RUN --threshold 'http_reqs: count<1' --summary-json /dev/full";
    let ran = place.shell(line).await;
    assert_code(&ran, 99, line);
    assert!(text(&ran.stderr).contains(FULL), "{}", text(&ran.stderr));
}

/// The disk is full in the middle of the run: a file of which a row is missing is not whole.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_full_disk_did_not_take_are_never_green() {
    let stack = stack().await;
    let place = Place::of(&stack);
    // In pages of 1,024 bytes: room for the first second, and for the reports.
    for kind in ["csv", "json"] {
        let line = format!(
            "ulimit -f 120; ${{RUN/--vus 2 --iterations-per-vu 1/--vus 5 --duration 6s}} \
             --limit lost-rows=100% --out {kind}=rows"
        );
        let ran = place.shell(&line).await;
        assert_code(&ran, 97, &line);
        let stdout = text(&ran.stdout);
        let said = format!("{kind}=rows is not whole: ");
        assert!(
            stdout.contains("INVALID") && stdout.contains(&said),
            "{stdout}"
        );
        assert!(stdout.contains("File too large"), "{stdout}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_links_and_devices_are_written_into_and_stay() {
    let stack = stack().await;
    let place = Place::of(&stack);
    let line = "mkfifo pipe; cat pipe >from-pipe & ln -s real.json link.json; \
                $RUN --summary-json link.json --out json=pipe --out csv=>(cat >from-descriptor) \
                --out csv=/dev/stdout --out json=/dev/null; code=$?; wait; exit $code";
    let ran = place.shell(line).await;
    assert_code(&ran, 0, line);
    let kind = |name: &str| fs::symlink_metadata(place.path().join(name)).expect(name);
    assert!(kind("link.json").is_symlink() && kind("pipe").file_type().is_fifo());
    assert!(kind("/dev/null").file_type().is_char_device());
    assert_eq!(place.summary("link.json")["verdict"], "pass");
    let read = |name: &str| fs::read_to_string(place.path().join(name)).expect(name);
    let last = read("from-pipe").lines().last().map(str::to_owned);
    assert!(last.is_some_and(|last| last.contains("\"pass\"")));
    let stdout = text(&ran.stdout);
    let of_csv: Vec<&str> = stdout
        .lines()
        .filter(|line| line.contains(",run="))
        .collect();
    let rows = read("from-descriptor");
    assert_eq!(
        rows.lines().next(),
        Some("time_ns,measurement,tags,field,value")
    );
    assert!(
        stdout.contains("time_ns,measurement,tags,field,value\n"),
        "{stdout}"
    );
    assert!(rows.lines().count() > 50, "{rows}");
    assert_eq!(
        of_csv.len(),
        rows.lines().filter(|line| line.contains(",run=")).count()
    );
}

/// Who asks for a summary in a pipe and reads it late has the reports by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_without_a_reader_holds_no_report_up() {
    let stack = stack().await;
    let place = Place::of(&stack);
    let line = "mkfifo pipe; $RUN --summary-json pipe & until [ -e reports/latest/junit.xml ]; do \
                sleep 0.05; done; cat pipe >late.json; wait $!";
    let ran = place.shell(line).await;
    assert_code(&ran, 0, line);
    assert_eq!(place.summary("late.json")["verdict"], "pass");
}

/// A mounted file can't be replaced, and neither can one in a directory that isn't ours.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_can_not_be_replaced_are_written_in_place() {
    let stack = stack().await;
    let place = Place::of(&stack);
    let is_root = Command::new("id").arg("-u").output().expect("id").stdout == b"0\n";
    let line = "echo {} >real.json; echo {} >mounted.json; mount --bind real.json mounted.json";
    if is_root && place.shell(line).await.status.success() {
        let ran = place
            .shell("$RUN --summary-json mounted.json; code=$?; umount mounted.json; exit $code");
        assert_code(&ran.await, 0, line);
        assert_eq!(place.summary("real.json")["verdict"], "pass");
    }
    let line = "mkdir other; echo {} >other/s.json; chmod 666 other/s.json; chmod 755 . other; \
                mkdir -m 777 reports-of-all; \
                setpriv --reuid 65534 --clear-groups ${RUN/dir reports/dir reports-of-all} \
                --summary-json other/s.json";
    if is_root {
        assert_code(&place.shell(line).await, 0, line);
        assert_eq!(place.summary("other/s.json")["verdict"], "pass");
        let line = "chmod 644 other/s.json; setpriv --reuid 65534 --clear-groups $LOADTEST \
                    --host http://127.0.0.1:9 --report-dir reports-of-all --summary-json other/s.json";
        let ran = place.shell(line).await;
        assert_code(&ran, 104, line);
        let expected = "--summary-json: other/s.json can't be written: Permission denied";
        assert!(
            text(&ran.stderr).contains(expected),
            "{}",
            text(&ran.stderr)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_commands_are_not_green_either() {
    let stack = stack().await;
    let place = Place::of(&stack);
    assert_code(&place.shell("$RUN").await, 0, "a run");
    let run = run_directory(&place.path().join("reports"));
    let run = run.display().to_string();
    let rows = [
        ("profiles >/dev/full", 97, FULL),
        ("validate >/dev/full", 97, FULL),
        ("compare R R >/dev/full", 97, FULL),
        ("compare R R --json /dev/full", 97, FULL),
        (
            "compare R R --json /nowhere/c.json",
            104,
            "--json: /nowhere/c.json can't be written",
        ),
        ("report R >/dev/full", 97, FULL),
        ("report R --html /dev/full --junit junit.xml", 97, FULL),
        (
            "report R --md /nowhere/r.md",
            104,
            "--md: /nowhere/r.md can't be written",
        ),
        (
            "capacity --json /nowhere/c.json",
            104,
            "--json: /nowhere/c.json can't be written",
        ),
        ("--help | true", 0, ""),
    ];
    for (words, code, expected) in rows {
        let line = format!("set -o pipefail; $LOADTEST {}", words.replace('R', &run));
        let ran = place.shell(&line).await;
        assert_code(&ran, code, words);
        assert!(
            text(&ran.stderr).contains(expected),
            "{words}: {}",
            text(&ran.stderr)
        );
    }
    let junit = fs::read_to_string(place.path().join("junit.xml")).expect("the other report");
    assert!(junit.contains("<testsuites"), "{junit}");
}

/// Help and the version are asked for as everything else is, and the shown run is for the others.
#[tokio::test]
async fn no_command_is_green_whose_output_is_gone() {
    let (place, sample) = without_stack();
    let commands = [
        "--version",
        "--help",
        "capacity --help",
        "profiles",
        "validate",
        "compare R R",
        "report R --md /dev/null",
    ];
    for command in commands {
        let command = command.replace('R', &sample);
        for (to, expected) in [(">/dev/full", FULL), (">&-", CLOSED)] {
            let line = format!("$LOADTEST {command} {to}");
            let ran = place.shell(&line).await;
            assert_code(&ran, 97, &line);
            let stderr = text(&ran.stderr);
            assert!(stderr.contains(expected), "{line}: {stderr}");
        }
        let line = format!("$LOADTEST {command} >/dev/null");
        assert_code(&place.shell(&line).await, 0, &line);
    }
    let line = format!("$LOADTEST compare {sample} {sample} --json /dev/stdout >&-");
    let ran = place.shell(&line).await;
    assert_code(&ran, 104, &line);
    let stderr = text(&ran.stderr);
    assert!(
        stderr.contains("it was closed when the program began"),
        "{stderr}"
    );
}

/// `ulimit -f` sends a signal that would end the program without a word.
#[tokio::test]
async fn a_file_that_may_not_grow_is_an_error_and_no_sudden_end() {
    let (place, sample) = without_stack();
    for command in ["report R --html page.html", "compare R R --json c.json"] {
        let command = command.replace('R', &sample);
        let line = format!("ulimit -f 4; $LOADTEST {command}");
        let ran = place.shell(&line).await;
        assert_code(&ran, 97, &line);
        let stderr = text(&ran.stderr);
        assert!(stderr.contains("File too large"), "{line}: {stderr}");
    }
}

#[tokio::test]
async fn nothing_to_replay_is_said_and_no_file_is_made() {
    let (place, _) = without_stack();
    let rows = [
        ("csv=x", "csv=x: a file is no database to replay into"),
        (
            "influxdb=http://127.0.0.1:9/db",
            "/dev/null: nothing to replay, it has no whole row",
        ),
    ];
    for (out, expected) in rows {
        let line = format!("$LOADTEST replay --out {out} /dev/null");
        let ran = place.shell(&line).await;
        assert_code(&ran, 104, &line);
        let stderr = text(&ran.stderr);
        assert!(stderr.contains(expected), "{line}: {stderr}");
        assert!(!place.path().join("x").exists());
    }
}

/// A job that waits for a summary or a JUnit file finds the reason there.
#[tokio::test]
async fn what_can_be_written_of_a_run_that_is_refused_is_written() {
    const RUN: &str = "$LOADTEST --vus 1 --duration 1s --host http://127.0.0.1:9";
    let (place, _) = without_stack();
    let reason = "be written: there is no directory /nowhere";
    let line = format!("{RUN} --summary-json /nowhere/s.json");
    assert_code(&place.shell(&line).await, 104, &line);
    let run = run_directory(&place.path().join("reports"));
    for file in ["junit.xml", "summary.json"] {
        let left = fs::read_to_string(run.join(file)).expect(file);
        assert!(left.contains(reason), "{left}");
    }
    let line = format!("touch file; {RUN} --report-dir file/x --summary-json s.json");
    assert_code(&place.shell(&line).await, 104, &line);
    let reasons = &place.summary("s.json")["reasons"];
    let reason = reasons[0].as_str().expect("a text");
    assert!(reason.starts_with("--report-dir: file/x/"), "{reason}");
    // Neither of two that are the same file.
    let line = format!("echo mine >t.json; {RUN} --summary-json t.json --out csv=t.json");
    assert_code(&place.shell(&line).await, 104, &line);
    let kept = fs::read_to_string(place.path().join("t.json")).expect("a file");
    assert_eq!(kept, "mine\n");
}

/// A place for commands that need no server, and the run that the repository shows.
fn without_stack() -> (Place, String) {
    let place = Place {
        directory: tempfile::tempdir().expect("a temporary directory"),
        run: String::new(),
    };
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/sample");
    (place, sample.display().to_string())
}
