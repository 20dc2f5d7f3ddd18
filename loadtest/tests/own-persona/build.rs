//! Copies the shop's load test and does to the copy what docs/own-persona.md says.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

const LOADTEST: &str = "../..";
const PAGE: &str = "../../../docs/own-persona.md";

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for folder in ["src", "profiles"] {
        println!("cargo::rerun-if-changed={LOADTEST}/{folder}");
        let copy = out.join(folder);
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        copy_all(&Path::new(LOADTEST).join(folder), &copy)?;
    }
    println!("cargo::rerun-if-changed={PAGE}");
    let page = fs::read_to_string(PAGE)?;
    let personas = out.join("src/personas");
    fs::write(personas.join("window_shopper.rs"), block(&page, "rust")?)?;
    let registry = fs::read_to_string(personas.join("mod.rs"))?;
    let registry = patched(&registry, block(&page, "diff")?)?;
    fs::write(personas.join("mod.rs"), registry)?;
    // What is included must not begin with the documentation of a crate.
    let library = fs::read_to_string(out.join("src/lib.rs"))?;
    let library = library.lines().filter(|line| !line.starts_with("//!"));
    fs::write(
        out.join("src/lib.rs"),
        library.collect::<Vec<_>>().join("\n"),
    )?;
    Ok(())
}

fn copy_all(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let copy = to.join(path.file_name().ok_or("a file has a name")?);
        if path.is_dir() {
            copy_all(&path, &copy)?;
        } else {
            fs::copy(&path, copy)?;
        }
    }
    Ok(())
}

/// The only block of this language on the page.
fn block<'a>(page: &'a str, language: &str) -> Result<&'a str, String> {
    let fence = format!("```{language}\n");
    let mut blocks = page.split(&fence).skip(1);
    match (blocks.next(), blocks.next()) {
        (Some(block), None) => block.split("```").next().ok_or_else(String::new),
        _ => Err(format!("{PAGE} has one block of {language}")),
    }
}

/// The text with each added line behind the line that stands before it in the diff.
fn patched(text: &str, diff: &str) -> Result<String, String> {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut before = None;
    for line in diff.lines() {
        let at = match line.strip_prefix('+') {
            Some(added) => {
                let at = before.ok_or("an added line stands behind another one")? + 1;
                lines.insert(at, added);
                at
            }
            None => {
                let known = line.strip_prefix(' ').unwrap_or(line);
                let found = lines.iter().position(|line| *line == known);
                found.ok_or_else(|| format!("personas/mod.rs has no line '{known}'"))?
            }
        };
        before = Some(at);
    }
    Ok(lines.join("\n"))
}
