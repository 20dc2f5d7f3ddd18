//! Thresholds in k6's grammar, their evaluation, and the verdict of the run.

mod evaluate;
mod parse;
mod verdict;

pub use evaluate::{Outcome, evaluate};
pub use parse::{ParseError, Threshold, parse};
pub use verdict::{Evidence, ExitCode, Judgement, Verdict, judge};
