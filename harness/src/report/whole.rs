//! Whether a series is complete. It isn't if the disk was full, a copy broke off or the file was
//! cut. Pure.

use super::series::{SERIES_FILE, Series};
use super::summary::{Summary, Value};

/// Times are cut to whole milliseconds, each for itself.
const ROUNDED_MS: u64 = 2;

/// What the series lacks of its run, or has twice, in a sentence; nothing if it is whole.
///
/// Its seconds follow each other from the start to the end of the run, and their requests are those
/// that the summary counts:
///
/// ```text
/// 0      1 s    2 s    3 s           the run's end
/// ├──────┼──────┼──────┼── … ──┼─────┤
///  second second second         rest
/// ```
pub(super) fn lack(series: &Series, summary: &Summary) -> Option<String> {
    let lack = if series.cut {
        Some("its last line is cut".to_owned())
    } else {
        breach(series, summary.run.duration_ms).or_else(|| miscount(series, summary))
    };
    lack.map(|lack| format!("{SERIES_FILE} is not whole: {lack}"))
}

/// Where its seconds don't follow each other.
fn breach(series: &Series, duration_ms: u64) -> Option<String> {
    let at = |ms: u64| format!("{:.1} s", ms as f64 / 1_000.0);
    let mut reached = 0_u64;
    for second in &series.seconds {
        let begun = second.elapsed_ms.saturating_sub(second.length_ms);
        if begun > reached.saturating_add(ROUNDED_MS) {
            return Some(format!(
                "nothing is there from {} to {}",
                at(reached),
                at(begun)
            ));
        }
        if reached > begun.saturating_add(ROUNDED_MS) {
            return Some(format!(
                "what follows {} begins at {}, so something is there twice or in disorder",
                at(reached),
                at(begun)
            ));
        }
        reached = second.elapsed_ms;
    }
    (duration_ms > reached.saturating_add(ROUNDED_MS)).then(|| {
        format!(
            "it ends at {}, and the run at {}",
            at(reached),
            at(duration_ms)
        )
    })
}

/// Whether it has other requests than the summary counts.
fn miscount(series: &Series, summary: &Summary) -> Option<String> {
    let Some(Value::Counter { count, .. }) = summary.metrics.get("http_reqs") else {
        return None;
    };
    let rows = series.seconds.iter().flat_map(|second| &second.trends);
    let own = rows.filter(|row| row.metric == "http_req_duration");
    let own = own.map(|row| row.value.count).fold(0, u64::saturating_add);
    (own != *count).then(|| format!("it has {own} requests, and the summary {count}"))
}

#[cfg(test)]
mod tests {
    use super::super::record::{Record, summary_at};
    use super::super::series::Second;
    use super::*;

    /// The run that the repository shows, and its lack after a change of its series.
    fn changed(change: impl FnOnce(&mut Series)) -> Option<String> {
        let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../reports/sample");
        let record = Record::read(&summary_at(sample.as_ref())).expect("a run");
        assert_eq!(record.lack, None, "it is whole");
        let Record {
            summary,
            mut series,
            ..
        } = record;
        change(&mut series);
        lack(&series, &summary)
    }

    #[test]
    fn what_a_series_lacks_or_has_twice_is_named() {
        type Change = fn(&mut Series);
        let rows: [(Change, &str); 8] = [
            (|series| series.cut = true, "its last line is cut"),
            (
                |series| drop(series.seconds.drain(10..12)),
                "nothing is there from 9.",
            ),
            (
                |series| drop(series.seconds.remove(0)),
                "nothing is there from 0.0 s to 0.",
            ),
            (|series| series.seconds.truncate(30), "it ends at 29."),
            (
                |series| series.seconds.clear(),
                "it ends at 0.0 s, and the run at 32.",
            ),
            (
                |series| series.seconds.insert(5, series.seconds[5].clone()),
                "is there twice or in disorder",
            ),
            (|series| series.seconds.swap(7, 8), "nothing is there from"),
            (
                |series| {
                    series.seconds[9]
                        .trends
                        .retain(|row| row.metric != "http_req_duration");
                },
                "requests, and the summary ",
            ),
        ];
        for (change, expected) in rows {
            let found = changed(change).expect(expected);
            let begins = found.starts_with("series.jsonl is not whole: ");
            assert!(begins && found.contains(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn times_that_no_run_has_are_a_lack_and_no_panic() {
        let endless = Second {
            elapsed_ms: u64::MAX,
            ..Second::default()
        };
        assert!(changed(|series| series.seconds.insert(3, endless)).is_some());
    }
}
