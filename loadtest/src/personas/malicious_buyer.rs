//! Persona C: looks for what the server should refuse and might not.

use harness::{Persona, Stop};
use rand::RngExt;

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
    let coupon = if shopper.claim().await? {
        shopper.issued_coupon().await?
    } else {
        None
    };
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
        let (path, body) = hostile(id, shopper.vu.rng.random_range(0..HOSTILE.len()));
        shopper.attack_with(&path, body.map(Into::into)).await?;
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
    let unknown = CHARGE * shopper.book.unknown.len() as i64;
    let means = shopper.book.balance + unknown + coupon.map_or(0, |coupon| coupon.discount);
    Ok([Item {
        product_id,
        quantity: means / price.max(1) + 2,
    }])
}

/// Path and body of a hostile request; without a body it is a `GET`. `{id}` is the user's own id.
#[rustfmt::skip]
const HOSTILE: [(&str, Option<&str>); 36] = [
    ("/users/{id}/balance", Some(r#"{"amount":0}"#)),
    ("/users/{id}/balance", Some(r#"{"amount":-1}"#)),
    ("/users/{id}/balance", Some(r#"{"amount":-9223372036854775808}"#)),
    ("/users/{id}/balance", Some(r#"{"amount":9223372036854775807}"#)),
    ("/users/{id}/balance", Some(r#"{"amount":9223372036854775808}"#)),
    ("/users/{id}/balance", Some(r#"{"amount":1e400}"#)),
    ("/users/{id}/balance", Some(r#"{"amount":"10000"}"#)),
    ("/users/{id}/balance", Some(r#"{"amount":null}"#)),
    ("/users/{id}/balance", Some(r#"{"amount":[10000]}"#)),
    ("/users/{id}/balance", Some(r#"{"amount":10000"#)),
    ("/users/{id}/balance", Some("")),
    ("/users/0/balance", Some(r#"{"amount":10000}"#)),
    ("/users/-1/balance", Some(r#"{"amount":10000}"#)),
    ("/users/9223372036854775807/balance", Some(r#"{"amount":10000}"#)),
    ("/users/99999999999999999999/balance", Some(r#"{"amount":10000}"#)),
    ("/users/1%20OR%201=1/balance", Some(r#"{"amount":10000}"#)),
    ("/coupons?userId={id}&policyId=0", Some("")),
    ("/coupons?userId={id}&policyId=-1", Some("")),
    ("/coupons?userId={id}&policyId=9223372036854775808", Some("")),
    ("/coupons?userId=-1&policyId=1", Some("")),
    ("/coupons", Some("")),
    ("/orders", Some(r#"{"userId":{id},"couponId":null,"items":[]}"#)),
    ("/orders", Some(r#"{"userId":{id},"couponId":null,"items":[{"productId":1,"quantity":0}]}"#)),
    ("/orders", Some(r#"{"userId":{id},"couponId":null,"items":[{"productId":1,"quantity":-5}]}"#)),
    ("/orders", Some(r#"{"userId":{id},"couponId":null,"items":[{"productId":1,"quantity":9223372036854775807}]}"#)),
    ("/orders", Some(r#"{"userId":{id},"couponId":null,"items":[{"productId":-7,"quantity":1}]}"#)),
    ("/orders", Some(r#"{"userId":{id},"couponId":"x","items":"all of them"}"#)),
    ("/orders", Some(r#"{"userId":9223372036854775807,"couponId":null,"items":[{"productId":1,"quantity":1}]}"#)),
    ("/orders", Some(r#"{"items":[{"productId":1,"quantity":1}]}"#)),
    ("/orders", Some("{\"userId\":\u{0}}")),
    ("/orders", Some(r#"[[[[[[[["#)),
    ("/users/id?name=", None),
    ("/users/id?name=%00", None),
    ("/users/abc/balance", None),
    ("/users/-1/coupons", None),
    ("/products/0", None),
];

fn hostile(user: i64, which: usize) -> (String, Option<String>) {
    let (path, body) = HOSTILE[which];
    let fill = |text: &str| text.replace("{id}", &user.to_string());
    (fill(path), body.map(fill))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_requests_name_the_user_where_they_should() {
        let (path, body) = hostile(42, 0);
        assert_eq!(
            (path.as_str(), body.as_deref()),
            ("/users/42/balance", Some(r#"{"amount":0}"#))
        );
        let left = (0..HOSTILE.len())
            .map(|which| hostile(42, which))
            .any(|(path, body)| {
                path.contains("{id}") || body.is_some_and(|body| body.contains("{id}"))
            });
        assert!(!left);
    }
}
