//! Which values of tags can occur in a run. A threshold on another value would never have data.

use std::time::Duration;

use super::filter::Filter;
use super::nearest::known_are;
use super::occurring::{Values, may_send};
use super::range::refuse_limit;
use super::reach::{refuse_beyond, refuse_constant};
use super::scenario::{Scenario, plan};
use super::together::refuse_apart;
use crate::catalogue::RequestEntry;
use crate::metrics::{Counter, Kind, Method, Of, SET_UP, TrendOf};
use crate::persona::Role;
use crate::threshold::{Threshold, times};

impl Values<'_> {
    /// Finds what the threshold is about and no run of this configuration has: a tag's value, a
    /// metric without data, a window that never fills.
    ///
    /// # Errors
    /// What it is, with the nearest that there is.
    pub(super) fn refuse(&self, threshold: &Threshold) -> Result<(), String> {
        refuse_limit(threshold)?;
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
            match key.as_str() {
                "status" => status(value)?,
                "check" if self.occurring.checks.is_empty() => {}
                _ => self.refuse_value(key, value, others, filter, scenarios)?,
            }
        }
        self.refuse_empty(filter, scenarios)?;
        if !self.is_trial {
            refuse_beyond(filter, scenarios)?;
        }
        refuse_apart(self, threshold, scenarios)?;
        refuse_constant(self, threshold, scenarios)?;
        refuse_window(threshold, scenarios)
    }

    fn refuse_value(
        &self,
        key: &str,
        value: &str,
        others: bool,
        filter: Filter<'_>,
        scenarios: &[Scenario],
    ) -> Result<(), String> {
        let known = self.known(key, filter, scenarios);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let what = noun(key);
        if !known.contains(&value) {
            let known = known_are(value, &known);
            let how = if key == "proto" { " (--http2)" } else { "" };
            return Err(format!("there is no {what} '{value}'; {known}{how}"));
        }
        let some_lack_it = self.some_lack(key, value, filter, scenarios);
        if others && !some_lack_it && known.iter().all(|known| *known == value) {
            return Err(format!("there is no other {what} than '{value}'"));
        }
        Ok(())
    }

    /// Whether there are series that are without a tag of the user's own.
    fn some_lack(
        &self,
        key: &str,
        value: &str,
        filter: Filter<'_>,
        scenarios: &[Scenario],
    ) -> bool {
        let is_own = !filter.0.metric.tags.contains(&key);
        let mut labels = labels(filter, scenarios).into_iter();
        is_own && labels.any(|label| !self.occurring.names.has(label, key, value))
    }

    /// A trend without data fails its threshold, after the load.
    fn refuse_empty(&self, filter: Filter<'_>, scenarios: &[Scenario]) -> Result<(), String> {
        let metric = filter.0.metric;
        let of_rate = matches!(
            metric.of,
            Of::Trend(TrendOf::ResponseTime | TrendOf::StartDelay) | Of::Counter(Counter::Dropped)
        );
        match metric.of {
            _ if of_rate => refuse_without_rate(filter, scenarios),
            Of::Trend(TrendOf::Custom(_)) if self.requests(filter, scenarios).is_empty() => {
                Err(format!("no request of this run feeds {}", metric.name))
            }
            _ => Ok(()),
        }
    }

    fn known(&self, key: &str, filter: Filter<'_>, scenarios: &[Scenario]) -> Vec<String> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        match key {
            "scenario" => {
                let names = scenarios.iter().map(Scenario::label);
                texts(&names.chain(filter.set_up()).collect::<Vec<_>>())
            }
            "stage" => stages(filter, scenarios),
            "persona" => {
                let roles = roles(filter, scenarios);
                let names = roles.iter().map(|role| role.name);
                texts(&names.chain(filter.set_up()).collect::<Vec<_>>())
            }
            "name" => {
                let requests = self.requests(filter, scenarios);
                requests
                    .iter()
                    .map(|request| request.name.clone())
                    .collect()
            }
            // A suite may give a request another one, and a redirect changes it.
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
                let checks = self
                    .occurring
                    .checks
                    .iter()
                    .map(|check| check.name.to_owned());
                checks.chain(readable).collect()
            }
            own => {
                let labels = labels(filter, scenarios);
                let values = labels
                    .iter()
                    .flat_map(|of| self.occurring.names.values_of(of, own));
                values.map(str::to_owned).collect()
            }
        }
    }

    /// The requests that may be sent: those that a chosen persona plans, and those that none of the
    /// suite's plans, such as the set-up's, which may send any. Of a custom trend, those that feed
    /// it.
    fn requests(&self, filter: Filter<'_>, scenarios: &[Scenario]) -> Vec<&RequestEntry> {
        let is_set_up =
            ["scenario", "persona"].map(|key| filter.asked(key).any(|asked| asked == SET_UP));
        let mut roles = roles(filter, scenarios);
        roles.retain(|role| filter.takes("persona", role.name));
        let by_set_up = filter.takes("scenario", SET_UP) && filter.takes("persona", SET_UP);
        let sent = |request: &&RequestEntry| {
            is_set_up.contains(&true)
                || (by_set_up && request.set_up_only)
                || roles.iter().any(|role| may_send(role, request))
        };
        let requests = self.occurring.names.catalogue.requests.iter();
        requests
            .filter(|request| !request.unsent)
            .filter(sent)
            .filter(|request| self.feeds(filter.0, request))
            .collect()
    }
}

