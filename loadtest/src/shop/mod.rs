//! The shop's API: what personas use of it, typed calls with fixed names, checks and the book; and
//! what set-up and audit ask.

mod books;
mod hostile;
mod ledger;
mod racing;
mod requests;
mod shopper;
mod world;

pub use books::{ShopError, balance, init, ledger, prices, user_ledger};
pub use hostile::Hostile;
pub use ledger::{Ledger, LedgerPolicy, LedgerProduct, UserLedger};
pub use requests::{ABOUT_COUPONS, ABOUT_MONEY, ABOUT_ORDERS, ABOUT_RACES, REQUESTS};
pub use shopper::{Coupon, Item, Shopper};
pub use world::{Coupons, World};
