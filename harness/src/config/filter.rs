//! Which series the tags of a threshold select.

use crate::metrics::SET_UP;
use crate::threshold::Threshold;

/// What a threshold asks for.
#[derive(Clone, Copy)]
pub(super) struct Filter<'a>(pub(super) &'a Threshold);

impl<'a> Filter<'a> {
    /// The values that this tag must have.
    pub(super) fn asked(self, key: &str) -> impl Iterator<Item = &'a str> {
        let pairs = self.0.filter.0.iter();
        let of_key = pairs.filter(move |(known, _)| known == key);
        of_key.filter_map(|(_, value)| (!value.starts_with('!')).then_some(value.as_str()))
    }

    /// Whether a series with this value passes, as far as the filter asks for this tag.
    pub(super) fn takes(self, key: &str, value: &str) -> bool {
        let mut pairs = self.0.filter.0.iter().filter(|(known, _)| known == key);
        pairs.all(|(_, asked)| match asked.strip_prefix('!') {
            Some(other) => other != value,
            None => asked == value,
        })
    }

    /// Scenario and persona of the set-up, where the metric has anything of it: it sends requests
    /// and has checks.
    pub(super) fn set_up(self) -> Option<&'static str> {
        let tags = self.0.metric.tags;
        (tags.contains(&"name") || tags.contains(&"check")).then_some(SET_UP)
    }
}
