//! What the programs say of their runs, read. Pure.

use anyhow::{Context, bail};
use serde_json::Value;

/// What a generator says of its load.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    /// Requests that failed and checks that did not hold.
    pub(crate) failed: u64,
    pub(crate) per_second: f64,
    pub(crate) p95_ms: Option<f64>,
    pub(crate) max_ms: Option<f64>,
}

/// Our own summary (`--summary-json`).
pub(crate) fn loadtest(summary: &Value) -> anyhow::Result<Counts> {
    let metric = |name: &str, key: &str| number(summary, &["metrics", name, key]);
    let failed_checks: f64 = summary["checks"]
        .as_array()
        .context("no checks")?
        .iter()
        .filter_map(|check| check["fails"].as_f64())
        .sum();
    Ok(Counts {
        requests: metric("http_reqs", "count")? as u64,
        failed: (metric("http_req_failed", "passes")? + failed_checks) as u64,
        per_second: metric("http_reqs", "rate")?,
        p95_ms: Some(metric("http_req_duration", "p95")?),
        max_ms: Some(metric("http_req_duration", "max")?),
    })
}

/// k6's `--summary-export`. Requests are counted by `http_req_duration`: a script may feed `http_reqs` as well.
pub(crate) fn k6(summary: &Value) -> anyhow::Result<Counts> {
    let metric = |name: &str, key: &str| number(summary, &["metrics", name, key]);
    Ok(Counts {
        requests: metric("http_req_duration", "count")? as u64,
        failed: (metric("http_req_failed", "passes")? + metric("checks", "fails")?) as u64,
        per_second: metric("http_reqs", "rate")?,
        p95_ms: Some(metric("http_req_duration", "p(95)")?),
        max_ms: Some(metric("http_req_duration", "max")?),
    })
}

/// wrk's standard output.
pub(crate) fn wrk(output: &str) -> anyhow::Result<Counts> {
    let mut requests = None;
    let mut per_second = None;
    let mut failed = 0;
    for line in output.lines().map(str::trim) {
        if let Some((count, _)) = line.split_once(" requests in ") {
            requests = Some(count.parse()?);
        } else if let Some(rate) = line.strip_prefix("Requests/sec:") {
            per_second = Some(rate.trim().parse()?);
        } else if let Some(errors) = line.strip_prefix("Socket errors:") {
            let numbers = errors.split(|c: char| !c.is_ascii_digit());
            failed += numbers
                .filter_map(|number| number.parse::<u64>().ok())
                .sum::<u64>();
        } else if let Some(count) = line.strip_prefix("Non-2xx or 3xx responses:") {
            failed += count.trim().parse::<u64>()?;
        }
    }
    Ok(Counts {
        requests: requests.context("wrk doesn't say how many requests it made")?,
        failed,
        per_second: per_second.context("wrk doesn't say how many requests a second it made")?,
        p95_ms: None,
        max_ms: None,
    })
}

/// h2load's standard output.
pub(crate) fn h2load(output: &str) -> anyhow::Result<Counts> {
    let line = |start| output.lines().find_map(|line| line.strip_prefix(start));
    let requests = line("requests: ").context("h2load doesn't say how many requests it made")?;
    let count = |what: &str| {
        let part = requests
            .split(", ")
            .find_map(|part| part.strip_suffix(what));
        let part = part.with_context(|| format!("h2load doesn't say how many were{what}"))?;
        part.trim().parse::<u64>().context("h2load says no number")
    };
    let rate = line("finished in ")
        .and_then(|rest| {
            rest.split(", ")
                .find_map(|part| part.strip_suffix(" req/s"))
        })
        .context("h2load doesn't say how many requests a second it made")?;
    let done = count(" done")?;
    Ok(Counts {
        requests: done,
        failed: done - count(" succeeded")?,
        per_second: rate.parse()?,
        p95_ms: None,
        max_ms: None,
    })
}

/// Transactions a second on pgbench's standard output; an error if one of them failed.
pub(crate) fn pgbench(output: &str) -> anyhow::Result<f64> {
    let after = |prefix: &str| {
        let rest = output.lines().find_map(|line| line.strip_prefix(prefix))?;
        rest.split_whitespace().next()
    };
    // PostgreSQL before 15 doesn't say, because it ends at the first.
    let failed = after("number of failed transactions:").unwrap_or("0");
    if failed != "0" {
        bail!("{failed} transactions failed");
    }
    let rate = after("tps =").context("pgbench doesn't say how many transactions a second")?;
    Ok(rate.parse()?)
}

