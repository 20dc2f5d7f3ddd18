//! Persona D: does the same thing twice at once when only one may succeed, and races other users
//! for the last piece of a product.

use std::sync::Arc;
use std::time::Duration;

use harness::{Persona, Stop};

use super::Buyer;
use crate::race::Race;
use crate::shop::{Item, Shopper};

pub(super) const BUYER: Buyer = Buyer {
    persona: Persona {
        key: 'd',
        name: "racing_buyer",
        summary: "spends one coupon or money twice at once, charges twice at once, races for last pieces",
        requests: &[
            ("0_get_userId", 1, 1),
            ("1_charge_balance", 0, 3),
            ("2_claim_coupon", 0, 1),
            ("3_get_coupons", 0, 21),
            ("6_get_balance", 1, 1),
            ("10_racing_order", 0, 2),
        ],
        iterate: &iterate,
    },
    forbidden_to_order: false,
    sends_at_once: true,
    orders_each_time: false,
    spends_everything: false,
};

/// What it charges at once: two amounts, so that it shows which one was lost.
const CHARGES: [i64; 2] = [1_000, 2_000];
/// So many pieces of a product in one order at most: the shop's stock is for all.
const MOST_PIECES: i64 = 100;
/// So long it waits for somebody who wants the same last piece.
const WAIT_FOR_ANOTHER: Duration = Duration::from_secs(1);

async fn iterate(shopper: &mut Shopper) -> Result<(), Stop> {
    shopper.log_in().await?;
    if !(wants_last_piece(shopper) && race_for_last_piece(shopper).await?) {
        race_alone(shopper).await?;
    }
    shopper.balance().await?;
    Ok(())
}

/// Two orders or charges of its own at once. One kind after the other; users begin with different
/// ones.
async fn race_alone(shopper: &mut Shopper) -> Result<(), Stop> {
    match (ran_alone(shopper) + shopper.vu.number as usize) % 3 {
        0 => race_for_coupon(shopper).await,
        1 => race_for_money(shopper).await,
        _ => shopper.race_charges(CHARGES).await,
    }
}

/// How many races it had with itself.
fn ran_alone(shopper: &Shopper) -> usize {
    let pairs: i64 = shopper.book.races.values().map(|races| races.pairs).sum();
    pairs.unsigned_abs() as usize
}

fn wants_last_piece(shopper: &Shopper) -> bool {
    let (alone, for_last) = (ran_alone(shopper), shopper.book.last_pieces.len());
    let last_pieces = &shopper.world.last_pieces;
    if last_pieces.is_somebody_waiting() {
        comes(alone, for_last)
    } else {
        begins(alone, for_last, shopper.vu.number) && last_pieces.is_any_left()
    }
}

/// Whether a user waits for another one: every fourth race, and not all users at once.
const fn begins(alone: usize, for_last: usize, number: u32) -> bool {
    (alone + for_last + number as usize) % 4 == 3
}

/// Whether a user joins one who waits, so that nobody has to wait for somebody's fourth race: as
/// long as it isn't ahead with last pieces.
const fn comes(alone: usize, for_last: usize) -> bool {
    3 * for_last <= alone + 2
}

/// Meets another user, and orders the last piece of the same product at the same time; whether
/// somebody came. Both have the money for it before they meet.
async fn race_for_last_piece(shopper: &mut Shopper) -> Result<bool, Stop> {
    let world = Arc::clone(&shopper.world);
    let Some(price) = world.last_pieces.dearest() else {
        return Ok(false);
    };
    let (least, _) = uncertain(shopper.book.range());
    if price > least {
        shopper.charge(price - least).await?;
    }
    let Some(product) = world.last_pieces.meet(WAIT_FOR_ANOTHER).await else {
        return Ok(false);
    };
    shopper.race_for_last(product).await?;
    Ok(true)
}

/// The same coupon in two orders at once; without a coupon it races for money.
async fn race_for_coupon(shopper: &mut Shopper) -> Result<(), Stop> {
    let [(product_id, price), _] = two_products(shopper)?;
    let coupon = shopper.coupon().await;
    let range = shopper.book.range();
    let Some(stake) = coupon.and_then(|coupon| coupon_stake(price, coupon.discount, range)) else {
        return race_for_money(shopper).await;
    };
    if stake.charge > 0 {
        shopper.charge(stake.charge).await?;
    }
    let basket = [Item {
        product_id,
        quantity: stake.pieces,
    }];
    let baskets = [&basket[..], &basket[..]];
    shopper.race_orders(Race::Coupon, baskets, coupon).await
}

/// The same money in two orders at once, of different products.
async fn race_for_money(shopper: &mut Shopper) -> Result<(), Stop> {
    let products = two_products(shopper)?;
    let prices = products.map(|(_, price)| price);
    let Some((charge, pieces)) = money_stake(prices, shopper.book.range()) else {
        return Ok(());
    };
    if charge > 0 {
        shopper.charge(charge).await?;
    }
    let basket = |at: usize| {
        [Item {
            product_id: products[at].0,
            quantity: pieces[at],
        }]
    };
    let (first, second) = (basket(0), basket(1));
    shopper
        .race_orders(Race::Money, [&first, &second], None)
        .await
}

