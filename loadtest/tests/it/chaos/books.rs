//! The books of PostgreSQL, read by SQL of their own: not what `GET /ledger` says.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Connection, PgConnection};

use super::witness::Witness;

/// Sums that must agree within the database, each with what is wrong where it finds a row.
const CONTRADICTIONS: [(&str, &str); 6] = [
    (
        "a balance that is not what was charged less what was paid",
        "SELECT users.id FROM users
         LEFT JOIN (SELECT user_id, sum(amount) AS won FROM charges GROUP BY 1) AS charged
             ON charged.user_id = users.id
         LEFT JOIN (SELECT user_id, sum(gross - discount) AS won FROM orders GROUP BY 1) AS paid
             ON paid.user_id = users.id
         WHERE balance <> coalesce(charged.won, 0) - coalesce(paid.won, 0) OR balance < 0",
    ),
    (
        "a product whose stock is not what it began with less what was ordered",
        "SELECT products.id FROM products
         LEFT JOIN (
             SELECT product_id, sum(quantity) AS pieces
             FROM orders, unnest(product_ids, quantities) AS item (product_id, quantity) GROUP BY 1
         ) AS sold
             ON sold.product_id = products.id
         WHERE stock <> initial_stock - coalesce(sold.pieces, 0) OR stock < 0",
    ),
    (
        "an order whose items don't cost what it says",
        "SELECT orders.id FROM orders WHERE gross IS DISTINCT FROM (
             SELECT sum(quantity * price) FROM unnest(quantities, prices) AS item (quantity, price)
         )",
    ),
    (
        "a policy that has not as many coupons as it says, or more than it may",
        "SELECT coupon_policies.id FROM coupon_policies
         LEFT JOIN (SELECT policy_id, count(*) AS rows FROM coupons GROUP BY 1) AS issued
             ON issued.policy_id = coupon_policies.id
         WHERE issued <> coalesce(issued.rows, 0) OR issued > quantity",
    ),
    (
        "an order with a coupon that is not its own",
        "SELECT orders.id FROM orders LEFT JOIN coupons ON coupons.id = orders.coupon_id
         WHERE orders.coupon_id IS NOT NULL
             AND (coupons.order_id IS DISTINCT FROM orders.id OR coupons.user_id <> orders.user_id)",
    ),
    (
        "a used coupon without its order, or one that paid twice",
        "SELECT coupons.id FROM coupons LEFT JOIN orders ON orders.coupon_id = coupons.id
         WHERE coupons.order_id IS NOT NULL GROUP BY coupons.id HAVING count(orders.id) <> 1",
    ),
];

pub(super) struct Books {
    contradictions: Vec<String>,
    /// What was paid, by the order's id.
    orders: BTreeMap<i64, i64>,
    claims: BTreeSet<String>,
    /// Won, by user.
    charged: BTreeMap<i64, i64>,
}

impl Books {
    pub(super) async fn read(url: &str) -> Self {
        let mut database = PgConnection::connect(url)
            .await
            .expect("PostgreSQL is there");
        let mut contradictions = Vec::new();
        for (what, sql) in CONTRADICTIONS {
            let rows: Vec<i64> = sqlx::query_scalar(sql)
                .fetch_all(&mut database)
                .await
                .expect(what);
            contradictions.extend(rows.iter().map(|id| format!("{what}: {id}")));
        }
        let orders: Vec<(i64, i64)> = sqlx::query_as("SELECT id, gross - discount FROM orders")
            .fetch_all(&mut database)
            .await
            .expect("orders");
        let claims: Vec<String> = sqlx::query_scalar("SELECT claim_id::text FROM coupons")
            .fetch_all(&mut database)
            .await
            .expect("coupons");
        let charged = "SELECT user_id, sum(amount)::bigint FROM charges GROUP BY 1";
        let charged: Vec<(i64, i64)> = sqlx::query_as(charged)
            .fetch_all(&mut database)
            .await
            .expect("charges");
        Self {
            contradictions,
            orders: orders.into_iter().collect(),
            claims: claims.into_iter().collect(),
            charged: charged.into_iter().collect(),
        }
    }

    /// What is wrong with them, after all that the witness saw.
    pub(super) fn wrong(&self, witness: &Witness) -> Vec<String> {
        let mut wrong = self.contradictions.clone();
        witness.with(|seen| {
            for (id, paid) in &seen.orders {
                match self.orders.get(id) {
                    None => wrong.push(format!("order {id} was acknowledged and is lost")),
                    Some(booked) if booked != paid => {
                        wrong.push(format!("order {id}: {paid} said, {booked} booked"));
                    }
                    Some(_) => {}
                }
            }
            for id in seen.claims.iter().filter(|id| !self.claims.contains(*id)) {
                wrong.push(format!("claim {id} was acknowledged and is lost"));
            }
            for (user, charged) in &seen.charges {
                let booked = self.charged.get(user).copied().unwrap_or(0);
                let most = charged.acknowledged + charged.unanswered;
                if !(charged.acknowledged..=most).contains(&booked) {
                    wrong.push(format!(
                        "user {user}: {booked} won charged, {charged:?} seen"
                    ));
                }
            }
            let extra = |what: &str, booked: usize, acknowledged: usize, unanswered: u64| {
                let most = acknowledged as u64 + unanswered;
                let text =
                    format!("{booked} {what}, {acknowledged} acknowledged, {unanswered} open");
                (booked as u64 > most).then_some(text)
            };
            let (orders, claims) = (self.orders.len(), self.claims.len());
            wrong.extend(extra(
                "orders",
                orders,
                seen.orders.len(),
                seen.unanswered_orders,
            ));
            wrong.extend(extra(
                "coupons",
                claims,
                seen.claims.len(),
                seen.unanswered_claims,
            ));
        });
        wrong
    }
}
