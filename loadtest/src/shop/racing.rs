//! Two operations at the same time: of a user, each on a connection of its own, or of two users.

use harness::Stop;

use super::shopper::{Coupon, Item, JSON, Shopper, fate, reached};
use crate::book::{Fate, Operation};
use crate::race::{Outcome, Race};

impl Shopper {
    /// Sends two orders of which exactly one may succeed, and notes what came of them.
    ///
    /// # Errors
    /// When neither was answered.
    pub async fn race_orders(
        &mut self,
        race: Race,
        baskets: [&[Item]; 2],
        coupon: Option<Coupon>,
    ) -> Result<(), Stop> {
        let api = self.world.api;
        let both = baskets.map(|items| self.operation(items, coupon));
        self.book.enter_race(race, both);
        self.use_coupon(coupon);
        let coupon_id = coupon.map(|coupon| coupon.coupon_id);
        let send = |items| {
            let call = api.racing.at(api.orders.path.of(self.ids(0)));
            let body = self.order_body(items, coupon_id);
            self.vu.send(call.body(JSON, body))
        };
        let (first, second) = tokio::join!(send(baskets[0]), send(baskets[1]));
        let answers = [first, second];
        let fates = answers.each_ref().map(|answer| fate(&api.orders, answer));
        let outcome = self.book.settle_race(fates);
        self.settle_coupon(coupon, of_one(fates));
        self.check_race("one of two orders at once succeeds", outcome);
        for ((answer, fate), items) in answers.iter().zip(fates).zip(baskets) {
            if fate == Fate::Done {
                self.take_receipt(answer, self.due(items, coupon))?;
            }
        }
        reached(&answers[0]).or_else(|_| reached(&answers[1]))
    }

    /// Charges two amounts at the same time, of which both must arrive.
    ///
    /// # Errors
    /// When neither was answered.
    pub async fn race_charges(&mut self, amounts: [i64; 2]) -> Result<(), Stop> {
        let api = self.world.api;
        let both = amounts.map(|amount| Operation::Charge { amount });
        self.book.enter_race(Race::Charges, both);
        let [first, second] = amounts.map(|amount| self.send_charge(amount));
        let (first, second) = tokio::join!(first, second);
        let answers = [first, second];
        let outcome = self
            .book
            .settle_race(answers.each_ref().map(|answer| fate(&api.charge, answer)));
        for answer in &answers {
            self.check_status(&api.charge, answer);
        }
        self.check_race("two charges at once succeed", outcome);
        reached(&answers[0]).or_else(|_| reached(&answers[1]))
    }

    /// Orders one piece of a product, as another user does at the same time. Which of both got it
    /// is told by both of their books.
    ///
    /// # Errors
    /// When it wasn't answered.
    pub async fn race_for_last(&mut self, product_id: i64) -> Result<(), Stop> {
        let api = self.world.api;
        let items = [Item::one(product_id)];
        let order = self.operation(&items, None);
        let entry = self.book.enter_last_piece(product_id, order);
        let call = api.racing.at(api.orders.path.of(self.ids(0)));
        let body = self.order_body(&items, None);
        let answer = self.vu.send(call.body(JSON, body)).await;
        let fate = fate(&api.orders, &answer);
        self.book.settle_last_piece(product_id, &entry, fate);
        if fate == Fate::Done {
            self.take_receipt(&answer, self.due(&items, None))?;
        }
        reached(&answer)
    }

    fn check_race(&self, check: &'static str, outcome: Option<Outcome>) {
        match outcome {
            None | Some(Outcome::Unknown) => {}
            Some(outcome) => {
                self.vu.check(check, outcome == Outcome::Right);
            }
        }
    }
}

/// What became of the one thing that two orders wanted.
fn of_one(fates: [Fate; 2]) -> Fate {
    let order = [Fate::Done, Fate::Unknown, Fate::Refused];
    let found = order.into_iter().find(|fate| fates.contains(fate));
    found.unwrap_or(Fate::Unheard)
}
