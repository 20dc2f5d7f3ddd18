//! However many workers make a run, it is the run that one process makes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::team::{Ended, Site};

/// What doesn't depend on time: how often what was done, and what the audit found.
fn done(ended: &Ended) -> BTreeMap<String, String> {
    let summary = &ended.summary;
    let mut done = BTreeMap::new();
    let metrics = summary["metrics"].as_object().expect("metrics");
    for (name, value) in metrics {
        let is_counted = |part: &str| name.starts_with(part);
        if ["http_reqs", "iterations", "dropped_iterations"]
            .into_iter()
            .any(is_counted)
        {
            done.insert(name.clone(), value["count"].to_string());
        }
    }
    let rows = |key: &str| summary[key].as_array().cloned().unwrap_or_default();
    for row in rows("checks") {
        let name = format!("check {} {}", row["persona"], row["name"]);
        done.insert(name, format!("{} {}", row["passes"], row["fails"]));
    }
    for row in rows("invariants") {
        let name = format!("invariant {}", row["name"]);
        done.insert(name, format!("{} of {}", row["actual"], row["expected"]));
    }
    for row in rows("mix") {
        let share = format!("share {} {}", row["scenario"], row["persona"]);
        done.insert(share, row["achieved"].to_string());
    }
    done
}

fn sum(workers: &[Value], key: &str) -> u64 {
    workers.iter().filter_map(|row| row[key].as_u64()).sum()
}

#[tokio::test]
async fn one_two_three_and_seven_workers_do_what_one_process_does() {
    let site = Site::start().await;
    let loads = [
        "--vus 8 --iterations-per-vu 2 --mix A=3,B=1 --seed 11 --think-time 0s..200ms",
        "--rate 12/s --duration 3s --max-vus 40 --mix A=1,B=1 --seed 12",
        "--vus 5 --iterations 13 --seed 13",
    ];
    for load in loads {
        let alone = site.alone(load).end().await;
        alone.assert(0, "PASS");
        let expected = done(&alone);
        assert!(expected.len() > 25, "{expected:#?}");
        for workers in [1, 2, 3, 7] {
            let (lead, all) = site.team(workers, load).end().await;
            lead.assert(0, "PASS");
            assert_eq!(done(&lead), expected, "{workers} workers, {load}");
            let rows = lead.summary["workers"].as_array().expect("workers");
            assert_eq!(rows.len(), workers as usize);
            assert_eq!(sum(rows, "iterations"), lead.count("iterations"));
            // The set-up's own request is the lead's.
            assert_eq!(sum(rows, "requests") + 1, lead.count("http_reqs"));
            for worker in all {
                worker.assert(0, "exit code 0");
            }
        }
    }
}

#[tokio::test]
async fn a_heavier_worker_has_more_of_the_load() {
    let site = Site::start().await;
    let load = "--vus 9 --iterations-per-vu 1 --coupon-wait 0s";
    let lead = site.lead(2, load);
    let (one, two) = (site.worker(1, "--weight 2"), site.worker(2, ""));
    let lead = lead.end().await;
    lead.assert(0, "PASS");
    one.end().await.assert(0, "6 of 9 VUs");
    two.end().await.assert(0, "3 of 9 VUs");
    let vus = |row: usize| lead.summary["workers"][row]["vus"].as_u64();
    assert_eq!((vus(0), vus(1)), (Some(6), Some(3)));
}
