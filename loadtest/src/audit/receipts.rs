//! Rules on what the users themselves were answered: totals of orders, and accepted claims. Pure.

use harness::{Amount, Invariant};

use super::invariants::UserFacts;
use super::totals::Totals;
use crate::api::Api;
use crate::shop::{ABOUT_COUPONS, ABOUT_ORDERS, WrongTotal};

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
