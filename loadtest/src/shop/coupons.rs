//! How many coupons a run asks for, as `--coupons` says it.

/// How many coupons the set-up asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coupons {
    /// So many over all policies.
    Limited(u32),
    /// So many that nobody is refused: the bottleneck check.
    Unlimited,
}

impl Coupons {
    /// Reads a number, or `unlimited`.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "unlimited" {
            return Ok(Self::Unlimited);
        }
        let most = Self::Unlimited.quantity();
        let wrong = || {
            format!(
                "'{text}' is not a number of coupons; write a whole number up to {most}, or unlimited"
            )
        };
        text.trim()
            .parse()
            .ok()
            .filter(|n| *n <= most)
            .map(Self::Limited)
            .ok_or_else(wrong)
    }

    /// The number to ask for.
    #[must_use]
    pub const fn quantity(self) -> u32 {
        match self {
            Self::Limited(quantity) => quantity,
            Self::Unlimited => 100_000_000,
        }
    }
}

impl From<Option<u32>> for Coupons {
    fn from(limit: Option<u32>) -> Self {
        limit.map_or(Self::Unlimited, Self::Limited)
    }
}

#[cfg(test)]
mod tests {
    use super::Coupons;

    #[test]
    fn coupons_are_a_number_or_unlimited() {
        assert_eq!(Coupons::parse("unlimited"), Ok(Coupons::Unlimited));
        assert_eq!(Coupons::parse("100"), Ok(Coupons::Limited(100)));
        let error = Coupons::parse("-1").expect_err("no number");
        assert!(error.contains("is not a number of coupons"), "{error}");
    }
}
