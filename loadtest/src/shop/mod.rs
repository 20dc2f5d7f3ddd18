//! The shop's API as a persona uses it: typed calls with fixed names, checks, and the book.
//!
//! To point the harness at another API, this folder is what to replace.

mod admin;
mod requests;
mod shopper;
mod world;

pub use admin::{Admin, AdminError, Ledger, LedgerPolicy, LedgerProduct, UserLedger};
pub use requests::{REQUESTS, custom_trends};
pub use shopper::{Coupon, Item, Shopper, Stop};
pub use world::{Coupons, World};
