//! Hostile input: requests that no server should take, by group.

use harness::Request;
use rand::{Rng, RngExt};

use crate::api::requests::{HOSTILE_GET, HOSTILE_POST};

/// What is wrong with a hostile request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// Amounts and quantities that make no sense.
    Money,
    /// Values of another type than the API takes, or too large for it.
    Types,
    /// Bodies that are no JSON, or lack something.
    Json,
    /// Ids that nobody has.
    Ids,
    /// Text where a name or an id belongs.
    Text,
}

use Group::{Ids, Json, Money, Text, Types};

const GROUPS: [(&str, Group); 5] = [
    ("money", Money),
    ("types", Types),
    ("json", Json),
    ("ids", Ids),
    ("text", Text),
];

/// Group, path and body of a hostile request; without a body it is a `GET`. `{id}` is the user's
/// own id.
type Input = (Group, &'static str, Option<&'static str>);

#[rustfmt::skip]
const INPUTS: [Input; 36] = [
    (Money, "/users/{id}/balance", Some(r#"{"amount":0}"#)),
    (Money, "/users/{id}/balance", Some(r#"{"amount":-1}"#)),
    (Money, "/users/{id}/balance", Some(r#"{"amount":-9223372036854775808}"#)),
    (Money, "/users/{id}/balance", Some(r#"{"amount":9223372036854775807}"#)),
    (Types, "/users/{id}/balance", Some(r#"{"amount":9223372036854775808}"#)),
    (Types, "/users/{id}/balance", Some(r#"{"amount":1e400}"#)),
    (Types, "/users/{id}/balance", Some(r#"{"amount":"10000"}"#)),
    (Types, "/users/{id}/balance", Some(r#"{"amount":null}"#)),
    (Types, "/users/{id}/balance", Some(r#"{"amount":[10000]}"#)),
    (Json,  "/users/{id}/balance", Some(r#"{"amount":10000"#)),
    (Json,  "/users/{id}/balance", Some("")),
    (Ids,   "/users/0/balance", Some(r#"{"amount":10000}"#)),
    (Ids,   "/users/-1/balance", Some(r#"{"amount":10000}"#)),
    (Ids,   "/users/9223372036854775807/balance", Some(r#"{"amount":10000}"#)),
    (Ids,   "/users/99999999999999999999/balance", Some(r#"{"amount":10000}"#)),
    (Text,  "/users/1%20OR%201=1/balance", Some(r#"{"amount":10000}"#)),
    (Ids,   "/coupons?userId={id}&policyId=0", Some("")),
    (Ids,   "/coupons?userId={id}&policyId=-1", Some("")),
    (Ids,   "/coupons?userId={id}&policyId=9223372036854775808", Some("")),
    (Ids,   "/coupons?userId=-1&policyId=1", Some("")),
    (Ids,   "/coupons", Some("")),
    (Json,  "/orders", Some(r#"{"userId":{id},"couponId":null,"items":[]}"#)),
    (Money, "/orders", Some(r#"{"userId":{id},"couponId":null,"items":[{"productId":1,"quantity":0}]}"#)),
    (Money, "/orders", Some(r#"{"userId":{id},"couponId":null,"items":[{"productId":1,"quantity":-5}]}"#)),
    (Money, "/orders", Some(r#"{"userId":{id},"couponId":null,"items":[{"productId":1,"quantity":9223372036854775807}]}"#)),
    (Ids,   "/orders", Some(r#"{"userId":{id},"couponId":null,"items":[{"productId":-7,"quantity":1}]}"#)),
    (Types, "/orders", Some(r#"{"userId":{id},"couponId":"x","items":"all of them"}"#)),
    (Ids,   "/orders", Some(r#"{"userId":9223372036854775807,"couponId":null,"items":[{"productId":1,"quantity":1}]}"#)),
    (Json,  "/orders", Some(r#"{"items":[{"productId":1,"quantity":1}]}"#)),
    (Json,  "/orders", Some("{\"userId\":\u{0}}")),
    (Json,  "/orders", Some(r#"[[[[[[[["#)),
    (Text,  "/users/id?name=", None),
    (Text,  "/users/id?name=%00", None),
    (Text,  "/users/abc/balance", None),
    (Ids,   "/users/-1/coupons", None),
    (Ids,   "/products/0", None),
];

/// The hostile input of the chosen groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hostile(Vec<&'static Input>);

impl Default for Hostile {
    /// All of it.
    fn default() -> Self {
        Self(INPUTS.iter().collect())
    }
}

impl Hostile {
    /// Reads groups, as in `money,ids`, or `none`.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "none" {
            return Ok(Self(Vec::new()));
        }
        let group = |name: &str| {
            let known = GROUPS.iter().find(|(known, _)| *known == name.trim());
            known.map(|(_, group)| *group).ok_or_else(|| {
                let names = GROUPS.map(|(name, _)| name).join(", ");
                format!("'{name}' is no group of hostile input; write some of {names}, or none")
            })
        };
        let groups = text.split(',').map(group).collect::<Result<Vec<_>, _>>()?;
        let chosen = |input: &&Input| groups.contains(&input.0);
        Ok(Self(INPUTS.iter().filter(chosen).collect()))
    }

    /// The requests that none of it needs.
    #[must_use]
    pub fn unsent(&self) -> Vec<Request> {
        let is_sent = |with_body| {
            self.0
                .iter()
                .any(|(_, _, body)| body.is_some() == with_body)
        };
        let requests = [(HOSTILE_GET, false), (HOSTILE_POST, true)];
        let unsent = requests.into_iter().filter(|(_, body)| !is_sent(*body));
        unsent.map(|(request, _)| request.unsent()).collect()
    }

    /// Path and body of one of them, for this user; nothing if there is none.
    pub fn draw(&self, rng: &mut impl Rng, user: i64) -> Option<(String, Option<String>)> {
        if self.0.is_empty() {
            return None;
        }
        let (_, path, body) = self.0[rng.random_range(0..self.0.len())];
        let fill = |text: &str| text.replace("{id}", &user.to_string());
        Some((fill(path), body.map(fill)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn drawn(groups: &str) -> BTreeSet<(String, Option<String>)> {
        let hostile = Hostile::parse(groups).expect(groups);
        let mut rng = StdRng::seed_from_u64(7);
        (0..2_000)
            .filter_map(|_| hostile.draw(&mut rng, 42))
            .collect()
    }

    #[test]
    fn only_the_chosen_groups_are_drawn_from_and_all_of_them() {
        let counts = ["money", "types", "json", "ids", "text", "none"].map(|g| drawn(g).len());
        assert_eq!(counts, [7, 6, 6, 13, 4, 0]);
        assert_eq!(drawn("money, text").len(), 11);
        assert_eq!(
            Hostile::default(),
            Hostile::parse("text,ids,json,types,money").expect("all")
        );
        let text: Vec<String> = drawn("text").into_iter().map(|(path, _)| path).collect();
        let expected = [
            "/users/1%20OR%201=1/balance",
            "/users/abc/balance",
            "/users/id?name=",
            "/users/id?name=%00",
        ];
        assert_eq!(text, expected);
    }

    #[test]
    fn the_user_is_named_where_it_should_be() {
        let all = drawn("money,types,json,ids,text");
        let zero = Some(r#"{"amount":0}"#.to_owned());
        assert!(all.contains(&("/users/42/balance".to_owned(), zero)));
        let left = |text: &str| text.contains("{id}");
        assert!(
            !all.iter()
                .any(|(path, body)| { left(path) || body.as_deref().is_some_and(left) })
        );
    }

    #[test]
    fn requests_without_an_input_are_told() {
        let unsent = |groups| -> Vec<_> {
            let hostile = Hostile::parse(groups).expect(groups);
            hostile
                .unsent()
                .iter()
                .map(|request| request.name)
                .collect()
        };
        assert_eq!(unsent("none"), ["8_hostile_get", "9_hostile_post"]);
        assert_eq!(unsent("money,json"), ["8_hostile_get"]);
        assert_eq!(unsent("text"), [""; 0]);
    }

    #[test]
    fn mistakes_are_named() {
        for text in ["monney", "", "money,none", "money,"] {
            let error = Hostile::parse(text).expect_err(text);
            assert!(
                error.ends_with("write some of money, types, json, ids, text, or none"),
                "{error}"
            );
        }
    }
}
