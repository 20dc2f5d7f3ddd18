//! The floors of the house: arrows between its modules only point down, files don't form circles,
//! and the engine names neither the shop nor the crates above it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The engine's modules, the uppermost first. A module uses only what stands below it.
const FLOORS: [&str; 40] = [
    // For unit tests alone.
    "fixture",
    "program",
    "cli",
    "capacity",
    "run",
    "suite",
    "progress",
    "tui",
    "report",
    "fidelity",
    "config",
    "output",
    "compare",
    "diagnosis",
    "threshold",
    "failing",
    "web",
    "fleet",
    "probe",
    "health",
    "sampler",
    "invariant",
    "admin",
    "vu",
    "executor",
    "metrics",
    "persona",
    "catalogue",
    "expected",
    "format",
    "shown",
    "secret",
    "ports",
    "files",
    "stdout",
    "wall",
    "quota",
    "decimal",
    "descriptors",
    "crypto",
];

fn sources(root: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs")
                && !path.to_string_lossy().ends_with("_tests.rs")
                && path.file_name().is_some_and(|name| name != "fuzzing.rs")
            {
                let text = std::fs::read_to_string(&path).expect("text");
                let name = path.strip_prefix(root).expect("below the root").to_owned();
                files.push((name, without_tests(&text)));
            }
        }
    }
    files
}

fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next();
    code.unwrap_or_default().to_owned()
}

fn without_comments(text: &str) -> String {
    let lines = text.lines();
    let code = lines.filter(|line| !line.trim_start().starts_with("//"));
    code.collect::<Vec<_>>().join("\n")
}

fn engine() -> Vec<(PathBuf, String)> {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(files.len() > 100, "{} files", files.len());
    let code = |(file, text): (PathBuf, String)| (file, without_comments(&text));
    files.into_iter().map(code).collect()
}

/// All crates, with the engine's.
fn house() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("above");
    let crates = [
        "harness", "loadtest", "server", "testbed", "bench", "examples",
    ];
    let files = crates.map(|name| sources(&root.join(name).join("src")));
    let named = crates.into_iter().zip(files);
    named
        .flat_map(|(name, files)| {
            assert!(!files.is_empty(), "{name}");
            let below = move |(file, text)| (Path::new(name).join(file), text);
            files.into_iter().map(below)
        })
        .collect()
}

fn module_of(file: &Path) -> String {
    let first = file.iter().next().expect("a name").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// The words that follow `prefix` in a text.
fn words_after<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(prefix).skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

#[test]
fn arrows_between_modules_only_point_down() {
    let floor = |module: &str| FLOORS.iter().position(|known| *known == module);
    let mut seen = BTreeSet::new();
    for (file, text) in engine() {
        let module = module_of(&file);
        if module == "lib" {
            continue;
        }
        let own = floor(&module).unwrap_or_else(|| panic!("{module} has no floor"));
        seen.insert(module);
        for used in words_after(&text, "crate::") {
            // What starts with a capital is exported from the top, and stands in a module below.
            let Some(other) = floor(used) else { continue };
            assert!(
                other >= own,
                "{} uses {used}, which is above it",
                file.display()
            );
        }
    }
    let floors: BTreeSet<String> = FLOORS.map(str::to_owned).into();
    assert_eq!(seen, floors, "every floor has a module");
}

/// A file and those of the same folder that it uses by `super::`.
#[test]
fn files_of_a_folder_form_no_circle() {
    let files = house();
    let known: BTreeSet<&Path> = files.iter().map(|(file, _)| file.as_path()).collect();
    let mut arrows: BTreeMap<&Path, BTreeSet<PathBuf>> = BTreeMap::new();
    for (file, text) in &files {
        let is_folder = file.file_name().is_some_and(|name| name == "mod.rs");
        if is_folder {
            continue;
        }
        let folder = file.parent().expect("a folder");
        let text = without_comments(text);
        let used = words_after(&text, "super::").map(|word| folder.join(format!("{word}.rs")));
        let used = used.filter(|other| known.contains(other.as_path()) && other != file);
        arrows.insert(file, used.collect());
    }
    for start in arrows.keys() {
        let mut reached: Vec<&Path> = arrows[start].iter().map(PathBuf::as_path).collect();
        let mut at = 0;
        while at < reached.len() {
            assert_ne!(&reached[at], start, "{} is in a circle", start.display());
            let more = arrows.get(reached[at]).into_iter().flatten();
            let more: Vec<&Path> = more.map(PathBuf::as_path).collect();
            reached.extend(
                more.into_iter()
                    .filter(|next| !reached.contains(next))
                    .collect::<Vec<_>>(),
            );
            at += 1;
        }
    }
    assert!(arrows.values().map(BTreeSet::len).sum::<usize>() > 100);
}

fn is_function(code: &str) -> bool {
    let public = code
        .strip_prefix("pub")
        .and_then(|rest| rest.split_once(' '));
    let code = public.map_or(code, |(_, rest)| rest);
    let qualifiers = ["async", "const", "unsafe"];
    let mut words = code.split(' ').skip_while(|word| qualifiers.contains(word));
    words.next() == Some("fn")
}

/// A function ends with a brace that stands below its first word.
#[test]
fn functions_are_at_most_60_lines() {
    let mut seen = 0;
    for (file, text) in house() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            // One without a body, or with all of it in its line, has no such brace.
            if !is_function(code) || code.ends_with([';', '}']) {
                continue;
            }
            let end = format!("{}}}", &line[..line.len() - code.len()]);
            let after = lines[at..].iter().position(|line| *line == end);
            let length = after.map_or(1, |after| after + 1);
            seen += 1;
            assert!(
                length <= 60,
                "{}: {line} has {length} lines",
                file.display()
            );
        }
    }
    assert!(seen > 1_000, "{seen} functions");
}

#[test]
fn the_engine_does_not_name_the_shop() {
    const WORDS: [&str; 9] = [
        "coupon",
        "order",
        "shop",
        "impulse",
        "rational",
        "malicious",
        "ledger",
        "won",
        "persona_a",
    ];
    let files = engine();
    let engine = files
        .iter()
        .filter(|(file, _)| module_of(file) != "fixture");
    for (file, text) in engine {
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let word = word.to_lowercase();
            assert!(
                !WORDS.contains(&word.as_str()),
                "{}: {word}",
                file.display()
            );
        }
    }
}

#[test]
fn the_engine_depends_on_no_crate_above_it() {
    let manifest = include_str!("../../Cargo.toml");
    for line in manifest.lines() {
        let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
        assert!(
            !["server", "testbed", "loadtest", "bench"].contains(&name),
            "{line}"
        );
    }
    assert!(manifest.contains("hdrhistogram"), "it is the manifest");
}
