//! Several machines, one run: what its processes tell each other.
//!
//! A scheduler that a team already runs, such as Kubernetes, starts equal processes. The first is the
//! lead, which has no virtual users and makes the verdict; the others are workers. They exchange
//! data through a Redis.

mod agree;
mod frame;
mod gather;
mod kept;
mod place;
mod pulse;
mod second;
mod skew;
mod state;
mod store;
mod stream;
mod tags;
mod totals;
mod trouble;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

pub use agree::disagreement;
pub use frame::{Broken, Decoder, Frame, merge};
pub use gather::{Gather, Whole};
pub use kept::{Kind, MAGIC, Records, Torn, record};
pub use place::{Given, Misplaced, Place, place};
pub use pulse::{News, Pulse};
pub use second::Second;
pub use skew::{Reading, Skew, start_after};
pub use state::{Member, Phase, State};
pub use store::{Heard, Message, Newcomer, Over, SILENCE, Store};
pub use stream::Sent;
pub use totals::{Totals, Worker, settled};
pub use trouble::StoreError;
