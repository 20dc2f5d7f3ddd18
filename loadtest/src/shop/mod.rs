//! The shop: what personas use of its API, typed calls with fixed names, checks and the book; and
//! what set-up and audit ask.

mod basket;
mod books;
mod coupons;
mod emptied;
mod hostile;
mod last_pieces;
mod ledger;
mod look;
mod opening;
mod plan;
mod policies;
mod racing;
mod receipts;
mod set_up;
mod shelves;
mod shopper;
mod told;
mod world;

pub use basket::{Basket, PRICE, TOP};
pub use books::{Books, ShopError, balance, init, ledger, listed_coupons, prices, user_ledger};
pub use coupons::Coupons;
pub use hostile::Hostile;
pub use last_pieces::LastPieces;
pub use ledger::{Ledger, LedgerPolicy, LedgerProduct, UserLedger};
pub use plan::{Plan, Products, Scarce};
pub use policies::Policies;
pub use receipts::{Due, Receipts, WrongTotal};
pub use set_up::{Asked, set_up};
pub use shelves::Shelves;
pub use shopper::{Coupon, Item, Shopper};
pub use told::{pack_world, unpack_world};
pub use world::World;

use crate::api::requests;
pub use crate::api::requests::{ABOUT_COUPONS, ABOUT_MONEY, ABOUT_ORDERS, ABOUT_RACES, REQUESTS};
