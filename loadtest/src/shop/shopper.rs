//! A virtual user in the shop.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use harness::vu::TransportError;
use harness::{Answer, Call, Error, Stop, User, VirtualUser};

use super::receipts::{Due, Receipts};
use super::requests;
use super::told::{pack_user, unpack_user};
use super::world::World;
use crate::api::{Ids, Route};
use crate::book::{Book, Fate, Operation};

/// A coupon that a user holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coupon {
    /// Its id.
    pub coupon_id: i64,
    /// What it takes off an order, in won.
    pub discount: i64,
}

/// One line of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// The type of bodies that are written by hand.
pub(super) const JSON: &str = "application/json";
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
    /// What its orders were answered.
    pub receipts: Receipts,
    /// The coupon that it was given last, used or not.
    pub given: Option<Coupon>,
    /// Coupons that may be used, though the server may list them still.
    used: Vec<i64>,
}

impl Shopper {
    /// A user who has done nothing yet.
    #[must_use]
    pub fn new(vu: VirtualUser, world: Arc<World>) -> Self {
        Self {
            vu,
            book: Book::default(),
            world,
            receipts: Receipts::default(),
            given: None,
            used: Vec::new(),
        }
    }

    /// Asks for its own id, as the seed's script does in every iteration.
    ///
    /// # Errors
    /// When the answer is no number.
    pub async fn log_in(&mut self) -> Result<i64, Stop> {
        let api = self.world.api;
        let answer = self.vu.send(self.to(&api.users, 0)).await;
        self.check_status(&api.users, &answer);
        let id = match &api.user_id {
            None => self.vu.json(&answer)?,
            Some(id) => self.vu.read(&answer, |body| id.of(body))?[0],
        };
        self.book.user_id = Some(id);
        Ok(id)
    }

    /// Puts won on its balance.
    ///
    /// # Errors
    /// When that was not acknowledged.
    pub async fn charge(&mut self, amount: i64) -> Result<(), Stop> {
        let api = self.world.api;
        let entry = self.book.enter(Operation::Charge { amount });
        let answer = self.send_charge(amount).await;
        self.book.settle(&entry, fate(&api.charge, &answer));
        self.check_status(&api.charge, &answer);
        let [balance] = self.vu.read(&answer, |body| api.charged.of(body))?;
        self.check_balance("charged balance as predicted", balance);
        Ok(())
    }

    pub(super) async fn send_charge(&self, amount: i64) -> Answer {
        let api = self.world.api;
        let call = self.to(&api.charge, 0).body(JSON, api.amount(amount));
        self.vu.send(call).await
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
        let claim = &self.world.api.claim;
        let entry = self.book.enter(Operation::Claim { policy });
        let answer = self.vu.send(self.to(claim, policy)).await;
        self.book.settle(&entry, fate(claim, &answer));
        let valid = claim.request.is_expected(answer.status);
        self.vu.check("coupon response valid", valid);
        reached(&answer)?;
        Ok(claim.is_done(answer.status))
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
        let api = self.world.api;
        let answer = self.vu.send(self.to(&api.coupons, 0)).await;
        self.check_status(&api.coupons, &answer);
        let coupons = self.vu.read(&answer, |body| api.coupon.list(body).ok())?;
        let coupon = |[coupon_id, discount]: [i64; 2]| Coupon {
            coupon_id,
            discount,
        };
        let mut coupons = coupons.into_iter().map(coupon);
        Ok(coupons.find(|coupon| !self.used.contains(&coupon.coupon_id)))
    }

    /// The products sold most, best first.
    ///
    /// # Errors
    /// When the list can't be read.
    pub async fn top_products(&mut self) -> Result<Vec<i64>, Stop> {
        let api = self.world.api;
        let path = api.top.path.of(self.ids(0));
        let path = self.world.basket.listed(path, api.top_limit.as_deref());
        let answer = self.vu.send(api.top.request.at(path)).await;
        self.check_status(&api.top, &answer);
        let top = self.vu.read(&answer, |body| api.top_id.list(body).ok())?;
        Ok(top.into_iter().map(|[id]| id).collect())
    }

