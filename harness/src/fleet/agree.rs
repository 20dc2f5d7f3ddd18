//! Whether the sum of the seconds is what the workers counted in all. Pure.

use crate::metrics::{CheckTags, IterationTags, RequestTags, Snapshot, Trend};

/// In what two snapshots differ, in words; nothing if they have the same counts and sums.
#[must_use]
pub fn disagreement(seconds: &Snapshot, totals: &Snapshot) -> Option<String> {
    compared("requests", &of_requests(seconds), &of_requests(totals))
        .or_else(|| {
            compared(
                "iterations",
                &of_iterations(seconds),
                &of_iterations(totals),
            )
        })
        .or_else(|| compared("checks", &of_checks(seconds), &of_checks(totals)))
}

/// Series with what is counted of them, the number of samples first.
type Rows<K> = Vec<(K, Vec<u64>)>;

fn compared<K: Ord>(what: &str, seconds: &Rows<K>, totals: &Rows<K>) -> Option<String> {
    let count = |rows: &Rows<K>| rows.iter().map(|(_, numbers)| numbers[0]).sum::<u64>();
    (seconds != totals).then(|| {
        format!(
            "the workers' totals of {what} are not the sum of their seconds ({} and {})",
            count(totals),
            count(seconds)
        )
    })
}

fn numbers(trend: &Trend) -> [u64; 2] {
    [trend.count(), (trend.sum_ms() * 1_000.0).round() as u64]
}

/// In a fixed sequence, without series that are empty.
fn sorted<K: Ord>(rows: impl Iterator<Item = (K, Vec<u64>)>) -> Rows<K> {
    let is_used = |(_, numbers): &(K, Vec<u64>)| numbers.iter().any(|number| *number > 0);
    let mut rows: Vec<_> = rows.filter(is_used).collect();
    rows.sort_unstable();
    rows
}

fn of_requests(snapshot: &Snapshot) -> Rows<RequestTags> {
    sorted(snapshot.requests.iter().map(|(tags, series)| {
        let plain = [
            series.count(),
            series.unsent,
            series.reconnects,
            series.bytes_sent,
            series.bytes_received,
        ];
        let trends = series.all().flat_map(numbers);
        (*tags, plain.into_iter().chain(trends).collect())
    }))
}

fn of_iterations(snapshot: &Snapshot) -> Rows<IterationTags> {
    sorted(snapshot.iterations.iter().map(|(tags, series)| {
        let trends = [&series.duration, &series.start_delay, &series.response_time];
        let plain = [series.duration.count(), series.interrupted, series.dropped];
        let trends = trends.into_iter().flat_map(numbers);
        (*tags, plain.into_iter().chain(trends).collect())
    }))
}

fn of_checks(snapshot: &Snapshot) -> Rows<CheckTags> {
    sorted(
        snapshot
            .checks
            .iter()
            .map(|(tags, counts)| (*tags, vec![counts.passes, counts.fails])),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_unit_more_or_less_is_found() {
        let tags = IterationTags {
            scenario: "default",
            persona: "buyer",
            stage: 0,
        };
        let of = |times: &[u64]| {
            let mut snapshot = Snapshot::default();
            let series = snapshot.iterations.entry(tags).or_default();
            times
                .iter()
                .for_each(|us| series.duration.record(Duration::from_micros(*us)));
            snapshot
        };
        assert_eq!(disagreement(&of(&[5, 7]), &of(&[7, 5])), None);
        assert_eq!(disagreement(&of(&[]), &Snapshot::default()), None);
        let said = disagreement(&of(&[5, 7]), &of(&[5])).expect("one is missing");
        assert!(said.ends_with("(1 and 2)"), "{said}");
        assert!(disagreement(&of(&[5, 7]), &of(&[5, 8])).is_some());
    }
}