/// A number somewhere in a JSON text.
pub(crate) fn number(json: &Value, path: &[&str]) -> anyhow::Result<f64> {
    path.iter()
        .try_fold(json, |json, key| json.get(key))
        .and_then(Value::as_f64)
        .with_context(|| format!("the summary has no {}", path.join(" → ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn h2loads_counts() {
        let output = "\
finished in 1.00s, 57795.00 req/s, 2.07MB/s
requests: 57795 total, 57805 started, 57795 done, 28901 succeeded, 28894 failed, 0 errored, 0 timeout
status codes: 28901 2xx, 0 3xx, 28894 4xx, 0 5xx
";
        let counts = h2load(output).unwrap();
        assert_eq!((counts.requests, counts.failed), (57_795, 28_894));
        assert_eq!(counts.per_second, 57_795.0);
        assert!(h2load("h2load: no address").is_err());
    }

    #[test]
    fn our_summary() {
        let summary = json!({
            "metrics": {
                "http_reqs": { "count": 82_439, "rate": 16_219.5 },
                "http_req_failed": { "rate": 0.1, "passes": 2, "fails": 82_437 },
                "http_req_duration": { "count": 82_439, "p95": 22.4, "max": 56.5 },
            },
            "checks": [{ "name": "a", "passes": 9, "fails": 1 }, { "name": "b", "passes": 9, "fails": 3 }],
        });
        let counts = loadtest(&summary).unwrap();
        let expected = Counts {
            requests: 82_439,
            failed: 6,
            per_second: 16_219.5,
            p95_ms: Some(22.4),
            max_ms: Some(56.5),
        };
        assert_eq!(counts, expected);
        let error = loadtest(&json!({ "checks": [] })).unwrap_err().to_string();
        assert_eq!(error, "the summary has no metrics → http_reqs → count");
    }

    #[test]
    fn k6s_summary() {
        let summary = json!({ "metrics": {
            "http_reqs": { "count": 200, "rate": 20.5 },
            "http_req_failed": { "passes": 1, "fails": 99, "value": 0.01 },
            "checks": { "passes": 98, "fails": 2, "value": 0.98 },
            "http_req_duration": { "avg": 1.0, "p(95)": 3.5, "max": 9.0, "count": 100 },
        }});
        let expected = Counts {
            requests: 100,
            failed: 3,
            per_second: 20.5,
            p95_ms: Some(3.5),
            max_ms: Some(9.0),
        };
        assert_eq!(k6(&summary).unwrap(), expected);
    }

    #[test]
    fn wrks_output() {
        let output = "Running 10s test @ http://127.0.0.1:8080\n  1 threads and 300 connections\n  \
            Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency     3.46ms  300.00us  21.78ms   94.24%\n  \
            863411 requests in 10.02s, 168.80MB read\n  Socket errors: connect 1, read 2, write 0, timeout 30\n  \
            Non-2xx or 3xx responses: 7\nRequests/sec:  86161.42\nTransfer/sec:     16.84MB\n";
        let expected = Counts {
            requests: 863_411,
            failed: 40,
            per_second: 86_161.42,
            p95_ms: None,
            max_ms: None,
        };
        assert_eq!(wrk(output).unwrap(), expected);
        assert!(wrk("unable to connect").is_err());
    }

    #[test]
    fn pgbenchs_output() {
        let output = "transaction type: bench/row_lock.sql\nnumber of transactions actually processed: 11537\n\
            number of failed transactions: 0 (0.000%)\nlatency average = 43.3 ms\n\
            tps = 1152.940733 (without initial connection time)\n";
        assert_eq!(pgbench(output).unwrap(), 1_152.940_733);
        let failed = output.replace(": 0 (0.000%)", ": 12 (0.104%)");
        assert_eq!(
            pgbench(&failed).unwrap_err().to_string(),
            "12 transactions failed"
        );
        assert!(pgbench("").is_err());
    }
}
