//! The audit: compares the harness's record of what it did with what the server says.

mod collect;
mod invariants;
mod public;
mod races;
mod receipts;
mod reset;
mod totals;

pub use collect::audit;
pub use invariants::{Facts, UserFacts, invariants};
pub use public::{PublicFacts, public, unjudged};
pub use totals::Totals;
