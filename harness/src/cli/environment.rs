//! `-e NAME=VALUE`, k6's way to set a variable: here one of `LOADTEST_*`.

use clap::{Arg, ArgAction, ArgMatches};

use crate::config::{Layer, Outline};

const ID: &str = "env";

pub(super) fn argument() -> Arg {
    Arg::new(ID)
        .short('e')
        .long(ID)
        .value_name("LOADTEST_KEY=VALUE")
        .hide_short_help(true)
        .help("Set a variable LOADTEST_* for this command; flags win over it; repeat for more")
        .help_heading("Configuration")
        .allow_hyphen_values(true)
        .action(ArgAction::Append)
}

/// What was given so.
///
/// # Errors
/// What is wrong with it. A value is not repeated: it may be a secret that belongs elsewhere.
pub(super) fn given(matches: &ArgMatches, outline: &Outline) -> Result<Layer, String> {
    let texts = matches.get_many::<String>(ID).into_iter().flatten();
    let variables = texts
        .map(|text| pair(text))
        .collect::<Result<Vec<_>, _>>()?;
    let (mut problems, mut strays) = (Vec::new(), Vec::new());
    let layer = Layer::from_env(&variables, &outline.fields, (&mut problems, &mut strays));
    if let Some((name, _)) = strays.first() {
        return Err(format!(
            "-e {name}: there is no such variable; every flag has one, such as LOADTEST_HOST"
        ));
    }
    match problems.first() {
        Some(problem) => Err(problem.to_string()),
        None => Ok(layer),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(format!(
            "-e {text} has no value; write it as in -e LOADTEST_VUS=10"
        ));
    };
    if !name.starts_with("LOADTEST_") {
        return Err(format!(
            "-e {name}: only LOADTEST_* can be set here; anybody on this machine can read a \
             command line, so write {name}=… in front of the command"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}
