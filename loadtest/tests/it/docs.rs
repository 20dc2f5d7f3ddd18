//! What the README and `docs/` promise is what there is.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::Outline;
use harness::metrics;
use harness::threshold::ExitCode;
use loadtest::Shop;

use crate::program::LOADTEST;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every page for users: its path, and its text.
fn pages() -> Vec<(String, String)> {
    let docs = std::fs::read_dir(root().join("docs")).expect("there is docs/");
    let mut paths: Vec<PathBuf> = docs
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "md"))
        .collect();
    paths.push(root().join("README.md"));
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> (String, String) {
    let text = std::fs::read_to_string(path).expect("a page can be read");
    (path.display().to_string(), text)
}

/// The fenced blocks of a page in one language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    text.split("\n```")
        .filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n'))
        .collect()
}

#[test]
fn the_pages_name_everything_a_user_can_choose_or_meet() {
    let text: String = pages().into_iter().map(|(_, text)| text).collect();
    let assert_named = |what: &str| assert!(text.contains(what), "no page names {what}");
    let outline = Outline::of::<Shop>();
    for field in outline.fields.iter() {
        match field.limit() {
            Some(limit) => assert_named(&format!("| `{limit}` | {} |", field.default)),
            None => assert_named(&format!("`--{}", field.flag)),
        }
    }
    for profile in outline.profiles {
        assert_named(&format!("`{}`", profile.name));
    }
    for persona in &outline.roles {
        assert_named(persona.name);
    }
    for (exit, _) in ExitCode::TABLE {
        assert_named(&format!("| {} |", exit.code()));
    }
    for metric in metrics::all(&outline.catalogue) {
        // Families are written once: `http_req_blocked`, `_connecting`, …
        let short = ["http_req", "server_timing"]
            .iter()
            .find_map(|family| metric.name.strip_prefix(family));
        assert_named(short.unwrap_or(metric.name));
    }
}

/// A README is a first screen; the manual is in `docs/`.
#[test]
fn the_first_pages_are_short() {
    for (page, most_lines, most_words) in [("README.md", 150, 1200), ("ARCHITECTURE.md", 300, 2000)]
    {
        let text = std::fs::read_to_string(root().join(page)).expect("there is one");
        let (lines, words) = (text.lines().count(), text.split_whitespace().count());
        assert!(lines <= most_lines, "{page}: {lines} lines");
        assert!(words <= most_words, "{page}: {words} words");
    }
}

/// Each link to a file leads to one, and each to a heading of a page too.
#[test]
fn links_lead_somewhere() {
    let mut checked = 0;
    let more = [
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "bench/README.md",
        "grafana/README.md",
        "reports/README.md",
        "docs/design/cost.md",
        "docs/design/decisions.md",
        "docs/design/server.md",
    ];
    let more = more.map(|page| read(&root().join(page)));
    for (page, text) in pages().into_iter().chain(more) {
        let folder = Path::new(&page).parent().expect("a folder").to_owned();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().expect("a part");
            if link.contains("://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                PathBuf::from(&page)
            } else {
                folder.join(file)
            };
            assert!(target.exists(), "{page}: {link}");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&target).expect("a page");
                let there = text.lines().any(|line| anchor(line) == heading);
                assert!(there, "{page}: no heading of {link}");
            }
            checked += 1;
        }
    }
    assert!(checked > 60, "only {checked} links");
}

/// What GitHub makes of a heading for links.
fn anchor(line: &str) -> String {
    let title = line.trim_start_matches('#');
    if title == line {
        return String::new();
    }
    let kept = |c: &char| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_';
    let title: String = title.trim().to_lowercase().chars().filter(kept).collect();
    title.replace(' ', "-")
}

/// The whole files in the pages are such as the program takes.
#[test]
fn the_pages_config_files_are_valid() {
    let mut checked = 0;
    for (page, text) in pages() {
        for toml in blocks(&text, "toml") {
            if !toml.contains(".toml\n") || toml.contains("Cargo.toml") {
                continue;
            }
            let file = tempfile::NamedTempFile::new().expect("a temporary file");
            std::fs::write(file.path(), toml).expect("it can be written");
            let path = file.path().to_str().expect("a plain path");
            let ran = run(&["validate", "--config", path]);
            assert!(ran.status.success(), "{page}:\n{toml}\n{ran:?}");
            checked += 1;
        }
    }
    assert!(checked >= 3, "only {checked} files");
}

fn run(args: &[&str]) -> Output {
    Command::new(LOADTEST)
        .args(args)
        .output()
        .expect("the program starts")
}

/// A folder with the files that the pages' commands name.
fn surroundings() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let sample = root().join("reports/sample");
    for run in ["reports/BEFORE", "reports/AFTER", "reports/MAIN"] {
        copy(&sample, &folder.path().join(run));
    }
    for run in [
        "reports/NEW",
        "reports/RUN",
        "reports/latest",
        "run",
        "main",
    ] {
        copy(&sample, &folder.path().join(run));
    }
    let spool = folder.path().join("reports/RUN/spool-1.lp");
    std::fs::write(spool, "vus,run=r value=1 1764288000000000000\n").expect("it can be written");
    for (_, text) in pages() {
        for toml in blocks(&text, "toml") {
            let name = toml.lines().next().and_then(|line| line.strip_prefix("# "));
            if let Some(name) = name.filter(|name| name.ends_with(".toml")) {
                std::fs::write(folder.path().join(name), toml).expect("it can be written");
            }
        }
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for file in ["summary.json", "series.jsonl"] {
        std::fs::copy(from.join(file), to.join(file)).expect("the sample has it");
    }
}

/// A command of a page that the program refuses is found here.
#[tokio::test(flavor = "multi_thread")]
async fn the_pages_commands_run() {
    const COMMANDS: &str = include_str!("documented.sh");
    let stack = crate::program::stack().await;
    let folder = surroundings();
    let mut checked = 0;
    for (page, text) in pages() {
        for block in blocks(&text, "sh") {
            let block = block
                .replace("http://127.0.0.1:8080", stack.base_url())
                .replace("http://127.0.0.1:PORT", stack.base_url())
                .replace("127.0.0.1:8086", "127.0.0.1:1");
            let ran = Command::new("bash")
                .args(["-c", &format!("{COMMANDS}\n{block}")])
                .current_dir(folder.path())
                .env("LOADTEST", LOADTEST)
                .env("PROJECT", root())
                .output()
                .expect("bash is there");
            let said = String::from_utf8_lossy(&ran.stderr);
            assert!(ran.status.success(), "{page}:\n{block}\n{said}");
            checked += 1;
        }
    }
    assert!(checked > 12, "only {checked} blocks");
}
