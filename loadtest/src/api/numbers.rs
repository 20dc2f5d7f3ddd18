//! Reads whole numbers out of JSON by names that are known only when the program runs, without a
//! tree in between.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The names of numbers in an object. Other fields are skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers<const N: usize>([String; N]);

impl<const N: usize> Numbers<N> {
    /// Numbers of these names.
    #[must_use]
    pub fn named(names: [&str; N]) -> Self {
        Self(names.map(str::to_owned))
    }

    /// Reads an object; nothing when it is something else or lacks one of the numbers.
    #[must_use]
    pub fn of(&self, body: &[u8]) -> Option<[i64; N]> {
        self.object(body).ok()
    }

    /// Reads an object.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn object(&self, body: &[u8]) -> serde_json::Result<[i64; N]> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let numbers = Object(self).deserialize(&mut json)?;
        json.end()?;
        Ok(numbers)
    }

    /// Reads a list of objects.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn list(&self, body: &[u8]) -> serde_json::Result<Vec<[i64; N]>> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let rows = json.deserialize_seq(List(self))?;
        json.end()?;
        Ok(rows)
    }
}

struct Object<'a, const N: usize>(&'a Numbers<N>);

impl<'de, const N: usize> DeserializeSeed<'de> for Object<'_, N> {
    type Value = [i64; N];

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Object<'_, N> {
    type Value = [i64; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with {}", self.0.0.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        while let Some(which) = map.next_key_seed(Key(self.0))? {
            match which {
                Some(which) => found[which] = Some(map.next_value()?),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let mut numbers = [0; N];
        for ((number, found), name) in numbers.iter_mut().zip(found).zip(&self.0.0) {
            *number = found.ok_or_else(|| A::Error::custom(format!("there is no '{name}'")))?;
        }
        Ok(numbers)
    }
}

struct Key<'a, const N: usize>(&'a Numbers<N>);

impl<'de, const N: usize> DeserializeSeed<'de> for Key<'_, N> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_str(self)
    }
}

impl<const N: usize> Visitor<'_> for Key<'_, N> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.0.iter().position(|name| name == key))
    }
}

struct List<'a, const N: usize>(&'a Numbers<N>);

impl<'de, const N: usize> Visitor<'de> for List<'_, N> {
    type Value = Vec<[i64; N]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of objects with {}", self.0.0.join(", "))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = list.next_element_seed(Object(self.0))? {
            rows.push(row);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_name_in_any_order() {
        let numbers = Numbers::named(["id", "price"]);
        let body = br#"{"price":2000,"name":"x","tags":[{"id":9}],"id":1}"#;
        assert_eq!(numbers.of(body), Some([1, 2_000]));
        let list = [b"[".as_slice(), body, b",", body, b"]"].concat();
        assert_eq!(
            numbers.list(&list).expect("a list"),
            [[1, 2_000], [1, 2_000]]
        );
        assert_eq!(numbers.list(b"[]").expect("a list").len(), 0);
    }

    #[test]
    fn what_lacks_one_is_refused_with_its_name() {
        let numbers = Numbers::named(["productId"]);
        for bad in [
            r#"{"id":1}"#,
            r#"{"productId":"1"}"#,
            r#"{"productId":1.5}"#,
            r#"{"productId":null}"#,
            r#"{"productId":1} x"#,
            "[]",
            "7",
            "",
        ] {
            assert_eq!(numbers.of(bad.as_bytes()), None, "{bad}");
        }
        let error = numbers.list(br#"[{"id":1}]"#).expect_err("no productId");
        assert!(
            error.to_string().starts_with("there is no 'productId'"),
            "{error}"
        );
    }
}
