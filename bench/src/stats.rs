//! The little arithmetic that a bench needs.

/// The middle of the values, the mean of the two in the middle if their number is even; `None` without any.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The middles of the lower and of the upper half, between which half of the values are; `None` of
/// fewer than four. Of an odd number, the median is in both halves (Tukey's hinges).
pub(crate) fn quartiles(values: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len().div_ceil(2);
    if sorted.len() < 4 {
        return None;
    }
    let upper = sorted.len() - half;
    Some((median(&sorted[..half])?, median(&sorted[upper..])?))
}

/// Each value over its neighbour of the same repetition: what drifts, drifts in both.
pub(crate) fn ratios(values: &[f64], others: &[f64]) -> Vec<f64> {
    values
        .iter()
        .zip(others)
        .map(|(value, other)| value / other)
        .collect()
}

/// The largest over the smallest; `None` without any.
pub(crate) fn spread(values: &[f64]) -> Option<f64> {
    let largest = values.iter().copied().reduce(f64::max)?;
    let smallest = values.iter().copied().reduce(f64::min)?;
    Some(largest / smallest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(median(&[9.0, 1.0, 4.0, 2.0]), Some(3.0));
        assert_eq!(median(&[1.0, 1_000.0, 2.0, 3.0, 0.0]), Some(2.0));
    }

    #[test]
    fn half_of_the_values_are_between_the_quartiles() {
        assert_eq!(quartiles(&[1.0, 2.0, 3.0]), None);
        assert_eq!(quartiles(&[4.0, 1.0, 3.0, 2.0]), Some((1.5, 3.5)));
        let nine = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0];
        assert_eq!(quartiles(&nine), Some((3.0, 7.0)));
    }

    #[test]
    fn ratios_are_taken_pairwise() {
        assert_eq!(ratios(&[1.0, 6.0], &[2.0, 3.0]), [0.5, 2.0]);
        // A repetition that only one of them has counts for nothing.
        assert_eq!(ratios(&[1.0, 6.0], &[2.0]), [0.5]);
    }

    #[test]
    fn the_spread_is_largest_over_smallest() {
        assert_eq!(spread(&[2.0, 3.0, 1.5]), Some(2.0));
        assert_eq!(spread(&[]), None);
    }
}