/// What is measured of iterations at a rate needs a scenario with one. That nothing was dropped is
/// true of the others as well, and scripts for k6 often ask for it.
fn refuse_without_rate(filter: Filter<'_>, scenarios: &[Scenario]) -> Result<(), String> {
    let threshold = filter.0;
    let is_at_rate = |one: &&Scenario| one.schedule.executor.is_open();
    let asked = |one: &&Scenario| {
        let mut shares = one.mix.shares();
        filter.takes("scenario", one.label())
            && shares.any(|(role, _)| filter.takes("persona", role.name))
    };
    let nothing_is_enough =
        threshold.metric.kind() == Kind::Counter && threshold.operator.holds(0.0, threshold.limit);
    if nothing_is_enough || scenarios.iter().filter(is_at_rate).any(|one| asked(&one)) {
        return Ok(());
    }
    let rates: Vec<&str> = scenarios
        .iter()
        .filter(is_at_rate)
        .map(Scenario::label)
        .collect();
    let metric = threshold.metric.name;
    let missing = match &rates[..] {
        [] => "and no scenario has one (--rate)".to_owned(),
        rates => {
            let rates = rates.join(", ");
            format!(
                "and none with {} is; those with a rate: {rates}",
                threshold.filter
            )
        }
    };
    Err(format!("{metric} is of iterations at a rate, {missing}"))
}

/// A window of counts needs stages that last a second longer than itself. The sampler's seconds
/// don't begin when a stage does, so a stage has one whole second less than it is long.
fn refuse_window(threshold: &Threshold, scenarios: &[Scenario]) -> Result<(), String> {
    let Some(window) = threshold.window else {
        return Ok(());
    };
    let of_counts = threshold.metric.kind() == Kind::Counter;
    let times = times(threshold, &plan(scenarios));
    let longest = times.iter().map(|time| time.end - time.start).max();
    let longest = longest.unwrap_or_default();
    if of_counts && longest < window + Duration::from_secs(1) {
        return Err(format!(
            "the stages last {}: to judge counts over {1} they must last a second longer than {1}",
            humantime::format_duration(longest),
            humantime::format_duration(window)
        ));
    }
    Ok(())
}

fn stages(filter: Filter<'_>, scenarios: &[Scenario]) -> Vec<String> {
    let plan = plan(scenarios);
    let spans = plan.spans();
    let here = spans.iter().filter(|span| {
        let scenario = plan.parts()[span.part].name;
        scenario.is_none_or(|name| filter.takes("scenario", name))
    });
    // What the set-up sends is of the first stage that there is.
    let first = filter.set_up().and(spans.first());
    let named = here.chain(first);
    named.map(|span| span.name.to_owned()).collect()
}

/// What the scenarios that are asked for are called, the set-up's included.
fn labels(filter: Filter<'_>, scenarios: &[Scenario]) -> Vec<&'static str> {
    let labels = scenarios.iter().map(Scenario::label);
    let all = labels.chain(filter.set_up());
    all.filter(|label| filter.takes("scenario", label))
        .collect()
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
        Some(100..=199) => Err(format!(
            "no answer ends with status {value}: those from 100 to 199 only announce one, and a \
             server that switches protocols (101) unasked counts as status 0"
        )),
        Some(0 | 200..=999) if value.bytes().all(|byte| byte.is_ascii_digit()) => Ok(()),
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
