//! The coupon policies of a run, as `--policies` names them.

/// How many policies the set-up creates, or which of those that there are a run uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policies {
    /// So many new ones.
    Count(u32),
    /// Those with these ids.
    Ids(Vec<i64>),
}

/// What the shop's contract allows.
const MOST: u32 = 1_000;

impl Policies {
    /// The seed's number.
    pub const DEFAULT: u32 = 5;

    /// Reads a number, or ids: whatever has a comma. `7,` is one id.
    ///
    /// # Errors
    /// What would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.contains(',') {
            return ids(text).map(Self::Ids);
        }
        let count = text.parse().ok().filter(|n| (1..=MOST).contains(n));
        count.map(Self::Count).ok_or_else(|| {
            format!(
                "'{text}' is not a number of coupon policies; write a whole number from 1 to {MOST}"
            )
        })
    }
}

fn ids(text: &str) -> Result<Vec<i64>, String> {
    let mut ids = Vec::new();
    for word in text.strip_suffix(',').unwrap_or(text).split(',') {
        let id: i64 = word
            .trim()
            .parse()
            .map_err(|_| format!("'{word}' is not a policy's id; write ids as in 1,2,3"))?;
        if ids.contains(&id) {
            return Err(format!("policy {id} is named twice"));
        }
        ids.push(id);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::Policies::{self, Count, Ids};

    #[test]
    fn a_number_is_how_many_and_commas_make_ids() {
        let rows = [
            ("5", Count(5)),
            (" 1000 ", Count(1_000)),
            ("1,2,3", Ids(vec![1, 2, 3])),
            ("41, 7", Ids(vec![41, 7])),
            ("7,", Ids(vec![7])),
        ];
        for (text, expected) in rows {
            assert_eq!(Policies::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let rows = [
            ("0", "'0' is not a number of coupon policies"),
            ("1001", "write a whole number from 1 to 1000"),
            ("-1", "'-1' is not a number of coupon policies"),
            ("", "'' is not a number of coupon policies"),
            ("1,x", "'x' is not a policy's id; write ids as in 1,2,3"),
            (",", "'' is not a policy's id"),
            ("1,,2", "'' is not a policy's id"),
            ("3,1,3", "policy 3 is named twice"),
        ];
        for (text, expected) in rows {
            let error = Policies::parse(text).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
