//! The program of a suite: parse, run, exit code.

use std::io::{self, StdoutLock, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::capacity;
use crate::cli::{self, Comparing, Invocation};
use crate::compare::{Rule, compare};
use crate::config::{self, Inputs, Layer, Outline, Problem, RunConfig};
use crate::executor::Control;
use crate::output::{Address, ReplayError, replay};
use crate::report::{Recorded, misfits, write_comparison, write_plan};
use crate::run::{render, run, write_comparison_json};
use crate::shown::Shown;
use crate::suite::Suite;
use crate::threshold::ExitCode as Exit;
use crate::tui;

/// Standard output, which strips styles when it is no terminal.
type Stdout = anstream::AutoStream<StdoutLock<'static>>;

/// The whole program of a suite: reads the command line, does what it asks, gives the exit code.
#[must_use]
pub fn main<S: Suite>() -> ExitCode {
    if let Some(code) = S::started_as_another_program() {
        return code;
    }
    let outline = Outline::of::<S>();
    match cli::parse(std::env::args_os(), &outline) {
        Ok(Invocation::Run(flags)) => load(&outline, flags, |config| {
            start(|control, telemetry| run::<S>(config, control, telemetry))
        }),
        Ok(Invocation::Validate(flags)) => load(&outline, flags, |config| {
            show(|out| write_plan(&config, out))
        }),
        Ok(Invocation::Capacity(request)) => search::<S>(outline, request),
        Ok(invocation) => without_load(invocation, &outline),
        Err(message) => {
            // Help and version are no mistake. A closed pipe is nobody's concern here.
            if message.use_stderr() {
                let _ = write!(Shown::new(io::stderr()), "{message}");
                Exit::BadConfiguration.code().into()
            } else {
                let _ = message.print();
                ExitCode::SUCCESS
            }
        }
    }
}

/// What needs no server.
fn without_load(invocation: Invocation, outline: &Outline) -> ExitCode {
    match invocation {
        Invocation::Compare(comparing) => match compared(&comparing) {
            Ok(exit) => exit.code().into(),
            Err(error) => fail(&error.to_string(), Exit::BadConfiguration),
        },
        Invocation::Report {
            summary,
            renderings,
        } => match render(&summary, &renderings) {
            Ok(written) => show(|out| {
                let mut written = written.iter();
                written.try_for_each(|path| writeln!(out, "{}", path.display()))
            }),
            Err(error) => fail(&error.to_string(), Exit::BadConfiguration),
        },
        Invocation::Replay { file, out } => deliver(&file, &out),
        Invocation::Profiles
        | Invocation::Run(_)
        | Invocation::Validate(_)
        | Invocation::Capacity(_) => show(|out| profiles(outline, out)),
    }
}

fn profiles(outline: &Outline, out: &mut impl Write) -> io::Result<()> {
    if outline.profiles.is_empty() {
        let name = outline.program.name;
        return writeln!(
            out,
            "{name} comes without profiles; --config takes a file of your own"
        );
    }
    let mut profiles = outline.profiles.iter();
    profiles.try_for_each(|profile| writeln!(out, "{:<26} {}", profile.name, profile.description()))
}

fn load(outline: &Outline, flags: Layer, then: impl FnOnce(RunConfig) -> ExitCode) -> ExitCode {
    let variables = variables();
    match config::load(outline, Inputs { flags, variables }) {
        Ok(config) => then(config),
        Err(problems) => refuse(&problems),
    }
}

fn search<S: Suite>(outline: Outline, request: capacity::Request) -> ExitCode {
    let variables = variables();
    // What is wrong with one trial is wrong with all of them.
    match request.trial(&outline, request.search.from, variables.clone()) {
        Ok(_) => start(|control, telemetry| {
            capacity::run::<S>(outline, request, variables, control, telemetry)
        }),
        Err(problems) => refuse(&problems),
    }
}

fn variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect()
}

fn refuse(problems: &[Problem]) -> ExitCode {
    let mut err = Shown::new(io::stderr().lock());
    let _ = writeln!(err, "error: nothing was sent, because");
    for problem in problems {
        let _ = writeln!(err, "  {problem}");
    }
    Exit::BadConfiguration.code().into()
}

