//! The command line. No I/O: words in, an invocation or clap's message out.

mod capacity;
mod environment;
mod k6;
mod limit;
mod merge;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::config::{Field, Form, Layer, Outline, parse};
use crate::run::{Merging, Renderings};
use crate::threshold::ExitCode;

/// What the user asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Run a load test.
    Run(Layer),
    /// Check a configuration and show the plan.
    Validate(Layer),
    /// Compare two recorded runs.
    Compare(Comparing),
    /// List the built-in profiles.
    Profiles,
    /// List the limits.
    Limits,
    /// Find the largest load under which the SLA holds.
    Capacity(crate::capacity::Request),
    /// Render the reports of an earlier run again.
    Report {
        /// Its summary.
        summary: PathBuf,
        /// What is rendered, and where to; all of them beside the summary if none is named.
        renderings: Renderings,
    },
    /// Make a report of what workers kept when their lead was lost.
    Merge(Merging),
    /// Deliver what an output of an earlier run could not.
    Replay {
        /// The spool file.
        file: PathBuf,
        /// The output, as `--out` takes it.
        out: String,
    },
}

/// What is compared with what, and what comes of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparing {
    /// Summary of the baseline.
    pub base: PathBuf,
    /// Summary of the run that is compared with it.
    pub new: PathBuf,
    /// Relative changes within this are noise.
    pub noise: f64,
    /// What is worse by more than this share sets the exit code.
    pub fail_on_regression: Option<f64>,
    /// Where the comparison goes as JSON.
    pub json: Option<PathBuf>,
}

/// Reads the words, the program's name first.
///
/// # Errors
/// clap's, which is also how `--help` and `--version` come out.
pub fn parse(
    words: impl IntoIterator<Item = OsString>,
    outline: &Outline,
) -> Result<Invocation, clap::Error> {
    let mut command = command(outline);
    let matches = command
        .try_get_matches_from_mut(words)
        .map_err(|error| k6::answered(error, &mut command))?;
    Ok(match matches.subcommand() {
        Some(("compare", matches)) => Invocation::Compare(comparing(matches)),
        Some(("profiles", _)) => Invocation::Profiles,
        Some(("limits", _)) => Invocation::Limits,
        Some(("capacity", matches)) => Invocation::Capacity(capacity::request(matches, outline)?),
        Some(("report", matches)) => report(matches),
        Some(("merge", matches)) => merge::merging(matches),
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
        Some((_, matches)) => Invocation::Validate(flags(matches, outline)?),
        None => Invocation::Run(flags(&matches, outline)?),
    })
}

fn report(matches: &ArgMatches) -> Invocation {
    let path = |id: &str| matches.get_one::<String>(id).map(PathBuf::from);
    let summary = path("summary").unwrap_or_default();
    let asked = Renderings {
        html: path("html"),
        markdown: path("md"),
        junit: path("junit"),
    };
    Invocation::Report {
        summary,
        renderings: asked,
    }
}

fn report_command(program: &str) -> Command {
    let file =
        |id: &'static str, help: &'static str| Arg::new(id).long(id).value_name("FILE").help(help);
    Command::new("report")
        .about("Render the reports of an earlier run again, from its summary and its series")
        .arg(
            Arg::new("summary")
                .value_name("RUN.json")
                .required(true)
                .help("The run's summary.json, or its directory; series.jsonl must be beside it"),
        )
        .arg(file("html", "The page"))
        .arg(file(
            "md",
            "The Markdown, for a pull request or a CI's step summary",
        ))
        .arg(file("junit", "The JUnit XML"))
        .after_help(format!(
            "Without any of these, all three are written beside the summary.\n\nExamples:\n  \
             {program} report reports/20261123-192424-custom-c91f\n  \
             {program} report run/summary.json --md comment.md"
        ))
}

