//! Measures what the README promises, side by side with k6, wrk and plain SQL.

mod against;
mod bench;
mod child;
mod cli;
mod command;
mod cost;
mod cpu;
mod generator;
mod kept;
mod machine;
mod markdown;
mod parse;
mod rows;
mod section;
mod shell;
mod stats;
mod target;

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::Context;
use clap::Parser;

use crate::{
    bench::Bench,
    cli::Cli,
    markdown::{Chapter, render},
    rows::{ROWS, Row},
};

fn main() -> ExitCode {
    let done = if std::env::args_os()
        .nth(1)
        .is_some_and(|arg| arg == target::SUBCOMMAND)
    {
        target::main().map(|()| true)
    } else {
        run(&Cli::parse())
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether every row could be measured; whether it met its goals is for the results to say.
fn run(cli: &Cli) -> anyhow::Result<bool> {
    let chosen: Vec<&Row> = ROWS
        .iter()
        .filter(|row| cli.rows.is_empty() || cli.rows.iter().any(|name| name == row.name))
        .collect();
    if cli.list {
        let mut out = io::stdout();
        for row in chosen {
            writeln!(out, "{:<14} {}", row.name, row.title)?;
        }
        return Ok(true);
    }
    let bench = Bench::new(cli)?;
    let facts = machine::facts(&bench);
    let path = results(cli, &bench);
    // Quick figures and full ones don't mix.
    let dir = bench.work.join(bench.pick("quick", "full"));
    drop_nothing(&dir, &path, &chosen)?;
    let mut all_measured = true;
    for (n, row) in chosen.iter().enumerate() {
        say(&format!("{} ({} of {})", row.name, n + 1, chosen.len()));
        let started = Instant::now();
        let outcome = (row.measure)(&bench).map_err(|error| {
            say(&format!("  could not be measured: {error:#}"));
            format!("{error:#}")
        });
        say(&format!("  {:.0} s", started.elapsed().as_secs_f64()));
        all_measured &= outcome.is_ok();
        let chapter = Chapter {
            name: row.name.to_owned(),
            title: row.title.to_owned(),
            how: row.how.to_owned(),
            measured: machine::occasion(&bench, &cli.mode()),
            outcome,
        };
        // After every row: an hour's figures must not be lost with the last one.
        kept::keep(&dir, &chapter)?;
        let chapters = kept::kept(&dir, ROWS.iter().map(|row| row.name))?;
        fs::write(&path, render(&facts, &chapters))
            .with_context(|| format!("can't write {}", path.display()))?;
    }
    say(&format!("results: {}", shown(&path, &bench.root)));
    Ok(all_measured)
}

/// Refuses to write results anew without rows that they have.
fn drop_nothing(dir: &Path, results: &Path, chosen: &[&Row]) -> anyhow::Result<()> {
    let names: Vec<&str> = chosen.iter().map(|row| row.name).collect();
    let published = fs::read_to_string(results).unwrap_or_default();
    let dropped = kept::dropped(dir, &published, &names);
    anyhow::ensure!(
        dropped.is_empty(),
        "{} would lose {}, whose results are not kept on this machine: measure them as well, or \
         run without --write",
        results.display(),
        dropped.join(", ")
    );
    Ok(())
}

fn results(cli: &Cli, bench: &Bench) -> PathBuf {
    if cli.publishes() {
        bench.root.join("bench/RESULTS.md")
    } else {
        bench.work.join("RESULTS.md")
    }
}

fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// A line of progress on standard error.
pub(crate) fn say(line: &str) {
    // Nobody is left to read it when standard error is closed.
    let _ = writeln!(io::stderr(), "{line}");
}
