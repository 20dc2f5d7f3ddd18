//! Starts a private stack and keeps it until it is interrupted: a server for
//! `curl`, k6 or a debugger, with nothing to install into or clean up.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Context;
use testbed::{Stack, sut};
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    if let Some(code) = sut::main_if_requested() {
        return code;
    }
    // A stack that somebody asked for help about would never end.
    if std::env::args_os().len() > 1 {
        let _ = writeln!(
            io::stderr(),
            "testbed takes no arguments: it starts a private PostgreSQL, Redis and server, prints where \
             they are as name=value lines, and ends them at Ctrl-C"
        );
        return ExitCode::from(2);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed, the exit code still tells.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run() -> anyhow::Result<()> {
    let command =
        sut::command_for_current_exe().context("could not find this program's own file")?;
    let stack = Stack::start(command).await?;
    // Before anybody knows whom to end: what comes earlier would be lost where it is ignored.
    let mut interrupted = signal(SignalKind::interrupt()).context("could not wait for Ctrl-C")?;
    describe(&stack, &mut io::stdout()).context("could not write to standard output")?;
    interrupted.recv().await;
    stack.stop();
    Ok(())
}

/// One `name=value` a line, to be read by people and by scripts.
fn describe(stack: &Stack, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "base_url={}", stack.base_url())?;
    writeln!(out, "database_url={}", stack.postgres().url())?;
    writeln!(out, "redis_url={}", stack.redis().url())?;
    writeln!(out, "server_pid={}", stack.sut().pid())?;
    for (name, pid) in [
        ("postgres_pid", stack.postgres().pid()),
        ("redis_pid", stack.redis().pid()),
    ] {
        if let Some(pid) = pid {
            writeln!(out, "{name}={pid}")?;
        }
    }
    out.flush()
}
