//! `POST /init`: erases everything and sets the shop up as a test expects it.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    db::PATIENCE,
    error::{Error, Problem},
    extract::{Object, OptionalJson},
    state::Shared,
    timing::{self, Part},
};

const MOST_USERS: i64 = 100_000;
const MOST_POLICIES: i64 = 1_000;
const MOST_COUPONS: i64 = 100_000_000;
const MOST_DISCOUNT: i64 = 1_000_000_000;
const MOST_PRODUCTS: i64 = 1_000;
const MOST_PRICE: i64 = 1_000_000_000;
const MOST_STOCK: i64 = 1_000_000_000_000;

pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(init))
}

/// The state to begin with. Whatever is left out is as shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Plan {
    /// How many users u1, u2, … there are.
    #[schema(minimum = 0, maximum = 100_000, default = 300)]
    users: i64,
    #[schema(value_type = CouponPlan)]
    coupons: Object<CouponPlan>,
    #[schema(value_type = ProductPlan)]
    products: Object<ProductPlan>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct CouponPlan {
    /// How many coupon policies there are.
    #[schema(minimum = 0, maximum = 1_000, default = 5)]
    policies: i64,
    /// How many coupons all policies have together.
    #[schema(minimum = 0, maximum = 100_000_000, default = 200_000)]
    total: i64,
    /// In won.
    #[schema(minimum = 1, maximum = 1_000_000_000, default = 2_000)]
    discount: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct ProductPlan {
    /// How many products p1, p2, … there are; their ids are 1, 2, …
    #[schema(minimum = 1, maximum = 1_000, default = 5)]
    count: i64,
    /// Of each, in won.
    #[schema(minimum = 1, maximum = 1_000_000_000, default = 2_000)]
    price: i64,
    /// How many pieces there are of each.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64, default = 2_000_000)]
    stock: i64,
    /// How many further products there are, of one piece each and at the same price. Their ids
    /// follow, and they have no place in the ranking before they are sold.
    #[schema(minimum = 0, maximum = 1_000, default = 0)]
    scarce: i64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            users: 300,
            coupons: Object::default(),
            products: Object::default(),
        }
    }
}

impl Default for CouponPlan {
    fn default() -> Self {
        Self {
            policies: 5,
            total: 200_000,
            discount: 2_000,
        }
    }
}

impl Default for ProductPlan {
    fn default() -> Self {
        Self {
            count: 5,
            price: 2_000,
            stock: 2_000_000,
            scarce: 0,
        }
    }
}

impl Plan {
    fn check(&self) -> Result<(), Error> {
        let CouponPlan {
            policies,
            total,
            discount,
        } = self.coupons.0;
        let ProductPlan {
            count,
            price,
            stock,
            scarce,
        } = self.products.0;
        for (name, value, least, most) in [
            ("users", self.users, 0, MOST_USERS),
            ("coupons.policies", policies, 0, MOST_POLICIES),
            ("coupons.total", total, 0, MOST_COUPONS),
            ("coupons.discount", discount, 1, MOST_DISCOUNT),
            ("products.count", count, 1, MOST_PRODUCTS),
            ("products.price", price, 1, MOST_PRICE),
            ("products.stock", stock, 0, MOST_STOCK),
            ("products.scarce", scarce, 0, MOST_PRODUCTS),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::bad_request(format!(
                    "{name} is {value}, but must be {least} to {most}"
                )));
            }
        }
        Ok(())
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Initialized {
    message: &'static str,
    policy_ids: Vec<i64>,
}

/// Erases everything and begins anew: users u1, u2, …; products 1, 2, …,
/// ranked 500, 400, 300, 200, 100 and then 1 on each of the last three days;
/// coupon policies that are active for three days and whose
/// coupons are valid for seven.
#[utoipa::path(
    post, path = "/init", tag = "init",
    request_body(content = Plan, description = "The body may be left out"),
    responses(
        (status = 200, body = Initialized),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The server runs without --allow-init", body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn init(
    State(app): State<Shared>,
    OptionalJson(plan): OptionalJson<Plan>,
) -> Result<axum::Json<Initialized>, Error> {
    if !app.allow_init {
        return Err(Error::Forbidden(
            "POST /init erases all data; start the server with --allow-init (or ALLOW_INIT=true) to allow it".into(),
        ));
    }
    plan.check()?;
    let begin = app.pool.run(PATIENCE, async |connection| {
        sqlx::query_scalar("SELECT init_world($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind(plan.users)
            .bind(plan.coupons.0.policies)
            .bind(plan.coupons.0.total)
            .bind(plan.coupons.0.discount)
            .bind(plan.products.0.count)
            .bind(plan.products.0.price)
            .bind(plan.products.0.stock)
            .bind(plan.products.0.scarce)
            .fetch_one(connection)
            .await
    });
    let policy_ids = timing::measure(Part::Db, begin).await?;
    timing::measure(Part::Redis, app.rebuilder.mend()).await?;
    Ok(axum::Json(Initialized {
        message: "initialized",
        policy_ids,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(json: &str) -> Plan {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_part_may_be_left_out() {
        assert_eq!(plan("{}"), Plan::default());
        let coupons = Object(CouponPlan {
            total: 100,
            ..CouponPlan::default()
        });
        assert_eq!(
            plan(r#"{"coupons":{"total":100}}"#),
            Plan {
                coupons,
                ..Plan::default()
            }
        );
        let products = Object(ProductPlan {
            count: 7,
            ..ProductPlan::default()
        });
        assert_eq!(
            plan(r#"{"products":{"count":7}}"#),
            Plan {
                products,
                ..Plan::default()
            }
        );
    }

    #[test]
    fn sizes_are_limited() {
        assert!(Plan::default().check().is_ok());
        for json in [
            r#"{"users":-1}"#,
            r#"{"users":100001}"#,
            r#"{"coupons":{"policies":1001}}"#,
            r#"{"coupons":{"total":-5}}"#,
            r#"{"coupons":{"discount":0}}"#,
            r#"{"products":{"count":0}}"#,
            r#"{"products":{"price":0}}"#,
            r#"{"products":{"stock":-1}}"#,
            r#"{"products":{"scarce":-1}}"#,
            r#"{"products":{"scarce":1001}}"#,
        ] {
            assert!(plan(json).check().is_err(), "{json}");
        }
    }
}
