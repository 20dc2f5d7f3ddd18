//! Persona B: charges just what it needs, and takes a second product only if a coupon pays for it.

use harness::{Persona, Stop};

use super::Buyer;
use crate::shop::{Item, Shopper};

pub(super) const BUYER: Buyer = Buyer {
    persona: Persona {
        key: 'b',
        name: "rational_buyer",
        summary: "charges product 1's price, adds product 2 if a coupon covers it, ends at 0 won",
        requests: &[
            ("0_get_userId", 1, 1),
            ("1_charge_balance", 1, 1),
            ("2_claim_coupon", 1, 1),
            ("3_get_coupons", 0, 21),
            ("5_create_order", 1, 1),
            ("6_get_balance", 1, 1),
        ],
        iterate: &iterate,
    },
    forbidden_to_order: false,
    spends_everything: true,
};

async fn iterate(shopper: &mut Shopper) -> Result<(), Stop> {
    let [wanted, extra] = first_two(shopper)?;
    let price = |id| {
        shopper.price_of(&[Item {
            product_id: id,
            quantity: 1,
        }])
    };
    let (wanted_price, extra_price) = (price(wanted), price(extra));
    shopper.log_in().await?;
    shopper.charge(wanted_price).await?;
    let coupon = if shopper.claim().await? {
        shopper.issued_coupon().await?
    } else {
        None
    };
    // A coupon worth more than the second product would leave money on the balance, which this
    // persona never does; it is used when it pays for exactly that.
    match coupon.filter(|coupon| coupon.discount == extra_price) {
        Some(coupon) => shopper.order(&[wanted, extra], Some(coupon)).await?,
        None => shopper.order(&[wanted], None).await?,
    }
    let balance = shopper.balance().await?;
    if shopper.book.is_certain() {
        shopper.vu.check("balance 0 at the end", balance == 0);
    }
    Ok(())
}

/// The shop's first two products.
fn first_two(shopper: &Shopper) -> Result<[i64; 2], Stop> {
    let mut ids: Vec<i64> = shopper.world.prices.keys().copied().collect();
    ids.sort_unstable();
    match ids[..] {
        [first, second, ..] => Ok([first, second]),
        _ => Err(Stop::Unusable),
    }
}
