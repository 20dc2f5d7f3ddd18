//! Layers in, a valid [`RunConfig`] or every problem out. Pure but for the file that `--config` names.

use std::path::PathBuf;
use std::time::Duration;

use super::layer::Layer;
use super::parse;
use super::profile::{BuiltIn, PROFILES};
use super::reader::{Problem, Reader};
use super::shape;
use super::{RunConfig, SummaryJson};
use crate::executor::Schedule;
use crate::output::Address;
use crate::personas::Mix;
use crate::shop::{Coupons, custom_trends};
use crate::threshold::{self, Threshold};
use crate::vu::Target;

/// What a configuration is made from.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The flags.
    pub flags: Layer,
    /// The environment.
    pub variables: Vec<(String, String)>,
}

const DEFAULT_PROFILE: &str = "smoke";
const DEFAULT_SLA: &str = "p(95)<200";
const DEFAULT_CHECKS: &str = "checks: rate==1";
const DEFAULT_GRACE: Duration = Duration::from_secs(30);
const DEFAULT_MAX_INTERRUPTED: f64 = 0.05;

/// Makes the configuration.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(inputs: Inputs) -> Result<RunConfig, Vec<Problem>> {
    let mut problems = Vec::new();
    let variables = inputs.variables.clone();
    let environment = Layer::from_env(inputs.variables.into_iter(), &mut problems);
    let mut reader = Reader {
        layers: vec![environment, inputs.flags],
        problems,
    };
    let (profile, base) = base(&mut reader);
    reader.layers.insert(0, base);
    let config = assemble(&mut reader, profile, &variables);
    match config {
        Some(config) if reader.problems.is_empty() => Ok(config),
        _ => Err(reader.problems),
    }
}

/// The lowest layer and its name: a file, a profile, nothing for a load made of flags alone, or
/// the default profile.
fn base(reader: &mut Reader) -> (String, Layer) {
    let text = |key: &str| {
        reader
            .value(key)
            .and_then(|value| value.texts.first())
            .cloned()
    };
    match (text("profile"), text("config")) {
        (Some(_), Some(_)) if reader.level("profile") == reader.level("config") => {
            reader.problem("config", "contradicts --profile; give one of them");
            (String::new(), Layer::default())
        }
        (profile, Some(path))
            if profile.is_none() || reader.level("config") > reader.level("profile") =>
        {
            match std::fs::read_to_string(&path) {
                Ok(toml) => (
                    path.clone(),
                    Layer::from_toml(&toml, &path, &mut reader.problems),
                ),
                Err(error) => {
                    reader.problem("config", format!("{path} can't be read: {error}"));
                    (path, Layer::default())
                }
            }
        }
        (Some(name), _) => built_in(&name, reader),
        (None, _) => {
            let made_of_flags = ["stages", "duration", "iterations", "iterations_per_vu"]
                .iter()
                .any(|key| reader.is_on(key));
            if made_of_flags {
                ("custom".to_owned(), Layer::default())
            } else {
                built_in(DEFAULT_PROFILE, reader)
            }
        }
    }
}

fn built_in(name: &str, reader: &mut Reader) -> (String, Layer) {
    let Some(profile) = BuiltIn::of_name(name) else {
        let known: Vec<_> = PROFILES.iter().map(|profile| profile.name).collect();
        reader.problem(
            "profile",
            format!(
                "there is no profile '{name}'; known are {}",
                known.join(", ")
            ),
        );
        return (name.to_owned(), Layer::default());
    };
    let layer = Layer::from_toml(
        profile.toml,
        &format!("profile {name}"),
        &mut reader.problems,
    );
    (name.to_owned(), layer)
}