fn command(outline: &Outline) -> Command {
    let program = outline.program;
    Command::new(program.name)
        .version(program.version)
        .about(program.about)
        .after_help(format!(
            "Examples:\n{}\nAll flags and exit codes: --help",
            examples(outline)
        ))
        .after_long_help(after_long_help(outline))
        .args_conflicts_with_subcommands(true)
        .args(arguments(outline, |_| true))
        .subcommand(report_command(program.name))
        .subcommand(
            Command::new("replay")
                .about("Deliver the rows that an earlier run saved because an output could not take them")
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
        .subcommand(merge::command(program.name))
        .subcommand(compare(program.name))
        .subcommand(Command::new("profiles").about("List the built-in profiles"))
        .subcommand(Command::new("limits").about("List the limits that --limit sets"))
        .subcommand(
            Command::new("validate")
                .about("Check a configuration and show the plan; sends nothing")
                .args(arguments(outline, |_| true)),
        )
        .subcommand(capacity::command(outline))
}

fn compare(program: &str) -> Command {
    let file = |id, help| Arg::new(id).value_name(id).required(true).help(help);
    let share = |id, parse: fn(&str) -> Result<f64, String>| {
        Arg::new(id)
            .long(id)
            .value_name("SHARE")
            .value_parser(parse)
    };
    Command::new("compare")
        .about("Compare two runs: better, same, worse, or can't tell")
        .arg(file(
            "BASE",
            "summary.json of the baseline, or its directory; series.jsonl must be beside it",
        ))
        .arg(file("NEW", "The same, for the run to compare with it"))
        .arg(
            share("noise", parse::noise)
                .default_value("5%")
                .help("Relative changes up to this are noise"),
        )
        .arg(share("fail-on-regression", parse::share).help(format!(
            "Exit with {} if something is worse by more than this, e.g. 10%",
            ExitCode::Regressed.code()
        )))
        .arg(
            Arg::new("json")
                .long("json")
                .value_name("FILE")
                .help("Write the comparison as JSON to this file as well"),
        )
        .after_help(format!(
            "Examples:\n  \
             {program} compare reports/before reports/after\n  \
             {program} compare reports/main reports/pull-request --fail-on-regression 10%"
        ))
}

fn comparing(matches: &ArgMatches) -> Comparing {
    let path = |id| matches.get_one::<String>(id).map(PathBuf::from);
    let share = |id| matches.get_one::<f64>(id).copied();
    Comparing {
        base: path("BASE").unwrap_or_default(),
        new: path("NEW").unwrap_or_default(),
        noise: share("noise").unwrap_or_default(),
        fail_on_regression: share("fail-on-regression"),
        json: path("json"),
    }
}

/// What `-h` shows; `--help` shows everything.
const FIRST_DAY: &[&str] = &[
    "host",
    "stages",
    "vus",
    "duration",
    "rate",
    "max_vus",
    "iterations",
    "mix",
    "headers",
    "sla",
    "thresholds",
    "out",
    "tui",
    "profile",
    "config",
];

fn arguments<'a>(
    outline: &'a Outline,
    wanted: impl Fn(&Field) -> bool + 'a,
) -> impl Iterator<Item = Arg> + 'a {
    outline
        .fields
        .iter()
        .filter(move |field| field.limit().is_none() && wanted(field))
        .map(|field| {
            let arg = Arg::new(field.key)
                .long(field.flag)
                .short(k6::short(field.key))
                .hide_short_help(!FIRST_DAY.contains(&field.key))
                .help(help(field, outline))
                .help_heading(field.heading);
            match field.form {
                Form::Switch => arg.action(ArgAction::SetTrue),
                Form::One(name) => arg.value_name(name).allow_hyphen_values(true),
                Form::Maybe(name, missing) => arg
                    .value_name(name)
                    .num_args(0..=1)
                    .default_missing_value(missing),
                Form::Many(name) => arg
                    .value_name(name)
                    .allow_hyphen_values(true)
                    .action(ArgAction::Append),
            }
        })
        .chain([limit::argument(), environment::argument()])
}

/// The help of a field, with what only the suite knows.
fn help(field: &Field, outline: &Outline) -> String {
    let roles = outline.roles.iter();
    match field.key {
        "mix" => {
            let known: Vec<String> = roles
                .map(|role| format!("{} {}", role.key, role.name))
                .collect();
            let default = outline.roles.first().map_or(' ', |role| role.key);
            format!(
                "{}: {} [default: {default}=1]",
                field.help,
                known.join(", ")
            )
        }
        "host" => match outline.private {
            Some(private) => format!("{}; without it, {private} is started", field.help),
            None => field.help.to_owned(),
        },
        "probe" => match outline.private {
            Some(private) => format!("{} [default: all of {private}]", field.help),
            None => field.help.to_owned(),
        },
        "profile" => match outline.profiles.first() {
            Some(first) => {
                format!(
                    "{} [default: {}, if no load is given]",
                    field.help, first.name
                )
            }
            None => field.help.to_owned(),
        },
        _ if field.default.is_empty() => field.help.to_owned(),
        _ => format!("{} [default: {}]", field.help, field.default),
    }
}

