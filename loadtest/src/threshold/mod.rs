//! Thresholds in k6's grammar, their evaluation, and the verdict of the run.

mod evaluate;
mod limits;
mod parse;
mod verdict;

pub use evaluate::{Outcome, evaluate};
pub use limits::Limits;
pub use parse::{Known, ParseError, Threshold, parse, parse_knowing};
pub use verdict::{Evidence, ExitCode, Judgement, Verdict, judge};
