//! Layers in, a valid [`RunConfig`] or every problem out. Pure but for the file that
//! `--config` names.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::inputs::Inputs;
use super::kept::kept;
use super::layer::Layer;
use super::occurring::Occurring;
use super::options::options;
use super::outline::Outline;
use super::parse;
use super::problem::Problem;
use super::profile::Profile;
use super::reader::Reader;
use super::scenario::{self, Table};
use super::sections::{self, Sections};
use super::setting::settings;
use super::told::Told;
use super::{
    Baseline, Fleet, RunConfig, SummaryJson, connect, distributed, headers, judgement, probing,
    report_dir, shape, strays, tags,
};
use crate::compare::Rule;
use crate::output::Address;
use crate::vu::Target;
use crate::web;

/// What stands for the value of a header that nobody sends.
const UNKNOWN: &str = "not-known-when-merged";

/// Makes the configuration of a run of this suite.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(outline: &Outline, inputs: Inputs) -> Result<RunConfig, Vec<Problem>> {
    let told = Told::of(outline, &inputs);
    let mut config = load_with(outline, inputs, false, read)?;
    if let Some(fleet) = &mut config.fleet {
        fleet.told = told?;
    }
    Ok(config)
}

/// Makes that of one of several loads that a search tries: another may reach a limit that this one
/// can't.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_trial(outline: &Outline, inputs: Inputs) -> Result<RunConfig, Vec<Problem>> {
    load_with(outline, inputs, true, read)
}

fn read(path: &str) -> io::Result<String> {
    std::fs::read_to_string(path)
}

/// Makes the configuration that the lead of a run told, in a process with these variables.
///
/// # Errors
/// Everything that is wrong with it in this process, such as a variable that is not set.
pub fn load_told(
    outline: &Outline,
    told: &Told,
    seed: u64,
    variables: &[(String, String)],
) -> Result<RunConfig, Vec<Problem>> {
    let inputs = told.inputs(&outline.fields, seed, variables);
    load_with(outline, inputs, false, |_| {
        let file = told.file().map(str::to_owned);
        file.ok_or_else(|| io::Error::other("the lead could not read it"))
    })
}

/// The same of a run that is over, in a process that sends nothing and so needs none of the values
/// of headers.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_kept(
    outline: &Outline,
    told: &Told,
    seed: u64,
    variables: &[(String, String)],
) -> Result<RunConfig, Vec<Problem>> {
    let is_known = |name: &String| variables.iter().any(|(known, _)| known == name);
    let mut named = told.variables_of_headers();
    named.retain(|name| !is_known(name));
    let unknown = named.into_iter().map(|name| (name, UNKNOWN.to_owned()));
    let variables: Vec<_> = variables.iter().cloned().chain(unknown).collect();
    load_told(outline, told, seed, &variables)
}

/// The same with another way to read the file that `--config` names.
pub(super) fn load_with(
    outline: &Outline,
    inputs: Inputs,
    is_trial: bool,
    read: impl Fn(&str) -> io::Result<String>,
) -> Result<RunConfig, Vec<Problem>> {
    let mut problems = Vec::new();
    let (variables, fields) = (inputs.variables, &outline.fields);
    let mut strays = Vec::new();
    let environment = Layer::from_env(&variables, fields, (&mut problems, &mut strays));
    let strays = strays::strays(&strays, fields);
    let mut reader = Reader {
        fields: outline.fields.clone(),
        layers: vec![environment, inputs.flags],
        problems,
        overridden: Vec::new(),
        is_trial,
    };
    let base = base(&mut reader, &outline.profiles, read);
    reader.layers.insert(0, base.layer);
    let (tables, sections) = (base.scenarios, base.sections);
    let config = assemble(
        &mut reader,
        outline,
        (base.name, tables, sections),
        &variables,
    );
    match config {
        Some(config) if reader.problems.is_empty() => Ok(RunConfig {
            warnings: strays.iter().map(Problem::to_string).collect(),
            file: base.file,
            ..config
        }),
        // What is missing may be what a stray was meant to be.
        _ => Err(reader.problems.into_iter().chain(strays).collect()),
    }
}

