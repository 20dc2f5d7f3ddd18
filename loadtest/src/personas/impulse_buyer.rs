//! Persona A: sees an event, joins it, and buys what everybody buys.

use std::collections::BTreeSet;

use harness::{Persona, Stop};

use super::Buyer;
use crate::shop::{Item, Shopper};

pub(super) const BUYER: Buyer = Buyer {
    persona: Persona {
        key: 'a',
        name: "impulse_buyer",
        summary: "charges what the top 5 cost, claims a coupon, buys them with or without it",
        requests: &[
            ("0_get_userId", 1, 1),
            ("1_charge_balance", 1, 1),
            ("2_claim_coupon", 1, 1),
            ("3_get_coupons", 0, 21),
            ("4_get_top_products", 1, 1),
            ("5_create_order", 1, 1),
            ("6_get_balance", 1, 1),
        ],
        iterate: &iterate,
    },
    forbidden_to_order: false,
    sends_at_once: false,
    orders_each_time: true,
    spends_everything: false,
};

async fn iterate(shopper: &mut Shopper) -> Result<(), Stop> {
    shopper.log_in().await?;
    let (top, charge) = (shopper.world.basket.top, shopper.world.basket.charge);
    shopper.charge(charge).await?;
    // Whatever became of the claim and of the list of coupons, it orders.
    let coupon = shopper.coupon().await;
    let mut products = shopper.top_products().await?;
    products.truncate(top as usize);
    let distinct: BTreeSet<&i64> = products.iter().collect();
    let complete = distinct.len() == top as usize;
    shopper.vu.check("top products complete", complete);
    let basket: Vec<Item> = products.into_iter().map(Item::one).collect();
    shopper.order(&basket, coupon).await?;
    shopper.balance().await?;
    Ok(())
}
