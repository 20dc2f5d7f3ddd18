//! The personas.
//!
//! A new persona is one file here and one line in [`BUYERS`]; its checks are lines in [`CHECKS`].

mod impulse_buyer;
mod malicious_buyer;
mod racing_buyer;
mod rational_buyer;

use harness::Persona;

use crate::shop::Shopper;

/// A persona of the shop, and what the audit holds its users to.
pub struct Buyer {
    /// What it does.
    pub persona: Persona<Shopper>,
    /// Whether its users must end without any order.
    pub forbidden_to_order: bool,
    /// Whether it sends two requests at once, and so has two connections.
    pub sends_at_once: bool,
    /// Whether each of its iterations makes one order.
    pub orders_each_time: bool,
    /// Whether its users must end with a balance of 0.
    pub spends_everything: bool,
}

/// Every persona there is.
pub static BUYERS: &[Buyer] = &[
    impulse_buyer::BUYER,
    rational_buyer::BUYER,
    malicious_buyer::BUYER,
    racing_buyer::BUYER,
];

/// The persona that races for last pieces.
pub const RACER: &str = racing_buyer::BUYER.persona.name;

/// Every check but those of statuses, which the API's contract names, and those of reading answers.
pub static CHECKS: &[&str] = &[
    "charged balance as predicted",
    "coupon response valid",
    "coupon visible after the claim",
    "top products complete",
    "order total as predicted",
    "balance as predicted",
    "balance 0 at the end",
    "attack refused with 4xx",
    "one of two orders at once succeeds",
    "two charges at once succeed",
];

/// The requests that some of these checks look at: only who plans one of them makes the check.
pub static ABOUT: &[(&str, &[&str])] = &[
    ("charged balance as predicted", &["1_charge_balance"]),
    ("coupon response valid", &["2_claim_coupon"]),
    ("coupon visible after the claim", &["3_get_coupons"]),
    ("top products complete", &["4_get_top_products"]),
    (
        "order total as predicted",
        &["5_create_order", "10_racing_order"],
    ),
    ("balance as predicted", &["6_get_balance"]),
    ("balance 0 at the end", &["6_get_balance"]),
    (
        "attack refused with 4xx",
        &["7_malicious_order", "8_hostile_get", "9_hostile_post"],
    ),
    ("one of two orders at once succeeds", &["10_racing_order"]),
    ("two charges at once succeed", &["10_racing_order"]),
];

impl Buyer {
    /// The buyer of this name.
    ///
    /// # Panics
    /// If there is none: names come from [`BUYERS`].
    #[must_use]
    pub fn of_name(name: &str) -> &'static Self {
        let found = BUYERS.iter().find(|buyer| buyer.persona.name == name);
        found.expect("a persona's name is one of the list's")
    }
}

#[cfg(test)]
mod tests {
    use super::BUYERS;
    use crate::shop::REQUESTS;

    /// Every text that this crate gives to a check is declared.
    #[test]
    fn every_check_of_the_sources_is_declared() {
        // From the workspace's root, or absolute where this is a copy (tests/own-persona).
        let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let file: &str = file!();
        let here = workspace.join(file);
        let root = here.ancestors().nth(2).expect("src");
        let mut folders = vec![root.to_owned()];
        let mut found = std::collections::BTreeSet::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(path).expect("text");
                let text = text.split("#[cfg(test)]").next().unwrap_or_default();
                let calls = [".check(", ".check_balance(", ".check_race("];
                for rest in calls.iter().flat_map(|call| text.split(call).skip(1)) {
                    let literal = rest.trim_start().strip_prefix('"');
                    found.extend(
                        literal
                            .and_then(|rest| rest.split('"').next())
                            .map(str::to_owned),
                    );
                }
            }
        }
        let declared = super::CHECKS.iter().map(|check| (*check).to_owned());
        assert_eq!(found, declared.collect());
    }

    /// With a typo, a check would belong to no persona.
    #[test]
    fn what_checks_are_about_is_declared() {
        for (check, requests) in super::ABOUT {
            assert!(super::CHECKS.contains(check), "{check}");
            for name in *requests {
                let known = REQUESTS.iter().any(|request| request.name == *name);
                assert!(known, "{name}");
            }
        }
    }

    #[test]
    fn personas_plan_requests_that_there_are() {
        for buyer in BUYERS {
            for (name, least, most) in buyer.persona.requests {
                let known = REQUESTS.iter().any(|request| request.name == *name);
                assert!(
                    known && least <= most && *most > 0,
                    "{}: {name}",
                    buyer.persona.name
                );
            }
        }
    }
}
