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

#[test]
fn two_orders_with_one_id_break_the_rule() {
    let with_ids = |number, ids: &[i64]| {
        let mut user = user(number, &[], TotalIs::Net);
        user.receipts.ids = ids.to_vec();
        user
    };
    let judged = |users: &[UserFacts]| own_ids(users, Default::default());
    assert_eq!(judged(&[with_ids(1, &[])]), None);
    let kept = judged(&[with_ids(1, &[7, 9]), with_ids(2, &[8])]).expect("orders");
    assert!(kept.ok, "{kept}");
    let broken = judged(&[
        with_ids(1, &[7, 9]),
        with_ids(2, &[8, 7]),
        with_ids(3, &[7]),
    ]);
    assert_eq!(
        broken.expect("orders").to_string(),
        "orders acknowledged, each with an id of its own (from POST /orders) \
         (expected 5, was 3): order 7 of u1 and of u2; order 7 of u2 and of u3"
    );
}

/// Ten claims for each of two policies, of which so many were refused.
fn claims(refused: [i64; 2]) -> [UserFacts; 2] {
    let mut users = [user(1, &[], TotalIs::Net), user(2, &[], TotalIs::Net)];
    for ((user, refused), policy) in users.iter_mut().zip(refused).zip([3, 4]) {
        let claims = Claims {
            accepted: 9 - refused,
            refused,
            unknown: 1,
        };
        user.book.claims.insert(policy, claims);
    }
    users
}

#[test]
fn claims_that_are_refused_with_coupons_to_spare_break_the_rule() {
    let mut world = World::new(Default::default(), vec![3, 4], Default::default());
    let judged = |world: &World, refused| refusals(&claims(refused), world);
    assert_eq!(judged(&world, [5, 5]), None, "nobody knows what was left");
    world.is_new = true;
    assert!(judged(&world, [0, 0]).expect("claims").ok);
    let none_is_due = judged(&world, [0, 1]).expect("claims");
    assert!(!none_is_due.ok, "unlimited: {none_is_due}");
    world.coupons = Some(15);
    // Seven of each policy at least.
    for (refused, ok) in [([3, 3], true), ([0, 3], true), ([4, 3], false)] {
        let row = judged(&world, refused).expect("claims");
        assert_eq!(row.ok, ok, "{refused:?}: {row}");
    }
    let row = judged(&world, [4, 3]).expect("claims");
    assert_eq!(
        row.to_string(),
        "claims refused ≤ claims − coupons (from POST /coupons?userId={user}&policyId={policy}) \
         (expected ≤ 6, was 7): policy 3: 4 of 10 claims refused with 7 coupons"
    );
}
