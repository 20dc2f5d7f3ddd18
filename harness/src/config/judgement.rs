//! What a run is judged by: thresholds and limits.

use super::layer::Value;
use super::occurring::{Occurring, Values};
use super::parse;
use super::problem::Problem;
use super::reader::Reader;
use super::scenario::Scenario;
use super::sla::{self, planned};
use crate::metrics::Proto;
use crate::threshold::{self, Known, Limits, Threshold};

const DEFAULT_SLA: &str = "p(95)<200";
const DEFAULT_CHECKS: &str = "checks: rate==1";

/// The SLA, the given thresholds, those of single scenarios (`scoped`), and, unless one of them is
/// about checks, that all checks hold.
pub(super) fn thresholds(
    reader: &mut Reader,
    scenarios: Option<&[Scenario]>,
    scoped: Vec<(String, Value)>,
    occurring: &Occurring<'_>,
) -> Vec<Threshold> {
    let names = occurring.names;
    let known = Known {
        catalogue: &names.catalogue,
        tags: &names.own_tags(),
    };
    let values = Values {
        scenarios,
        occurring,
        protos: protos(reader),
        is_trial: reader.is_trial,
    };
    let parse = |text: &str| {
        let threshold = threshold::parse_knowing(text, known).map_err(|error| error.to_string())?;
        values.refuse(&threshold)?;
        Ok(threshold)
    };
    let planned = planned(scenarios.unwrap_or_default(), &names.catalogue);
    let parse_sla = |text: &str| sla::thresholds(text, &planned, parse);
    let default_sla = parse_sla(DEFAULT_SLA).unwrap_or_default();
    let sla = reader.parse_or("sla", parse_sla, default_sla);
    let mut given = reader.parse_all("thresholds", parse).unwrap_or_default();
    let replaced = scenarios.is_some_and(|all| all.iter().any(|one| one.name.is_none()));
    for (scenario, Value { texts, source }) in scoped.into_iter().filter(|_| !replaced) {
        for text in texts {
            let scoped = threshold::parse_knowing(&text, known)
                .and_then(|threshold| threshold.of_scenario(&scenario))
                .map_err(|error| error.to_string())
                .and_then(|threshold| {
                    values.refuse(&threshold)?;
                    Ok(threshold)
                });
            match scoped {
                Ok(threshold) => given.push(threshold),
                Err(message) => reader.problems.push(Problem::new(source.clone(), message)),
            }
        }
    }
    let about_checks = given
        .iter()
        .any(|threshold| threshold.metric.name == "checks");
    let checks = (!about_checks)
        .then(|| parse(DEFAULT_CHECKS).ok())
        .flatten();
    sla.into_iter().chain(given).chain(checks).collect()
}

/// The versions of HTTP that requests may be of.
fn protos(reader: &Reader) -> &'static [Proto] {
    let host = reader.value("host").and_then(|value| value.texts.first());
    let is_plain = host.is_none_or(|host| host.to_lowercase().starts_with("http:"));
    match (reader.is_on("http2"), is_plain) {
        (false, _) => &[Proto::Http1],
        (true, false) => &Proto::ALL,
        (true, true) => &[Proto::Http2],
    }
}

/// How far a run may be from what was asked for.
pub(super) fn limits(reader: &mut Reader) -> Limits {
    let default = Limits::default();
    let mut share = |key, default| reader.parse_or(key, parse::share, default);
    Limits {
        interrupted: share("limit_interrupted", default.interrupted),
        unknown: share("limit_unknown", default.unknown),
        dropped: share("limit_dropped", default.dropped),
        late_starts: share("limit_late_starts", default.late_starts),
        mix_drift: share("limit_mix_drift", default.mix_drift),
        lost_rows: share("limit_lost_rows", default.lost_rows),
        cpu: share("limit_cpu", default.cpu),
        machine_cpu: share("limit_machine_cpu", default.machine_cpu),
        fds: share("limit_fds", default.fds),
        lag: reader.parse_or("limit_lag", parse::duration, default.lag),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Field, Inputs, Layer, load};
    use super::*;
    use crate::fixture::outline;

    fn limits(flags: Layer, variables: &[(&str, &str)]) -> Limits {
        let variables = variables.iter();
        let variables = variables.map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let inputs = Inputs {
            flags,
            variables: variables.collect(),
        };
        load(&outline(), inputs).expect("good").limits
    }

    #[test]
    fn what_is_said_to_be_the_default_is() {
        let mut flags = Layer::default();
        for (_, field) in Field::limits() {
            flags.set_flag(field, vec![field.default.to_owned()]);
        }
        assert_eq!(limits(flags, &[]), Limits::DEFAULT);
    }

    #[test]
    fn limits_come_from_files_variables_and_flags() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let toml = "vus = 1\nduration = \"1s\"\n[limits]\ncpu = \"80%\"\nmachine_cpu = \"70%\"\nlag = \"7ms\"\n";
        std::fs::write(file.path(), toml).expect("written");
        let mut flags = Layer::default();
        let path = file.path().display().to_string();
        for (key, text) in [("config", &*path), ("limit_cpu", "85%")] {
            flags.set_flag(Field::of_key(key).expect(key), vec![text.to_owned()]);
        }
        let expected = Limits {
            cpu: 0.85,
            machine_cpu: 0.75,
            lag: Duration::from_millis(7),
            ..Limits::DEFAULT
        };
        let variables = [("LOADTEST_LIMIT_MACHINE_CPU", "75%")];
        assert_eq!(limits(flags, &variables), expected);
    }

    #[test]
    fn a_limit_that_there_is_not_is_named_with_the_nearest() {
        let said = |toml: &str| {
            let mut problems = Vec::new();
            Layer::from_toml(toml, "f.toml", &outline().fields, &mut problems);
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let [unknown] = &said("[limits]\nlags = \"1s\"")[..] else {
            panic!("one")
        };
        let expected = "limits.lags in f.toml: there is no limit 'lags'; did you mean lag?";
        assert!(unknown.starts_with(expected), "{unknown}");
        assert_eq!(
            said("limits = 3"),
            ["limits in f.toml: must have keys of its own, as in limits.cpu = \"80%\""]
        );
        assert_eq!(
            said("limits.cpu = true"),
            ["limits.cpu in f.toml: must be a text or a whole number"]
        );
        let [top] = &said("limit_cpu = \"80%\"")[..] else {
            panic!("one")
        };
        assert!(
            top.contains("there is no such key; did you mean limits?"),
            "{top}"
        );
    }
}
