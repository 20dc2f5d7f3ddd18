//! The rules that hold where a server shows no ledger: each is judged from what anybody can read,
//! and named after it. Pure.

use std::collections::BTreeMap;

use harness::{Amount, Invariant, Request};

use super::invariants::{UserFacts, left_over, planned_orders, wrong_balances};
use super::races::races;
use super::totals::Totals;
use crate::api::Api;
use crate::shop::{ABOUT_COUPONS, ABOUT_MONEY, ABOUT_ORDERS, ABOUT_RACES, Books, Shelves, World};

/// Everything that these rules look at.
pub struct PublicFacts<'a> {
    /// Where things are read.
    pub api: &'a Api,
    /// The products before the load.
    pub before: &'a Shelves,
    /// And after it.
    pub after: &'a Shelves,
    /// Every user who did anything.
    pub users: &'a [UserFacts],
    /// How many iterations the schedule asked for, where that is fixed and none was cut.
    pub planned_iterations: Option<u64>,
}

/// What only a ledger shows.
const OF_A_LEDGER: [&str; 6] = [
    "orders by the server's own count",
    "coupons used once",
    "charges and payments in all",
    "claims left in a queue",
    "coupons issued by policy",
    "orders of users who may not order",
];

/// Judges every rule.
#[must_use]
pub fn public(facts: &PublicFacts<'_>) -> Vec<Invariant> {
    let totals = Totals::of(facts.users.iter().map(|user| &user.book));
    let groups = [
        (money(facts), ABOUT_MONEY),
        (products(facts, &totals), ABOUT_ORDERS),
        (coupons(facts), ABOUT_COUPONS),
        (orders(facts).into_iter().collect(), ABOUT_ORDERS),
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

/// What can't be judged, in words; nothing with a ledger.
#[must_use]
pub fn unjudged(world: &World) -> Option<String> {
    let Some(Books::Public { shelves, no_ledger }) = &world.before else {
        return None;
    };
    let mut rules = OF_A_LEDGER.to_vec();
    if !world.is_new {
        rules.push("claims refused while coupons are left");
    }
    if shelves.stock.is_none() {
        rules.push("stock taken");
    }
    if shelves.sold.is_none() {
        rules.push("quantities sold");
    }
    Some(format!(
        "there is no ledger ({no_ledger}), so these could not be judged: {}",
        rules.join(", ")
    ))
}

fn money(facts: &PublicFacts<'_>) -> Vec<Invariant> {
    let from = format!(" (from {})", facts.api.balance.source());
    let all = facts.users.len() as i64;
    let wrong = wrong_balances(facts.users);
    let right = all - wrong.len() as i64;
    let rule = format!("users with the predicted balance{from}");
    let mut rows = vec![Invariant::new(&rule, Amount::Exactly(all), right).with_cases(&wrong)];
    rows.extend(discounted(facts.users, &from));
    rows.extend(left_over(facts.users, &from));
    rows
}

/// Who used a coupon must have paid less. Who lacks exactly the discounts paid the full price.
fn discounted(users: &[UserFacts], from: &str) -> Option<Invariant> {
    let with_discount = || {
        let certain = users.iter().filter(|user| user.book.is_certain());
        certain.filter(|user| user.receipts.discounts > 0)
    };
    let all = with_discount().count() as i64;
    if all == 0 {
        return None;
    }
    let full_price: Vec<String> = with_discount()
        .filter(|user| user.balance == user.book.balance - user.receipts.discounts)
        .map(|user| {
            format!(
                "u{}: the full price was taken, {} won too much, in spite of a coupon",
                user.number, user.receipts.discounts
            )
        })
        .collect();
    let rule = format!("users who paid less for a coupon{from}");
    let right = all - full_price.len() as i64;
    Some(Invariant::new(&rule, Amount::Exactly(all), right).with_cases(&full_price))
}

fn products(facts: &PublicFacts<'_>, totals: &Totals) -> Vec<Invariant> {
    let mut rows = Vec::new();
    let source = format!("GET {}", facts.api.products.text());
    if let (Some(before), Some(after)) = (&facts.before.stock, &facts.after.stock) {
        let taken = difference(after, before);
        let rule = format!("stock taken = items ordered (from {source})");
        rows.push(per_product(&rule, totals, &taken));
        let smallest = after.values().copied().min().unwrap_or(0);
        let least = Amount::AtLeast { at_least: 0 };
        let rule = format!("smallest stock (from {source})");
        rows.push(Invariant::new(&rule, least, smallest));
    }
    if let (Some(before), Some(after)) = (&facts.before.sold, &facts.after.sold) {
        let sold = difference(before, after);
        let source = facts.api.top.source();
        let rule = format!("sold in the top list = items ordered (from {source})");
        rows.push(per_product(&rule, totals, &sold));
    }
    rows
}

/// `to` − `from` of what both have: a product that left a list can't be judged.
fn difference(from: &BTreeMap<i64, i64>, to: &BTreeMap<i64, i64>) -> BTreeMap<i64, i64> {
    let both = to
        .iter()
        .filter_map(|(id, to)| Some((*id, to - from.get(id)?)));
    both.collect()
}

/// Of each of these products exactly what was ordered must have gone.
fn per_product(rule: &str, totals: &Totals, gone: &BTreeMap<i64, i64>) -> Invariant {
    let items = |sums: &BTreeMap<i64, i64>, id: &i64| sums.get(id).copied().unwrap_or(0);
    let ordered = |id: &i64| {
        let done = items(&totals.done.items, id);
        (done, done + items(&totals.unknown.items, id))
    };
    let wrong: Vec<String> = gone
        .iter()
        .filter_map(|(id, gone)| {
            let (least, most) = ordered(id);
            let amount = Amount::between(least, most);
            (!amount.takes(*gone)).then(|| format!("product {id}: {gone} for {amount} ordered"))
        })
        .collect();
    let (least, most) = gone
        .keys()
        .map(ordered)
        .fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1));
    let all = gone.values().sum();
    Invariant::new(rule, Amount::between(least, most), all).with_cases(&wrong)
}

