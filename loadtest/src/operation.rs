//! What a user does to the books of the server, and what is known of it.

use serde::{Deserialize, Serialize};

/// Something that changes the server's books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// Money put on the balance.
    Charge {
        /// Won.
        amount: i64,
    },
    /// A claim for a coupon.
    Claim {
        /// Its policy.
        policy: i64,
    },
    /// An order.
    Order {
        /// Product and quantity.
        items: Vec<(i64, i64)>,
        /// What it costs after the discount, in won.
        paid: i64,
        /// Whether it uses a coupon.
        with_coupon: bool,
    },
    /// One of these or none, not both.
    OneOf(Box<[Operation; 2]>),
}

/// What an answer says of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// It happened.
    Done,
    /// It didn't: the server said no.
    Refused,
    /// It didn't: the server never looked at it.
    Unheard,
    /// Nobody can tell from here.
    Unknown,
}

impl Operation {
    /// What it does to the balance when it happens, in won; several if it is one of several.
    #[must_use]
    pub fn effects(&self) -> Vec<i64> {
        match self {
            Self::Charge { amount } => vec![*amount],
            Self::Claim { .. } => vec![],
            Self::Order { paid, .. } => vec![-paid],
            Self::OneOf(both) => both.iter().flat_map(Self::effects).collect(),
        }
    }

    /// Whether a coupon is used when it happens.
    #[must_use]
    pub fn may_use_coupon(&self) -> bool {
        match self {
            Self::Charge { .. } | Self::Claim { .. } => false,
            Self::Order { with_coupon, .. } => *with_coupon,
            Self::OneOf(both) => both.iter().any(Self::may_use_coupon),
        }
    }
}
