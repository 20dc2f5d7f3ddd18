//! What a user's orders were answered: ids and totals.

use serde::{Deserialize, Serialize};

use crate::api::TotalIs;

/// What an order costs, in won.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Before the discount.
    pub gross: i64,
    /// After it.
    pub paid: i64,
}

/// A total that isn't what was predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongTotal {
    /// What it should be.
    pub due: Due,
    /// What the answer says.
    pub said: i64,
}

/// The receipts of one user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipts {
    /// How many there are.
    pub count: i64,
    /// Ids of the orders, where they are asked for.
    pub ids: Vec<i64>,
    /// How many totals are wrong.
    pub wrong: i64,
    /// The first of them.
    pub first_wrong: Option<WrongTotal>,
    /// All discounts together, in won.
    pub discounts: i64,
}

impl Receipts {
    /// Takes a receipt; whether its total is as predicted.
    pub fn take(&mut self, id: Option<i64>, said: i64, due: Due, total_is: TotalIs) -> bool {
        self.count += 1;
        self.ids.extend(id);
        self.discounts += due.gross - due.paid;
        let predicted = match total_is {
            TotalIs::Net => due.paid,
            TotalIs::Gross => due.gross,
        };
        if said != predicted {
            self.wrong += 1;
            self.first_wrong.get_or_insert(WrongTotal { due, said });
        }
        said == predicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE: Due = Due {
        gross: 10_000,
        paid: 8_000,
    };

    #[test]
    fn a_total_is_net_or_gross_as_the_contract_says() {
        let mut receipts = Receipts::default();
        assert!(receipts.take(Some(1), 8_000, DUE, TotalIs::Net));
        assert!(receipts.take(None, 10_000, DUE, TotalIs::Gross));
        assert_eq!((receipts.wrong, receipts.first_wrong), (0, None));
        assert!(!receipts.take(Some(2), 10_000, DUE, TotalIs::Net));
        assert!(!receipts.take(Some(3), 9_000, DUE, TotalIs::Net));
        assert_eq!(
            receipts,
            Receipts {
                count: 4,
                ids: vec![1, 2, 3],
                wrong: 2,
                first_wrong: Some(WrongTotal {
                    due: DUE,
                    said: 10_000
                }),
                discounts: 8_000,
            }
        );
    }
}
