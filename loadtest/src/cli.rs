//! The command line. No I/O: words in, an invocation or clap's message out.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::{FIELDS, Form, Layer};
use crate::threshold::ExitCode;

/// What the user asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Run a load test.
    Run(Layer),
    /// Check a configuration and show the plan.
    Validate(Layer),
    /// List the built-in profiles.
    Profiles,
    /// Deliver what an output of an earlier run could not.
    Replay {
        /// The spool file.
        file: PathBuf,
        /// The output, as `--out` takes it.
        out: String,
    },
}

/// Reads the words, the program's name first.
///
/// # Errors
/// clap's, which is also how `--help` and `--version` come out.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let matches = command().try_get_matches_from(words)?;
    Ok(match matches.subcommand() {
        Some(("profiles", _)) => Invocation::Profiles,
        Some(("replay", matches)) => Invocation::Replay {
            file: matches
                .get_one::<String>("file")
                .cloned()
                .unwrap_or_default()
                .into(),
            out: matches
                .get_one::<String>("out")
                .cloned()
                .unwrap_or_default(),
        },
        Some((_, matches)) => Invocation::Validate(flags(matches)),
        None => Invocation::Run(flags(&matches)),
    })
}

fn command() -> Command {
    Command::new("loadtest")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Load-tests an e-commerce API with personas, judges the SLA, and audits the books")
        .after_help(after_help())
        .args_conflicts_with_subcommands(true)
        .args(arguments())
        .subcommand(
            Command::new("replay")
                .about("Deliver rows that an output of an earlier run put by")
                .arg(
                    Arg::new("file")
                        .value_name("FILE")
                        .required(true)
                        .help("The spool file"),
                )
                .arg(
                    Arg::new("out")
                        .long("out")
                        .value_name("KIND=WHERE")
                        .required(true)
                        .help("influxdb=… or influxdb2=…, as for a run"),
                ),
        )
        .subcommand(Command::new("profiles").about("List the built-in profiles"))
        .subcommand(
            Command::new("validate")
                .about("Check a configuration and show the plan; sends nothing")
                .args(arguments()),
        )
}

fn arguments() -> impl Iterator<Item = Arg> {
    FIELDS.iter().map(|field| {
        let arg = Arg::new(field.key)
            .long(field.flag)
            .help(field.help)
            .help_heading(field.heading);
        match field.form {
            Form::Switch => arg.action(ArgAction::SetTrue),
            Form::One(name) => arg.value_name(name).allow_hyphen_values(true),
            Form::Many(name) => arg
                .value_name(name)
                .allow_hyphen_values(true)
                .action(ArgAction::Append),
        }
    })
}

fn flags(matches: &ArgMatches) -> Layer {
    let mut layer = Layer::default();
    for field in &FIELDS {
        if field.form == Form::Switch {
            if matches.get_flag(field.key) {
                layer.set_flag(field, vec![]);
            }
        } else if let Some(texts) = matches.get_many::<String>(field.key) {
            layer.set_flag(field, texts.cloned().collect());
        }
    }
    layer
}

fn after_help() -> String {
    let codes: Vec<String> = ExitCode::TABLE
        .iter()
        .map(|(exit, means)| format!("  {:>3}  {means}", exit.code()))
        .collect();
    format!(
        "Examples:\n  \
         loadtest --profile flow_iterations            300 users at once, on a private stack\n  \
         loadtest --stage 30s:300 --stage 2m:300 --stage 20s:0 --host http://127.0.0.1:8080\n  \
         loadtest --vus 300 --duration 30s --mix a=60,b=30,c=10 --coupons 5000\n  \
         loadtest --profile flow_300vus --threshold 'http_req_duration{{name:5_create_order}}: p(99)<100'\n  \
         loadtest validate --config shop.toml          shows the plan, sends nothing\n\n\
         Every flag is also a key of a profile (--config FILE) and a variable LOADTEST_<KEY>,\n\
         such as LOADTEST_HOST or LOADTEST_STAGES='30s:10;1m:10'. Flags win over variables,\n\
         variables over the profile. Times are written 30s, 1m30s or 500ms.\n\n\
         Exit codes:\n{}",
        codes.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_command_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn flags_become_a_layer() {
        let parsed =
            parse(words("loadtest --stage 1m:100 --stage 30s:0 --no-audit")).expect("good");
        let Invocation::Run(layer) = parsed else {
            panic!("{parsed:?}")
        };
        assert_eq!(
            layer.get("stages").expect("given").texts,
            ["1m:100", "30s:0"]
        );
        assert!(layer.get("no_audit").is_some());
        assert!(layer.get("quiet").is_none());
    }

    #[test]
    fn subcommands_are_told_apart() {
        assert!(matches!(
            parse(words("loadtest profiles")),
            Ok(Invocation::Profiles)
        ));
        assert!(matches!(
            parse(words("loadtest validate --vus 3")),
            Ok(Invocation::Validate(_))
        ));
        assert!(parse(words("loadtest --vuz 3")).is_err());
    }
}
