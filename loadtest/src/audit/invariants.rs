//! The business rules, each judged from the harness's books and the server's. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::totals::Totals;
use crate::book::{Book, Operation};
use crate::personas::Persona;
use crate::shop::{Ledger, LedgerProduct};

/// Everything the rules look at.
#[derive(Debug)]
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
#[derive(Debug)]
pub struct UserFacts {
    /// Number of the virtual user.
    pub number: u32,
    /// Its persona.
    pub persona: &'static Persona,
    /// What it did.
    pub book: Book,
    /// Its balance by the server, in won.
    pub balance: i64,
    /// Its orders by the server; asked only where there must be none.
    pub orders: i64,
}

/// What a rule expects, or what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    /// Exactly so much.
    Exactly(i64),
    /// Anything between: some outcomes are unknown.
    Between {
        /// The least.
        from: i64,
        /// The most.
        to: i64,
    },
    /// So much or less.
    AtMost {
        /// The most.
        at_most: i64,
    },
    /// So much or more.
    AtLeast {
        /// The least.
        at_least: i64,
    },
}

impl Amount {
    fn between(from: i64, to: i64) -> Self {
        if from == to {
            Self::Exactly(from)
        } else {
            Self::Between { from, to }
        }
    }

    fn takes(self, actual: i64) -> bool {
        match self {
            Self::Exactly(amount) => actual == amount,
            Self::Between { from, to } => (from..=to).contains(&actual),
            Self::AtMost { at_most } => actual <= at_most,
            Self::AtLeast { at_least } => actual >= at_least,
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(amount) => write!(f, "{amount}"),
            Self::Between { from, to } => write!(f, "{from} to {to}"),
            Self::AtMost { at_most } => write!(f, "≤ {at_most}"),
            Self::AtLeast { at_least } => write!(f, "≥ {at_least}"),
        }
    }
}

/// A rule and how it came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invariant {
    /// The rule.
    pub name: String,
    /// What it expects.
    pub expected: Amount,
    /// What was found.
    pub actual: i64,
    /// Whether it holds.
    pub ok: bool,
    /// Where it doesn't hold, by example.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (expected {}, was {})",
            self.name, self.expected, self.actual
        )?;
        self.detail
            .as_ref()
            .map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

impl Invariant {
    fn new(name: &str, expected: Amount, actual: i64) -> Self {
        Self {
            name: name.to_owned(),
            expected,
            actual,
            ok: expected.takes(actual),
            detail: None,
        }
    }

    /// Broken as well if any of these single cases is.
    fn with_cases(mut self, broken: &[String]) -> Self {
        if !broken.is_empty() {
            const SHOWN: usize = 3;
            let more = broken.len().saturating_sub(SHOWN);
            let more = if more > 0 {
                format!("; and {more} more")
            } else {
                String::new()
            };
            self.ok = false;
            self.detail = Some(
                broken
                    .iter()
                    .take(SHOWN)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join("; ")
                    + &more,
            );
        }
        self
    }
}

/// Judges every rule.
#[must_use]
pub fn invariants(facts: &Facts<'_>) -> Vec<Invariant> {
    let totals = Totals::of(facts.users.iter().map(|user| &user.book));
    let mut rows = orders(facts, &totals);
    rows.extend(coupons(facts, &totals));
    rows.extend(money(facts, &totals));
    rows.extend(products(facts, &totals));
    rows.extend(personas(facts));
    rows
}

fn orders(facts: &Facts<'_>, totals: &Totals) -> Vec<Invariant> {
    let (done, unknown) = (&totals.done, &totals.unknown);
    let (before, after) = (&facts.before.orders, &facts.after.orders);
    let count = after.count - before.count;
    let with_coupon = after.with_coupon - before.with_coupon;
    let without = done.orders - done.with_coupon;
    let unknown_without = unknown.orders - unknown.with_coupon;
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
            Amount::between(without, without + unknown_without),
            count - with_coupon,
        ),
    ];
    let all_buy = facts
        .users
        .iter()
        .all(|user| !user.persona.forbidden_to_order);
    if let Some(planned) = facts.planned_iterations.filter(|_| all_buy) {
        let planned = i64::try_from(planned).unwrap_or(i64::MAX);
        rows.push(Invariant::new(
            "orders = planned iterations",
            Amount::Exactly(planned),
            count,
        ));
    }
    rows
}

fn coupons(facts: &Facts<'_>, totals: &Totals) -> Vec<Invariant> {
    let (before, after) = (&facts.before.coupons, &facts.after.coupons);
    let quantity_of = |policy: i64| {
        after
            .policies
            .iter()
            .find(|row| row.policy_id == policy)
            .map_or(0, |row| row.quantity)
    };
    let claims = totals.claims.iter();
    let accepted: i64 = claims.clone().map(|(_, claims)| claims.accepted).sum();
    let unknown: i64 = claims.clone().map(|(_, claims)| claims.unknown).sum();
    // A claim is refused only when its policy's coupons are gone.
    let due: i64 = claims
        .map(|(policy, claims)| {
            let made = claims.accepted + claims.refused + claims.unknown;
            made.min(quantity_of(*policy))
        })
        .sum();
    let over: Vec<String> = after
        .policies
        .iter()
        .filter(|row| row.issued > row.quantity)
        .map(|row| {
            format!(
                "policy {}: {} issued of {}",
                row.policy_id, row.issued, row.quantity
            )
        })
        .collect();
    let issued = after.issued - before.issued;
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
        .with_cases(&over),
        Invariant::new(
            "coupons issued = accepted claims",
            Amount::between(accepted, accepted + unknown),
            issued,
        ),
        Invariant::new("claims left in the queue", Amount::Exactly(0), after.queued),
        Invariant::new(
            "coupons used = orders with a coupon, none twice",
            Amount::Exactly(facts.after.orders.with_coupon),
            after.used,
        ),
    ]
}

