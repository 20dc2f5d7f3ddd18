//! What is said of a key that there isn't.

/// What is said of a key that there isn't: the nearest one, and all of them.
#[must_use]
pub fn no_such_key(key: &str, known: &[&str]) -> String {
    let distance = |other: &&&str| strsim::osa_distance(key, other);
    let nearest = known.iter().min_by_key(distance);
    // What shares less than half of its letters is no typo of it.
    let near = nearest.filter(|near| 2 * distance(near) <= near.len().max(key.len()));
    let near = near.map_or(String::new(), |near| format!("did you mean {near}? "));
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
