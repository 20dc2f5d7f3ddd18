//! Searches for the largest rate, as a user starts them.

use serde_json::{Value, json};

use crate::program::{Ran, Run, stack};

/// Searches by rate against a private stack at a loopback address; gives the JSON as well.
async fn by_rate(args: &str) -> (Ran, Value) {
    let stack = stack().await;
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let (host, path) = (stack.base_url(), file.path().display());
    let args = format!("capacity --by rate --hold 2s --host {host} --json {path} {args}");
    let ran = Run::bare(&args).await;
    let text = std::fs::read(file.path()).expect("it can be read");
    let json = serde_json::from_slice(&text).unwrap_or_else(|error| {
        panic!("{error}: {}\n{}", ran.stdout, ran.stderr);
    });
    (ran, json)
}

/// Any timer is later than not at all, so the trials only count because the machine is shared.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_rate_is_found_to_the_iteration() {
    let (ran, found) = by_rate(
        "--from 4 --to 8 --repeats 1 --max-vus 8 --coupon-wait 100ms --sla p(95)<5000 \
         --limit late-starts=100% --limit lag=0ms",
    )
    .await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(
        (&found["by"], &found["capacity"]),
        (&json!("rate"), &json!(8))
    );
    assert_eq!(
        (&found["at_least"], &found["saturated"]),
        (&json!(true), &json!([]))
    );
    let trials: Vec<[&Value; 6]> = found["trials"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|trial| {
            let pace = &trial["pace"];
            let [per_second, scheduled] = [&pace["started_per_second"], &pace["scheduled"]];
            let [dropped, vus] = [&pace["dropped"], &pace["vus"]];
            [
                &trial["load"],
                &trial["holds"],
                per_second,
                scheduled,
                dropped,
                vus,
            ]
        })
        .collect();
    assert_eq!(
        json!(trials),
        json!([[4, true, 4.0, 8, 0, 8], [8, true, 8.0, 16, 0, 8]]),
        "{found:#}"
    );
    for line in ["trial 1: 4 iterations/s …", "trial 2: 8 iterations/s …"] {
        assert!(ran.stderr.contains(line), "{line} in {}", ran.stderr);
    }
    for line in [
        "│ iterations/s │",
        "Capacity: at least 8 iterations/s hold ",
    ] {
        assert!(ran.stdout.contains(line), "{line} in {}", ran.stdout);
    }
}

/// One VU that waits a second for its coupon can't start five iterations a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_that_is_not_kept_does_not_hold() {
    let (ran, found) =
        by_rate("--from 5 --to 5 --max-vus 1 --max-start-delay 0s --coupon-wait 1s --sla none")
            .await;
    assert_eq!(ran.code, 99, "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(
        (&found["capacity"], &found["at_least"]),
        (&Value::Null, &json!(false))
    );
    let trial = &found["trials"][0];
    assert_eq!(
        (&trial["holds"], &trial["pace"]["scheduled"]),
        (&json!(false), &json!(10))
    );
    let dropped = trial["pace"]["dropped"].as_u64().expect("a count");
    assert!((7..=9).contains(&dropped), "{trial:#}");
    let reason = trial["reasons"][0].as_str().expect("a text");
    let expected = format!(
        "the rate was not kept: {dropped} of 10 iterations due in the hold never started, \
         more than 1 % (--limit dropped): 1 of 1 VUs were busy at once"
    );
    assert!(reason.starts_with(&expected), "{reason}");
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    assert!(
        ran.stdout.contains("the VUs: 1 of 1 were busy at once"),
        "{}",
        ran.stdout
    );
}

/// No machine is to blame for a lower bound, and a smaller load is further from it.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_too_small_for_a_lower_bound_is_said_to_be() {
    let stack = stack().await;
    let host = stack.base_url();
    let args = format!(
        "capacity --from 1 --to 2 --repeats 1 --hold 2s --host {host} --coupon-wait 100ms --sla none \
         --limit lag=60s --threshold http_reqs:rate>50000"
    );
    let ran = Run::bare(&args).await;
    assert_eq!(ran.code, 99, "{}\n{}", ran.stdout, ran.stderr);
    let small = "the load of 1 is too small for http_reqs: rate>50000";
    let line = format!("Capacity: none: {small}; begin with a larger --from, or leave it out");
    assert!(ran.stdout.contains(&line), "{line} in {}", ran.stdout);
    for other in ["the machine's CPU", "smaller --from", "Beyond it"] {
        assert!(!ran.stdout.contains(other), "{other} in {}", ran.stdout);
    }
}
