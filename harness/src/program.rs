//! The program of a suite: parse, run, exit code.

use std::ffi::OsString;
use std::io::{self, StdoutLock, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anstream::ColorChoice;
use nix::errno::Errno;
use tokio::runtime::Handle;
use tracing_subscriber::EnvFilter;

use crate::capacity;
use crate::cli::{self, Comparing, Invocation};
use crate::compare::{Rule, compare};
use crate::config::{self, Field, Fleet, Inputs, Layer, Outline, Problem, RunConfig, Told};
use crate::executor::{Control, listen, outlive_file_limit};
use crate::fleet::Place;
use crate::health::Resources;
use crate::output::{Address, ReplayError, replay};
use crate::report::{Recorded, fit_tables, misfits, write_comparison, write_plan};
use crate::run::{
    Missing, Renderings, check_baseline, check_file, check_named, merge, render, run, work,
    write_comparison_json,
};
use crate::shown::Shown;
use crate::stdout;
use crate::suite::Suite;
use crate::threshold::ExitCode as Exit;
use crate::tui::{self, tell};

/// Standard output, which strips styles when it is no terminal.
type Stdout = anstream::AutoStream<StdoutLock<'static>>;

/// What it is called where it can't be written.
const STDOUT: &str = "standard output";

/// The whole program of a suite: reads the command line, does what it asks, gives the exit code.
#[must_use]
pub fn main<S: Suite>() -> ExitCode {
    if let Some(code) = S::started_as_another_program() {
        return code;
    }
    // The crate that colours would do so in CI, whatever the terminal is.
    if !tui::moves_cursor() && std::env::var_os("CLICOLOR_FORCE").is_none() {
        ColorChoice::Never.write_global();
    }
    if has_files_for_a_runtime()
        && let Err(error) = outlive_file_limit()
    {
        tell(&format!(
            "warning: a file that grows too large will end the program: {error}"
        ));
    }
    let outline = Outline::of::<S>();
    match cli::parse(std::env::args_os(), &outline) {
        Ok(Invocation::Run(flags)) => begin::<S>(&outline, flags),
        Ok(Invocation::Validate(flags)) => validate(&outline, flags),
        Ok(Invocation::Merge(merging)) => {
            let variables = variables();
            start(|_, telemetry| merge(&outline, &merging, &variables, telemetry))
        }
        Ok(Invocation::Capacity(request)) => search::<S>(outline, request),
        Ok(invocation) => without_load(invocation, &outline),
        Err(message) => {
            if message.use_stderr() {
                tell(message.to_string().trim_end());
                Exit::BadConfiguration.code().into()
            } else {
                help(&message)
            }
        }
    }
}

/// Shows help or the version, which are no mistake. A reader that has seen enough is none either.
fn help(message: &clap::Error) -> ExitCode {
    let print = || message.print().and_then(|()| io::stdout().flush());
    let printed = match stdout::check().and_then(|()| print()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    };
    let mut missing = Missing::default();
    missing.note(STDOUT, printed);
    missing.exit(Exit::Pass).code().into()
}

/// What needs no server.
fn without_load(invocation: Invocation, outline: &Outline) -> ExitCode {
    match invocation {
        Invocation::Compare(comparing) => match compared(&comparing, outline) {
            Ok(exit) => exit.code().into(),
            Err(error) => fail(&error.to_string(), Exit::BadConfiguration),
        },
        Invocation::Report {
            summary,
            renderings,
        } => rendered(&summary, &renderings),
        Invocation::Replay { file, out } => deliver(&file, &out),
        Invocation::Limits => show(limits),
        Invocation::Profiles
        | Invocation::Run(_)
        | Invocation::Validate(_)
        | Invocation::Merge(_)
        | Invocation::Capacity(_) => show(|out| profiles(outline, out)),
    }
}

fn rendered(summary: &Path, renderings: &Renderings) -> ExitCode {
    if let Err(refusal) = renderings.check() {
        return fail(&refusal.to_string(), Exit::BadConfiguration);
    }
    let rendered = match render(summary, renderings) {
        Ok(rendered) => rendered,
        Err(error) => return fail(&error.to_string(), Exit::BadConfiguration),
    };
    if let Some(lack) = &rendered.lack {
        tell(&format!("warning: {lack}; the reports show what is there"));
    }
    let shown = shown(|out| {
        let mut written = rendered.written.iter();
        written.try_for_each(|path| writeln!(out, "{}", path.display()))
    });
    let mut missing = Missing::default();
    missing.note(STDOUT, shown);
    missing.add(rendered.failed);
    missing.exit(Exit::Pass).code().into()
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

/// Every limit with its default, and what is beyond it.
fn limits(out: &mut impl Write) -> io::Result<()> {
    Field::limits().try_for_each(|(name, field)| {
        writeln!(out, "{name:<12} {:<6} {}", field.default, field.help)
    })
}

fn load(outline: &Outline, flags: Layer, then: impl FnOnce(RunConfig) -> ExitCode) -> ExitCode {
    let variables = variables();
    match config::load(outline, Inputs { flags, variables }) {
        Ok(config) => {
            warn(&config);
            then(config)
        }
        Err(problems) => refuse(&problems),
    }
}

/// Checks a configuration and shows the plan. A worker that was given nothing but its place has
/// none: it takes the lead's.
fn validate(outline: &Outline, flags: Layer) -> ExitCode {
    let inputs = Inputs {
        flags,
        variables: variables(),
    };
    match worker_of(outline, &inputs) {
        Ok(Some(fleet)) if fleet.told.is_empty() => {
            let Place { index, run, .. } = &fleet.place;
            return show(|out| {
                writeln!(
                    out,
                    "worker {index} of the run '{run}': its configuration is the lead's, which it \
                     takes from the store at --fleet"
                )
            });
        }
        Ok(_) => {}
        Err(problems) => return refuse(&problems),
    }
    load(outline, inputs.flags, |config| {
        if let Err(refusal) = check_baseline(&config).and_then(|()| check_named(&config)) {
            return fail(&refusal.to_string(), Exit::BadConfiguration);
        }
        show(|out| write_plan(&config, out))
    })
}

/// The place of a worker with what it was given, which has to be what the lead was given; it needs
/// nothing. None of a lead, and of a process that is alone.
fn worker_of(outline: &Outline, inputs: &Inputs) -> Result<Option<Fleet>, Vec<Problem>> {
    let fleet = config::place(outline, inputs)?;
    let Some(fleet) = fleet.filter(|fleet| !fleet.place.is_lead()) else {
        return Ok(None);
    };
    let told = Told::of(outline, inputs)?;
    Ok(Some(Fleet { told, ..fleet }))
}

/// Makes a run, or a worker's share of one.
fn begin<S: Suite>(outline: &Outline, flags: Layer) -> ExitCode {
    let inputs = Inputs {
        flags,
        variables: variables(),
    };
    match worker_of(outline, &inputs) {
        Ok(None) => load(outline, inputs.flags, |config| {
            start(|control, telemetry| run::<S>(config, control, telemetry))
        }),
        Ok(Some(fleet)) => start(|control, telemetry| {
            work::<S>(outline, fleet, inputs.variables, control, telemetry)
        }),
        Err(problems) => refuse(&problems),
    }
}

fn search<S: Suite>(outline: Outline, request: capacity::Request) -> ExitCode {
    if let Some(path) = &request.json
        && let Err(refusal) = check_file("--json", path)
    {
        return fail(&refusal.to_string(), Exit::BadConfiguration);
    }
    let variables = variables();
    // What is wrong with one trial is wrong with all of them.
    match request.trial(&outline, request.search.from, variables.clone()) {
        Ok(config) => {
            warn(&config);
            start(|control, telemetry| {
                capacity::run::<S>(outline, request, variables, control, telemetry)
            })
        }
        Err(problems) => refuse(&problems),
    }
}

/// The environment. What is no text is not passed over where it is meant for us.
fn variables() -> Vec<(String, String)> {
    let text = |(name, text): (OsString, OsString)| {
        let name = name.into_string().ok()?;
        match text.into_string() {
            Ok(text) => Some((name, text)),
            Err(other) if name.starts_with("LOADTEST_") => {
                Some((name, other.to_string_lossy().into_owned()))
            }
            Err(_) => None,
        }
    };
    std::env::vars_os().filter_map(text).collect()
}

fn warn(config: &RunConfig) {
    for warning in &config.warnings {
        tell(&format!("warning: {warning}"));
    }
}

fn refuse(problems: &[Problem]) -> ExitCode {
    tell("error: nothing was sent, because");
    for problem in problems {
        tell(&format!("  {problem}"));
    }
    Exit::BadConfiguration.code().into()
}

fn show(write: impl FnOnce(&mut Shown<Stdout>) -> io::Result<()>) -> ExitCode {
    let mut missing = Missing::default();
    missing.note(STDOUT, shown(write));
    missing.exit(Exit::Pass).code().into()
}

/// Writes to standard output; what can't be written there is not done.
fn shown(write: impl FnOnce(&mut Shown<Stdout>) -> io::Result<()>) -> io::Result<()> {
    stdout::check()?;
    fit_tables(tui::columns(&io::stdout()));
    let mut out = Shown::new(anstream::stdout().lock());
    write(&mut out).and_then(|()| out.flush())
}

/// Variables of the flags that a comparison has; of the others nobody expects anything here.
fn warn_of_variables(outline: &Outline) {
    let are_flags = |field: &Field| matches!(field.key, "noise" | "fail_on_regression");
    let why = "compare takes flags only";
    let (_, said) = config::without_unused(variables(), &outline.fields, are_flags, why);
    if let Some(said) = said {
        tell(&format!("warning: {said}"));
    }
}

fn compared(comparing: &Comparing, outline: &Outline) -> Result<Exit, Box<dyn std::error::Error>> {
    warn_of_variables(outline);
    if let Some(path) = &comparing.json {
        check_file("--json", path)?;
    }
    let (base, new) = (
        Recorded::read(&comparing.base)?,
        Recorded::read(&comparing.new)?,
    );
    let rule = Rule {
        noise: comparing.noise,
        ..Rule::default()
    };
    let mut misfits = misfits(&base, &new.run, Some(new.verdict));
    misfits.extend(new.misfit("this run"));
    let comparison = compare(&base.subject()?, &new.subject()?, misfits, rule);
    let (regressions, exit) = match comparing.fail_on_regression {
        None => (Vec::new(), Exit::Pass),
        Some(_) if comparison.refused().is_some() => (
            vec!["--fail-on-regression judged nothing.".to_owned()],
            Exit::Pass,
        ),
        Some(_) if comparison.disturbed.is_some() => (Vec::new(), Exit::Invalid),
        Some(limit) => match comparison.regressions(limit) {
            none if none.is_empty() => (none, Exit::Pass),
            regressions => (regressions, Exit::Regressed),
        },
    };
    let shown = shown(|out| {
        write_comparison(&comparison, out)?;
        let mut regressions = regressions.iter();
        regressions.try_for_each(|regression| writeln!(out, "{regression}"))
    });
    let mut missing = Missing::default();
    missing.note(STDOUT, shown);
    if let Some(path) = &comparing.json {
        missing.note(path.display(), write_comparison_json(path, &comparison));
    }
    Ok(missing.exit(exit))
}

fn deliver(file: &Path, out: &str) -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let address = match Address::parse(out, &variable) {
        Ok(address) => address,
        Err(error) => return fail(&format!("--out: output {error}"), Exit::BadConfiguration),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return not_started(&error),
    };
    match runtime.block_on(replay(file, &address)) {
        Ok(replayed) if replayed.bad > 0 => {
            // It fails in any case.
            let _ =
                shown(|out| writeln!(out, "{} rows delivered to {address}", replayed.delivered));
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
    tell(&format!("error: {error}"));
    exit.code().into()
}

/// As many files as a run with a few virtual users needs.
const LEAST_FILES: u64 = 128;

/// With fewer, tokio panics where it would otherwise return an error.
const FEWEST_FILES: u64 = 16;

fn has_files_for_a_runtime() -> bool {
    Resources::of_this_process().fds >= FEWEST_FILES
}

/// There is no runtime: mostly because there may be no file more.
fn not_started(error: &io::Error) -> ExitCode {
    let is_of_files = [Errno::EMFILE, Errno::ENFILE].map(|errno| errno as i32);
    if error
        .raw_os_error()
        .is_some_and(|code| is_of_files.contains(&code))
    {
        return too_few_files();
    }
    fail(
        &format!("no thread could be started: {error}"),
        Exit::Invalid,
    )
}

fn too_few_files() -> ExitCode {
    let limit = Resources::of_this_process().fds;
    let said = format!(
        "a run needs more than the {limit} file descriptors that this process may have: raise the \
         limit (ulimit -n {LEAST_FILES})"
    );
    fail(&said, Exit::BadConfiguration)
}

/// Runs what is to run on the virtual users' runtime, beside one for what only watches.
fn start<F: Future<Output = Exit>>(what: impl FnOnce(Arc<Control>, Handle) -> F) -> ExitCode {
    // Goose has nothing to say that the summary doesn't.
    let asked = std::env::var("RUST_LOG")
        .ok()
        .filter(|text| !text.is_empty());
    let filter = asked.and_then(|text| EnvFilter::try_new(text).ok());
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("warn,goose=error")))
        // The writer lets no escape sequence through, so there are no colours either.
        .with_ansi(false)
        .with_writer(|| tui::Log)
        .init();
    let control = Arc::new(Control::default());
    crate::descriptors::prepare(LEAST_FILES);
    if !has_files_for_a_runtime() {
        return too_few_files();
    }
    // Two runtimes: what watches the virtual users must never hold one of them up.
    let watching = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("telemetry")
        .enable_all()
        .build();
    let (runtime, telemetry) = match (tokio::runtime::Runtime::new(), watching) {
        (Ok(runtime), Ok(telemetry)) => (runtime, telemetry),
        (Err(error), _) | (_, Err(error)) => return not_started(&error),
    };
    if let Err(error) = listen(&control, telemetry.handle()) {
        tracing::warn!(%error, "signals will not be handled");
    }
    let exit = runtime.block_on(what(control, telemetry.handle().clone()));
    // A cut audit may leave a request behind; nothing waits for it.
    runtime.shutdown_background();
    telemetry.shutdown_background();
    exit.code().into()
}
