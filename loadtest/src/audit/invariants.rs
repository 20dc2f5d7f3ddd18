//! The business rules, each judged from the harness's books and the server's. Pure.

use std::collections::BTreeSet;

use harness::{Amount, Invariant, Request};

use super::races::races;
use super::totals::{Sums, Totals};
use crate::book::Book;
use crate::personas::Buyer;
use crate::shop::{
    ABOUT_COUPONS, ABOUT_MONEY, ABOUT_ORDERS, ABOUT_RACES, Ledger, LedgerPolicy, LedgerProduct,
    Receipts,
};

/// Everything the rules look at.
pub struct Facts<'a> {
    /// The server's books before the load.
    pub before: &'a Ledger,
    /// And after it.
    pub after: &'a Ledger,
    /// Every user who did anything.
    pub users: &'a [UserFacts],
    /// How many iterations the schedule asked for, where that is fixed and none was cut.
    pub planned_iterations: Option<u64>,
}

/// One user: the harness's book, and what the server says.
pub struct UserFacts {
    /// Number of the virtual user.
    pub number: u32,
    /// What it is held to.
    pub buyer: &'static Buyer,
    /// What it did.
    pub book: Book,
    /// Its balance by the server, in won.
    pub balance: i64,
    /// Its orders by the server's ledger; asked only where there must be none.
    pub orders: i64,
    /// What its orders were answered.
    pub receipts: Receipts,
    /// Coupons that the server lists for it; asked only where there is no ledger.
    pub coupons: i64,
}

impl UserFacts {
    /// Its number and book.
    pub(super) const fn numbered(&self) -> (u32, &Book) {
        (self.number, &self.book)
    }
}

/// Judges every rule.
#[must_use]
pub fn invariants(facts: &Facts<'_>) -> Vec<Invariant> {
    let totals = Totals::of(facts.users.iter().map(|user| &user.book));
    let groups = [
        (orders(facts, &totals), ABOUT_ORDERS),
        (coupons(facts, &totals), ABOUT_COUPONS),
        (money(facts, &totals), ABOUT_MONEY),
        (products(facts, &totals), ABOUT_ORDERS),
        (personas(facts), ABOUT_MONEY),
        (
            races(facts.users.iter().map(UserFacts::numbered)),
            ABOUT_RACES,
        ),
    ];
    let about = |(rows, requests): (Vec<Invariant>, &'static [&'static Request])| {
        rows.into_iter().map(|row| row.about(requests))
    };
    groups.into_iter().flat_map(about).collect()
}

fn orders(facts: &Facts<'_>, totals: &Totals) -> Vec<Invariant> {
    let (done, unknown) = (&totals.done, &totals.unknown);
    let (before, after) = (&facts.before.orders, &facts.after.orders);
    let count = after.count - before.count;
    let with_coupon = after.with_coupon - before.with_coupon;
    let without = done.without_coupon;
    let mut rows = vec![
        Invariant::new(
            "orders = acknowledged",
            Amount::between(done.orders, done.orders + unknown.orders),
            count,
        ),
        Invariant::new(
            "orders with a coupon = acknowledged",
            Amount::between(done.with_coupon, done.with_coupon + unknown.with_coupon),
            with_coupon,
        ),
        Invariant::new(
            "orders without a coupon = acknowledged",
            Amount::between(without, without + unknown.without_coupon),
            count - with_coupon,
        ),
    ];
    if let Some(planned) = planned_orders(facts.planned_iterations, facts.users) {
        rows.push(Invariant::new(
            "orders = planned iterations",
            planned,
            count,
        ));
    }
    rows
}

/// The orders of so many iterations, if each of these users orders in each: one that ended early
/// may have come to its order or not.
pub(super) fn planned_orders(iterations: Option<u64>, users: &[UserFacts]) -> Option<Amount> {
    let all_buy = users.iter().all(|user| user.buyer.orders_each_time);
    let planned = i64::try_from(iterations.filter(|_| all_buy)?).unwrap_or(i64::MAX);
    let unfinished = users.iter().map(|user| user.book.unfinished).sum::<u64>();
    let least = planned.saturating_sub_unsigned(unfinished).max(0);
    Some(Amount::between(least, planned))
}

