//! The personas.
//!
//! A new persona is one file here and one line in [`BUYERS`].

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