fn assemble(
    reader: &mut Reader,
    profile: String,
    variables: &[(String, String)],
) -> Option<RunConfig> {
    let executor = shape::executor(reader);
    // Beside another problem this is mostly its consequence, such as an unknown profile's.
    if executor.is_none() && reader.problems.is_empty() {
        reader.problem(
            "stages",
            "no load is given; add --stage, --duration, --iterations or --iterations-per-vu",
        );
    }
    let schedule = executor.map(|executor| Schedule {
        executor,
        start_time: or(reader, "start_time", parse::duration, Duration::ZERO),
        graceful_stop: or(reader, "graceful_stop", parse::duration, DEFAULT_GRACE),
        graceful_ramp_down: or(reader, "graceful_ramp_down", parse::duration, DEFAULT_GRACE),
    });
    let mix = reader.parse("mix", |text| {
        Mix::parse(text).map_err(|error| error.to_string())
    });
    let only_a = || Mix::parse("a=1").expect("the default mix is well-formed");
    let host = reader.parse("host", |text| {
        Target::parse(text)
            .map(|_| text.to_owned())
            .map_err(|error| error.to_string())
    });
    let config = RunConfig {
        profile,
        host,
        mix: mix.unwrap_or_else(only_a),
        coupons: or(reader, "coupons", parse::coupons, Coupons::Unlimited),
        coupon_wait: or(
            reader,
            "coupon_wait",
            parse::duration,
            Duration::from_secs(1),
        ),
        http_timeout: or(
            reader,
            "http_timeout",
            parse::positive_duration,
            Duration::from_secs(60),
        ),
        thresholds: thresholds(reader, schedule.as_ref()),
        max_interrupted: or(
            reader,
            "max_interrupted",
            parse::share,
            DEFAULT_MAX_INTERRUPTED,
        ),
        seed: reader
            .parse("seed", parse::seed)
            .unwrap_or_else(rand::random),
        summary_json: reader.parse("summary_json", summary_json),
        report_dir: or(
            reader,
            "report_dir",
            |text| Ok(PathBuf::from(text)),
            PathBuf::from("reports"),
        ),
        audit: !reader.is_on("no_audit"),
        outputs: outputs(reader, variables),
        influx_raw: reader.is_on("influx_raw"),
        quiet: reader.is_on("quiet"),
        schedule: schedule?,
    };
    Some(config)
}

fn outputs(reader: &mut Reader, variables: &[(String, String)]) -> Vec<Address> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| known == name);
        found.map(|(_, text)| text.clone())
    };
    let parse =
        |text: &str| Address::parse(text, &variable).map_err(|error| format!("output {error}"));
    reader.parse_all("out", parse).unwrap_or_default()
}

fn or<T>(
    reader: &mut Reader,
    key: &str,
    parse: impl Fn(&str) -> Result<T, String>,
    default: T,
) -> T {
    reader.parse(key, parse).unwrap_or(default)
}

fn summary_json(text: &str) -> Result<SummaryJson, String> {
    match text {
        "" => Err("names no file; write a path, or - for standard output".to_owned()),
        "-" => Ok(SummaryJson::Stdout),
        path => Ok(SummaryJson::File(path.into())),
    }
}

/// The SLA, the given thresholds, and, unless one of them is about checks, that all checks hold.
fn thresholds(reader: &mut Reader, schedule: Option<&Schedule>) -> Vec<Threshold> {
    let trends = custom_trends();
    let stages = schedule.map(Schedule::stage_names);
    let parse = |text: &str| {
        let threshold = threshold::parse(text, &trends).map_err(|error| error.to_string())?;
        refuse_unknown_stage(&threshold, stages.as_deref())?;
        Ok(threshold)
    };
    let parse_sla = |text: &str| match text.trim() {
        "none" => Ok(None),
        assertion => parse(&format!("http_req_duration: {assertion}")).map(Some),
    };
    let default_sla = parse_sla(DEFAULT_SLA).ok().flatten();
    let sla = reader.parse("sla", parse_sla).unwrap_or(default_sla);
    let given = reader.parse_all("thresholds", parse).unwrap_or_default();
    let about_checks = given
        .iter()
        .any(|threshold| threshold.metric.name == "checks");
    let checks = (!about_checks)
        .then(|| parse(DEFAULT_CHECKS).ok())
        .flatten();
    sla.into_iter().chain(given).chain(checks).collect()
}

/// A stage that never comes would make the threshold fail for want of data, after the load.
fn refuse_unknown_stage(threshold: &Threshold, stages: Option<&[String]>) -> Result<(), String> {
    let Some(stages) = stages else { return Ok(()) };
    let named = threshold.filter.0.iter().filter(|(key, _)| key == "stage");
    for (_, stage) in named {
        if !stages.contains(stage) {
            return Err(format!(
                "there is no stage '{stage}'; known are {}",
                stages.join(", ")
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
