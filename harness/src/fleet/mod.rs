//! Several machines, one run: what its processes tell each other.
//!
//! An engine that a team already runs starts equal processes. The first is the lead, which has no
//! virtual users but the only verdict; the others are workers. They meet at a Redis of the run's
//! own.

mod frame;
mod place;
mod skew;
mod store;
mod tags;

pub use frame::{Broken, Decoder, Frame, merge};
pub use place::{Given, Misplaced, Place, place};
pub use skew::{Reading, Skew, start_after};
pub use store::{Heard, Newcomer, Published, Sent, Store, StoreError};