fn show(write: impl FnOnce(&mut Shown<Stdout>) -> io::Result<()>) -> ExitCode {
    match write(&mut Shown::new(anstream::stdout().lock())) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of a pipe went away: what it wanted it has.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn compared(comparing: &Comparing) -> Result<Exit, Box<dyn std::error::Error>> {
    let (base, new) = (
        Recorded::read(&comparing.base)?,
        Recorded::read(&comparing.new)?,
    );
    let rule = Rule {
        noise: comparing.noise,
        ..Rule::default()
    };
    let misfits = misfits(&base, &new.run, Some(new.verdict));
    let comparison = compare(&base.subject()?, &new.subject()?, misfits, rule);
    // A closed pipe has seen enough.
    let _ = show(|out| write_comparison(&comparison, out));
    if let Some(path) = &comparing.json {
        write_comparison_json(path, &comparison)
            .map_err(|error| format!("--json: {} can't be written: {error}", path.display()))?;
    }
    let Some(limit) = comparing.fail_on_regression else {
        return Ok(Exit::Pass);
    };
    if comparison.refused().is_some() {
        let _ = show(|out| writeln!(out, "--fail-on-regression judged nothing."));
        return Ok(Exit::Pass);
    }
    if comparison.disturbed.is_some() {
        return Ok(Exit::Invalid);
    }
    let regressions = comparison.regressions(limit);
    for regression in &regressions {
        let _ = show(|out| writeln!(out, "{regression}"));
    }
    Ok(if regressions.is_empty() {
        Exit::Pass
    } else {
        Exit::Regressed
    })
}

fn deliver(file: &Path, out: &str) -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let address = match Address::parse(out, &variable) {
        Ok(address) => address,
        Err(error) => return fail(&format!("--out: output {error}"), Exit::BadConfiguration),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string(), Exit::Invalid),
    };
    match runtime.block_on(replay(file, &address)) {
        Ok(replayed) if replayed.bad > 0 => {
            let _ = show(|out| writeln!(out, "{} rows delivered to {address}", replayed.delivered));
            fail(
                &format!("{file}: {replayed}", file = file.display()),
                Exit::Invalid,
            )
        }
        Ok(replayed) => show(|out| writeln!(out, "{replayed} to {address}")),
        Err(error @ ReplayError::Write { .. }) => fail(&error.to_string(), Exit::Invalid),
        Err(error) => fail(&error.to_string(), Exit::BadConfiguration),
    }
}

fn fail(error: &str, exit: Exit) -> ExitCode {
    let _ = writeln!(Shown::new(io::stderr().lock()), "error: {error}");
    exit.code().into()
}

/// Runs what is to run on the virtual users' runtime, beside one for what only watches.
fn start<F: Future<Output = Exit>>(what: impl FnOnce(Arc<Control>, Handle) -> F) -> ExitCode {
    // Goose has nothing to say that the summary doesn't.
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,goose=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        // The writer lets no escape sequence through, so there are no colours either.
        .with_ansi(false)
        .with_writer(|| tui::Log)
        .init();
    let control = Arc::new(Control::default());
    let on_signal = Arc::clone(&control);
    // Before Goose would install its own, which ends the process at the second signal.
    if let Err(error) = ctrlc::set_handler(move || on_signal.signal()) {
        tracing::warn!(%error, "signals will not be handled");
    }
    // Two runtimes: what watches the virtual users must never hold one of them up.
    let watching = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("telemetry")
        .enable_all()
        .build();
    let (runtime, telemetry) = match (tokio::runtime::Runtime::new(), watching) {
        (Ok(runtime), Ok(telemetry)) => (runtime, telemetry),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "the runtime could not be started");
            return ExitCode::FAILURE;
        }
    };
    let exit = runtime.block_on(what(control, telemetry.handle().clone()));
    // A cut audit may leave a request behind; nothing waits for it.
    runtime.shutdown_background();
    telemetry.shutdown_background();
    exit.code().into()
}
