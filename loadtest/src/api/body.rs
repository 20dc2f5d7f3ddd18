//! Bodies with names that are known only when the program runs, prepared once.

use std::fmt::Write;

/// An order's body up to each number.
#[derive(Debug)]
pub(super) struct OrderBody {
    user: String,
    coupon: String,
    items: String,
    product: String,
    quantity: String,
}

/// The name of a field as JSON has it, with its colon.
fn key(name: &str) -> String {
    format!("{}:", serde_json::Value::from(name))
}

impl OrderBody {
    pub(super) fn named([user, coupon, items, product, quantity]: [&str; 5]) -> Self {
        Self {
            user: format!("{{{}", key(user)),
            coupon: format!(",{}", key(coupon)),
            items: format!(",{}[", key(items)),
            product: format!("{{{}", key(product)),
            quantity: format!(",{}", key(quantity)),
        }
    }

    /// `items` are products and their quantities.
    pub(super) fn of(
        &self,
        user: i64,
        coupon: Option<i64>,
        items: impl ExactSizeIterator<Item = (i64, i64)>,
    ) -> String {
        const ROOM: usize = 96;
        let each = self.product.len() + self.quantity.len() + 12;
        let mut body = String::with_capacity(ROOM + each * items.len());
        // Writing to a text can't fail.
        let _ = write!(body, "{}{user}{}", self.user, self.coupon);
        let _ = match coupon {
            Some(coupon) => write!(body, "{coupon}"),
            None => write!(body, "null"),
        };
        body.push_str(&self.items);
        for (at, (product, quantity)) in items.enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let _ = write!(
                body,
                "{comma}{}{product}{}{quantity}}}",
                self.product, self.quantity
            );
        }
        body.push_str("]}");
        body
    }
}

/// A charge's body up to its number.
#[derive(Debug)]
pub(super) struct ChargeBody(String);

impl ChargeBody {
    pub(super) fn named(amount: &str) -> Self {
        Self(format!("{{{}", key(amount)))
    }

    pub(super) fn of(&self, amount: i64) -> String {
        format!("{}{amount}}}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_have_the_names_that_were_given() {
        let body = OrderBody::named(["userId", "couponId", "items", "productId", "quantity"]);
        assert_eq!(
            body.of(7, None, [].into_iter()),
            r#"{"userId":7,"couponId":null,"items":[]}"#
        );
        let other = OrderBody::named(["u", "c\"", "lines", "p", "n"]);
        assert_eq!(
            other.of(7, Some(9), [(1, 2), (5, 2)].into_iter()),
            r#"{"u":7,"c\"":9,"lines":[{"p":1,"n":2},{"p":5,"n":2}]}"#
        );
        assert_eq!(
            ChargeBody::named("amount").of(10_000),
            r#"{"amount":10000}"#
        );
    }
}