/// How many coupons a user's list may have.
pub(super) fn predicted_coupons(user: &UserFacts, lists_used: bool) -> Amount {
    let claims = user.book.claims.values();
    let (accepted, unknown) = claims.fold((0, 0), |sum, claims| {
        (sum.0 + claims.accepted, sum.1 + claims.unknown)
    });
    if lists_used {
        return Amount::between(accepted, accepted + unknown);
    }
    let unknown_orders = user.book.unknown.iter();
    let may_be_used = unknown_orders.filter(|operation| operation.may_use_coupon());
    let left = accepted - user.book.with_coupon;
    Amount::between(left - may_be_used.count() as i64, left + unknown)
}

fn coupons(facts: &PublicFacts<'_>) -> Vec<Invariant> {
    let is_wrong =
        |user: &&UserFacts| !predicted_coupons(user, facts.api.lists_used).takes(user.coupons);
    let told = |user: &UserFacts| {
        let predicted = predicted_coupons(user, facts.api.lists_used);
        format!(
            "u{}: {} listed, {predicted} predicted",
            user.number, user.coupons
        )
    };
    let wrong: Vec<String> = facts.users.iter().filter(is_wrong).map(told).collect();
    let all = facts.users.len() as i64;
    let source = facts.api.coupons.source();
    let rule = format!("users with the predicted coupons (from {source})");
    let right = all - wrong.len() as i64;
    vec![Invariant::new(&rule, Amount::Exactly(all), right).with_cases(&wrong)]
}

fn orders(facts: &PublicFacts<'_>) -> Option<Invariant> {
    let planned = planned_orders(facts.planned_iterations, facts.users)?;
    let acknowledged = facts.users.iter().map(|user| user.book.orders).sum();
    let source = facts.api.orders.source();
    let rule = format!("orders = planned iterations (from {source})");
    Some(Invariant::new(&rule, planned, acknowledged))
}

#[cfg(test)]
#[path = "public_tests.rs"]
mod tests;
