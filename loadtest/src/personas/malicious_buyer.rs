//! Persona C: looks for what the server should refuse and might not.

use harness::{Persona, Stop};

use super::Buyer;
use crate::shop::{Coupon, Item, Shopper};

pub(super) const BUYER: Buyer = Buyer {
    persona: Persona {
        key: 'c',
        name: "malicious_buyer",
        summary: "charges too little, tries forged, stolen and doubled coupons and hostile input",
        requests: &[
            ("0_get_userId", 1, 1),
            ("1_charge_balance", 1, 1),
            ("2_claim_coupon", 1, 1),
            ("3_get_coupons", 0, 21),
            ("6_get_balance", 1, 1),
            ("7_malicious_order", 1, 4),
            ("8_hostile_get", 0, 4),
            ("9_hostile_post", 0, 4),
        ],
        iterate: &iterate,
    },
    forbidden_to_order: true,
    sends_at_once: true,
    orders_each_time: false,
    spends_everything: false,
};

/// Too little for anything in the shop.
const CHARGE: i64 = 100;
/// A coupon that no server has issued yet.
const FORGED_COUPON: i64 = i64::MAX - 1;
/// Hostile requests in one iteration.
const HOSTILE_REQUESTS: usize = 4;

async fn iterate(shopper: &mut Shopper) -> Result<(), Stop> {
    let id = shopper.log_in().await?;
    shopper.charge(CHARGE).await?;
    // None of its orders succeeds, so it still has the coupon that it was once given.
    let coupon = shopper.coupon().await.or(shopper.given);
    let basket = unaffordable(shopper, coupon)?;
    shopper.attack_order(&basket, Some(FORGED_COUPON)).await?;
    let stolen = shopper
        .world
        .latest_coupon()
        .filter(|stolen| coupon.is_none_or(|own| own.coupon_id != *stolen));
    if let Some(stolen) = stolen {
        shopper.attack_order(&basket, Some(stolen)).await?;
    }
    if let Some(Coupon { coupon_id, .. }) = coupon {
        let both = tokio::join!(
            shopper.attack_order(&basket, Some(coupon_id)),
            shopper.attack_order(&basket, Some(coupon_id)),
        );
        both.0.and(both.1)?;
    }
    for _ in 0..HOSTILE_REQUESTS {
        if let Some((path, body)) = shopper.world.hostile.draw(&mut shopper.vu.rng, id) {
            shopper.attack_with(&path, body.map(Into::into)).await?;
        }
    }
    shopper.balance().await?;
    Ok(())
}

/// So many of one product that neither balance nor coupon pays for it, whatever was charged so far.
fn unaffordable(shopper: &Shopper, coupon: Option<Coupon>) -> Result<[Item; 1], Stop> {
    let (product_id, price) = shopper
        .world
        .prices
        .iter()
        .min()
        .map(|(id, price)| (*id, *price))
        .ok_or(Stop::Unusable)?;
    // An unknown charge may have happened, so it counts as money that might be there.
    let (_, most) = shopper.book.range();
    let means = most + coupon.map_or(0, |coupon| coupon.discount);
    Ok([Item {
        product_id,
        quantity: means / price.max(1) + 2,
    }])
}