/// What everything else is given on top of.
#[derive(Default)]
struct Base {
    name: String,
    layer: Layer,
    scenarios: Vec<Table>,
    sections: Sections,
    /// The text of a file that may be gone when the run is to be repeated.
    file: Option<String>,
}

impl Base {
    fn from_toml(name: &str, toml: &str, file: &str, reader: &mut Reader) -> Self {
        Self {
            name: name.to_owned(),
            layer: Layer::from_toml(toml, file, &reader.fields, &mut reader.problems),
            scenarios: scenario::tables(toml, file, &reader.fields, &mut reader.problems),
            sections: sections::read(toml, file, reader.fields.sections(), &mut reader.problems),
            file: None,
        }
    }

    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }
}

/// The lowest layer: a file, a profile, nothing for a load made of flags alone, or the default
/// profile.
fn base(
    reader: &mut Reader,
    profiles: &[Profile],
    read: impl Fn(&str) -> io::Result<String>,
) -> Base {
    let text = |key: &str| {
        reader
            .value(key)
            .and_then(|value| value.texts.first())
            .cloned()
    };
    match (text("profile"), text("config")) {
        (Some(_), Some(_)) if reader.level("profile") == reader.level("config") => {
            reader.problem("config", "contradicts --profile; give one of them");
            Base::default()
        }
        (profile, Some(path))
            if profile.is_none() || reader.level("config") > reader.level("profile") =>
        {
            reader.overridden.push("profile");
            match read(&path) {
                Ok(toml) => Base {
                    file: kept(&toml),
                    ..Base::from_toml(&path, &toml, &path, reader)
                },
                Err(error) => {
                    reader.problem("config", format!("{path} can't be read: {error}"));
                    Base::named(&path)
                }
            }
        }
        (Some(name), _) => {
            reader.overridden.push("config");
            built_in(&name, profiles, reader)
        }
        (None, _) => {
            let by_itself = shape::shapes().any(|key| reader.is_on(key));
            match profiles.first() {
                Some(default) if !by_itself => built_in(default.name, profiles, reader),
                _ => Base::named("custom"),
            }
        }
    }
}

fn built_in(name: &str, profiles: &[Profile], reader: &mut Reader) -> Base {
    let Some(profile) = profiles.iter().find(|profile| profile.name == name) else {
        let known: Vec<_> = profiles.iter().map(|profile| profile.name).collect();
        let known = match &*known.join(", ") {
            "" => "the program comes without any; give a file with --config".to_owned(),
            known => format!("known are {known}"),
        };
        reader.problem("profile", format!("there is no profile '{name}'; {known}"));
        return Base::named(name);
    };
    Base::from_toml(name, profile.toml, &format!("profile {name}"), reader)
}

