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

impl Item {
    /// One piece.
    #[must_use]
    pub const fn one(product_id: i64) -> Self {
        Self {
            product_id,
            quantity: 1,
        }
    }
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
pub(super) struct OrderBody<'a> {
    user_id: i64,
    coupon_id: Option<i64>,
    items: &'a [Item],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ordered {
    pub(super) total_amount: i64,
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
    /// The coupon that it was given last, used or not.
    pub given: Option<Coupon>,
    /// Coupons of orders whose outcome it doesn't know: they may be used.
    doubtful: Vec<i64>,
}

impl Shopper {
    /// A user who has done nothing yet.
    #[must_use]
    pub fn new(vu: VirtualUser, world: Arc<World>) -> Self {
        Self {
            vu,
            book: Book::default(),
            world,
            given: None,
            doubtful: Vec::new(),
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
        let entry = self.book.enter(Operation::Charge { amount });
        let answer = self.send_charge(amount).await;
        self.book.settle(&entry, fate(&answer));
        self.vu.check("charge 201", answer.status == 201);
        let Balance { balance } = self.vu.json(&answer)?;
        self.check_balance("charged balance as predicted", balance);
        Ok(())
    }

    pub(super) async fn send_charge(&self, amount: i64) -> Answer {
        let path = format!("/users/{}/balance", self.id());
        let body = format!("{{\"amount\":{amount}}}");
        self.vu
            .send(requests::CHARGE.at(path).body(JSON, body))
            .await
    }

    /// Claims a coupon and waits for it. Whatever becomes of that, it ends no iteration: without
    /// an answer there is no coupon.
    pub async fn coupon(&mut self) -> Option<Coupon> {
        match self.claim().await {
            Ok(true) => self.issued_coupon().await.ok().flatten(),
            _ => None,
        }
    }

    /// Claims a coupon; whether the claim was accepted.
    ///
    /// # Errors
    /// When the server didn't answer.
    async fn claim(&mut self) -> Result<bool, Stop> {
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
    async fn issued_coupon(&mut self) -> Result<Option<Coupon>, Stop> {
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
            self.given = Some(coupon);
            self.world.note_coupon(coupon.coupon_id);
        }
        Ok(coupon)
    }

    async fn first_coupon(&mut self) -> Result<Option<Coupon>, Stop> {
        let path = format!("/users/{}/coupons", self.id());
        let answer = self.vu.send(requests::COUPONS.at(path)).await;
        self.vu.check("get coupons 200", answer.status == 200);
        let coupons: Vec<Coupon> = self.vu.json(&answer)?;
        let sure = |coupon: &Coupon| !self.doubtful.contains(&coupon.coupon_id);
        Ok(coupons.into_iter().find(sure))
    }

    /// The products sold most, best first.
    ///
    /// # Errors
    /// When the list can't be read.
    pub async fn top_products(&mut self) -> Result<Vec<i64>, Stop> {
        let call = requests::TOP_PRODUCTS.at("/products/top/realtime");
        let answer = self.vu.send(call).await;
        self.vu.check("top5 200", answer.status == 200);
        let top: Vec<TopProduct> = self.vu.json(&answer)?;
        Ok(top.into_iter().map(|product| product.product_id).collect())
    }

    /// Orders the items, with the coupon if there is one.
    ///
    /// # Errors
    /// When that was not acknowledged.
    pub async fn order(&mut self, items: &[Item], coupon: Option<Coupon>) -> Result<(), Stop> {
        let paid = self.to_pay(items, coupon);
        let entry = self.book.enter(self.operation(items, coupon));
        self.doubt(coupon);
        let body = self.order_body(items, coupon.map(|coupon| coupon.coupon_id));
        let call = requests::ORDER.at("/orders").json(&body);
        let answer = self.vu.send(call).await;
        let fate = fate(&answer);
        self.book.settle(&entry, fate);
        if fate != Fate::Unknown {
            self.trust(coupon);
        }
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

    /// What an order costs, in won.
    pub(super) fn to_pay(&self, items: &[Item], coupon: Option<Coupon>) -> i64 {
        let discount = coupon.map_or(0, |coupon| coupon.discount);
        (self.price_of(items) - discount).max(0)
    }

    /// An order, for the book.
    pub(super) fn operation(&self, items: &[Item], coupon: Option<Coupon>) -> Operation {
        let line = |item: &Item| (item.product_id, item.quantity);
        Operation::Order {
            items: items.iter().map(line).collect(),
            paid: self.to_pay(items, coupon),
            with_coupon: coupon.is_some(),
        }
    }

    /// Notes that an order with this coupon is under way.
    pub(super) fn doubt(&mut self, coupon: Option<Coupon>) {
        self.doubtful.extend(coupon.map(|coupon| coupon.coupon_id));
    }

    /// Notes that the list of coupons tells the truth of it again.
    pub(super) fn trust(&mut self, coupon: Option<Coupon>) {
        self.doubtful
            .retain(|id| coupon.is_none_or(|coupon| coupon.coupon_id != *id));
    }

    /// Every product with its price, by id.
    #[must_use]
    pub fn products(&self) -> Vec<(i64, i64)> {
        let prices = self.world.prices.iter();
        let mut products: Vec<_> = prices.map(|(id, price)| (*id, *price)).collect();
        products.sort_unstable();
        products
    }

    fn id(&self) -> i64 {
        self.book.user_id.unwrap_or_default()
    }

    pub(super) fn order_body<'a>(
        &self,
        items: &'a [Item],
        coupon_id: Option<i64>,
    ) -> OrderBody<'a> {
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
pub(super) fn fate(answer: &Answer) -> Fate {
    match (answer.status, &answer.error) {
        (201, _) => Fate::Done,
        // Too many requests: nobody looked at what it wants.
        (429, _) => Fate::Unheard,
        (400..=499, _) => Fate::Refused,
        // Nothing was sent.
        (
            _,
            Some(TransportError::Connect(_) | TransportError::Tls(_) | TransportError::Call(_)),
        ) => Fate::Unheard,
        _ => Fate::Unknown,
    }
}

pub(super) fn reached(answer: &Answer) -> Result<(), Stop> {
    if answer.status == 0 {
        Err(Stop::Unreachable)
    } else {
        Ok(())
    }
}
