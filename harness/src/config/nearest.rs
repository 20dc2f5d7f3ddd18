//! The error for an unknown key.

use crate::format::did_you_mean;

/// A longer list than this is not read.
const READ: usize = 12;

/// The error for an unknown key: the nearest known one, and all of them if they are few.
#[must_use]
pub fn no_such_key(key: &str, known: &[&str]) -> String {
    format!("there is no such key; {}", known_are(key, known))
}

/// The nearest to a word, if any is near, and all that there are if they are few.
pub(super) fn known_are(word: &str, known: &[&str]) -> String {
    let near = did_you_mean(word, known.iter().copied());
    let mut each: Vec<&str> = Vec::new();
    known.iter().for_each(|one| {
        if !each.contains(one) {
            each.push(one);
        }
    });
    match each.len() {
        0 => "there are none".to_owned(),
        1..=READ => format!("{near}known are {}", each.join(", ")),
        many if near.is_empty() => format!("none of the {many} known is like it"),
        _ => near.trim_end().to_owned(),
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

    #[test]
    fn a_long_list_is_left_out() {
        let known: Vec<String> = (0..=READ).map(|number| format!("key_{number}")).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        assert_eq!(known_are("kei_7", &known), "did you mean key_7?");
        assert_eq!(known_are("vus", &known), "none of the 13 known is like it");
        assert!(known_are("kei_7", &known[1..]).contains("? known are key_1, key_2,"));
    }
}
