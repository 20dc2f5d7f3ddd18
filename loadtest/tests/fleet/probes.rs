//! Who watches the stores while several processes make the load.

use std::fs::File;
use std::io::BufReader;

use harness::report::Series;

use crate::team::Site;

/// The names of PostgreSQL's sessions.
async fn sessions(url: &str) -> String {
    let sql = "SELECT application_name FROM pg_stat_activity WHERE backend_type = 'client backend'";
    let psql = tokio::process::Command::new("psql")
        .args([url, "-Atqc", sql])
        .output()
        .await;
    let output = psql.expect("psql is there");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn the_lead_alone_watches_the_stores_and_shows_them() {
    let site = Site::start().await;
    let url = site.stack.postgres().url();
    let team = site.team(2, &format!("--vus 4 --duration 5s --probe postgres={url}"));
    team.lead.says("VUs").await;
    let open = sessions(url).await;
    assert_eq!(open.matches("loadtest probe").count(), 1, "{open}");
    let (lead, workers) = team.end().await;
    lead.assert(0, "");
    let run = lead.run().expect("the lead has a report");
    let file = File::open(run.join("series.jsonl")).expect("a series");
    let series = Series::read(BufReader::new(file)).expect("well-formed");
    let rows = series.seconds.iter().flat_map(|second| &second.probes);
    let commits = rows.filter(|row| row.metric == "postgres_commits");
    let commits: f64 = commits.map(|row| row.value).sum();
    assert!(commits > 10.0, "somebody ordered: {commits}");
    let page = std::fs::read_to_string(run.join("report.html")).expect("a page");
    assert!(page.contains("<h2>The stores</h2>") && page.contains("<h3>commits</h3>"));
    for worker in workers {
        worker.assert(0, "");
        assert!(!worker.told.contains("probe"), "{}", worker.told);
    }
}
