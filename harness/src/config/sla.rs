//! The SLA: a threshold on all requests, or on those of each name as well.
//!
//! ```text
//! sla = "none" | [ "each" ] assertion        the assertion as in a threshold
//! ```

use super::scenario::Scenario;
use crate::catalogue::Catalogue;
use crate::threshold::Threshold;

/// A request that a run is to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planned<'a> {
    name: &'a str,
    /// Whether a complete iteration may do without it.
    optional: bool,
}

/// The requests that the personas of these scenarios plan, in the catalogue's order. A persona
/// without a plan may send any.
pub(super) fn planned<'a>(scenarios: &[Scenario], catalogue: &'a Catalogue) -> Vec<Planned<'a>> {
    let roles: Vec<_> = scenarios.iter().flat_map(|one| one.mix.shares()).collect();
    let planned = |name: &'a str| {
        let least = roles.iter().filter_map(|(role, _)| {
            let of_it = role.requests.iter().find(|(known, ..)| *known == name);
            let unplanned = role.requests.is_empty().then_some(0);
            of_it.map(|(_, least, _)| *least).or(unplanned)
        });
        let optional = least.max()? == 0;
        Some(Planned { name, optional })
    };
    let names = catalogue
        .requests
        .iter()
        .map(|request| request.name.as_str());
    names.filter_map(planned).collect()
}

/// The thresholds of an SLA: the total first. `parse` reads a threshold.
pub(super) fn thresholds(
    text: &str,
    planned: &[Planned<'_>],
    parse: impl Fn(&str) -> Result<Threshold, String>,
) -> Result<Vec<Threshold>, String> {
    if text.trim() == "none" {
        return Ok(Vec::new());
    }
    let mut words = text.split_whitespace();
    let (each, assertion) = match words.next() {
        Some("each") => (planned, words.collect::<Vec<_>>().join(" ")),
        _ => (&[][..], text.trim().to_owned()),
    };
    let total = parse(&format!("http_req_duration: {assertion}")).map_err(|problem| {
        // A whole threshold, though an SLA is an assertion on the one metric.
        match parse(&assertion) {
            Ok(_) => format!("'{assertion}' is a whole threshold: give it with --threshold"),
            Err(_) => problem,
        }
    })?;
    let of_names = each
        .iter()
        .map(|request| total.clone().of_request(request.name, request.optional));
    Ok(std::iter::once(total.clone()).chain(of_names).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::{Executor, Schedule};
    use crate::fixture::{ROLES, catalogue};
    use crate::persona::{Mix, Role, ThinkTimes};
    use crate::threshold;

    fn scenario(mix: Mix) -> Scenario {
        let executor = Executor::ConstantVus {
            vus: 10,
            duration: std::time::Duration::from_secs(1),
        };
        Scenario {
            name: None,
            schedule: Schedule {
                executor,
                start_time: std::time::Duration::ZERO,
                graceful_stop: std::time::Duration::ZERO,
                graceful_ramp_down: std::time::Duration::ZERO,
            },
            mix,
            think: ThinkTimes::default(),
            tags: Vec::new(),
        }
    }

    /// Names with a `?` behind those that are optional.
    fn told(mixes: &[&str]) -> Vec<String> {
        let mix = |text: &&str| scenario(Mix::parse(text, &ROLES).expect("a mix"));
        let scenarios: Vec<Scenario> = mixes.iter().map(mix).collect();
        let catalogue = catalogue();
        let tell =
            |one: &Planned<'_>| format!("{}{}", one.name, if one.optional { "?" } else { "" });
        planned(&scenarios, &catalogue).iter().map(tell).collect()
    }

    #[test]
    fn requests_are_those_of_all_chosen_personas() {
        let b = [
            "0_get_userId",
            "1_charge_balance",
            "2_claim_coupon",
            "3_get_coupons?",
            "5_create_order",
            "6_get_balance",
        ];
        assert_eq!(told(&["b=1"]), b);
        assert_eq!(told(&["c=1"]), ["7_malicious_order"]);
        let both = [&b[..], &["7_malicious_order"]].concat();
        assert_eq!(told(&["b=9,c=1"]), both);
        assert_eq!(told(&["b=1", "c=1"]), both, "of each scenario");
        assert_eq!(told(&[]), Vec::<String>::new());
    }

    #[test]
    fn a_persona_without_a_plan_may_send_anything() {
        let wanderer = Role {
            requests: &[],
            ..ROLES[0]
        };
        let catalogue = catalogue();
        let planned = planned(&[scenario(Mix::only(wanderer))], &catalogue);
        assert_eq!(planned.len(), catalogue.requests.len());
        assert!(planned.iter().all(|request| request.optional));
    }

    #[test]
    fn each_is_the_total_and_one_of_every_name() {
        let planned =
            [("a", false), ("b", true)].map(|(name, optional)| Planned { name, optional });
        let parse = |text: &str| threshold::parse(text, &[]).map_err(|error| error.to_string());
        let told = |text: &str| -> Result<Vec<(String, bool)>, String> {
            let all = thresholds(text, &planned, parse)?;
            Ok(all
                .iter()
                .map(|one| (one.to_string(), one.optional))
                .collect())
        };
        let row = |text: &str, optional| (text.to_owned(), optional);
        let elsewhere = told("http_reqs: rate<5").unwrap_err();
        assert!(elsewhere.contains("--threshold"), "{elsewhere}");
        assert_eq!(told(" none "), Ok(vec![]));
        let total = row("http_req_duration: p(95)<200", false);
        assert_eq!(told("p(95) < 200"), Ok(vec![total.clone()]));
        let each = vec![
            total,
            row("http_req_duration{name:a}: p(95)<200", false),
            row("http_req_duration{name:b}: p(95)<200", true),
        ];
        assert_eq!(told("each p(95)<200"), Ok(each));
        let windowed = told("each max<1s over 10s").expect("a window fits");
        assert_eq!(windowed[2].0, "http_req_duration{name:b}: max<1s over 10s");
        let error = told("each").expect_err("no assertion");
        assert!(error.starts_with("'' has no comparison"), "{error}");
        let error = told("each p95<200").expect_err("no aggregation");
        assert!(error.starts_with("unknown aggregation 'p95'"), "{error}");
    }
}