fn coupons(facts: &Facts<'_>, totals: &Totals) -> Vec<Invariant> {
    let (before, after) = (&facts.before.coupons, &facts.after.coupons);
    let claims = totals.claims.iter();
    let accepted: i64 = claims.clone().map(|(_, claims)| claims.accepted).sum();
    let unknown: i64 = claims.clone().map(|(_, claims)| claims.unknown).sum();
    // A claim is refused only when its policy's coupons are gone.
    let due: i64 = claims
        .map(|(policy, claims)| {
            let made = claims.accepted + claims.refused + claims.unknown;
            made.min(claimable(facts, *policy))
        })
        .sum();
    let issued = after.issued - before.issued;
    let of_policies = |count: fn(&LedgerPolicy) -> i64| after.policies.iter().map(count).sum();
    vec![
        Invariant::new(
            "claims accepted = min(quantity, claims)",
            Amount::between((due - unknown).max(0), due),
            accepted,
        ),
        Invariant::new(
            "coupons issued ≤ quantity",
            Amount::AtMost {
                at_most: after.quantity,
            },
            after.issued,
        )
        .with_cases(&beyond_quantity(&after.policies)),
        Invariant::new(
            "coupons issued = accepted claims",
            Amount::between(accepted, accepted + unknown),
            issued,
        ),
        policies(facts, totals),
        Invariant::new(
            "coupons issued = those of all policies",
            Amount::Exactly(of_policies(|row| row.issued)),
            after.issued,
        ),
        Invariant::new(
            "coupons there are = those of all policies",
            Amount::Exactly(of_policies(|row| row.quantity)),
            after.quantity,
        ),
        Invariant::new("claims left in the queue", Amount::Exactly(0), after.queued),
        Invariant::new(
            "coupons used = orders with a coupon, none twice",
            Amount::Exactly(facts.after.orders.with_coupon),
            after.used,
        ),
    ]
}

/// Coupons of a policy that could be claimed: without those issued before the load.
fn claimable(facts: &Facts<'_>, policy: i64) -> i64 {
    let find = |policies: &[LedgerPolicy]| {
        let mut rows = policies.iter();
        let row = rows.find(|row| row.policy_id == policy);
        row.map_or((0, 0), |row| (row.quantity, row.issued))
    };
    let (_, issued_before) = find(&facts.before.coupons.policies);
    let (quantity, _) = find(&facts.after.coupons.policies);
    (quantity - issued_before).max(0)
}

/// Each policy issued what was claimed of it.
fn policies(facts: &Facts<'_>, totals: &Totals) -> Invariant {
    let before = &facts.before.coupons.policies;
    let after = &facts.after.coupons.policies;
    let wrong: Vec<String> = after
        .iter()
        .filter_map(|row| {
            let mut known = before.iter();
            let known = known.find(|known| known.policy_id == row.policy_id);
            let issued = row.issued - known.map_or(0, |known| known.issued);
            let claims = totals.claims.get(&row.policy_id);
            let (accepted, unknown) =
                claims.map_or((0, 0), |claims| (claims.accepted, claims.unknown));
            let due = Amount::between(accepted, accepted + unknown);
            let id = row.policy_id;
            (!due.takes(issued)).then(|| format!("policy {id}: {issued} issued for {due} claims"))
        })
        .collect();
    let all = after.len() as i64;
    let right = all - wrong.len() as i64;
    let rule = "policies that issued as many coupons as were accepted";
    Invariant::new(rule, Amount::Exactly(all), right).with_cases(&wrong)
}

fn beyond_quantity(policies: &[LedgerPolicy]) -> Vec<String> {
    let over = policies.iter().filter(|row| row.issued > row.quantity);
    let told = |row: &LedgerPolicy| {
        format!(
            "policy {}: {} issued of {}",
            row.policy_id, row.issued, row.quantity
        )
    };
    over.map(told).collect()
}

fn money(facts: &Facts<'_>, totals: &Totals) -> Vec<Invariant> {
    let (done, unknown) = (&totals.done, &totals.unknown);
    let (before, after) = (facts.before, facts.after);
    let wrong = wrong_balances(facts.users);
    let users = facts.users.len() as i64;
    let net = after.orders.gross.zip(after.orders.discount);
    let net = net.map(|(gross, discount)| {
        let expected = Amount::Exactly(gross - discount);
        Invariant::new("paid = gross − discount (won)", expected, after.orders.paid)
    });
    let mut rows = vec![
        Invariant::new(
            "charges = acknowledged (won)",
            Amount::between(done.charged, done.charged + unknown.charged),
            after.balances.charged - before.balances.charged,
        ),
        Invariant::new(
            "paid = acknowledged (won)",
            Amount::between(done.paid, done.paid + unknown.paid),
            after.orders.paid - before.orders.paid,
        ),
        Invariant::new(
            "Σ balances = Σ charges − Σ paid (won)",
            Amount::Exactly(after.balances.charged - after.orders.paid),
            after.balances.held,
        ),
        Invariant::new(
            "users with the predicted balance",
            Amount::Exactly(users),
            users - wrong.len() as i64,
        )
        .with_cases(&wrong),
    ];
    rows.extend(net);
    rows
}

/// Users whose balance can't be what the server says.
pub(super) fn wrong_balances(users: &[UserFacts]) -> Vec<String> {
    let is_wrong = |user: &&UserFacts| !possible_balances(&user.book).takes(user.balance);
    let told = |user: &UserFacts| {
        format!(
            "u{}: expected {}, actual {}",
            user.number, user.book.balance, user.balance
        )
    };
    users.iter().filter(is_wrong).map(told).collect()
}

/// Balances that a user may have, given what of its book is unknown.
enum Balances {
    OneOf(BTreeSet<i64>),
    Between(i64, i64),
}

