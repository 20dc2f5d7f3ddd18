//! The full-screen view in a real terminal: tmux, which is asked what it shows.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::program::{LOADTEST, Run, stack};

/// A terminal with a shell command in it. Ends when dropped.
struct Terminal {
    directory: TempDir,
}

impl Terminal {
    /// Runs a line of shell, then says how it ended and how the terminal was left.
    fn run(line: &str) -> Self {
        Self::of_width(140, line)
    }

    fn of_width(columns: usize, line: &str) -> Self {
        let columns = columns.to_string();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let terminal = Self { directory };
        let line = format!("{line}; echo \"exit code $?\"; stty -a; exec cat");
        terminal.tmux(&["new-session", "-d", "-x", &columns, "-y", "30", &line]);
        terminal
    }

    fn tmux(&self, words: &[&str]) -> String {
        let output = Command::new("tmux")
            .env("TMUX_TMPDIR", self.directory.path())
            .env_remove("TMUX")
            .args(["-f", "/dev/null"])
            .args(words)
            .output()
            .expect("tmux is installed: make test does it");
        assert!(
            output.status.success(),
            "tmux {words:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn keys(&self, keys: &str) {
        self.tmux(&["send-keys", keys]);
    }

    fn resize(&self, columns: u16, rows: u16) {
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux(&["resize-window", "-x", &columns, "-y", &rows]);
    }

    /// What is seen once it is as it should be.
    #[track_caller]
    fn wait(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let seen = self.tmux(&["capture-pane", "-p"]);
            if is_there(&seen) {
                return seen;
            }
            assert!(Instant::now() < patience, "{what} never came:\n{seen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Everything on the normal screen, from its beginning, once the command has ended.
    #[track_caller]
    fn ended(&self) -> String {
        self.wait("the end", |seen| seen.contains("eol2"));
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-"])
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux")
            .env("TMUX_TMPDIR", self.directory.path())
            .arg("kill-server")
            .output();
    }
}

fn load(host: &str, reports: &Path, args: &str) -> String {
    format!(
        "{LOADTEST} --tui --host {host} --report-dir {} --sla none {args}",
        reports.display()
    )
}

fn summary(reports: &Path) -> serde_json::Value {
    let mut runs = std::fs::read_dir(reports).expect("the reports are there");
    let run = runs.next().expect("a run").expect("it can be read").path();
    let text = std::fs::read(run.join("summary.json")).expect("a summary");
    serde_json::from_slice(&text).expect("JSON")
}

#[track_caller]
fn assert_given_back(screen: &str) {
    assert!(
        screen.contains(" icanon") && screen.contains(" echo "),
        "still raw:\n{screen}"
    );
    assert!(
        !screen.contains("q quit now") && !screen.contains("● "),
        "the view left something behind:\n{screen}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shown_resized_and_stopped_with_the_summary_intact() {
    let stack = stack().await;
    let reports = tempfile::tempdir().expect("a temporary directory");
    let args = "--vus 3 --duration 10m --coupon-wait 50ms";
    let terminal = Terminal::run(&load(stack.base_url(), reports.path(), args));
    let seen = terminal.wait("the view", |seen| {
        seen.contains("● running") && seen.contains("5_create_order")
    });
    for part in [
        "VUs",
        "3/3",
        "req/s",
        "p95",
        "Thresholds",
        "checks: rate==1",
        "Events",
        "s stop",
    ] {
        assert!(seen.contains(part), "no {part} in\n{seen}");
    }
    for (columns, rows) in [(40, 12), (20, 5), (300, 80), (1, 1), (140, 30)] {
        terminal.resize(columns, rows);
        if columns >= 20 {
            terminal.wait("the view in its new size", |seen| {
                seen.contains("running")
                    && seen.contains("3/3")
                    && (columns < 40 || seen.contains("━"))
            });
        }
    }
    terminal.keys("?");
    terminal.wait("help", |seen| {
        seen.contains("Reports are written either way.")
    });
    terminal.keys("?");
    terminal.wait("no help", |seen| !seen.contains("either way"));
    terminal.keys("s");
    let screen = terminal.ended();
    assert_given_back(&screen);
    for part in [
        "Requests (times in ms)",
        "│ 5_create_order",
        "invariants hold",
        "INVALID",
        "exit code 105",
    ] {
        assert!(screen.contains(part), "no {part} in\n{screen}");
    }
    let bottom_left = screen.matches('╰').count();
    assert_eq!(
        bottom_left,
        screen.matches('╭').count(),
        "a table was torn:\n{screen}"
    );
    let summary = summary(reports.path());
    assert_eq!(summary["exit_code"], 105);
    assert_eq!(summary["run"]["interrupted_iterations"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn quitting_and_control_c_give_the_terminal_back() {
    let stack = stack().await;
    for keys in [&["q"][..], &["C-c", "C-c"]] {
        let reports = tempfile::tempdir().expect("a temporary directory");
        let args = "--vus 3 --duration 10m --coupon-wait 10m --no-audit";
        let terminal = Terminal::run(&load(stack.base_url(), reports.path(), args));
        terminal.wait("the view", |seen| seen.contains("● running"));
        keys.iter().for_each(|key| terminal.keys(key));
        let screen = terminal.ended();
        assert_given_back(&screen);
        assert!(screen.contains("exit code 105"), "{screen}");
        assert_eq!(
            summary(reports.path())["run"]["interrupted_iterations"],
            3,
            "{keys:?} cuts"
        );
    }
}

/// No table is wider than the terminal. Where there is no room, the columns that weigh least are
/// left out, and named.
#[tokio::test(flavor = "multi_thread")]
async fn narrow_terminals_get_tables_that_fit() {
    let stack = stack().await;
    for columns in [80, 40] {
        let reports = tempfile::tempdir().expect("a temporary directory");
        let args = "--vus 2 --duration 2s --coupon-wait 50ms --shared-machine --full";
        let line = load(stack.base_url(), reports.path(), args);
        let screen = Terminal::of_width(columns, &line).ended();
        assert!(screen.contains("exit code 0"), "{screen}");
        let tables = screen
            .lines()
            .filter(|line| line.starts_with(['│', '╭', '├', '╰']));
        let widest = tables.map(|line| line.chars().count()).max();
        assert!(widest <= Some(columns), "{columns}: {widest:?}\n{screen}");
        for part in ["│ 5_create_order", "p95 │", "max │", "actual │", "fails │"] {
            assert!(screen.contains(part), "{columns}: no {part} in\n{screen}");
        }
        assert!(
            screen.contains("no room for min, p90"),
            "{columns}:\n{screen}"
        );
        assert_eq!(
            screen.contains("p99 │"),
            columns == 80,
            "{columns}:\n{screen}"
        );
    }
}

/// What can't move its cursor gets lines, and no escape sequences.
#[tokio::test(flavor = "multi_thread")]
async fn a_dumb_terminal_gets_plain_lines() {
    let stack = stack().await;
    for term in ["TERM=dumb", "-u TERM", "TERM=", "TERM=dumb CI=true"] {
        let reports = tempfile::tempdir().expect("a temporary directory");
        let args = "--vus 2 --iterations-per-vu 1 --coupon-wait 0s --shared-machine";
        let line = load(stack.base_url(), reports.path(), args);
        let terminal = Terminal::run(&format!("env {term} {line}"));
        let screen = terminal.ended();
        let refusal = "--tui: a terminal can't move its cursor where TERM is dumb or not set";
        for part in [refusal, "setting the server up", "exit code 0"] {
            assert!(screen.contains(part), "{term}: no {part} in\n{screen}");
        }
        let styled = terminal.tmux(&["capture-pane", "-p", "-e", "-S", "-"]);
        assert!(!styled.contains('\u{1b}'), "{term}:\n{styled}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_there_are_lines() {
    let stack = stack().await;
    let args = "--tui --vus 1 --iterations-per-vu 1 --coupon-wait 0s --sla none";
    let ran = Run::against(stack.base_url(), args).finish().await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        ran.stderr.lines().next(),
        Some("--tui: standard error is not a terminal; progress is shown in lines instead")
    );
    assert!(
        ran.stderr.contains("setting the server up"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
}

/// Not for itself: `a_panic_can_be_read` runs it in a terminal.
#[test]
#[ignore = "panics on purpose, in a terminal of its own"]
fn a_view_that_is_panicked_under() {
    use std::sync::Arc;

    use harness::config::{Inputs, load};
    use harness::executor::Control;
    use harness::tui::{Load, Model, Tui};

    let Ok(config) = load(&harness::Outline::of::<loadtest::Shop>(), Inputs::default()) else {
        panic!("the default configuration is valid");
    };
    let model = Model::new(Load::of(&config));
    let _tui = Tui::start(model, Arc::<Control>::default()).expect("a terminal");
    std::thread::sleep(Duration::from_millis(500));
    panic!("this must be readable");
}

#[test]
fn a_panic_can_be_read() {
    let itself = std::env::current_exe().expect("the tests are a program");
    let name = "live_view::a_view_that_is_panicked_under";
    let terminal = Terminal::run(&format!(
        "{} --ignored --exact {name} --nocapture",
        itself.display()
    ));
    terminal.wait("the view", |seen| seen.contains("q quit now"));
    let screen = terminal.ended();
    assert_given_back(&screen);
    assert!(screen.contains("this must be readable"), "{screen}");
}
