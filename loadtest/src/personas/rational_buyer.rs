//! Persona B: charges just what it needs, and takes more only as far as a coupon pays for it.

use harness::{Persona, Stop};

use super::Buyer;
use crate::shop::{Coupon, Item, Shopper};

pub(super) const BUYER: Buyer = Buyer {
    persona: Persona {
        key: 'b',
        name: "rational_buyer",
        summary: "charges product 1's price, adds product 2 as far as a coupon reaches, ends at 0 won",
        requests: &[
            ("0_get_userId", 1, 1),
            ("1_charge_balance", 1, 2),
            ("2_claim_coupon", 1, 1),
            ("3_get_coupons", 0, 21),
            ("5_create_order", 1, 1),
            ("6_get_balance", 1, 1),
        ],
        iterate: &iterate,
    },
    forbidden_to_order: false,
    sends_at_once: false,
    orders_each_time: true,
    spends_everything: true,
};

/// So many pieces of product 2 at most, whatever a coupon is worth: the shop's stock is for all.
const MOST_EXTRA: i64 = 100;

async fn iterate(shopper: &mut Shopper) -> Result<(), Stop> {
    let [(wanted, wanted_price), (extra, extra_price), ..] = shopper.products()[..] else {
        return Err(Stop::Unusable);
    };
    shopper.log_in().await?;
    shopper.charge(wanted_price).await?;
    let coupon = shopper.coupon().await;
    match coupon.and_then(|coupon| with_coupon(wanted_price, extra_price, coupon)) {
        Some(more) => {
            let open = more.paid - shopper.book.balance;
            if open > 0 {
                shopper.charge(open).await?;
            }
            let extra = Item {
                product_id: extra,
                quantity: more.pieces,
            };
            shopper.order(&[Item::one(wanted), extra], coupon).await?;
        }
        None => shopper.order(&[Item::one(wanted)], None).await?,
    }
    let balance = shopper.balance().await?;
    if shopper.book.is_certain() {
        shopper.vu.check("balance 0 at the end", balance == 0);
    }
    Ok(())
}

/// What a coupon makes of the order of product 1.
#[derive(Debug, PartialEq, Eq)]
struct More {
    /// Pieces of product 2.
    pieces: i64,
    /// What both cost with the coupon, in won: at least product 1's price, which is charged.
    paid: i64,
}

/// As few pieces of product 2 as use the coupon up, so that nothing is left on the balance.
///
/// One, where its price is the discount or more: the rest is charged. Of a larger discount one
/// piece would leave money, so there are as many as it takes. None where it takes no number of
/// them, or too many: then product 1 is ordered alone, and the coupon is kept.
fn with_coupon(price: i64, extra_price: i64, coupon: Coupon) -> Option<More> {
    let discount = coupon.discount;
    if discount <= 0 || extra_price <= 0 {
        return None;
    }
    let pieces = (discount - 1) / extra_price + 1;
    (pieces <= MOST_EXTRA).then(|| More {
        pieces,
        paid: price + pieces * extra_price - discount,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_whatever_prices_and_discount() {
        let rows = [
            ((2_000, 2_000, 2_000), Some((1, 2_000))),
            ((2_000, 2_000, 500), Some((1, 3_500))),
            ((2_000, 3_000, 2_000), Some((1, 3_000))),
            ((2_000, 2_000, 2_001), Some((2, 3_999))),
            ((1_500, 700, 2_000), Some((3, 1_600))),
            ((2_000, 2_000, 200_000), Some((100, 2_000))),
            ((2_000, 2_000, 200_001), None),
            ((2_000, 0, 2_000), None),
            ((2_000, 2_000, 0), None),
            ((2_000, 2_000, -5), None),
            ((0, 1, i64::MAX), None),
        ];
        for ((price, extra_price, discount), expected) in rows {
            let coupon = Coupon {
                coupon_id: 1,
                discount,
            };
            let expected = expected.map(|(pieces, paid)| More { pieces, paid });
            let more = with_coupon(price, extra_price, coupon);
            assert_eq!(more, expected, "{price} {extra_price} {discount}");
            // Never less than what is charged first.
            assert!(more.is_none_or(|more| more.paid >= price));
        }
    }
}
