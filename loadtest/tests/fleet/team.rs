//! A lead and its workers as processes, and what they leave behind.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use testbed::{Redis, Stack};
use tokio::process::Child;

pub(crate) const LOADTEST: &str = env!("CARGO_BIN_EXE_loadtest");
/// A process that hangs fails its test.
const MOST: Duration = Duration::from_secs(90);

/// A server and a store.
pub(crate) struct Site {
    pub(crate) stack: Stack,
    pub(crate) store: Redis,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST).await
    }

    /// The same, with the server at another address of this machine.
    pub(crate) async fn start_at(address: Ipv4Addr) -> Self {
        let mut sut = Command::new(LOADTEST);
        sut.arg(testbed::sut::SUBCOMMAND);
        let stack = Stack::start_at(address.into(), sut);
        let (stack, store) = tokio::join!(stack, Redis::start());
        Self {
            stack: stack.expect("the stack starts"),
            store: store.expect("a Redis"),
        }
    }

    /// One process alone.
    pub(crate) fn alone(&self, args: &str) -> Process {
        Process::start(&format!("{} {args}", self.load()))
    }

    /// The lead of a run with so many workers.
    pub(crate) fn lead(&self, workers: u32, args: &str) -> Process {
        self.lead_with(workers, args, &[])
    }

    /// The same, with words that have blanks in them.
    pub(crate) fn lead_with(&self, workers: u32, args: &str, words: &[&str]) -> Process {
        let fleet = format!("{} --index 0 --workers {workers}", self.fleet());
        Process::start_with(&format!("{} {fleet} {args}", self.load()), words, &[])
    }

    /// A process with words that have blanks in them, and variables.
    pub(crate) fn process(&self, args: &str, words: &[&str], env: &[(&str, String)]) -> Process {
        Process::start_with(args, words, env)
    }

    /// A worker, which needs no more than this.
    pub(crate) fn worker(&self, index: u32, args: &str) -> Process {
        Process::start(&format!("{} --index {index} {args}", self.fleet()))
    }

    /// A lead with its workers.
    pub(crate) fn team(&self, workers: u32, args: &str) -> Team {
        Team {
            lead: self.lead(workers, args),
            workers: (1..=workers).map(|index| self.worker(index, "")).collect(),
        }
    }

    pub(crate) fn load(&self) -> String {
        format!(
            "--host {} --shared-machine --sla none",
            self.stack.base_url()
        )
    }

    pub(crate) fn fleet(&self) -> String {
        format!("--fleet {} --fleet-wait 30s", self.store.url())
    }
}

/// A lead and its workers.
pub(crate) struct Team {
    pub(crate) lead: Process,
    pub(crate) workers: Vec<Process>,
}

impl Team {
    /// Waits for all of them, the lead first.
    pub(crate) async fn end(self) -> (Ended, Vec<Ended>) {
        let lead = self.lead.end().await;
        let mut workers = Vec::new();
        for worker in self.workers {
            workers.push(worker.end().await);
        }
        (lead, workers)
    }
}

/// A process that runs.
pub(crate) struct Process {
    child: Child,
    reports: TempDir,
    began: Instant,
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) told: String,
    /// The JSON summary, if there is one.
    pub(crate) summary: Value,
    pub(crate) at: Instant,
    reports: TempDir,
}

impl Process {
    pub(crate) fn start(args: &str) -> Self {
        Self::start_with(args, &[], &[])
    }

    fn start_with(args: &str, words: &[&str], env: &[(&str, String)]) -> Self {
        Self::start_as(tokio::process::Command::new(LOADTEST), args, words, env)
    }

    /// The same by a command that ends with the program.
    pub(crate) fn start_as(
        mut program: tokio::process::Command,
        args: &str,
        words: &[&str],
        env: &[(&str, String)],
    ) -> Self {
        let reports = tempfile::tempdir().expect("a temporary directory");
        let log = std::fs::File::create(reports.path().join("told")).expect("a file");
        let child = program
            .args(args.split_whitespace())
            .args(words)
            .envs(env.iter().map(|(name, text)| (*name, text)))
            .arg("--report-dir")
            .arg(reports.path().join("reports"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        Self {
            child: child.expect("the program starts"),
            reports,
            began: Instant::now(),
        }
    }

    fn told(&self) -> String {
        std::fs::read_to_string(self.reports.path().join("told")).unwrap_or_default()
    }

    /// Waits until it has said this.
    pub(crate) async fn says(&self, text: &str) {
        while !self.told().contains(text) {
            let waited = self.began.elapsed();
            assert!(waited < MOST, "no '{text}' in {}", self.told());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends it a signal, by its name.
    pub(crate) async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = tokio::process::Command::new("kill")
            .args(["-s", name, pid.as_str()])
            .status()
            .await;
        assert!(sent.expect("kill is there").success());
    }

    pub(crate) async fn end(mut self) -> Ended {
        let ended = tokio::time::timeout(MOST, self.child.wait()).await;
        let at = Instant::now();
        let status = ended.unwrap_or_else(|_| panic!("it ends by itself: {}", self.told()));
        let summary = summary(&self.reports.path().join("reports"));
        Ended {
            // One that was killed has none.
            code: status.expect("it can be waited for").code().unwrap_or(-1),
            told: self.told(),
            summary,
            at,
            reports: self.reports,
        }
    }
}

fn summary(reports: &Path) -> Value {
    let run = std::fs::read_dir(reports).ok();
    let run = run.and_then(|mut runs| runs.next()?.ok());
    let text = run.and_then(|run| std::fs::read(run.path().join("summary.json")).ok());
    text.map_or(Value::Null, |text| {
        serde_json::from_slice(&text).expect("the summary is JSON")
    })
}

impl Ended {
    /// Where it has left its reports.
    pub(crate) fn reports(&self) -> PathBuf {
        self.reports.path().join("reports")
    }

    /// The only run in there, if there is one.
    pub(crate) fn run(&self) -> Option<PathBuf> {
        let mut runs = std::fs::read_dir(self.reports()).ok()?;
        runs.find_map(|run| {
            let path = run.ok()?.path();
            (!path.is_symlink()).then_some(path)
        })
    }

    /// It ended with this code, and said this.
    #[track_caller]
    pub(crate) fn assert(&self, code: i32, says: &str) {
        assert!(
            self.code == code && self.told.contains(says),
            "{} with '{says}' expected, was {}: {}",
            code,
            self.code,
            self.told
        );
    }

    pub(crate) fn count(&self, metric: &str) -> u64 {
        let count = &self.summary["metrics"][metric]["count"];
        count.as_u64().unwrap_or_default()
    }
}
