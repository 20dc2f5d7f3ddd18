//! What the set-up asks the shop for: the body of `POST /init`.

use std::collections::HashMap;

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
        body
    }

    /// Whether the server did what was asked for, by its policies and its products' prices.
    ///
    /// # Errors
    /// What it has instead.
    pub fn kept(&self, policies: usize, prices: &HashMap<i64, i64>) -> Result<(), String> {
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
            assert_eq!(plan.kept(policies, &prices), expected, "{plan:?}");
        }
    }
}
