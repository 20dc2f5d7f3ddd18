//! How a worker ends.

use super::prepare::Refusal;
use crate::threshold::ExitCode;

/// Why a worker ends without the lead's verdict.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) exit: ExitCode,
    pub(super) why: String,
    /// Whether the lead doesn't know it.
    pub(super) is_news: bool,
}

impl Ended {
    pub(super) fn lost(why: String) -> Self {
        Self {
            exit: ExitCode::Invalid,
            why,
            is_news: false,
        }
    }

    /// What this process lacks, and the lead is to hear.
    pub(super) fn unfit(why: String) -> Self {
        Self {
            exit: ExitCode::BadConfiguration,
            why,
            is_news: true,
        }
    }
}

impl From<Refusal> for Ended {
    fn from(refusal: Refusal) -> Self {
        Self {
            exit: refusal.exit(),
            ..Self::unfit(refusal.to_string())
        }
    }
}
