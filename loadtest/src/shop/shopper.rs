//! A virtual user in the shop.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use harness::vu::TransportError;
use harness::{Answer, Call, Stop, User, VirtualUser};
use serde::{Deserialize, Serialize};

use super::requests;
use super::world::World;
use crate::book::{Book, Fate, Operation};

/// A coupon that a user holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Coupon {
    /// Its id.
    pub coupon_id: i64,
    /// What it takes off an order, in won.
    pub discount: i64,
}

/// One line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Which product.
    pub product_id: i64,
    /// How many.
    pub quantity: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TopProduct {
    product_id: i64,
}

#[derive(Deserialize)]
struct Balance {
    balance: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderBody<'a> {
    user_id: i64,
    coupon_id: Option<i64>,
    items: &'a [Item],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ordered {
    total_amount: i64,
}

/// The type of bodies that are written by hand.
const JSON: &str = "application/json";
/// How often an accepted claim is looked for once the wait is over, and how long apart.
const LOOKS: u32 = 20;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// A virtual user with its book and its knowledge of the shop: what a persona is given.
pub struct Shopper {
    /// Its measured HTTP, checks, chance and waiting.
    pub vu: VirtualUser,
    /// What it did.
    pub book: Book,
    /// What it knows.
    pub world: Arc<World>,
}

impl Shopper {
    /// A user who has done nothing yet.
    #[must_use]
    pub fn new(vu: VirtualUser, world: Arc<World>) -> Self {
        Self {
            vu,
            book: Book::default(),
            world,
        }
    }

    /// Asks for its own id, as the seed's script does in every iteration.
    ///
    /// # Errors
    /// When the answer is no number.
    pub async fn log_in(&mut self) -> Result<i64, Stop> {
        let path = format!("/users/id?name=u{}", self.vu.number);
        let answer = self.vu.send(requests::USER_ID.at(path)).await;
        self.vu.check("getUserId 200", answer.status == 200);
        let id = self.vu.json(&answer)?;
        self.book.user_id = Some(id);
        Ok(id)
    }

    /// Puts won on its balance.
    ///
    /// # Errors
    /// When that was not acknowledged.
    pub async fn charge(&mut self, amount: i64) -> Result<(), Stop> {
        let path = format!("/users/{}/balance", self.id());
        let body = format!("{{\"amount\":{amount}}}");
        let call = requests::CHARGE.at(path).body(JSON, body);
        let entry = self.book.enter(Operation::Charge { amount });
        let answer = self.vu.send(call).await;
        self.book.settle(&entry, fate(&answer));
        self.vu.check("charge 201", answer.status == 201);
        let Balance { balance } = self.vu.json(&answer)?;
        self.check_balance("charged balance as predicted", balance);
        Ok(())
    }

    /// Claims a coupon; whether the claim was accepted.
    ///
    /// # Errors
    /// When the server didn't answer.
    pub async fn claim(&mut self) -> Result<bool, Stop> {
        let policy = self.world.policy_of(self.vu.number);
        let path = format!("/coupons?userId={}&policyId={policy}", self.id());
        let entry = self.book.enter(Operation::Claim { policy });
        let answer = self.vu.send(requests::CLAIM.at(path)).await;
        self.book.settle(&entry, fate(&answer));
        self.vu.check(
            "coupon response valid",
            matches!(answer.status, 201 | 400 | 409),
        );
        reached(&answer)?;
        Ok(answer.status == 201)
    }

    /// Waits for the coupon of an accepted claim, and gives the first that it may use.
    ///
    /// # Errors
    /// When the list can't be read.
    pub async fn issued_coupon(&mut self) -> Result<Option<Coupon>, Stop> {
        self.vu.wait(self.world.coupon_wait).await;
        let mut coupon = self.first_coupon().await?;
        for _ in 0..LOOKS {
            if coupon.is_some() {
                break;
            }
            self.vu.wait(LOOK_AGAIN_AFTER).await;
            coupon = self.first_coupon().await?;
        }
        self.vu
            .check("coupon visible after the claim", coupon.is_some());
        if let Some(coupon) = coupon {
            self.world.note_coupon(coupon.coupon_id);
        }
        Ok(coupon)
    }

    async fn first_coupon(&mut self) -> Result<Option<Coupon>, Stop> {
        let path = format!("/users/{}/coupons", self.id());
        let answer = self.vu.send(requests::COUPONS.at(path)).await;
        self.vu.check("get coupons 200", answer.status == 200);
        let coupons: Vec<Coupon> = self.vu.json(&answer)?;
        Ok(coupons.first().copied())
    }