impl Balances {
    fn takes(&self, balance: i64) -> bool {
        match self {
            Self::OneOf(possible) => possible.contains(&balance),
            Self::Between(from, to) => (*from..=*to).contains(&balance),
        }
    }
}

/// More unknown operations than this make the exact set larger than its use.
const MOST_EXACT: usize = 10;

fn possible_balances(book: &Book) -> Balances {
    if book.unknown.len() > MOST_EXACT {
        let (least, most) = book.range();
        return Balances::Between(least, most);
    }
    let none = BTreeSet::from([book.balance]);
    let possible = book.unknown.iter().fold(none, |before, operation| {
        let mut after = before.clone();
        for effect in operation.effects() {
            after.extend(before.iter().map(|balance| balance + effect));
        }
        after
    });
    Balances::OneOf(possible)
}

fn products(facts: &Facts<'_>, totals: &Totals) -> Vec<Invariant> {
    let products = &facts.after.products;
    let sum = |value: fn(&LedgerProduct) -> i64| products.iter().map(value).sum::<i64>();
    let before: i64 = facts.before.products.iter().map(|row| row.sold).sum();
    let done: i64 = totals.done.pieces + before;
    let unknown = totals.unknown.pieces;
    vec![
        Invariant::new(
            "stock sold = items ordered",
            Amount::between(done, done + unknown),
            sum(off_the_stock),
        )
        .with_cases(&wrong_stock(facts, totals)),
        Invariant::new(
            "smallest stock",
            Amount::AtLeast { at_least: 0 },
            products.iter().map(|row| row.stock).min().unwrap_or(0),
        ),
        Invariant::new(
            "ranking = base + sold",
            Amount::Exactly(sum(|row| row.ranking_base) + sum(|row| row.sold)),
            sum(|row| row.ranking_score),
        )
        .with_cases(&wrong_rank(products)),
    ]
}

const fn off_the_stock(row: &LedgerProduct) -> i64 {
    row.initial_stock - row.stock
}

/// Products whose stock or sold quantity isn't what was ordered.
fn wrong_stock(facts: &Facts<'_>, totals: &Totals) -> Vec<String> {
    let items = |sums: &Sums, product: i64| sums.items.get(&product).copied().unwrap_or(0);
    let sold_before = |product: i64| {
        let mut before = facts.before.products.iter();
        before
            .find(|row| row.product_id == product)
            .map_or(0, |row| row.sold)
    };
    let is_wrong = |row: &&LedgerProduct| {
        let done = items(&totals.done, row.product_id) + sold_before(row.product_id);
        let ordered = Amount::between(done, done + items(&totals.unknown, row.product_id));
        !ordered.takes(row.sold) || off_the_stock(row) != row.sold
    };
    let told = |row: &LedgerProduct| {
        format!(
            "product {}: {} off the stock, {} sold",
            row.product_id,
            off_the_stock(row),
            row.sold
        )
    };
    facts
        .after
        .products
        .iter()
        .filter(is_wrong)
        .map(told)
        .collect()
}

fn wrong_rank(products: &[LedgerProduct]) -> Vec<String> {
    products
        .iter()
        .filter(|row| row.ranking_score != row.ranking_base + row.sold)
        .map(|row| {
            format!(
                "product {}: score {} for {} + {} sold",
                row.product_id, row.ranking_score, row.ranking_base, row.sold
            )
        })
        .collect()
}

fn personas(facts: &Facts<'_>) -> Vec<Invariant> {
    let mut rows: Vec<Invariant> = left_over(facts.users, "").into_iter().collect();
    let forbidden = || {
        facts
            .users
            .iter()
            .filter(|user| user.buyer.forbidden_to_order)
    };
    if forbidden().next().is_some() {
        let guilty: Vec<String> = forbidden()
            .filter(|user| user.orders != 0)
            .map(|user| format!("u{}: {} orders", user.number, user.orders))
            .collect();
        let orders = forbidden().map(|user| user.orders).sum();
        let rule = "orders of users who may not order";
        rows.push(Invariant::new(rule, Amount::Exactly(0), orders).with_cases(&guilty));
    }
    rows
}

/// The rule on users who spend everything, if there are any; `from` says where balances are read.
pub(super) fn left_over(users: &[UserFacts], from: &str) -> Option<Invariant> {
    let spenders = || users.iter().filter(|user| user.buyer.spends_everything);
    spenders().next()?;
    // Who was stopped half-way may have charged and not yet spent.
    let finished = || spenders().filter(|user| user.book.is_certain() && user.book.unfinished == 0);
    let wrong: Vec<String> = finished()
        .filter(|user| user.balance != 0)
        .map(|user| format!("u{}: {} won left", user.number, user.balance))
        .collect();
    let all = finished().count() as i64;
    let ended = all - wrong.len() as i64;
    let rule = format!("balance 0 of users who spend everything{from}");
    Some(Invariant::new(&rule, Amount::Exactly(all), ended).with_cases(&wrong))
}

#[cfg(test)]
#[path = "invariants_tests.rs"]
mod tests;
