//! What the set-up asks the shop for: the body of `POST /init`.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::coupons::Coupons;
use super::policies::Policies;

/// The shop before the load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Users u1, u2, …
    pub users: u32,
    /// Coupon policies, if their number was asked for; the seed's otherwise.
    pub policies: Option<u32>,
    /// Coupons over all policies.
    pub coupons: Coupons,
    /// What a coupon takes off, in won.
    pub discount: i64,
    /// Products, if they were asked for: not every server lets itself be asked.
    pub products: Option<Products>,
    /// Further products, of one piece each.
    pub scarce: Scarce,
}

/// The products of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Products {
    /// How many.
    pub count: u32,
    /// Of each, in won.
    pub price: i64,
    /// Pieces of each.
    pub stock: i64,
}

/// Products of one piece each, at the price of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scarce {
    /// How many.
    pub count: u32,
    /// Whether a flag asked for them. If not, they are only made where the server makes them.
    pub by_flag: bool,
}

impl Plan {
    /// The body of `POST /init`.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = json!({
            "users": self.users,
            "coupons": {
                "policies": self.policies.unwrap_or(Policies::DEFAULT),
                "total": self.coupons.quantity(),
                "discount": self.discount,
            },
        });
        if let Some(Products {
            count,
            price,
            stock,
        }) = self.products
        {
            body["products"] = json!({ "count": count, "price": price, "stock": stock });
        }
        if self.scarce.count > 0 {
            body["products"]["scarce"] = json!(self.scarce.count);
        }
        body
    }

    /// Which products are the scarce ones, by the stock of each: they come after all others.
    #[must_use]
    pub fn scarce_of(&self, stock: &BTreeMap<i64, i64>) -> Vec<i64> {
        let others = self.products.map_or(0, |products| products.count as usize);
        let further = stock.iter().skip(others);
        let of_one_piece = further.filter(|(_, pieces)| **pieces == 1);
        let last = of_one_piece.map(|(id, _)| *id).rev();
        last.take(self.scarce.count as usize).collect()
    }

    /// Whether the server did what was asked for, by its policies, its products' prices without
    /// the scarce ones', and how many of these there are.
    ///
    /// # Errors
    /// What it has instead.
    pub fn kept(
        &self,
        policies: usize,
        prices: &HashMap<i64, i64>,
        scarce: usize,
    ) -> Result<(), String> {
        let Scarce { count, by_flag } = self.scarce;
        if by_flag && count as usize != scarce {
            return Err(format!("--scarce {count}: it has {scarce}"));
        }
        if let Some(asked) = self.policies.filter(|asked| *asked as usize != policies) {
            return Err(format!("--policies {asked}: it has {policies}"));
        }
        let Some(Products { count, price, .. }) = self.products else {
            return Ok(());
        };
        if prices.len() != count as usize {
            return Err(format!("--products {count}: it has {}", prices.len()));
        }
        match prices.iter().filter(|(_, found)| **found != price).min() {
            None => Ok(()),
            Some((id, found)) => Err(format!("--price {price}: product {id} costs {found}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: Plan = Plan {
        users: 300,
        policies: None,
        coupons: Coupons::Limited(100),
        discount: 2_000,
        products: None,
        scarce: Scarce {
            count: 0,
            by_flag: false,
        },
    };

    const MANY: Products = Products {
        count: 100,
        price: 1_500,
        stock: 7,
    };

    #[test]
    fn the_body_is_the_contracts_and_names_products_only_where_they_were_asked_for() {
        let coupons = json!({ "policies": 5, "total": 100, "discount": 2_000 });
        assert_eq!(SEED.body(), json!({ "users": 300, "coupons": coupons }));
        let asked = Plan {
            users: 410,
            policies: Some(1),
            coupons: Coupons::Unlimited,
            discount: 500,
            products: Some(MANY),
            ..SEED
        };
        assert_eq!(
            asked.body(),
            json!({
                "users": 410,
                "coupons": { "policies": 1, "total": 100_000_000, "discount": 500 },
                "products": { "count": 100, "price": 1_500, "stock": 7 },
            })
        );
    }

    fn with_scarce(count: u32, by_flag: bool, products: Option<Products>) -> Plan {
        let scarce = Scarce { count, by_flag };
        Plan {
            products,
            scarce,
            ..SEED
        }
    }

    #[test]
    fn scarce_products_are_asked_for_where_they_are_wanted() {
        let seeds = with_scarce(100, false, None).body();
        assert_eq!(seeds["products"], json!({ "scarce": 100 }));
        let many = with_scarce(9, true, Some(MANY)).body();
        assert_eq!(
            many["products"],
            json!({ "count": 100, "price": 1_500, "stock": 7, "scarce": 9 })
        );
    }

    #[test]
    fn scarce_products_are_the_last_ones_of_one_piece() {
        let five = |stock| {
            Some(Products {
                count: 5,
                stock,
                ..MANY
            })
        };
        // Five products of so many pieces, and then so many of one.
        let stock = |pieces, scarce: i64| {
            let five = (1..=5).map(|id| (id, pieces));
            five.chain((6..6 + scarce).map(|id| (id, 1))).collect()
        };
        let rows = [
            (with_scarce(2, false, None), stock(2_000_000, 2), vec![7, 6]),
            (with_scarce(2, true, five(1)), stock(1, 2), vec![7, 6]),
            (with_scarce(2, true, five(1)), stock(1, 0), vec![]),
            (with_scarce(2, false, None), stock(9, 0), vec![]),
            (with_scarce(2, false, None), stock(9, 3), vec![8, 7]),
            (SEED, stock(1, 0), vec![]),
        ];
        for (plan, stock, expected) in rows {
            assert_eq!(plan.scarce_of(&stock), expected, "{plan:?} {stock:?}");
        }
    }

    #[test]
    fn scarce_products_that_a_flag_asked_for_must_be_there() {
        let prices = HashMap::from([(1, 2_000)]);
        let kept = |by_flag, found| with_scarce(7, by_flag, None).kept(5, &prices, found);
        assert_eq!(
            (kept(true, 7), kept(false, 7), kept(false, 0)),
            (Ok(()), Ok(()), Ok(()))
        );
        assert_eq!(kept(true, 0), Err("--scarce 7: it has 0".to_owned()));
    }

    #[test]
    fn what_the_server_did_not_do_is_named() {
        let of = |count, price| (1..=count).map(|id| (id, price)).collect::<HashMap<_, _>>();
        let many = Plan {
            products: Some(MANY),
            ..SEED
        };
        let single = Plan {
            policies: Some(1),
            ..SEED
        };
        let no = |text: &str| Err(text.to_owned());
        let rows = [
            (&SEED, 3, of(7, 9), Ok(())),
            (&single, 1, of(5, 2_000), Ok(())),
            (&single, 5, of(5, 2_000), no("--policies 1: it has 5")),
            (&many, 5, of(100, 1_500), Ok(())),
            (&many, 5, of(5, 1_500), no("--products 100: it has 5")),
            (
                &many,
                5,
                of(100, 2_000),
                no("--price 1500: product 1 costs 2000"),
            ),
        ];
        for (plan, policies, prices, expected) in rows {
            assert_eq!(plan.kept(policies, &prices, 0), expected, "{plan:?}");
        }
    }
}