/// The shop's first two products that cost something; the same twice if there is only one.
fn two_products(shopper: &Shopper) -> Result<[(i64, i64); 2], Stop> {
    let products = shopper.products().into_iter();
    let mut products = products.filter(|(_, price)| *price > 0);
    let first = products.next().ok_or(Stop::Unusable)?;
    Ok([first, products.next().unwrap_or(first)])
}

/// What is charged before a race for a coupon, and what each order is of.
#[derive(Debug, PartialEq, Eq)]
struct Stake {
    charge: i64,
    pieces: i64,
}

/// With the coupon the money is enough for both orders, so that nothing but the coupon keeps the
/// second from happening; at the full price it isn't enough for the second. `range` is what the
/// balance may be. None where too much of it is uncertain for that, or the coupon worth too much.
fn coupon_stake(price: i64, discount: i64, range: (i64, i64)) -> Option<Stake> {
    let (least, unsure) = uncertain(range);
    if discount <= unsure || discount > MOST_PIECES * price {
        return None;
    }
    let pieces = (discount + (least + 1) / 2 - 1) / price + 1;
    let paid = pieces * price - discount;
    (pieces <= MOST_PIECES).then(|| Stake {
        charge: 2 * paid - least,
        pieces,
    })
}

/// What to charge, and how many pieces each order is of: the money is enough for either order,
/// and not for both. `range` is what the balance may be. None where so much of it is uncertain
/// that it would take a fortune: what is uncertain would double with every order that is.
fn money_stake(prices: [i64; 2], range: (i64, i64)) -> Option<(i64, [i64; 2])> {
    let (least, unsure) = uncertain(range);
    let dearest = prices[0].max(prices[1]);
    if unsure > MOST_PIECES * dearest {
        return None;
    }
    let charge = (prices[0] + prices[1] + unsure - least).max(0);
    Some((charge, prices.map(|price| (least + charge) / price)))
}

/// What is certainly on the balance, and how much may be there besides. No balance is below 0.
fn uncertain((least, most): (i64, i64)) -> (i64, i64) {
    let least = least.max(0);
    (least, (most - least).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fourth_race_is_for_a_last_piece_whoever_waits() {
        for number in 1..=4 {
            for somebody_waits in [false, true] {
                let (mut alone, mut for_last) = (0, 0);
                for _ in 0..400 {
                    let wants = match somebody_waits {
                        true => comes(alone, for_last),
                        false => begins(alone, for_last, number),
                    };
                    if wants {
                        for_last += 1;
                    } else {
                        alone += 1;
                    }
                }
                assert!((100..=101).contains(&for_last), "{number}: {for_last}");
            }
        }
        assert!(comes(0, 0) && !comes(0, 1), "one before any other race");
    }

    #[test]
    fn with_a_coupon_nothing_but_the_coupon_keeps_the_second_order_out() {
        let stake = |price, discount, range| {
            let stake = coupon_stake(price, discount, range)?;
            Some((stake.charge, stake.pieces))
        };
        assert_eq!(stake(2_000, 2_000, (0, 0)), Some((0, 1)), "free with it");
        assert_eq!(stake(2_000, 2_000, (3_000, 3_000)), Some((1_000, 2)));
        assert_eq!(stake(2_000, 500, (0, 0)), Some((3_000, 1)));
        assert_eq!(stake(2_000, 2_000, (0, 1_999)), Some((0, 1)));
        assert_eq!(stake(2_000, 2_000, (0, 2_000)), None, "too uncertain");
        assert_eq!(stake(2_000, i64::MAX, (0, 0)), None);
        for price in [1, 7, 2_000] {
            for discount in [1, 6, 7, 1_999, 2_000, 5_001] {
                for (least, most) in [(0, 0), (0, 5), (-9, 3), (1_999, 1_999), (2_500, 2_504)] {
                    let Some((charge, pieces)) = stake(price, discount, (least, most)) else {
                        continue;
                    };
                    let (full, paid) = (pieces * price, pieces * price - discount);
                    assert!(charge >= 0 && paid >= 0);
                    assert!(least.max(0) + charge >= 2 * paid, "both with the coupon");
                    assert!(most + charge < paid + full, "only one without it");
                }
            }
        }
    }

    #[test]
    fn the_money_is_enough_for_either_order_and_never_for_both() {
        assert_eq!(
            money_stake([2_000, 2_000], (0, 0)),
            Some((4_000, [2, 2])),
            "4,000 won each"
        );
        assert_eq!(
            money_stake([2_000, 2_000], (9_000, 9_000)),
            Some((0, [4, 4])),
            "what is there is spent"
        );
        assert_eq!(money_stake([2_000, 2_000], (0, 200_001)), None);
        for prices in [[2_000, 2_000], [1, 2_000], [700, 1_500], [1, 1]] {
            for (least, most) in [(0, 0), (5, 5), (0, 90), (-50, 40), (7_000, 7_077)] {
                let stake = money_stake(prices, (least, most));
                let Some((charge, pieces)) = stake else {
                    continue;
                };
                let costs = [0, 1].map(|at| prices[at] * pieces[at]);
                let (poor, rich) = (least.max(0) + charge, most + charge);
                assert!(costs.iter().all(|cost| *cost > 0 && *cost <= poor));
                assert!(costs[0] + costs[1] > rich, "{prices:?} {least} {most}");
            }
        }
    }
}
