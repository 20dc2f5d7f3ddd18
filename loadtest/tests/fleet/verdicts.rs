//! One verdict: all processes of a run end with the same code, and the report is the lead's.

use crate::team::{Ended, Site, Team};

fn all_end_with(code: i32, lead: &Ended, workers: &[Ended]) {
    lead.assert(code, "");
    for worker in workers {
        worker.assert(
            code,
            &format!("the lead ended the run with exit code {code}"),
        );
    }
}

#[tokio::test]
async fn a_crossed_threshold_stops_all_at_once() {
    let site = Site::start().await;
    let threshold = ["--threshold", "http_req_duration: p(95)<0.01 abort_on_fail"];
    let lead = site.lead_with(2, "--vus 4 --duration 5m", &threshold);
    let workers = vec![site.worker(1, ""), site.worker(2, "")];
    let (lead, workers) = Team { lead, workers }.end().await;
    all_end_with(99, &lead, &workers);
    assert!(lead.summary["run"]["duration_ms"].as_u64() < Some(20_000));
    assert!(lead.count("iterations") > 0);
}

#[tokio::test]
async fn a_broken_invariant_is_found_whoever_had_the_user() {
    let site = Site::start().await;
    let team = site.team(3, "--vus 6 --duration 7s");
    team.lead.says("VUs").await;
    let url = site.stack.postgres().url();
    let sql = "UPDATE users SET balance = balance + 1 WHERE name = 'u5'";
    let psql = tokio::process::Command::new("psql")
        .args([url, "-qc", sql])
        .status()
        .await;
    assert!(psql.expect("psql is there").success());
    let (lead, workers) = team.end().await;
    all_end_with(98, &lead, &workers);
    assert!(lead.told.contains("u5"), "{}", lead.told);
}

/// Ctrl-C at the lead, and a scheduler that ends a worker.
#[tokio::test]
async fn a_signal_stops_all_and_the_account_is_whole() {
    let site = Site::start().await;
    for of_lead in [true, false] {
        let team = site.team(3, "--rate 20/s --duration 5m --max-vus 60");
        team.lead.says("req/s").await;
        let who = if of_lead {
            &team.lead
        } else {
            &team.workers[1]
        };
        who.signal(if of_lead { "INT" } else { "TERM" }).await;
        let (lead, workers) = team.end().await;
        all_end_with(105, &lead, &workers);
        let arrivals = &lead.summary["run"]["scenarios"][0];
        let count = |key: &str| arrivals[key].as_u64().expect(key);
        assert_eq!(count("scheduled"), count("started") + count("dropped"));
        assert!(count("started") >= 60, "{arrivals}");
        let broken = lead.summary["invariants"].as_array().expect("an audit");
        assert!(!broken.is_empty() && broken.iter().all(|row| row["ok"] == true));
    }
}
