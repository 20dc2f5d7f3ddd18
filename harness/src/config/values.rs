//! Which values of tags can occur in a run. A threshold on another one would have no data, or pass
//! for want of it.

use super::nearest::known_are;
use super::scenario::{Scenario, plan};
use crate::catalogue::RequestEntry;
use crate::metrics::{Method, Names, Of, Proto, SET_UP, TrendOf};
use crate::persona::Role;
use crate::threshold::Threshold;

/// What there is to be in a run.
pub(super) struct Values<'a> {
    /// Nothing where they are not known, because of other mistakes.
    pub(super) scenarios: Option<&'a [Scenario]>,
    pub(super) names: &'a Names,
    /// What the suite asserts.
    pub(super) checks: &'a [&'static str],
    /// The versions of HTTP that requests may be of.
    pub(super) protos: &'static [Proto],
}

impl Values<'_> {
    /// Finds a tag of the threshold that no series will have.
    ///
    /// # Errors
    /// Which one, with the nearest that there is.
    pub(super) fn refuse(&self, threshold: &Threshold) -> Result<(), String> {
        let Some(scenarios) = self.scenarios else {
            return Ok(());
        };
        let filter = Filter(threshold);
        for (key, text) in &threshold.filter.0 {
            let (value, others) = match text.strip_prefix('!') {
                Some(value) => (value, true),
                None => (text.as_str(), false),
            };
            if let Some(other) = filter.asked(key).find(|other| !others && *other != value) {
                return Err(format!("the tag '{key}' can't be '{other}' and '{value}'"));
            }
            if key == "status" {
                status(value)?;
                continue;
            }
            let known = self.known(key, filter, scenarios);
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let what = noun(key);
            if !known.contains(&value) {
                let known = known_are(value, &known);
                let how = if key == "proto" { " (--http2)" } else { "" };
                return Err(format!("there is no {what} '{value}'; {known}{how}"));
            }
            if others && known.iter().all(|known| *known == value) {
                return Err(format!("there is no other {what} than '{value}'"));
            }
        }
        Ok(())
    }

    fn known(&self, key: &str, filter: Filter<'_>, scenarios: &[Scenario]) -> Vec<String> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        match key {
            "scenario" => texts(&scenarios.iter().map(Scenario::label).collect::<Vec<_>>()),
            "stage" => stages(filter, scenarios),
            "persona" => {
                let roles = roles(filter, scenarios);
                let names: Vec<_> = roles.iter().map(|role| role.name).collect();
                texts(&[&names[..], &[SET_UP]].concat())
            }
            "name" => {
                let requests = self.requests(filter, scenarios);
                requests
                    .iter()
                    .map(|request| request.name.clone())
                    .collect()
            }
            "method" => texts(&Method::ALL.map(Method::as_str)),
            "expected_response" => texts(&["true", "false"]),
            "proto" => self
                .protos
                .iter()
                .map(|one| one.as_str().to_owned())
                .collect(),
            "check" => {
                let requests = self.requests(filter, scenarios);
                let readable = requests.iter().map(|request| request.readable.clone());
                let readable = readable.filter(|check| !check.is_empty());
                let checks = self.checks.iter().map(|check| (*check).to_owned());
                checks.chain(readable).collect()
            }
            own => self.names.values_of(own).map(str::to_owned).collect(),
        }
    }

    /// The requests that may be sent: those that a chosen persona plans, and those that none of the
    /// suite's plans, such as the set-up's. Of a custom trend, those that feed it.
    fn requests(&self, filter: Filter<'_>, scenarios: &[Scenario]) -> Vec<&RequestEntry> {
        let trend = match filter.0.metric.of {
            Of::Trend(TrendOf::Custom(trend)) => Some(trend),
            _ => None,
        };
        let roles = roles(filter, scenarios);
        let may_send = |request: &RequestEntry| {
            let plans = |role: &Role| {
                let planned = |(name, ..): &(&str, u32, u32)| *name == request.name;
                role.requests.is_empty() || role.requests.iter().any(planned)
            };
            !request.planned || roles.iter().any(plans)
        };
        let feeds = |request: &RequestEntry| {
            trend.is_none_or(|trend| request.trend.as_deref() == Some(trend))
        };
        let requests = self.names.catalogue.requests.iter();
        requests
            .filter(|request| may_send(request) && feeds(request))
            .collect()
    }
}

/// What a threshold asks for.
#[derive(Clone, Copy)]
struct Filter<'a>(&'a Threshold);

impl<'a> Filter<'a> {
    /// The values that this tag must have.
    fn asked(self, key: &str) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.filter.0.iter();
        let of_key = pairs.filter(move |(known, _)| known == key);
        of_key.filter_map(|(_, value)| (!value.starts_with('!')).then_some(value.as_str()))
    }

    /// Whether a series with this value passes, as far as the filter asks for this tag.
    fn takes(self, key: &str, value: &str) -> bool {
        self.asked(key).all(|asked| asked == value)
    }
}

fn stages(filter: Filter<'_>, scenarios: &[Scenario]) -> Vec<String> {
    let plan = plan(scenarios);
    let spans = plan.spans();
    let here = spans.iter().filter(|span| {
        let scenario = plan.parts()[span.part].name;
        scenario.is_none_or(|name| filter.takes("scenario", name))
    });
    here.map(|span| span.name.to_owned()).collect()
}

/// The personas of the scenarios that are asked for.
fn roles(filter: Filter<'_>, scenarios: &[Scenario]) -> Vec<Role> {
    let asked = scenarios
        .iter()
        .filter(|scenario| filter.takes("scenario", scenario.label()));
    let roles = asked.flat_map(|scenario| scenario.mix.shares());
    roles.map(|(role, _)| role).collect()
}

/// A status is 0 where there was no answer, or of three digits.
fn status(value: &str) -> Result<(), String> {
    let number = value
        .parse()
        .ok()
        .filter(|_| value.len() == 3 || value == "0");
    match number {
        Some(0 | 100..=999) if value.bytes().all(|byte| byte.is_ascii_digit()) => Ok(()),
        _ => Err(format!(
            "there is no status '{value}'; write one such as 200, or 0 for no answer; \
             expected_response:true takes all that a request expects"
        )),
    }
}

/// What people call the values of a tag.
fn noun(key: &str) -> String {
    match key {
        "name" => "request".to_owned(),
        "expected_response" => "expected_response".to_owned(),
        "proto" => "version of HTTP".to_owned(),
        "scenario" | "stage" | "persona" | "method" | "check" => key.to_owned(),
        own => format!("{own} (a tag of yours)"),
    }
}
