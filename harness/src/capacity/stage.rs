//! The stages of a trial: one ramps the load up, the other holds it.

use crate::metrics::TagFilter;

/// Name of the stage that counts.
pub const HOLD: &str = "hold";
/// Name of the one before it, which only brings the load up.
pub(super) const RISE: &str = "rise";

/// What carries the tag of a stage.
pub(super) fn of_stage(stage: &str) -> TagFilter {
    TagFilter(vec![("stage".to_owned(), stage.to_owned())])
}