fn money(facts: &Facts<'_>, totals: &Totals) -> Vec<Invariant> {
    let (done, unknown) = (&totals.done, &totals.unknown);
    let (before, after) = (facts.before, facts.after);
    let wrong: Vec<String> = facts
        .users
        .iter()
        .filter(|user| !possible_balances(&user.book).takes(user.balance))
        .map(|user| {
            format!(
                "u{}: expected {}, actual {}",
                user.number, user.book.balance, user.balance
            )
        })
        .collect();
    let users = facts.users.len() as i64;
    vec![
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
    ]
}

/// Balances that a user may have, given what of its book is unknown.
enum Balances {
    OneOf(Vec<i64>),
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
    let effects = book.unknown.iter().map(|operation| match operation {
        Operation::Charge { amount } => *amount,
        Operation::Order { paid, .. } => -paid,
        Operation::Claim { .. } => 0,
    });
    if book.unknown.len() > MOST_EXACT {
        let (least, most) = effects.fold((0, 0), |(least, most), effect| {
            (least + effect.min(0), most + effect.max(0))
        });
        return Balances::Between(book.balance + least, book.balance + most);
    }
    let possible = effects.fold(vec![book.balance], |possible, effect| {
        possible
            .iter()
            .flat_map(|balance| [*balance, balance + effect])
            .collect()
    });
    Balances::OneOf(possible)
}

fn products(facts: &Facts<'_>, totals: &Totals) -> Vec<Invariant> {
    let products = &facts.after.products;
    let items =
        |sums: &super::totals::Sums, product: i64| sums.items.get(&product).copied().unwrap_or(0);
    let sold_before = |product: i64| {
        facts
            .before
            .products
            .iter()
            .find(|row| row.product_id == product)
            .map_or(0, |row| row.sold)
    };
    let moved = |row: &LedgerProduct| row.initial_stock - row.stock;
    let wrong_stock: Vec<String> = products
        .iter()
        .filter(|row| {
            let done = items(&totals.done, row.product_id) + sold_before(row.product_id);
            let ordered = Amount::between(done, done + items(&totals.unknown, row.product_id));
            !ordered.takes(row.sold) || moved(row) != row.sold
        })
        .map(|row| {
            format!(
                "product {}: {} off the stock, {} sold",
                row.product_id,
                moved(row),
                row.sold
            )
        })
        .collect();
    let wrong_rank: Vec<String> = products
        .iter()
        .filter(|row| row.ranking_score != row.ranking_base + row.sold)
        .map(|row| {
            format!(
                "product {}: score {} for {} + {} sold",
                row.product_id, row.ranking_score, row.ranking_base, row.sold
            )
        })
        .collect();
    let sum = |value: fn(&LedgerProduct) -> i64| products.iter().map(value).sum::<i64>();
    let before: i64 = facts.before.products.iter().map(|row| row.sold).sum();
    let done: i64 = totals.done.items.values().sum::<i64>() + before;
    let unknown: i64 = totals.unknown.items.values().sum();
    vec![
        Invariant::new(
            "stock sold = items ordered",
            Amount::between(done, done + unknown),
            products.iter().map(moved).sum(),
        )
        .with_cases(&wrong_stock),
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
        .with_cases(&wrong_rank),
    ]
}

fn personas(facts: &Facts<'_>) -> Vec<Invariant> {
    let users = |is: fn(&Persona) -> bool| facts.users.iter().filter(move |user| is(user.persona));
    let mut rows = Vec::new();
    if users(|persona| persona.spends_everything).next().is_some() {
        // Who was stopped half-way may have charged and not yet spent.
        let finished = users(|persona| persona.spends_everything)
            .filter(|user| user.book.is_certain() && user.book.unfinished == 0);
        let wrong: Vec<String> = finished
            .clone()
            .filter(|user| user.balance != 0)
            .map(|user| format!("u{}: {} won left", user.number, user.balance))
            .collect();
        let all = finished.count() as i64;
        rows.push(
            Invariant::new(
                "users of persona B with balance 0",
                Amount::Exactly(all),
                all - wrong.len() as i64,
            )
            .with_cases(&wrong),
        );
    }
    if users(|persona| persona.forbidden_to_order).next().is_some() {
        let guilty: Vec<String> = users(|persona| persona.forbidden_to_order)
            .filter(|user| user.orders != 0)
            .map(|user| format!("u{}: {} orders", user.number, user.orders))
            .collect();
        let orders = users(|persona| persona.forbidden_to_order)
            .map(|user| user.orders)
            .sum();
        rows.push(
            Invariant::new("orders of persona C", Amount::Exactly(0), orders).with_cases(&guilty),
        );
    }
    rows
}

#[cfg(test)]
#[path = "invariants_tests.rs"]
mod tests;