fn assemble(
    reader: &mut Reader,
    outline: &Outline,
    (profile, tables, sections): (String, Vec<Table>, Sections),
    variables: &[(String, String)],
) -> Option<RunConfig> {
    let scoped = scenario::scoped_thresholds(&tables);
    let scenarios = scenario::assemble(reader, tables, &outline.roles);
    let known = scenarios.as_deref();
    let (tags, connect) = (tags::of_run(reader), connect::connect(reader));
    let options = options(reader, sections, outline.refuse, known);
    let catalogue = outline.catalogue_with(&options);
    let names = super::names(known.unwrap_or_default(), &tags, &catalogue, connect.http2);
    let checks = (outline.checks)(&options);
    let redirects = reader.parse_or("redirects", parse::redirects, 0);
    let occurring = Occurring {
        names: &names,
        redirects: redirects > 0,
        checks: outline.checks_with(&options),
    };
    Some(RunConfig {
        program: outline.program,
        fields: outline.fields.clone(),
        catalogue: Arc::clone(&catalogue),
        private: outline.private,
        name: reader.parse("name", run_name),
        profile,
        file: None,
        host: host(reader, outline),
        options,
        http_timeout: seconds_60(reader, "http_timeout"),
        setup_timeout: seconds_60(reader, "setup_timeout"),
        headers: headers::headers(reader, outline, variables),
        cookies: reader.is_on("cookies"),
        redirects,
        connect,
        thresholds: judgement::thresholds(reader, known, scoped, &occurring),
        checks,
        limits: judgement::limits(reader),
        seed: seed(reader),
        baseline: baseline(reader),
        summary_json: reader.parse("summary_json", summary_json),
        report_dir: report_dir(reader),
        shared_machine: reader.is_on("shared_machine"),
        audit: !reader.is_on("no_audit"),
        outputs: outputs(reader, variables),
        probes: probing::probes(reader, variables),
        influx_raw: reader.is_on("influx_raw"),
        tui: tui(reader),
        web: reader.parse("web", web::parse),
        full: reader.is_on("full"),
        quiet: reader.is_on("quiet"),
        fleet: fleet(reader, variables),
        settings: settings(reader),
        warnings: Vec::new(),
        tags,
        scenarios: scenarios?,
    })
}

fn seed(reader: &mut Reader) -> u64 {
    let given = reader.parse("seed", parse::seed);
    given.unwrap_or_else(rand::random)
}

fn fleet(reader: &mut Reader, variables: &[(String, String)]) -> Option<Fleet> {
    let fleet = distributed::fleet_of(reader, variables);
    distributed::refuse(reader, fleet.as_ref());
    fleet
}

fn host(reader: &mut Reader, outline: &Outline) -> Option<String> {
    if !reader.is_on("host") && outline.private.is_none() {
        reader.problem("host", "is missing; give the address of the server to test");
    }
    reader.parse("host", |text| {
        Target::parse(text)
            .map(|_| text.to_owned())
            .map_err(|error| error.to_string())
    })
}

fn seconds_60(reader: &mut Reader, key: &str) -> Duration {
    reader.parse_or(key, parse::positive_duration, Duration::from_secs(60))
}

fn run_name(text: &str) -> Result<String, String> {
    if text.is_empty() || !parse::is_name(text) {
        return Err(format!(
            "'{text}' is not a name; use letters, digits, _ - and ."
        ));
    }
    Ok(text.to_owned())
}

fn baseline(reader: &mut Reader) -> Option<Baseline> {
    let path = reader.parse("baseline", |text| match text {
        "-" => Err("- isn't standard input here; name a run's summary.json".to_owned()),
        path => Ok(PathBuf::from(path)),
    });
    let fail_on_regression = reader.parse("fail_on_regression", parse::share);
    let noise = reader.parse_or("noise", parse::noise, Rule::default().noise);
    if path.is_none() {
        for key in ["fail_on_regression", "noise"] {
            if reader.is_on(key) {
                reader.problem(key, "compares with nothing; give --baseline FILE as well");
            }
        }
    }
    Some(Baseline {
        path: path?,
        fail_on_regression,
        noise,
    })
}

fn tui(reader: &mut Reader) -> bool {
    let both = reader.is_on("tui") && reader.is_on("quiet");
    if both {
        reader.problem("tui", "contradicts quiet; give one of them");
    }
    reader.is_on("tui")
}

fn outputs(reader: &mut Reader, variables: &[(String, String)]) -> Vec<Address> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| known == name);
        found
            .map(|(_, text)| text.clone())
            .filter(|text| !text.is_empty())
    };
    let parse =
        |text: &str| Address::parse(text, &variable).map_err(|error| format!("output {error}"));
    reader.parse_all("out", parse).unwrap_or_default()
}

fn summary_json(text: &str) -> Result<SummaryJson, String> {
    match text {
        "" => Err("names no file; write a path, or - for standard output".to_owned()),
        "-" => Ok(SummaryJson::Stdout),
        path => Ok(SummaryJson::File(path.into())),
    }
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
