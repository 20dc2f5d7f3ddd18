//! Properties of every threshold, for fuzzing.

use super::parse::{Known, parse_knowing};

/// A threshold reads back as what it is shown as.
pub fn threshold(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let catalogue = crate::fixture::catalogue();
    let known = Known {
        catalogue: &catalogue,
        tags: &["version".to_owned()],
    };
    let Ok(threshold) = parse_knowing(text, known) else {
        return;
    };
    let shown = threshold.to_string();
    match parse_knowing(&shown, known) {
        Ok(again) => {
            assert_eq!(again, threshold);
            assert_eq!(again.to_string(), shown);
        }
        Err(error) => panic!("{text:?} is shown as {shown:?}: {error}"),
    }
    assert!(threshold.limit.is_finite());
}
