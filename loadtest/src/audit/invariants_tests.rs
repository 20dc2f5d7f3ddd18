//! Each rule on books that add up, and on books that are wrong in just one place.

use super::*;
use crate::book::{Fate, Operation};
use crate::personas::BUYERS;
use crate::race::Race;
use crate::shop::LedgerPolicy;

const POLICY: i64 = 7;

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    (ledger.orders.gross, ledger.orders.discount) = (Some(0), Some(0));
    ledger.coupons.quantity = 1;
    ledger.coupons.policies = vec![LedgerPolicy {
        policy_id: POLICY,
        quantity: 1,
        issued: 0,
    }];
    ledger.products = vec![LedgerProduct {
        product_id: 1,
        initial_stock: 10,
        stock: 10,
        ranking_base: 500,
        ranking_score: 500,
        ..LedgerProduct::default()
    }];
    ledger
}

fn order(paid: i64, with_coupon: bool) -> Operation {
    Operation::Order {
        items: vec![(1, 1)],
        paid,
        with_coupon,
    }
}

fn user(number: u32, persona: usize, operations: Vec<(Operation, Fate)>) -> UserFacts {
    let mut book = Book::default();
    book.user_id = Some(i64::from(number));
    for (operation, fate) in operations {
        let entry = book.enter(operation);
        book.settle(&entry, fate);
    }
    let balance = book.balance;
    UserFacts {
        number,
        buyer: &BUYERS[persona],
        book,
        balance,
        orders: 0,
        receipts: Receipts::default(),
        coupons: 0,
    }
}

/// One of each persona: A with the only coupon, B too late for one, C without an order.
fn users() -> Vec<UserFacts> {
    use Fate::{Done, Refused};
    let claim = || Operation::Claim { policy: POLICY };
    let charge = |amount| Operation::Charge { amount };
    vec![
        user(
            1,
            0,
            vec![
                (charge(10_000), Done),
                (claim(), Done),
                (order(0, true), Done),
            ],
        ),
        user(
            2,
            1,
            vec![
                (charge(2_000), Done),
                (claim(), Refused),
                (order(2_000, false), Done),
            ],
        ),
        user(3, 2, vec![(charge(100), Done), (claim(), Refused)]),
    ]
}

/// What the server's books say after exactly that.
fn after() -> Ledger {
    let mut after = ledger();
    after.orders.count = 2;
    after.orders.with_coupon = 1;
    (after.orders.gross, after.orders.discount) = (Some(4_000), Some(2_000));
    after.orders.paid = 2_000;
    after.balances.charged = 12_100;
    after.balances.held = 10_100;
    after.coupons.issued = 1;
    after.coupons.used = 1;
    after.coupons.policies[0].issued = 1;
    after.products[0].stock = 8;
    after.products[0].sold = 2;
    after.products[0].ranking_score = 502;
    after
}

fn broken(after: &Ledger, users: &[UserFacts]) -> Vec<String> {
    let before = ledger();
    let facts = Facts {
        before: &before,
        after,
        users,
        planned_iterations: None,
    };
    invariants(&facts)
        .into_iter()
        .filter(|row| !row.ok)
        .map(|row| row.name)
        .collect()
}

#[test]
fn books_that_add_up_break_nothing() {
    assert_eq!(broken(&after(), &users()), Vec::<String>::new());
}

