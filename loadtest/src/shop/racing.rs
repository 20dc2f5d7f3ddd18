//! Two operations of a user at the same time, each on a connection of its own.

use harness::{Answer, Stop};

use super::requests;
use super::shopper::{Coupon, Item, Ordered, Shopper, fate, reached};
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
        let both = baskets.map(|items| self.operation(items, coupon));
        self.book.enter_race(race, both);
        self.doubt(coupon);
        let coupon_id = coupon.map(|coupon| coupon.coupon_id);
        let send = |items| {
            let call = requests::RACING_ORDER.at("/orders");
            let call = call.json(&self.order_body(items, coupon_id));
            self.vu.send(call)
        };
        let (first, second) = tokio::join!(send(baskets[0]), send(baskets[1]));
        let answers = [first, second];
        let fates = answers.each_ref().map(fate);
        let outcome = self.book.settle_race(fates);
        if fates.contains(&Fate::Done) || !fates.contains(&Fate::Unknown) {
            self.trust(coupon);
        }
        self.check_race("one of two orders at once succeeds", outcome);
        for (answer, items) in answers.iter().zip(baskets) {
            self.check_total(answer, self.to_pay(items, coupon))?;
        }
        reached(&answers[0]).or_else(|_| reached(&answers[1]))
    }

    /// Charges two amounts at the same time, of which both must arrive.
    ///
    /// # Errors
    /// When neither was answered.
    pub async fn race_charges(&mut self, amounts: [i64; 2]) -> Result<(), Stop> {
        let both = amounts.map(|amount| Operation::Charge { amount });
        self.book.enter_race(Race::Charges, both);
        let [first, second] = amounts.map(|amount| self.send_charge(amount));
        let (first, second) = tokio::join!(first, second);
        let answers = [first, second];
        let outcome = self.book.settle_race(answers.each_ref().map(fate));
        for answer in &answers {
            self.vu.check("charge 201", answer.status == 201);
        }
        self.check_race("two charges at once succeed", outcome);
        reached(&answers[0]).or_else(|_| reached(&answers[1]))
    }

    fn check_race(&self, check: &'static str, outcome: Option<Outcome>) {
        match outcome {
            None | Some(Outcome::Unknown) => {}
            Some(outcome) => {
                self.vu.check(check, outcome == Outcome::Right);
            }
        }
    }

    fn check_total(&self, answer: &Answer, paid: i64) -> Result<(), Stop> {
        if answer.status == 201 {
            let Ordered { total_amount } = self.vu.json(answer)?;
            self.vu
                .check("order total as predicted", total_amount == paid);
        }
        Ok(())
    }
}
