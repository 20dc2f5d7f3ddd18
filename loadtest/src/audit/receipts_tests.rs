//! Totals and limits that are kept, and those that aren't.

use super::*;
use crate::api::TotalIs;
use crate::book::{Book, Fate, Operation};
use crate::personas::BUYERS;
use crate::shop::{Due, Receipts};

const DUE: Due = Due {
    gross: 10_000,
    paid: 8_000,
};

fn user(number: u32, said: &[i64], total_is: TotalIs) -> UserFacts {
    let mut receipts = Receipts::default();
    for said in said {
        receipts.take(None, *said, DUE, total_is);
    }
    UserFacts {
        number,
        buyer: &BUYERS[0],
        book: Book::default(),
        balance: 0,
        orders: 0,
        receipts,
        coupons: 0,
    }
}

fn judged(users: &[UserFacts]) -> Option<Invariant> {
    order_totals(users, Default::default())
}

#[test]
fn the_full_price_with_a_coupon_breaks_the_rule() {
    let right = user(1, &[8_000], TotalIs::Net);
    let row = judged(std::slice::from_ref(&right)).expect("an order");
    assert_eq!(row.name, "order totals as predicted (from POST /orders)");
    assert!(row.ok, "{row}");
    let full = user(2, &[8_000, 10_000], TotalIs::Net);
    let row = judged(&[right, full]).expect("orders");
    assert_eq!(
        row.to_string(),
        "order totals as predicted (from POST /orders) (expected 3, was 2): \
         u2: total 10000 for 10000 less 2000, the full price in spite of a coupon"
    );
    assert_eq!(judged(&[user(1, &[], TotalIs::Net)]), None);
}

#[test]
fn a_net_total_where_gross_was_said_comes_with_the_mend() {
    assert!(
        judged(&[user(1, &[10_000], TotalIs::Gross)])
            .expect("an order")
            .ok
    );
    let row = judged(&[user(1, &[8_000], TotalIs::Gross)]).expect("an order");
    let detail = row.detail.expect("broken");
    assert!(
        detail.ends_with("set api.orders.total_is = \"net\""),
        "{detail}"
    );
}

#[test]
fn accepted_claims_beyond_the_limit_break_the_rule() {
    let mut users = [user(1, &[], TotalIs::Net), user(2, &[], TotalIs::Net)];
    for user in &mut users {
        for fate in [Fate::Done, Fate::Done, Fate::Refused, Fate::Unknown] {
            let entry = user.book.enter(Operation::Claim { policy: 7 });
            user.book.settle(&entry, fate);
        }
    }
    let row = |limit| within_limit(&users, limit, Default::default());
    assert_eq!(row(None), None, "unlimited");
    let kept = row(Some(4)).expect("limited");
    assert!(kept.ok, "{kept}");
    let broken = row(Some(3)).expect("limited");
    assert_eq!(
        broken.to_string(),
        "claims accepted ≤ --coupons (from POST /coupons?userId={user}&policyId={policy}) \
         (expected ≤ 3, was 4)"
    );
    assert!(!broken.ok);
}
