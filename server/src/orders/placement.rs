//! Group commit of orders: one call of `place_orders` for a whole batch.
//!
//! The function in PostgreSQL is the transaction. It locks the users, coupons
//! and products of the batch, each sorted by id; lets one order after the
//! other take effect in memory, so that each sees what the earlier ones left;
//! and writes the result with one statement for each table. The five shared
//! product rows are updated once a batch, however many orders want them.

use crate::{
    batch::Batch,
    db::Link,
    error::Error,
    ranking::{Recorder, Sales},
    slots::Slots,
    timing::Part,
};

use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

/// An order to be placed.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(super) user: i64,
    pub(super) coupon: Option<i64>,
    /// Distinct products.
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(super) product: i64,
    pub(super) quantity: i64,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    Order { id: i64, paid: i64 },
    UnknownUser,
    UnknownProduct(i64),
    CouponNotTheirs,
    CouponUsed,
    CouponExpired,
    OutOfStock(i64),
    BalanceTooSmall,
}

/// Places orders.
pub(crate) struct Placement {
    link: Link,
    recorder: Recorder,
}

impl Placement {
    pub(crate) fn new(link: Link, recorder: Recorder) -> Self {
        Self { link, recorder }
    }
}

impl Batch for Placement {
    type Request = Order;
    type Answer = Placed;
    const NAME: &'static str = "orders";
    const PART: Part = Part::Db;

    async fn run(&mut self, orders: Vec<Order>) -> Result<Vec<Placed>, Error> {
        let arguments = Arguments::of(&orders);
        let result = self
            .link
            .run(async |connection| arguments.place(connection).await)
            .await?;
        let (placed, sales) = result.read()?;
        if let Some(sales) = sales {
            self.recorder.record(sales);
        }
        Ok(placed)
    }
}

/// A batch as the arrays that the function takes.
struct Arguments {
    users: Slots,
    coupons: Slots,
    products: Slots,
    order_users: Vec<i32>,
    order_coupons: Vec<i32>,
    order_ends: Vec<i32>,
    item_products: Vec<i32>,
    item_quantities: Vec<i64>,
}

impl Arguments {
    fn of(orders: &[Order]) -> Self {
        let items = || orders.iter().flat_map(|order| &order.items);
        let users = Slots::new(orders.iter().map(|order| order.user));
        let coupons = Slots::new(orders.iter().filter_map(|order| order.coupon));
        let products = Slots::new(items().map(|item| item.product));
        let ends = orders.iter().scan(0, |end, order| {
            *end += order.items.len();
            Some(i32::try_from(*end).expect("a batch is small"))
        });
        Self {
            order_users: orders.iter().map(|order| users.place(order.user)).collect(),
            order_coupons: orders
                .iter()
                .map(|order| order.coupon.map_or(0, |coupon| coupons.place(coupon)))
                .collect(),
            order_ends: ends.collect(),
            item_products: items().map(|item| products.place(item.product)).collect(),
            item_quantities: items().map(|item| item.quantity).collect(),
            users,
            coupons,
            products,
        }
    }

    async fn place(&self, connection: &mut PgConnection) -> Result<Outcomes, sqlx::Error> {
        sqlx::query_as("SELECT * FROM place_orders($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(self.users.ids())
            .bind(self.coupons.ids())
            .bind(self.products.ids())
            .bind(&self.order_users)
            .bind(&self.order_coupons)
            .bind(&self.order_ends)
            .bind(&self.item_products)
            .bind(&self.item_quantities)
            .fetch_one(connection)
            .await
    }
}

/// What the function gives back.
#[derive(FromRow)]
struct Outcomes {
    outcomes: Vec<i32>,
    numbers: Vec<i64>,
    amounts: Vec<i64>,
    world_id: Uuid,
    sales_day: i32,
    sold_products: Option<Vec<i64>>,
    sold_totals: Option<Vec<i64>>,
}

impl Outcomes {
    fn read(self) -> Result<(Vec<Placed>, Option<Sales>), Error> {
        let placed = self
            .outcomes
            .iter()
            .zip(&self.numbers)
            .zip(&self.amounts)
            .map(|((&outcome, &number), &amount)| placed(outcome, number, amount))
            .collect::<Result<_, _>>()?;
        let sales = self
            .sold_products
            .zip(self.sold_totals)
            .map(|(products, totals)| Sales {
                world: self.world_id,
                day: self.sales_day.into(),
                totals: products.into_iter().zip(totals).collect(),
            });
        Ok((placed, sales))
    }
}

/// The outcome by its number; `place_orders` says what they are.
fn placed(outcome: i32, number: i64, amount: i64) -> Result<Placed, Error> {
    Ok(match outcome {
        0 => Placed::Order {
            id: number,
            paid: amount,
        },
        1 => Placed::UnknownUser,
        2 => Placed::UnknownProduct(number),
        3 => Placed::CouponNotTheirs,
        4 => Placed::CouponUsed,
        5 => Placed::CouponExpired,
        6 => Placed::OutOfStock(number),
        7 => Placed::BalanceTooSmall,
        _ => return Err(Error::Internal),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(user: i64, coupon: Option<i64>, items: &[(i64, i64)]) -> Order {
        let items = items
            .iter()
            .map(|&(product, quantity)| Item { product, quantity })
            .collect();
        Order {
            user,
            coupon,
            items,
        }
    }

    #[test]
    fn a_batch_is_laid_out_as_the_function_expects() {
        let arguments = Arguments::of(&[
            order(70, None, &[(5, 1), (1, 2)]),
            order(30, Some(900), &[(5, 3)]),
            order(70, Some(800), &[(2, 4), (5, 5)]),
        ]);
        assert_eq!(arguments.users.ids(), [30, 70]);
        assert_eq!(arguments.coupons.ids(), [800, 900]);
        assert_eq!(arguments.products.ids(), [1, 2, 5]);
        assert_eq!(arguments.order_users, [2, 1, 2]);
        assert_eq!(arguments.order_coupons, [0, 2, 1]);
        assert_eq!(arguments.order_ends, [2, 3, 5]);
        assert_eq!(arguments.item_products, [3, 1, 3, 2, 3]);
        assert_eq!(arguments.item_quantities, [1, 2, 3, 4, 5]);
    }
}
