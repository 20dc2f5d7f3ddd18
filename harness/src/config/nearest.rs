//! What is said of a key that there isn't.

/// The key that was most likely meant. What shares less than half of its letters is no typo of it.
pub(super) fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |other: &&str| strsim::osa_distance(key, other);
    let nearest = known.iter().copied().min_by_key(distance);
    nearest.filter(|near| 2 * distance(near) <= near.len().max(key.len()))
}

/// What is said of a key that there isn't: the nearest one, and all of them.
#[must_use]
pub fn no_such_key(key: &str, known: &[&str]) -> String {
    let near = nearest(key, known).map_or(String::new(), |near| format!("did you mean {near}? "));
    format!("there is no such key; {near}known are {}", known.join(", "))
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
