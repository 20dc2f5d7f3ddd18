//! Thresholds in k6's grammar, their evaluation, and the verdict of the run.

mod crossing;
mod evaluate;
mod limits;
mod measured;
mod parse;
mod standing;
mod timeline;
mod verdict;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

pub use crossing::{Crossing, Culprit};
pub use evaluate::{Outcome, evaluate};
pub use limits::Limits;
pub use parse::{Known, Operator, ParseError, Threshold, parse, parse_knowing};
pub use standing::any_stands;
pub use timeline::{Moment, Timeline, abort, times};
pub use verdict::{Evidence, ExitCode, Judgement, Verdict, judge};
