//! Single samples come from the workers, each with a login of its own; everything else from the lead.

use std::collections::BTreeMap;

use serde_json::Value;
use testbed::Influx;

use crate::team::{Process, Site};

const LOAD: &str = "--vus 5 --iterations-per-vu 2 --coupon-wait 0s --influx-raw";

async fn asked(influx: &Influx, method: reqwest::Method, query: &[(&str, &str)]) -> Value {
    let url = format!("{}/query", influx.base_url());
    let login = [("u", "admin"), ("p", "secret")];
    let asked = reqwest::Client::new().request(method, url);
    let answer = asked.query(&login).query(query).send().await;
    let answer = answer.expect("InfluxDB answers").json().await;
    answer.expect("with JSON")
}

/// A database `lt`, and `writer` who may write there.
async fn influx() -> Influx {
    let influx = Influx::start(true).await.expect("InfluxDB starts");
    for statement in [
        "CREATE USER admin WITH PASSWORD 'secret' WITH ALL PRIVILEGES",
        "CREATE DATABASE lt",
        "CREATE USER writer WITH PASSWORD 'hunter2'",
        "GRANT WRITE ON lt TO writer",
    ] {
        asked(&influx, reqwest::Method::POST, &[("q", statement)]).await;
    }
    influx
}

/// A number for each `instance`.
async fn by_instance(influx: &Influx, select: &str) -> BTreeMap<String, u64> {
    let text = format!("{select} GROUP BY instance");
    let said = asked(influx, reqwest::Method::GET, &[("db", "lt"), ("q", &text)]).await;
    let series = said["results"][0]["series"].as_array().cloned();
    let of = |series: Value| {
        let instance = series["tags"]["instance"].as_str()?.to_owned();
        Some((instance, series["values"][0][1].as_f64()? as u64))
    };
    series
        .unwrap_or_default()
        .into_iter()
        .filter_map(of)
        .collect()
}

/// A worker with this password for the database.
fn worker(site: &Site, index: u32, password: &str) -> Process {
    let args = format!("{} --index {index}", site.fleet());
    let env = [
        ("K6_INFLUXDB_USERNAME", "writer".to_owned()),
        ("K6_INFLUXDB_PASSWORD", password.to_owned()),
    ];
    site.process(&args, &[], &env)
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_come_from_the_workers_and_the_rest_from_the_lead() {
    let (site, influx) = tokio::join!(Site::start(), influx());
    let address = influx
        .base_url()
        .replace("http://", "http://writer:hunter2@");
    let rows = tempfile::tempdir().expect("a directory");
    let json = rows.path().join("rows.jsonl");
    let outputs = format!(
        "{LOAD} --out influxdb={address}/lt --out json={}",
        json.display()
    );

    let lead = site.lead(2, &outputs);
    let (one, two) = (worker(&site, 1, "hunter2"), worker(&site, 2, "wrong"));
    let lead = lead.end().await;
    lead.assert(104, "worker 2 on ");
    lead.assert(104, "--out: influxdb=");
    lead.assert(104, "the login was refused");
    for worker in [one, two] {
        let worker = worker.end().await;
        worker.assert(104, "the login was refused");
        assert!(!worker.told.contains("hunter2"), "{}", worker.told);
    }

    let lead = site.lead(2, &outputs);
    let workers = [1, 2].map(|index| worker(&site, index, "hunter2"));
    let lead = lead.end().await;
    lead.assert(0, "PASS");
    for worker in workers {
        worker.end().await.assert(0, "exit code 0");
    }
    let sent = by_instance(&influx, "SELECT sum(value) FROM http_reqs").await;
    let rows = lead.summary["workers"].as_array().expect("workers");
    let of = |row: usize| rows[row]["requests"].as_u64().expect("a number");
    let expected = [("0", 1), ("1", of(0)), ("2", of(1))];
    let expected = expected.map(|(instance, count)| (instance.to_owned(), count));
    assert_eq!(sent, expected.into(), "the set-up is the lead's");
    assert_eq!(sent.values().sum::<u64>(), lead.count("http_reqs"));
    let vus = by_instance(&influx, "SELECT max(value) FROM vus_max").await;
    let vus: Vec<_> = vus.into_iter().collect();
    assert_eq!(vus, [("1".to_owned(), 3), ("2".to_owned(), 2)]);

    let accounts = lead.summary["outputs"].as_array().expect("outputs");
    let names: Vec<_> = accounts
        .iter()
        .filter_map(|row| row["name"].as_str())
        .collect();
    assert_eq!(accounts.len(), 4, "{names:?}");
    assert!(names[2].ends_with("/lt of worker 1") && names[3].ends_with("/lt of worker 2"));
    for account in accounts {
        assert!(account["produced"].as_u64() > Some(0), "{account}");
        assert_eq!(account["produced"], account["delivered"], "{account}");
    }
    let json = std::fs::read_to_string(json).expect("rows of the lead");
    assert!(json.contains("requests_run_total") && !json.contains("http_reqs"));
}

/// Each worker puts by what it can't deliver, where it keeps everything else.
#[tokio::test(flavor = "multi_thread")]
async fn samples_of_a_database_that_goes_away_are_put_by() {
    let (site, influx) = tokio::join!(Site::start(), influx());
    let address = influx
        .base_url()
        .replace("http://", "http://writer:hunter2@");
    let load = "--vus 2 --duration 5s --coupon-wait 0s --influx-raw";
    let lead = site.lead(1, &format!("{load} --out influxdb={address}/lt"));
    let worker = worker(&site, 1, "hunter2");
    lead.says("req/s").await;
    influx.kill();
    let lead = lead.end().await;
    lead.assert(0, "PASS");
    let account = &lead.summary["outputs"][1];
    let rows = |key: &str| account[key].as_u64().expect(key);
    assert!(
        account["name"]
            .as_str()
            .expect("a name")
            .ends_with("of worker 1")
    );
    assert!(rows("spooled") > 0 && rows("lost") == 0, "{account}");
    assert_eq!(rows("produced"), rows("delivered") + rows("spooled"));
    let worker = worker.end().await;
    let spool = worker.run().expect("a run").join("worker-1/spool-1.lp");
    assert_eq!(account["spool"], spool.to_str().expect("text"));
    let lines = std::fs::read_to_string(&spool).expect("the spool");
    assert_eq!(lines.lines().count() as u64, rows("spooled"));
    assert!(lines.lines().all(|line| line.contains(",instance=1")));
    assert!(
        !spool.with_file_name("seconds.bin").exists(),
        "it was judged"
    );
}
