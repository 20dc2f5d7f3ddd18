//! Ids of a batch, sorted and distinct, and where each of them stands. The
//! functions in PostgreSQL lock rows in this order and index arrays by these
//! positions.

/// Sorted, distinct ids.
pub(crate) struct Slots(Vec<i64>);

impl Slots {
    pub(crate) fn new(ids: impl Iterator<Item = i64>) -> Self {
        let mut ids: Vec<i64> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }

    pub(crate) fn ids(&self) -> &[i64] {
        &self.0
    }

    /// The position of an id, counted from 1 as PostgreSQL does; 0 if it is
    /// not among them.
    pub(crate) fn place(&self, id: i64) -> i32 {
        match self.0.binary_search(&id) {
            Ok(index) => i32::try_from(index + 1).expect("a batch is small"),
            Err(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_and_distinct_and_count_from_one() {
        let slots = Slots::new([7, 3, 7, 9].into_iter());
        assert_eq!(slots.ids(), [3, 7, 9]);
        assert_eq!([3, 7, 9, 4].map(|id| slots.place(id)), [1, 2, 3, 0]);
    }
}
