//! The error for an unknown key.

use crate::format::did_you_mean;

/// The error for an unknown key: the nearest known one, and all of them.
#[must_use]
pub fn no_such_key(key: &str, known: &[&str]) -> String {
    format!("there is no such key; {}", known_are(key, known))
}

/// The nearest to a word, if any is near, and all that there are.
pub(super) fn known_are(word: &str, known: &[&str]) -> String {
    let near = did_you_mean(word, known.iter().copied());
    let mut each: Vec<&str> = Vec::new();
    known.iter().for_each(|one| {
        if !each.contains(one) {
            each.push(one);
        }
    });
    match &*each.join(", ") {
        "" => "there are none".to_owned(),
        each => format!("{near}known are {each}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_key_is_named_if_any_is_near() {
        let known = ["stages", "vus", "price"];
        let near = |key| no_such_key(key, &known);
        let all = "known are stages, vus, price";
        assert_eq!(
            near("vuz"),
            format!("there is no such key; did you mean vus? {all}")
        );
        assert_eq!(
            near("prcie"),
            format!("there is no such key; did you mean price? {all}")
        );
        assert_eq!(near("thresholds"), format!("there is no such key; {all}"));
    }
}
