//! The personas, and how VUs are dealt out to them.
//!
//! A new persona is one file here and one line in [`REGISTRY`].

mod impulse_buyer;
mod malicious_buyer;
mod mix;
mod rational_buyer;
mod think;

use futures::future::BoxFuture;

pub use self::mix::{Mix, MixError};
pub use self::think::{ThinkTime, ThinkTimes};
use crate::shop::{Shopper, Stop};

/// A kind of user.
#[derive(Debug)]
pub struct Persona {
    /// The letter that `--mix` knows it by.
    pub key: char,
    /// Its name in metrics and reports.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Whether its users must end without any order.
    pub forbidden_to_order: bool,
    /// Whether its users must end with a balance of 0.
    pub spends_everything: bool,
    /// What a complete iteration sends: each request's name with the least and the most of it.
    pub requests: &'static [(&'static str, u32, u32)],
    /// One iteration of it.
    pub iterate: for<'a> fn(&'a mut Shopper) -> BoxFuture<'a, Result<(), Stop>>,
}

/// Every persona there is.
pub static REGISTRY: [Persona; 3] = [
    impulse_buyer::PERSONA,
    rational_buyer::PERSONA,
    malicious_buyer::PERSONA,
];

#[cfg(test)]
mod tests {
    use super::REGISTRY;
    use crate::shop::REQUESTS;

    #[test]
    fn personas_plan_requests_that_there_are() {
        for persona in &REGISTRY {
            for (name, least, most) in persona.requests {
                let known = REQUESTS.iter().any(|request| request.name == *name);
                assert!(
                    known && least <= most && *most > 0,
                    "{}: {name}",
                    persona.name
                );
            }
        }
    }
}