/// A change to the server's books, and the rules that it breaks.
type Tampering = (&'static str, fn(&mut Ledger), &'static [&'static str]);

#[test]
fn every_wrong_number_breaks_its_rule() {
    let rows: [Tampering; 16] = [
        (
            "an order more",
            |l| l.orders.count += 1,
            &[
                "orders = acknowledged",
                "orders without a coupon = acknowledged",
            ],
        ),
        (
            "an order less",
            |l| l.orders.count -= 1,
            &[
                "orders = acknowledged",
                "orders without a coupon = acknowledged",
            ],
        ),
        (
            "an order's coupon forgotten",
            |l| l.orders.with_coupon -= 1,
            &[
                "orders with a coupon = acknowledged",
                "orders without a coupon = acknowledged",
                "coupons used = orders with a coupon, none twice",
            ],
        ),
        (
            "a coupon used twice",
            |l| l.coupons.used -= 1,
            &["coupons used = orders with a coupon, none twice"],
        ),
        (
            "a coupon too many",
            |l| l.coupons.issued += 1,
            &[
                "coupons issued ≤ quantity",
                "coupons issued = accepted claims",
                "coupons issued = those of all policies",
            ],
        ),
        (
            "a policy overdrawn",
            |l| l.coupons.policies[0].issued += 1,
            &[
                "coupons issued ≤ quantity",
                "policies that issued as many coupons as were accepted",
                "coupons issued = those of all policies",
            ],
        ),
        (
            "a coupon of another policy",
            |l| {
                l.coupons.policies[0].issued = 0;
                l.coupons.quantity = 2;
                l.coupons.policies.push(LedgerPolicy {
                    policy_id: POLICY + 1,
                    quantity: 1,
                    issued: 1,
                });
            },
            &["policies that issued as many coupons as were accepted"],
        ),
        (
            "more coupons than the policies have",
            |l| l.coupons.quantity += 1,
            &["coupons there are = those of all policies"],
        ),
        (
            "a price that was not paid",
            |l| l.orders.gross = Some(4_001),
            &["paid = gross − discount (won)"],
        ),
        (
            "a discount that nobody had",
            |l| l.orders.discount = Some(1_999),
            &["paid = gross − discount (won)"],
        ),
        (
            "a claim stuck",
            |l| l.coupons.queued += 1,
            &["claims left in the queue"],
        ),
        (
            "a charge lost",
            |l| l.balances.charged -= 100,
            &[
                "charges = acknowledged (won)",
                "Σ balances = Σ charges − Σ paid (won)",
            ],
        ),
        (
            "money from nowhere",
            |l| l.balances.held += 1,
            &["Σ balances = Σ charges − Σ paid (won)"],
        ),
        (
            "a stock movement dropped",
            |l| l.products[0].stock += 1,
            &["stock sold = items ordered"],
        ),
        (
            "a ranking forgotten",
            |l| l.products[0].ranking_score -= 1,
            &["ranking = base + sold"],
        ),
        (
            "sold more than there was",
            |l| l.products[0].stock = -1,
            &["stock sold = items ordered", "smallest stock"],
        ),
    ];
    for (what, tamper, rules) in rows {
        let mut after = after();
        tamper(&mut after);
        assert_eq!(broken(&after, &users()), rules, "{what}");
    }
}

#[test]
fn users_are_judged_one_by_one() {
    let mut wrong = users();
    wrong[0].balance += 500;
    assert_eq!(
        broken(&after(), &wrong),
        ["users with the predicted balance"]
    );
    let mut left_over = users();
    left_over[1].balance = 7;
    assert_eq!(
        broken(&after(), &left_over),
        [
            "users with the predicted balance",
            "balance 0 of users who spend everything"
        ]
    );
    let mut guilty = users();
    guilty[2].orders = 1;
    assert_eq!(
        broken(&after(), &guilty),
        ["orders of users who may not order"]
    );
}

#[test]
fn a_claim_refused_too_early_is_found() {
    let mut users = users();
    users[0] = user(
        1,
        0,
        vec![(Operation::Claim { policy: POLICY }, Fate::Refused)],
    );
    assert!(
        broken(&after(), &users).contains(&"claims accepted = min(quantity, claims)".to_owned())
    );
}

#[test]
fn an_unknown_order_may_or_may_not_have_happened() {
    let mut users = users();
    let entry = users[0].book.enter(order(2_000, false));
    users[0].book.settle(&entry, Fate::Unknown);
    assert_eq!(
        broken(&after(), &users),
        Vec::<String>::new(),
        "it didn't happen"
    );
    let mut happened = after();
    happened.orders.count += 1;
    happened.orders.gross = Some(6_000);
    happened.orders.paid += 2_000;
    happened.balances.held -= 2_000;
    happened.products[0].stock -= 1;
    happened.products[0].sold += 1;
    happened.products[0].ranking_score += 1;
    users[0].balance -= 2_000;
    assert_eq!(
        broken(&happened, &users),
        Vec::<String>::new(),
        "it happened"
    );
    users[0].balance -= 1_000;
    assert_eq!(
        broken(&happened, &users),
        ["users with the predicted balance"],
        "half of it can't have happened"
    );
}

#[test]
fn planned_iterations_are_expected_of_buyers() {
    let (before, after) = (ledger(), after());
    let mut users = users();
    let rule = |users: &[UserFacts]| {
        let facts = Facts {
            before: &before,
            after: &after,
            users,
            planned_iterations: Some(3),
        };
        invariants(&facts)
            .into_iter()
            .find(|row| row.name == "orders = planned iterations")
    };
    assert_eq!(
        rule(&users),
        None,
        "persona C makes iterations without orders"
    );
    users.pop();
    let row = rule(&users).expect("only buyers are left");
    assert_eq!(
        (row.expected, row.actual, row.ok),
        (Amount::Exactly(3), 2, false)
    );
}

/// Persona D after one race of each kind, and what the server's books say of the orders.
fn racer(money: [Fate; 2]) -> UserFacts {
    use Fate::{Done, Refused};
    let charge = |amount| Operation::Charge { amount };
    let mut user = user(4, 3, vec![]);
    let mut race = |race, both, fates| {
        user.book.enter_race(race, both);
        user.book.settle_race(fates);
    };
    race(Race::Charges, [charge(1_000), charge(2_000)], [Done, Done]);
    race(
        Race::Coupon,
        [order(0, true), order(0, true)],
        [Refused, Done],
    );
    race(
        Race::Money,
        [order(2_000, false), order(2_500, false)],
        money,
    );
    user.balance = user.book.balance;
    user
}

fn race_rows(money: [Fate; 2], balance: Option<i64>) -> (Vec<Invariant>, Vec<String>) {
    let mut user = racer(money);
    user.balance = balance.unwrap_or(user.balance);
    let (before, after) = (ledger(), ledger());
    let users = [user];
    let facts = Facts {
        before: &before,
        after: &after,
        users: &users,
        planned_iterations: Some(3),
    };
    let rows = invariants(&facts);
    let wrong = rows.iter().filter(|row| !row.ok);
    let wrong = wrong.map(|row| row.name.clone()).collect();
    let races = rows.into_iter().filter(|row| row.name.ends_with("(pairs)"));
    (races.collect(), wrong)
}

#[test]
fn an_unfinished_iteration_need_not_have_ordered() {
    let mut users = [racer([Fate::Done, Fate::Refused])];
    users[0].buyer = Buyer::of_name("impulse_buyer");
    let expected = |users: &[UserFacts]| planned_orders(Some(3), users);
    assert_eq!(expected(&users), Some(Amount::between(3, 3)));
    users[0].book.unfinished = 1;
    assert_eq!(expected(&users), Some(Amount::between(2, 3)));
    users[0].book.unfinished = 9;
    assert_eq!(expected(&users), Some(Amount::between(0, 3)));
}

#[test]
fn races_have_rules_of_their_own() {
    use Fate::{Done, Refused, Unknown};
    let told = |money| -> Vec<(String, i64, bool)> {
        let (rows, _) = race_rows(money, None);
        let told = |row: Invariant| (row.name, row.actual, row.ok);
        rows.into_iter().map(told).collect()
    };
    let rows = |kept| {
        vec![
            (Race::Coupon.rule().to_owned(), 1, true),
            (Race::Money.rule().to_owned(), i64::from(kept), kept),
            (Race::Charges.rule().to_owned(), 1, true),
        ]
    };
    assert_eq!(told([Done, Refused]), rows(true));
    assert_eq!(told([Unknown, Unknown]), rows(true));
    assert_eq!(told([Done, Done]), rows(false));
    assert_eq!(told([Refused, Refused]), rows(false));
    let (_, wrong) = race_rows([Done, Refused], None);
    let planned = "orders = planned iterations".to_owned();
    assert!(
        !wrong.contains(&planned),
        "not each of D's iterations orders"
    );
}

#[test]
fn of_two_orders_without_answers_one_may_have_happened() {
    use Fate::Unknown;
    let rule = "users with the predicted balance".to_owned();
    for (balance, possible) in [
        (3_000, true),
        (1_000, true),
        (500, true),
        (-1_500, false),
        (2_000, false),
    ] {
        let (_, wrong) = race_rows([Unknown, Unknown], Some(balance));
        assert_eq!(!wrong.contains(&rule), possible, "{balance}");
    }
}
