//! Orders: checked here, placed in groups (`placement`).

mod placement;

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::{Error, Problem},
    extract::{Id, Json, Object},
    state::Shared,
};

pub(crate) use placement::Placement;
use placement::{Item, Order, Placed};

/// The most items of one order.
const MOST_ITEMS: usize = 100;

/// The most pieces of one product in an order. With at most 100 items of at
/// most 1,000,000,000 won, no sum comes near the limits of 64 bits.
const MOST_PIECES: i64 = 1_000_000;

pub(crate) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(create_order))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NewOrder {
    user_id: Id,
    /// A coupon of the user's, to be spent on this order.
    coupon_id: Option<Id>,
    /// 1 to 100. Items of the same product are added up.
    #[schema(min_items = 1, max_items = 100, value_type = Vec<NewItem>)]
    items: Vec<Object<NewItem>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NewItem {
    product_id: Id,
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
}

/// An order that was placed and paid.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OrderCreated {
    order_id: i64,
    /// What was paid, in won: the prices less the coupon's discount.
    total_amount: i64,
}

/// Places an order and pays for it from the user's balance.
#[utoipa::path(
    post, path = "/orders", tag = "orders", request_body = NewOrder,
    responses(
        (status = 201, body = OrderCreated),
        (status = 400, description = "Malformed, or the balance is too small, or the coupon is not the user's", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such user or product", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The coupon was used or has expired, or a product is out of stock", body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    ),
)]
async fn create_order(
    State(app): State<Shared>,
    Json(new): Json<NewOrder>,
) -> Result<(StatusCode, axum::Json<OrderCreated>), Error> {
    let order = check(&new)?;
    let user = order.user;
    let coupon = order.coupon;
    match app.orders.call(order).await? {
        Placed::Order { id, paid } => {
            let created = OrderCreated {
                order_id: id,
                total_amount: paid,
            };
            Ok((StatusCode::CREATED, axum::Json(created)))
        }
        Placed::UnknownUser => Err(Error::unknown_user(user)),
        Placed::UnknownProduct(id) => Err(Error::not_found(format!("there is no product {id}"))),
        Placed::CouponNotTheirs => Err(Error::bad_request(format!(
            "user {user} has no coupon {}",
            coupon.unwrap_or_default()
        ))),
        Placed::CouponUsed => Err(Error::conflict(format!(
            "coupon {} has been used",
            coupon.unwrap_or_default()
        ))),
        Placed::CouponExpired => Err(Error::conflict(format!(
            "coupon {} has expired",
            coupon.unwrap_or_default()
        ))),
        Placed::OutOfStock(id) => Err(Error::conflict(format!("product {id} is out of stock"))),
        Placed::BalanceTooSmall => Err(Error::bad_request(format!(
            "the balance of user {user} is too small"
        ))),
    }
}

/// Refuses what can be seen to be wrong without looking at the shop.
fn check(new: &NewOrder) -> Result<Order, Error> {
    if new.items.is_empty() {
        return Err(Error::bad_request("an order has at least one item"));
    }
    if new.items.len() > MOST_ITEMS {
        return Err(Error::bad_request(format!(
            "an order has {MOST_ITEMS} items at most"
        )));
    }
    let mut items: Vec<Item> = Vec::with_capacity(new.items.len());
    for &Object(NewItem {
        product_id: Id(product),
        quantity,
    }) in &new.items
    {
        if quantity < 1 {
            return Err(Error::bad_request(format!(
                "the quantity of product {product} must be 1 or more"
            )));
        }
        // An order is short; this is cheaper than a map.
        let pieces = match items.iter_mut().find(|item| item.product == product) {
            Some(item) => {
                item.quantity = item.quantity.saturating_add(quantity);
                item.quantity
            }
            None => {
                items.push(Item { product, quantity });
                quantity
            }
        };
        if pieces > MOST_PIECES {
            return Err(Error::bad_request(format!(
                "an order has {MOST_PIECES} pieces of a product at most"
            )));
        }
    }
    Ok(Order {
        user: new.user_id.0,
        coupon: new.coupon_id.map(|id| id.0),
        items,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(json: &str) -> Result<Order, String> {
        let new: NewOrder = serde_json::from_str(json).map_err(|error| error.to_string())?;
        check(&new).map_err(|error| error.to_string())
    }

    #[test]
    fn items_of_the_same_product_are_added_up_in_their_first_place() {
        let order = checked(
            r#"{"userId":1,"items":[{"productId":9,"quantity":1},{"productId":2,"quantity":3},{"productId":9,"quantity":4}]}"#,
        )
        .unwrap();
        let items = [(9, 5), (2, 3)].map(|(product, quantity)| Item { product, quantity });
        assert_eq!(order.items, items);
        assert_eq!(order.coupon, None);
    }

    #[test]
    fn what_is_wrong_with_an_order_is_said() {
        let many = format!(
            r#"{{"userId":1,"items":[{}]}}"#,
            vec![r#"{"productId":1,"quantity":1}"#; MOST_ITEMS + 1].join(",")
        );
        for (json, reason) in [
            (
                r#"{"userId":1,"items":[]}"#,
                "an order has at least one item",
            ),
            (r#"{"userId":1}"#, "missing field `items`"),
            (
                r#"{"userId":0,"items":[{"productId":1,"quantity":1}]}"#,
                "0 is no id",
            ),
            (
                r#"{"userId":-1,"items":[{"productId":1,"quantity":1}]}"#,
                "-1 is no id",
            ),
            (
                r#"{"userId":1,"couponId":0,"items":[{"productId":1,"quantity":1}]}"#,
                "0 is no id",
            ),
            (
                r#"{"userId":1,"items":[{"productId":1,"quantity":0}]}"#,
                "must be 1 or more",
            ),
            (
                r#"{"userId":1,"items":[{"productId":1,"quantity":-9223372036854775808}]}"#,
                "must be 1 or more",
            ),
            (
                r#"{"userId":1,"items":[{"productId":1,"quantity":1000001}]}"#,
                "1000000 pieces",
            ),
            (
                r#"{"userId":1,"items":[{"productId":1,"quantity":999999},{"productId":1,"quantity":9223372036854775807}]}"#,
                "1000000 pieces",
            ),
            (
                r#"{"userId":9223372036854775808,"items":[{"productId":1,"quantity":1}]}"#,
                "expected i64",
            ),
            (
                r#"{"userId":"1","items":[{"productId":1,"quantity":1}]}"#,
                "expected i64",
            ),
            (
                r#"{"userId":1,"items":[{"productId":1,"quantity":1.5}]}"#,
                "expected i64",
            ),
            (many.as_str(), "100 items at most"),
        ] {
            let error = checked(json).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
