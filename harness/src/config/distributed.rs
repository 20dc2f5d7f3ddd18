//! A run on several machines: which of its processes this is, and where they meet.

use std::time::Duration;

use url::Url;

use super::inputs::Inputs;
use super::layer::Layer;
use super::outline::Outline;
use super::problem::{Problem, Source};
use super::reader::Reader;
use super::told::Told;
use super::{Fleet, parse, report_dir};
use crate::fleet::{self, Given};
use crate::secret;

/// Has the store's password, where its address has none.
const PASSWORD: &str = "FLEET_PASSWORD";
const WAIT: Duration = Duration::from_secs(300);

/// The process's place in a run on several machines, if it is part of one.
///
/// # Errors
/// Everything that is wrong with it.
pub fn place(outline: &Outline, inputs: &Inputs) -> Result<Option<Fleet>, Vec<Problem>> {
    let mut reader = Reader {
        fields: outline.fields.clone(),
        layers: Vec::new(),
        problems: Vec::new(),
        overridden: Vec::new(),
        is_trial: false,
    };
    // What is no switch and no number is told of when everything is read.
    let mut others = (Vec::new(), Vec::new());
    let ignored = (&mut others.0, &mut others.1);
    let environment = Layer::from_env(&inputs.variables, &outline.fields, ignored);
    reader.layers = vec![environment, inputs.flags.clone()];
    let fleet = fleet_of(&mut reader, &inputs.variables);
    match reader.problems.is_empty() {
        true => Ok(fleet),
        false => Err(reader.problems),
    }
}

/// The same, with its problems among the others.
pub(super) fn fleet_of(reader: &mut Reader, variables: &[(String, String)]) -> Option<Fleet> {
    let text = |key: &str| {
        let value = reader.value(key);
        value.and_then(|value| value.texts.first()).cloned()
    };
    let keys = ["fleet", "workers", "index", "weight", "fleet_run"];
    let [fleet, workers, index, weight, fleet_run] = keys.map(text);
    let given = Given {
        fleet: fleet.as_deref(),
        workers: workers.as_deref(),
        index: index.as_deref(),
        weight: weight.as_deref(),
        fleet_run: fleet_run.as_deref(),
    };
    let mut place = match fleet::place(&given, variables) {
        Ok(place) => place?,
        Err(wrong) => {
            for fleet::Misplaced { flag, message } in wrong {
                reader.problem(&flag.replace('-', "_"), message);
            }
            return None;
        }
    };
    place.store = address(reader, &place.store, variables)?;
    let wait = reader.parse_or("fleet_wait", parse::positive_duration, WAIT);
    Some(Fleet {
        place,
        wait,
        told: Told::default(),
        report_dir: report_dir(reader),
    })
}

/// The store's address with its password.
fn address(reader: &mut Reader, store: &str, variables: &[(String, String)]) -> Option<String> {
    let Ok(mut url) = Url::parse(store) else {
        reader.problem("fleet", "is no address; write redis://host:6379/0");
        return None;
    };
    let is_flag = reader
        .value("fleet")
        .is_some_and(|value| matches!(value.source, Source::Flag(_)));
    if let Some(password) = url.password() {
        if is_flag {
            let message = format!(
                "everybody on this machine can read a password there; set {PASSWORD}, or \
                 LOADTEST_FLEET"
            );
            reader.problem("fleet", message);
            return None;
        }
        secret::keep(password);
        return Some(store.to_owned());
    }
    let password = variables.iter().find(|(name, _)| name == PASSWORD);
    if let Some((_, password)) = password.filter(|(_, password)| !password.is_empty()) {
        secret::keep(password);
        // An address without a host, of a socket, has no password in it.
        let _ = url.set_password(Some(password));
    }
    Some(url.into())
}

/// What a lead can't do, because it has no virtual users.
pub(super) fn refuse(reader: &mut Reader, fleet: Option<&Fleet>) {
    if fleet.is_none() {
        return;
    }
    if !reader.is_on("host") {
        let message =
            "is missing; several machines need the address of a server that all can reach";
        reader.problem("host", message);
    }
}

#[cfg(test)]
#[path = "distributed_tests.rs"]
mod tests;
