//! Each public rule on reads that add up, and on reads that are wrong in just one place.

use super::*;
use crate::api::TotalIs;
use crate::book::{Book, Fate, Operation};
use crate::personas::BUYERS;
use crate::race::Race;
use crate::shop::{Due, Receipts};

const POLICY: i64 = 7;

/// A user of persona A who charged, claimed, and ordered one item for 2,000 less 500.
fn buyer(number: u32) -> UserFacts {
    let mut book = Book::default();
    book.user_id = Some(i64::from(number));
    let order = Operation::Order {
        items: vec![(1, 1)],
        paid: 1_500,
        with_coupon: true,
    };
    let charge = Operation::Charge { amount: 2_000 };
    for operation in [charge, Operation::Claim { policy: POLICY }, order] {
        let entry = book.enter(operation);
        book.settle(&entry, Fate::Done);
    }
    let mut receipts = Receipts::default();
    let due = Due {
        gross: 2_000,
        paid: 1_500,
    };
    receipts.take(Some(i64::from(number)), 1_500, due, TotalIs::Net);
    UserFacts {
        number,
        buyer: &BUYERS[0],
        balance: book.balance,
        book,
        orders: 0,
        receipts,
        coupons: 0,
    }
}

fn shelves(stock: i64, sold: i64) -> Shelves {
    Shelves {
        stock: Some(BTreeMap::from([(1, stock), (2, 9)])),
        sold: Some(BTreeMap::from([(1, sold), (2, 400)])),
    }
}

fn broken(users: &[UserFacts], after: &Shelves, planned: u64) -> Vec<String> {
    let rows = public(&PublicFacts {
        api: Default::default(),
        before: &shelves(10, 500),
        after,
        users,
        planned_iterations: Some(planned),
    });
    assert_eq!(rows.len(), 7, "{rows:#?}");
    let broken = rows.into_iter().filter(|row| !row.ok);
    broken.map(|row| row.name).collect()
}

const BALANCES: &str = "users with the predicted balance (from GET /users/{user}/balance)";
const STOCK: &str = "stock taken = items ordered (from GET /products)";
const SMALLEST: &str = "smallest stock (from GET /products)";
const SOLD: &str = "sold in the top list = items ordered (from GET /products/top/realtime)";
const COUPONS: &str = "users with the predicted coupons (from GET /users/{user}/coupons)";
const PLANNED: &str = "orders = planned iterations (from POST /orders)";
const DISCOUNTED: &str = "users who paid less for a coupon (from GET /users/{user}/balance)";

#[test]
fn every_wrong_read_breaks_its_rule() {
    let two = || vec![buyer(1), buyer(2)];
    let after = shelves(8, 502);
    assert_eq!(broken(&two(), &after, 2), [""; 0]);
    assert_eq!(broken(&two(), &shelves(9, 502), 2), [STOCK]);
    assert_eq!(broken(&two(), &shelves(-2, 502), 2), [STOCK, SMALLEST]);
    assert_eq!(broken(&two(), &shelves(8, 501), 2), [SOLD]);
    assert_eq!(broken(&two(), &after, 3), [PLANNED]);
    let mut richer = two();
    richer[0].balance += 1;
    assert_eq!(broken(&richer, &after, 2), [BALANCES]);
    let mut full_price = two();
    full_price[1].balance -= 500;
    assert_eq!(broken(&full_price, &after, 2), [BALANCES, DISCOUNTED]);
    let mut listed = two();
    listed[0].coupons = 1;
    assert_eq!(broken(&listed, &after, 2), [COUPONS]);
}

#[test]
fn the_full_price_is_named() {
    let mut users = [buyer(1)];
    users[0].balance -= 500;
    let row = discounted(&users, " (from here)").expect("a discount");
    assert_eq!(
        row.to_string(),
        "users who paid less for a coupon (from here) (expected 1, was 0): \
         u1: the full price was taken, 500 won too much, in spite of a coupon"
    );
}

#[test]
fn coupons_are_predicted_with_or_without_the_used_ones() {
    let mut user = buyer(1);
    assert_eq!(predicted_coupons(&user, false), Amount::Exactly(0));
    assert_eq!(predicted_coupons(&user, true), Amount::Exactly(1));
    let entry = user.book.enter(Operation::Claim { policy: POLICY });
    user.book.settle(&entry, Fate::Unknown);
    assert_eq!(predicted_coupons(&user, false), Amount::between(0, 1));
    assert_eq!(predicted_coupons(&user, true), Amount::between(1, 2));
}

#[test]
fn a_product_that_left_the_top_list_is_not_judged() {
    let before = BTreeMap::from([(1, 5), (2, 5)]);
    let after = BTreeMap::from([(2, 6), (3, 9)]);
    assert_eq!(difference(&before, &after), BTreeMap::from([(2, 1)]));
}

#[test]
fn what_can_not_be_judged_is_said() {
    let of = |before, is_new| {
        let mut world = World::default();
        (world.before, world.is_new) = (Some(before), is_new);
        world
    };
    let of_public = |shelves, is_new| {
        let no_ledger = "the API has none".to_owned();
        of(Books::Public { shelves, no_ledger }, is_new)
    };
    let public = |shelves| of_public(shelves, true);
    assert_eq!(unjudged(&World::default()), None, "nothing is judged");
    assert_eq!(
        unjudged(&of(Books::Ledger(Default::default()), false)),
        None
    );
    let said = unjudged(&public(shelves(1, 1))).expect("no ledger");
    assert!(
        said.starts_with("there is no ledger (the API has none), so these"),
        "{said}"
    );
    assert!(
        said.ends_with("orders of users who may not order"),
        "{said}"
    );
    let said = unjudged(&public(Shelves::default())).expect("no ledger");
    assert!(said.ends_with(", stock taken, quantities sold"), "{said}");
    let kept = of_public(shelves(1, 1), false);
    let said = unjudged(&kept).expect("no ledger");
    assert!(
        said.ends_with(", claims refused while coupons are left"),
        "{said}"
    );
}

/// What two users' orders for the same last piece were answered is in both books.
#[test]
fn a_last_piece_is_judged_without_a_ledger_as_well() {
    let judged = |fates: [Fate; 2]| {
        let mut users = [buyer(1), buyer(2)];
        for (user, fate) in users.iter_mut().zip(fates) {
            let order = Operation::Order {
                items: vec![(2, 1)],
                paid: 0,
                with_coupon: false,
            };
            let entry = user.book.enter_last_piece(2, order);
            user.book.settle_last_piece(2, &entry, fate);
        }
        let rows = public(&PublicFacts {
            api: Default::default(),
            before: &shelves(10, 500),
            after: &shelves(8, 502),
            users: &users,
            planned_iterations: None,
        });
        let rule = Race::LastPiece.rule();
        let row = rows.into_iter().find(|row| row.name == rule);
        let row = row.expect("it is judged");
        (row.expected, row.actual, row.detail)
    };
    let one = Amount::Exactly(1);
    assert_eq!(judged([Fate::Refused, Fate::Done]), (one, 1, None));
    let sold = "product 2: sold to u1 and u2".to_owned();
    assert_eq!(judged([Fate::Done, Fate::Done]), (one, 0, Some(sold)));
}
