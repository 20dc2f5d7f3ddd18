//! The load test of the shop: its API, its personas, their books, and the rules that must hold.
//! Scheduling, measuring and judging are `harness`'s.

pub mod api;
pub mod audit;
pub mod book;
pub mod fields;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod operation;
pub mod personas;
mod private;
mod profiles;
pub mod race;
pub mod shop;
mod suite;

pub use suite::{COUPON_WAIT, COUPONS, HOSTILE, Shop};
