//! Between the program and the server: notes what was asked for and what was acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::Method;
use parking_lot::Mutex;
use serde_json::Value;

use crate::proxy::Call;

/// No balance is above it.
const MOST: i64 = 1_000_000_000_000;

/// Won that a user's charges came to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Charged {
    pub(super) acknowledged: i64,
    /// Asked for without an answer that says what became of it.
    pub(super) unanswered: i64,
}

/// What was seen since the last reset.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// What was paid, by the order's id.
    pub(super) orders: BTreeMap<i64, i64>,
    pub(super) unanswered_orders: u64,
    /// Ids of claims.
    pub(super) claims: Vec<String>,
    pub(super) unanswered_claims: u64,
    pub(super) charges: BTreeMap<i64, Charged>,
    pub(super) acknowledged_charges: u64,
    pub(super) unanswered_charges: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Witness(Arc<Mutex<Seen>>);

impl Witness {
    /// Notes a call with its answer; none if there was no answer or none that can be trusted.
    pub(super) fn note(&self, call: &Call, answer: Option<(u16, &[u8])>) {
        if call.method != Method::POST {
            return;
        }
        let path = call.path.split('?').next().unwrap_or_default();
        let mut seen = self.0.lock();
        // An answer of 5xx leaves open whether it happened.
        let answer = answer.filter(|(status, _)| *status < 500);
        match path.split('/').collect::<Vec<_>>()[..] {
            ["", "init"] => *seen = Seen::default(),
            ["", "orders"] => seen.order(answer),
            ["", "coupons"] => seen.claim(answer),
            ["", "users", user, "balance"] => {
                // Hostile amounts are refused, answered or not.
                let amount = json(&call.body)["amount"].as_i64();
                let amount = amount.filter(|amount| (1..=MOST).contains(amount));
                if let (Ok(user), Some(amount)) = (user.parse(), amount) {
                    seen.charge(user, amount, answer);
                }
            }
            _ => {}
        }
    }

    /// Operations that were acknowledged, and those whose outcome nobody knows.
    pub(super) fn counts(&self) -> (u64, u64) {
        let seen = self.0.lock();
        let acknowledged = seen.orders.len() + seen.claims.len();
        (
            acknowledged as u64 + seen.acknowledged_charges,
            seen.unanswered_orders + seen.unanswered_claims + seen.unanswered_charges,
        )
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.0.lock())
    }
}

impl Seen {
    fn order(&mut self, answer: Option<(u16, &[u8])>) {
        match answer {
            None => self.unanswered_orders += 1,
            Some((201, body)) => {
                let body = json(body);
                let number = |key: &str| body[key].as_i64().expect("a number");
                self.orders.insert(number("orderId"), number("totalAmount"));
            }
            Some(_) => {}
        }
    }

    fn claim(&mut self, answer: Option<(u16, &[u8])>) {
        match answer {
            None => self.unanswered_claims += 1,
            Some((201, body)) => {
                let id = json(body)["claimId"].as_str().map(str::to_owned);
                self.claims.push(id.expect("a claim's id"));
            }
            Some(_) => {}
        }
    }

    fn charge(&mut self, user: i64, amount: i64, answer: Option<(u16, &[u8])>) {
        let charged = self.charges.entry(user).or_default();
        match answer {
            None => {
                charged.unanswered += amount;
                self.unanswered_charges += 1;
            }
            Some((201, _)) => {
                charged.acknowledged += amount;
                self.acknowledged_charges += 1;
            }
            Some(_) => {}
        }
    }
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}