    /// Orders the items, with the coupon if there is one.
    ///
    /// # Errors
    /// When that was not acknowledged.
    pub async fn order(&mut self, items: &[Item], coupon: Option<Coupon>) -> Result<(), Stop> {
        let api = self.world.api;
        let due = self.due(items, coupon);
        let entry = self.book.enter(self.operation(items, coupon));
        self.use_coupon(coupon);
        let body = self.order_body(items, coupon.map(|coupon| coupon.coupon_id));
        let answer = self.vu.send(self.to(&api.orders, 0).body(JSON, body)).await;
        let fate = fate(&api.orders, &answer);
        self.book.settle(&entry, fate);
        self.settle_coupon(coupon, fate);
        self.check_status(&api.orders, &answer);
        self.take_receipt(&answer, due)
    }

    /// Reads what an order was answered.
    pub(super) fn take_receipt(&mut self, answer: &Answer, due: Due) -> Result<(), Stop> {
        let api = self.world.api;
        let [id, total] = self.vu.read(answer, |body| api.receipt.of(body))?;
        let id = self.world.keeps_order_ids().then_some(id);
        let as_predicted = self.receipts.take(id, total, due, api.total_is);
        self.vu.check("order total as predicted", as_predicted);
        Ok(())
    }

    /// Looks at its balance, which must be what the book says.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn balance(&mut self) -> Result<i64, Stop> {
        let api = self.world.api;
        let answer = self.vu.send(self.to(&api.balance, 0)).await;
        self.check_status(&api.balance, &answer);
        let [balance] = self.vu.read(&answer, |body| api.held.of(body))?;
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
        let path = self.world.api.orders.path.of(self.ids(0));
        let call = requests::MALICIOUS_ORDER.at(path).body(JSON, body);
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
        let price = |item: &Item| self.world.price_of(item.product_id);
        items
            .iter()
            .map(|item| price(item).saturating_mul(item.quantity))
            .sum()
    }

    /// What an order costs.
    pub(super) fn due(&self, items: &[Item], coupon: Option<Coupon>) -> Due {
        let gross = self.price_of(items);
        let discount = coupon.map_or(0, |coupon| coupon.discount);
        let paid = (gross - discount).max(0);
        Due { gross, paid }
    }

    /// An order, for the book.
    pub(super) fn operation(&self, items: &[Item], coupon: Option<Coupon>) -> Operation {
        let line = |item: &Item| (item.product_id, item.quantity);
        Operation::Order {
            items: items.iter().map(line).collect(),
            paid: self.due(items, coupon).paid,
            with_coupon: coupon.is_some(),
        }
    }

    /// Notes that an order with this coupon is under way.
    pub(super) fn use_coupon(&mut self, coupon: Option<Coupon>) {
        self.used.extend(coupon.map(|coupon| coupon.coupon_id));
    }

    /// Forgets a coupon of which the server's list will tell the truth.
    pub(super) fn settle_coupon(&mut self, coupon: Option<Coupon>, fate: Fate) {
        let listed = fate == Fate::Done && self.world.api.lists_used;
        if let Some(coupon) = coupon.filter(|_| fate != Fate::Unknown && !listed) {
            self.used.retain(|id| *id != coupon.coupon_id);
        }
    }

    /// Every product that anybody may buy, with its price, by id.
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

    pub(super) fn ids(&self, policy: i64) -> Ids {
        Ids {
            vu: self.vu.number,
            user: self.id(),
            policy,
        }
    }

    /// A request of this route, for this user.
    fn to(&self, route: &'static Route, policy: i64) -> Call<'static> {
        route.request.at(route.path.of(self.ids(policy)))
    }

    pub(super) fn check_status(&self, route: &'static Route, answer: &Answer) {
        self.vu.check(route.check, route.is_done(answer.status));
    }

    pub(super) fn order_body(&self, items: &[Item], coupon: Option<i64>) -> String {
        let items = items.iter().map(|item| (item.product_id, item.quantity));
        self.world.api.order(self.id(), coupon, items)
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

    fn pack(&self) -> Vec<u8> {
        pack_user(&self.book, &self.receipts)
    }

    fn unpack(&mut self, bytes: &[u8]) -> Result<(), Error> {
        (self.book, self.receipts) = unpack_user(bytes)?;
        Ok(())
    }
}

/// What the answer says of an operation that it answers.
pub(super) fn fate(route: &Route, answer: &Answer) -> Fate {
    match (answer.status, &answer.error) {
        (status, _) if route.is_done(status) => Fate::Done,
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
