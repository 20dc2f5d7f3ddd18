//! Which statuses of a request are no failure.

/// Which statuses are no failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Expected {
    /// Success and redirects, 200 to 399, as in k6.
    #[default]
    Success,
    /// These.
    Any(&'static [u16]),
}

impl Expected {
    /// Whether it is one of them.
    #[must_use]
    pub const fn is_met_by(self, status: u16) -> bool {
        match self {
            Self::Success => 200 <= status && status <= 399,
            Self::Any(statuses) => {
                let mut at = 0;
                while at < statuses.len() {
                    if statuses[at] == status {
                        return true;
                    }
                    at += 1;
                }
                false
            }
        }
    }
}
