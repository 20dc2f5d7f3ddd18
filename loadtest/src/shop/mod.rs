//! The shop's API: what personas use of it, typed calls with fixed names, checks and the book; and
//! what set-up and audit ask.

mod basket;
mod books;
mod ledger;
mod plan;
mod policies;
mod requests;
mod shopper;
mod world;

pub use basket::{Basket, PRICE, TOP};
pub use books::{ShopError, balance, init, ledger, prices, user_ledger};
pub use ledger::{Ledger, LedgerPolicy, LedgerProduct, UserLedger};
pub use plan::{Plan, Products};
pub use policies::Policies;
pub use requests::{ABOUT_COUPONS, ABOUT_MONEY, ABOUT_ORDERS, REQUESTS};
pub use shopper::{Coupon, Item, Shopper};
pub use world::{Coupons, World};
