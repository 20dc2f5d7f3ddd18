//! Starts the stack and the program, and reads what the program leaves behind.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use testbed::Stack;

/// The program under test.
pub(crate) const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest");

/// A private PostgreSQL, Redis and server.
pub(crate) async fn stack() -> Stack {
    let mut sut = Command::new(LOADTEST);
    sut.arg(testbed::sut::SUBCOMMAND);
    Stack::start(sut).await.expect("the stack starts")
}

/// A client of an ordinary library. It wants to know of a provider for TLS, even for plain HTTP.
pub(crate) fn client() -> reqwest::Client {
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// Changes the database behind the server's back.
pub(crate) async fn psql(url: &str, sql: &str) {
    let psql = tokio::process::Command::new("psql")
        .args([url, "-qc", sql])
        .stdout(Stdio::null())
        .status()
        .await;
    assert!(psql.expect("psql is there").success());
}

/// A transaction that takes its locks by this statement, and is idle with them for so long.
pub(crate) async fn idle_after(url: &str, statement: &'static str, time: Duration) {
    let mut connection = PgConnection::connect(url).await.expect("it runs");
    let mut transaction = connection.begin().await.expect("a transaction");
    let taken = sqlx::query(statement).execute(&mut *transaction).await;
    taken.expect("nobody else holds it for long");
    tokio::time::sleep(time).await;
    transaction.rollback().await.expect("the end of the locks");
}

/// The cores that this process may run on; none where the system doesn't tell.
pub(crate) fn allowed_cores() -> Vec<u32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))
        .unwrap_or_default();
    let ranges = list.trim().split(',').filter_map(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<u32>().ok()?..=last.parse().ok()?)
    });
    ranges.flatten().collect()
}

/// The program with its arguments and a directory of its own for reports.
pub(crate) struct Run {
    pub(crate) command: tokio::process::Command,
    reports: TempDir,
}

/// Sends a signal, by its name, to a program that runs.
pub(crate) async fn signal(name: &str, child: &tokio::process::Child) {
    let pid = child.id().expect("it runs").to_string();
    let sent = tokio::process::Command::new("kill")
        .args(["-s", name, pid.as_str()])
        .status()
        .await;
    assert!(sent.expect("kill is there").success());
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The JSON summary, if there is one.
    pub(crate) summary: Value,
}

impl Run {
    pub(crate) fn new(args: &str) -> Self {
        let reports = tempfile::tempdir().expect("a temporary directory");
        let mut command = piped(LOADTEST);
        command
            .args(args.split_whitespace())
            .arg("--report-dir")
            .arg(reports.path());
        Self { command, reports }
    }

    /// The same, but another program starts it, as `nice -n 19` does.
    #[cfg(target_os = "linux")]
    pub(crate) fn started_by(mut self, starter: &str) -> Self {
        let mut words = starter.split_whitespace();
        let mut command = piped(words.next().expect("a program"));
        command.args(words).arg(LOADTEST);
        command.args(self.command.as_std().get_args());
        self.command = command;
        self
    }

    /// Against a server that runs already.
    pub(crate) fn against(host: &str, args: &str) -> Self {
        let mut run = Self::not_sharing(host, args);
        run.command.arg("--shared-machine");
        run
    }

    /// The same, for tests of what happens when the machine isn't said to be shared.
    pub(crate) fn not_sharing(host: &str, args: &str) -> Self {
        let mut run = Self::new(args);
        run.command.args(["--host", host]);
        run
    }

    /// With these arguments and nothing else.
    pub(crate) async fn bare(args: &str) -> Ran {
        let mut run = Self::new("");
        run.command = tokio::process::Command::new(LOADTEST);
        run.command.args(args.split_whitespace());
        run.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        run.finish().await
    }

    /// Where its reports go.
    pub(crate) fn reports(&self) -> &std::path::Path {
        self.reports.path()
    }

    pub(crate) async fn finish(mut self) -> Ran {
        let child = self.command.spawn().expect("the program starts");
        self.wait(child).await
    }

    /// The same, for tests that look at more than the summary: the reports stay until the second
    /// value is dropped.
    pub(crate) async fn wait_keeping_reports(self, child: tokio::process::Child) -> (Ran, TempDir) {
        let output = ended(child).await;
        (self.read(&output), self.reports)
    }

    /// Waits for a program that was spawned from `command`; a run that hangs fails the test.
    pub(crate) async fn wait(self, child: tokio::process::Child) -> Ran {
        let output = ended(child).await;
        self.read(&output)
    }

    fn read(&self, output: &Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            summary: self.summary_path().map_or(Value::Null, |path| {
                let text = std::fs::read(path).expect("the summary can be read");
                serde_json::from_slice(&text).expect("the summary is JSON")
            }),
        }
    }

    fn summary_path(&self) -> Option<PathBuf> {
        let run = std::fs::read_dir(self.reports.path())
            .ok()?
            .next()?
            .ok()?
            .path();
        Some(run.join("summary.json")).filter(|path| path.exists())
    }
}

impl Ran {
    /// It passed, by its exit code and by every rule of the audit.
    #[track_caller]
    pub(crate) fn assert_passed(&self) {
        let said = || format!("{}\n{}", self.stdout, self.stderr);
        assert_eq!((self.code, self.broken()), (0, vec![]), "{}", said());
    }

    /// Names of the broken invariants.
    pub(crate) fn broken(&self) -> Vec<&str> {
        let rows = self.summary["invariants"].as_array().expect("a list");
        rows.iter()
            .filter(|row| row["ok"] == false)
            .filter_map(|row| row["name"].as_str())
            .collect()
    }

    /// What was found for an invariant.
    pub(crate) fn actual(&self, invariant: &str) -> &Value {
        let rows = self.summary["invariants"].as_array().expect("a list");
        let row = rows.iter().find(|row| row["name"] == invariant);
        &row.unwrap_or_else(|| panic!("no invariant '{invariant}' in {rows:#?}"))["actual"]
    }

    pub(crate) fn metric(&self, name: &str) -> &Value {
        &self.summary["metrics"][name]
    }

    pub(crate) fn reasons(&self) -> String {
        self.summary["reasons"].to_string()
    }
}

fn piped(program: &str) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn ended(child: tokio::process::Child) -> Output {
    tokio::time::timeout(Duration::from_secs(60), child.wait_with_output())
        .await
        .expect("the run ends by itself")
        .expect("the program can be waited for")
}
