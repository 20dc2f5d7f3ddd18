//! An earlier commit of this repository, built beside this one and measured in turns with it.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

use crate::say;

/// Generator and server of one commit.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) loadtest: PathBuf,
    pub(crate) server: PathBuf,
}

/// Builds a commit in a work tree of its own, `target/against/ID`, which stays for the next time.
///
/// # Errors
/// When there is no such commit, or it doesn't build.
pub(crate) fn build(root: &Path, commit: &str) -> anyhow::Result<Programs> {
    let name = format!("{commit}^{{commit}}");
    let id = git(
        root,
        &[
            "rev-parse",
            "--short",
            "--verify",
            "--end-of-options",
            &name,
        ],
    )
    .with_context(|| format!("--against {commit}: no such commit here"))?;
    let tree = root.join("target/against").join(&id);
    if !tree.join("Cargo.toml").exists() {
        // A work tree whose folder is gone is still on git's list.
        git(root, &["worktree", "prune"])?;
        let place = tree.to_str().context("the repository's path is no UTF-8")?;
        git(root, &["worktree", "add", "--detach", place, &id])?;
    }
    say(&format!("building {id}"));
    let built = release(&tree).with_context(|| format!("--against {commit}: it doesn't build"))?;
    Ok(Programs {
        loadtest: built.join("loadtest"),
        server: built.join("server"),
    })
}

/// Builds generator and server in a tree as its releases are built, and tells where they are.
///
/// # Errors
/// When they don't build.
pub(crate) fn release(tree: &Path) -> anyhow::Result<PathBuf> {
    let script = tree.join("deploy/release");
    if script.exists() {
        let built = Command::new(&script).stderr(Stdio::inherit()).output();
        let built = built.context("deploy/release can't be started")?;
        ensure!(built.status.success(), "deploy/release failed");
        return Ok(String::from_utf8_lossy(&built.stdout).trim().into());
    }
    // A commit from before there was that script.
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--locked", "--quiet"])
        .args(["-p", "loadtest", "-p", "server"])
        .args(["--bin", "loadtest", "--bin", "server"])
        .current_dir(tree)
        .status()
        .context("cargo can't be started")?;
    ensure!(built.success(), "cargo build failed");
    Ok(tree.join("target/release"))
}

/// What git prints, without the end of its line.
fn git(root: &Path, args: &[&str]) -> anyhow::Result<String> {
    let done = Command::new("git").args(args).current_dir(root).output();
    let done = done.context("git can't be started")?;
    let error = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "git {}: {}", args[0], error.trim());
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}
