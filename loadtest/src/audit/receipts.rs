//! Rules on what the users themselves were answered: totals and ids of orders, and claims. Pure.

use harness::{Amount, Invariant};

use super::invariants::UserFacts;
use super::totals::Totals;
use crate::api::Api;
use crate::book::Claims;
use crate::shop::{ABOUT_COUPONS, ABOUT_ORDERS, Coupons, World, WrongTotal};

/// Every order costs what its items cost, less its coupon's discount.
pub(super) fn order_totals(users: &[UserFacts], api: &Api) -> Option<Invariant> {
    let orders: i64 = users.iter().map(|user| user.receipts.count).sum();
    if orders == 0 {
        return None;
    }
    let wrong: i64 = users.iter().map(|user| user.receipts.wrong).sum();
    let cases: Vec<String> = users
        .iter()
        .filter_map(|user| Some(told(user.number, user.receipts.first_wrong?)))
        .collect();
    let rule = format!("order totals as predicted (from {})", api.orders.source());
    let row = Invariant::new(&rule, Amount::Exactly(orders), orders - wrong);
    Some(row.with_cases(&cases).about(ABOUT_ORDERS))
}

fn told(number: u32, wrong: WrongTotal) -> String {
    let WrongTotal { due, said } = wrong;
    let discount = due.gross - due.paid;
    let meaning = match said {
        _ if discount == 0 => "",
        said if said == due.gross => ", the full price in spite of a coupon",
        said if said == due.paid => {
            ", which is after the discount: if totals are, set api.orders.total_is = \"net\""
        }
        _ => "",
    };
    let price = due.gross;
    format!("u{number}: total {said} for {price} less {discount}{meaning}")
}

/// No two orders were acknowledged with one id.
pub(super) fn own_ids(users: &[UserFacts], api: &Api) -> Option<Invariant> {
    let of = |user: &UserFacts| {
        user.receipts
            .ids
            .iter()
            .map(|id| (*id, user.number))
            .collect()
    };
    let mut ids: Vec<(i64, u32)> = users.iter().flat_map::<Vec<_>, _>(of).collect();
    if ids.is_empty() {
        return None;
    }
    ids.sort_unstable();
    let again = || ids.windows(2).filter(|pair| pair[0].0 == pair[1].0);
    let cases: Vec<String> = again()
        .map(|pair| {
            format!(
                "order {} of u{} and of u{}",
                pair[0].0, pair[0].1, pair[1].1
            )
        })
        .collect();
    let all = ids.len() as i64;
    let distinct = all - cases.len() as i64;
    let source = api.orders.source();
    let rule = format!("orders acknowledged, each with an id of its own (from {source})");
    let row = Invariant::new(&rule, Amount::Exactly(all), distinct);
    Some(row.with_cases(&cases).about(ABOUT_ORDERS))
}

/// A claim is refused only when the coupons of its policy are gone. For a shop that the set-up
/// made, whose coupons are spread evenly over its policies.
pub(super) fn refusals(users: &[UserFacts], world: &World) -> Option<Invariant> {
    if !world.is_new {
        return None;
    }
    let quantity = Coupons::from(world.coupons).quantity();
    let share = i64::from(quantity) / world.policy_ids.len().max(1) as i64;
    let totals = Totals::of(users.iter().map(|user| &user.book));
    let made = |claims: &Claims| claims.accepted + claims.refused + claims.unknown;
    let in_vain = |claims: &Claims| (made(claims) - share).max(0);
    let wrong = totals
        .claims
        .iter()
        .filter(|(_, claims)| claims.refused > in_vain(claims));
    let cases: Vec<String> = wrong
        .map(|(policy, claims)| {
            let (refused, made) = (claims.refused, made(claims));
            format!("policy {policy}: {refused} of {made} claims refused with {share} coupons")
        })
        .collect();
    let refused = totals.claims.values().map(|claims| claims.refused).sum();
    let at_most = totals.claims.values().map(in_vain).sum();
    let source = world.api.claim.source();
    let rule = format!("claims refused ≤ claims − coupons (from {source})");
    let row = Invariant::new(&rule, Amount::AtMost { at_most }, refused);
    Some(row.with_cases(&cases).about(ABOUT_COUPONS))
}

/// No more claims are accepted than there are coupons.
pub(super) fn within_limit(
    users: &[UserFacts],
    limit: Option<u32>,
    api: &Api,
) -> Option<Invariant> {
    let at_most = i64::from(limit?);
    let totals = Totals::of(users.iter().map(|user| &user.book));
    let accepted = totals.claims.values().map(|claims| claims.accepted).sum();
    let rule = format!("claims accepted ≤ --coupons (from {})", api.claim.source());
    let row = Invariant::new(&rule, Amount::AtMost { at_most }, accepted);
    Some(row.about(ABOUT_COUPONS))
}

#[cfg(test)]
#[path = "receipts_tests.rs"]
mod tests;