fn flags(matches: &ArgMatches, outline: &Outline) -> Result<Layer, clap::Error> {
    let mut layer = environment::given(matches, outline)
        .map_err(|message| command(outline).error(ErrorKind::ValueValidation, message))?;
    for field in outline.fields.iter() {
        // A command takes only some of the fields.
        if field.form == Form::Switch {
            if matches.try_get_one(field.key).ok().flatten() == Some(&true) {
                layer.set_flag(field, vec![]);
            }
        } else if let Ok(Some(texts)) = matches.try_get_many::<String>(field.key) {
            layer.set_flag(field, texts.cloned().collect());
        }
    }
    for (field, text) in limit::given(matches) {
        layer.set_flag(field, vec![text]);
    }
    Ok(layer)
}

/// What examples need to be complete: an address, where no private server is started.
fn host(outline: &Outline) -> &'static str {
    match outline.private {
        Some(_) => "",
        None => " --host URL",
    }
}

fn examples(outline: &Outline) -> String {
    let program = outline.program.name;
    let host = host(outline);
    let profile = outline.profiles.first().map_or(String::new(), |profile| {
        format!(
            "{program} --profile {:<24} a load that comes with it\n  ",
            profile.name
        )
    });
    let mix: Vec<String> = outline
        .roles
        .iter()
        .map(|role| format!("{}=1", role.key))
        .collect();
    format!(
        "  {profile}\
         {program} --stage 30s:300 --stage 2m:300 --stage 20s:0 --host http://127.0.0.1:8080\n  \
         {program}{host} --rate 500/s --duration 1m --max-vus 1000\n  \
         {program}{host} --vus 300 --duration 30s --mix {}\n  \
         {program}{host} --vus 300 --duration 30s --threshold 'http_req_duration{{status:200}}: p(99)<100'\n  \
         {program} validate{host} --config load.toml    shows the plan, sends nothing\n  \
         {program} capacity{host} --sla 'p(95)<200'     the most VUs under which that holds\n  \
         {program} capacity{host} --by rate             the most iterations a second\n",
        mix.join(","),
    )
}

fn after_long_help(outline: &Outline) -> String {
    let codes: Vec<String> = ExitCode::TABLE
        .iter()
        .map(|(exit, means)| format!("  {:>3}  {means}", exit.code()))
        .collect();
    format!(
        "Examples:\n{}\n\
         Every flag is also a key of a profile (--config FILE) and a variable LOADTEST_<KEY>,\n\
         such as LOADTEST_HOST or LOADTEST_STAGES='30s:10;1m:10'. Flags win over variables,\n\
         variables over the profile. Times are written 30s, 1m30s or 500ms.\n\n\
         Exit codes:\n{}",
        examples(outline),
        codes.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::outline;

    fn parse(words: Vec<OsString>) -> Result<Invocation, clap::Error> {
        super::parse(words, &outline())
    }

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_command_is_well_formed() {
        command(&outline()).debug_assert();
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
    fn a_variable_may_stand_on_the_command_line_and_a_flag_wins() {
        let layer = |line: &str| match parse(words(line)) {
            Ok(Invocation::Run(layer)) => Ok(layer),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        };
        let line = "loadtest -e LOADTEST_VUS=7 -e LOADTEST_STAGES=1m:3;2m:5 -e LOADTEST_QUIET=true \
                    --env LOADTEST_HOST=http://a --host http://b";
        let given = layer(line).expect("good");
        let texts = |key| given.get(key).expect(key).texts.join(" ");
        assert_eq!(
            ["vus", "stages", "quiet", "host"].map(texts),
            ["7", "1m:3 2m:5", "", "http://b"]
        );
        // (flags, what is said)
        let rows = [
            (
                "-e LOADTEST_VUSS=7",
                "-e LOADTEST_VUSS: there is no such variable",
            ),
            (
                "-e API_TOKEN=hunter2",
                "-e API_TOKEN: only LOADTEST_* can be set here",
            ),
            ("-e LOADTEST_VUS", "-e LOADTEST_VUS has no value"),
            (
                "-e LOADTEST_QUIET=maybe",
                "LOADTEST_QUIET: 'maybe' is neither true nor false",
            ),
        ];
        for (flags, said) in rows {
            let error = layer(&format!("loadtest {flags}")).expect_err(flags);
            assert!(error.contains(said), "{flags}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
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
        let compare = "loadtest compare a.json b --fail-on-regression 10%";
        let Ok(Invocation::Compare(comparing)) = parse(words(compare)) else {
            panic!("{compare}");
        };
        assert_eq!(
            comparing,
            Comparing {
                base: "a.json".into(),
                new: "b".into(),
                noise: 0.05,
                fail_on_regression: Some(0.1),
                json: None,
            }
        );
        assert!(parse(words("loadtest compare a.json b.json --noise 0")).is_err());
        assert!(parse(words("loadtest --vuz 3")).is_err());
    }
}
