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
        interrupted: share("max_interrupted", default.interrupted),
        unknown: share("max_unknown", default.unknown),
        dropped: share("max_dropped", default.dropped),
        late_starts: share("max_late_starts", default.late_starts),
        mix_drift: share("max_mix_drift", default.mix_drift),
        lost_rows: share("max_lost_rows", default.lost_rows),
        cpu: share("max_cpu", default.cpu),
        machine_cpu: share("max_machine_cpu", default.machine_cpu),
        fds: share("max_fds", default.fds),
        lag: reader.parse_or("max_lag", parse::duration, default.lag),
    }
}