    /// The products sold most, best first.
    ///
    /// # Errors
    /// When the list can't be read.
    pub async fn top_products(&mut self) -> Result<Vec<i64>, Stop> {
        let call = requests::TOP_PRODUCTS.at(self.world.basket.path.clone());
        let answer = self.vu.send(call).await;
        self.vu.check("top5 200", answer.status == 200);
        let top: Vec<TopProduct> = self.vu.json(&answer)?;
        Ok(top.into_iter().map(|product| product.product_id).collect())
    }

    /// Orders one of each product, with the coupon if there is one.
    ///
    /// # Errors
    /// When that was not acknowledged.
    pub async fn order(&mut self, products: &[i64], coupon: Option<Coupon>) -> Result<(), Stop> {
        let items: Vec<Item> = products
            .iter()
            .map(|id| Item {
                product_id: *id,
                quantity: 1,
            })
            .collect();
        let discount = coupon.map_or(0, |coupon| coupon.discount);
        let paid = (self.price_of(&items) - discount).max(0);
        let entry = self.book.enter(Operation::Order {
            items: items
                .iter()
                .map(|item| (item.product_id, item.quantity))
                .collect(),
            paid,
            with_coupon: coupon.is_some(),
        });
        let body = self.order_body(&items, coupon.map(|coupon| coupon.coupon_id));
        let call = requests::ORDER.at("/orders").json(&body);
        let answer = self.vu.send(call).await;
        self.book.settle(&entry, fate(&answer));
        self.vu.check("order 201", answer.status == 201);
        let Ordered { total_amount } = self.vu.json(&answer)?;
        self.vu
            .check("order total as predicted", total_amount == paid);
        Ok(())
    }

    /// Looks at its balance, which must be what the book says.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn balance(&mut self) -> Result<i64, Stop> {
        let path = format!("/users/{}/balance", self.id());
        let answer = self.vu.send(requests::BALANCE.at(path)).await;
        self.vu.check("get balance 200", answer.status == 200);
        let Balance { balance } = self.vu.json(&answer)?;
        self.check_balance("balance as predicted", balance);
        Ok(balance)
    }

    /// Tries an order that must be refused. It stays out of the book: were it to happen, the
    /// audit must find it.
    ///
    /// # Errors
    /// When the server didn't answer.
    pub async fn attack_order(&self, items: &[Item], coupon: Option<i64>) -> Result<(), Stop> {
        let body = self.order_body(items, coupon);
        let call = requests::MALICIOUS_ORDER.at("/orders").json(&body);
        self.attack(call).await
    }

    /// Sends something that must be refused; with a body as `POST`, without as `GET`.
    ///
    /// # Errors
    /// When the server didn't answer.
    pub async fn attack_with(&self, path: &str, body: Option<Bytes>) -> Result<(), Stop> {
        let call = match body {
            Some(body) => requests::HOSTILE_POST.at(path).body(JSON, body),
            None => requests::HOSTILE_GET.at(path),
        };
        self.attack(call).await
    }

    async fn attack(&self, call: Call<'_>) -> Result<(), Stop> {
        let answer = self.vu.send(call).await;
        self.vu
            .check("attack refused with 4xx", answer.is_refusal());
        reached(&answer)
    }

    /// What the items cost together, in won.
    #[must_use]
    pub fn price_of(&self, items: &[Item]) -> i64 {
        let price = |item: &Item| {
            self.world
                .prices
                .get(&item.product_id)
                .copied()
                .unwrap_or(0)
        };
        items
            .iter()
            .map(|item| price(item).saturating_mul(item.quantity))
            .sum()
    }

    fn id(&self) -> i64 {
        self.book.user_id.unwrap_or_default()
    }

    fn order_body<'a>(&self, items: &'a [Item], coupon_id: Option<i64>) -> OrderBody<'a> {
        OrderBody {
            user_id: self.id(),
            coupon_id,
            items,
        }
    }

    fn check_balance(&self, check: &'static str, balance: i64) {
        // An operation whose outcome is unknown makes any prediction a guess; the audit then
        // looks for the balance among the possible ones.
        if self.book.is_certain() {
            self.vu.check(check, balance == self.book.balance);
        }
    }
}

impl User for Shopper {
    fn vu(&mut self) -> &mut VirtualUser {
        &mut self.vu
    }

    fn ended_early(&mut self) {
        self.book.end_early();
    }

    fn unknown_outcomes(&self) -> u64 {
        self.book.unknowns()
    }
}

/// What the answer says of an operation that it answers.
fn fate(answer: &Answer) -> Fate {
    match (answer.status, &answer.error) {
        (201, _) => Fate::Done,
        (400..=499, _) => Fate::Refused,
        // Nothing was sent.
        (
            _,
            Some(TransportError::Connect(_) | TransportError::Tls(_) | TransportError::Call(_)),
        ) => Fate::Refused,
        _ => Fate::Unknown,
    }
}

fn reached(answer: &Answer) -> Result<(), Stop> {
    if answer.status == 0 {
        Err(Stop::Unreachable)
    } else {
        Ok(())
    }
}
