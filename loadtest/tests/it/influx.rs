//! Outputs into a real InfluxDB, read back by query.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;
use testbed::Influx;

use crate::program::{Ran, Run, stack};
use crate::proxy::{Reply, proxy};
use crate::series::{recorded, run_directory};

/// Short, with every persona, so that every kind of row is there.
const LOAD: &str = "--stage up=1s:12 --stage hold=4s:12 --mix a=2,b=1,c=1 --coupons 20 --coupon-wait 100ms --sla none";

/// What InfluxQL answers: the rows of every series of the first statement.
pub(crate) async fn query(influx: &str, database: &str, text: &str) -> Vec<Value> {
    let answer = crate::program::client()
        .get(format!("{influx}/query"))
        .query(&[("db", database), ("q", text), ("epoch", "ms")])
        .send()
        .await
        .expect("InfluxDB answers");
    let status = answer.status();
    let body: Value = answer.json().await.expect("with JSON");
    assert!(
        status.is_success() && body["results"][0]["error"].is_null(),
        "{text}: {status} {body}"
    );
    body["results"][0]["series"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

/// One number: of the first series, in the column after the time.
async fn number(influx: &str, database: &str, text: &str) -> Option<f64> {
    query(influx, database, text).await.first()?["values"][0][1].as_f64()
}

async fn run_into(influx: &Influx, args: &str) -> Ran {
    let stack = stack().await;
    let out = format!("{} --out influxdb={}/lt", args, influx.base_url());
    Run::against(stack.base_url(), &out).finish().await
}

#[track_caller]
fn assert_adds_up(ran: &Ran) {
    for account in ran.summary["outputs"].as_array().expect("a list") {
        let rows = |key: &str| account[key].as_u64().expect(key);
        assert_eq!(
            rows("produced"),
            rows("delivered") + rows("spooled") + rows("lost"),
            "{account}"
        );
    }
}

/// What the database says is what the summary says: counts exactly, percentiles to the digit.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_and_the_summary_agree() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let ran = run_into(&influx, LOAD).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_adds_up(&ran);
    let output = &ran.summary["outputs"][0];
    assert_eq!(output["produced"], output["delivered"], "{output}");
    let base = influx.base_url();
    let sent = ran.metric("http_reqs")["count"].as_f64();
    for measurement in ["requests", "requests_total"] {
        let sum = format!("SELECT sum(\"count\") FROM \"{measurement}\"");
        assert_eq!(number(&base, "lt", &sum).await, sent, "{measurement}");
    }
    let buckets = query(&base, "lt", "SELECT sum(/^b/) FROM latency_buckets").await;
    let row = buckets[0]["values"][0].as_array().expect("a row");
    assert_eq!(
        row[1..].iter().filter_map(Value::as_f64).sum::<f64>(),
        sent.unwrap_or_default()
    );
    let summary = ran.metric("http_req_duration");
    for (field, key) in [
        ("p50", "med"),
        ("p90", "p90"),
        ("p95", "p95"),
        ("p99", "p99"),
        ("p999", "p999"),
        ("max", "max"),
        ("min", "min"),
    ] {
        let last = format!("SELECT last(\"{field}\") FROM requests_run_total");
        assert_eq!(
            number(&base, "lt", &last).await,
            summary[key].as_f64(),
            "{field}"
        );
    }
    for name in ["1_charge_balance", "5_create_order"] {
        let last = format!(
            "SELECT last(count) FROM requests_run WHERE \"name\" = '{name}' GROUP BY scenario, persona, status"
        );
        let series = query(&base, "lt", &last).await;
        let count: f64 = series
            .iter()
            .filter_map(|series| series["values"][0][1].as_f64())
            .sum();
        assert_eq!(
            Some(count),
            ran.metric(&format!("http_reqs{{name:{name}}}"))["count"].as_f64(),
            "{name}"
        );
    }
    let iterations = number(&base, "lt", "SELECT sum(count) FROM iterations").await;
    assert_eq!(iterations, ran.summary["run"]["iterations"].as_f64());
    let passes = query(
        &base,
        "lt",
        "SELECT last(passes) FROM checks GROUP BY scenario, persona, \"check\"",
    )
    .await;
    let passes: f64 = passes
        .iter()
        .filter_map(|series| series["values"][0][1].as_f64())
        .sum();
    assert_eq!(Some(passes), ran.metric("checks")["passes"].as_f64());
    let verdict = query(&base, "lt", "SELECT last(verdict) FROM run").await;
    assert_eq!(verdict[0]["values"][0][1], "pass");
    let events = query(&base, "lt", "SELECT title FROM events GROUP BY kind").await;
    let kinds: Vec<_> = events
        .iter()
        .map(|series| series["tags"]["kind"].as_str().unwrap_or(""))
        .collect();
    assert_eq!(kinds, ["end", "stage", "start"]);
    let invariants = query(&base, "lt", "SELECT ok FROM invariants GROUP BY invariant").await;
    assert_eq!(
        invariants.len(),
        ran.summary["invariants"].as_array().expect("a list").len()
    );
}

/// Zeros are written: "no errors" is 0 in every second, not a gap.
#[tokio::test(flavor = "multi_thread")]
async fn no_errors_is_zero_and_rows_do_not_grow_with_the_rate() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let base = influx.base_url();
    let mut rows = BTreeMap::new();
    for (vus, database) in [(2, "slow"), (40, "fast")] {
        let stack = stack().await;
        let args = format!(
            "--vus {vus} --duration 5s --coupon-wait 20ms --sla none --out influxdb={base}/{database}"
        );
        let ran = Run::against(stack.base_url(), &args).finish().await;
        assert_eq!(ran.code, 0, "{}", ran.stdout);
        let errors = query(&base, database, "SELECT errors FROM requests_total").await;
        let errors: Vec<_> = errors[0]["values"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row[1].clone())
            .collect();
        assert!(
            errors.len() >= 5 && errors.iter().all(|error| error == 0),
            "{errors:?}"
        );
        let seconds = query(
            &base,
            database,
            "SELECT count(\"count\") FROM requests GROUP BY time(1s) fill(none)",
        )
        .await;
        let seconds = seconds[0]["values"].as_array().expect("rows").clone();
        // A whole second in the middle: every series is there.
        let middle = seconds[seconds.len() / 2][1].as_f64().expect("a count");
        rows.insert(
            database,
            (
                middle,
                ran.metric("http_reqs")["count"].as_f64().expect("a count"),
            ),
        );
    }
    let (slow, fast) = (rows["slow"], rows["fast"]);
    assert!(fast.1 > 3.0 * slow.1, "the rates differ: {rows:?}");
    assert_eq!(slow.0, fast.0, "rows a second: {rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_used_and_a_wrong_one_found_before_the_load() {
    let influx = Influx::start(true).await.expect("InfluxDB starts");
    let base = influx.base_url();
    let admin = "CREATE USER k6 WITH PASSWORD 'hunter2' WITH ALL PRIVILEGES";
    let made = crate::program::client()
        .post(format!("{base}/query"))
        .query(&[("q", admin)])
        .send()
        .await;
    let made = made.expect("InfluxDB answers").text().await;
    assert_eq!(
        made.expect("a text").trim(),
        r#"{"results":[{"statement_id":0}]}"#
    );
    let stack = stack().await;
    let host = base.trim_start_matches("http://");
    let args = |login: &str| {
        format!(
            "--vus 2 --iterations-per-vu 1 --coupon-wait 0s --sla none --out influxdb=http://{login}@{host}/lt"
        )
    };
    let ran = Run::against(stack.base_url(), &args("k6:hunter2"))
        .finish()
        .await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(!ran.stdout.contains("hunter2") && !ran.summary.to_string().contains("hunter2"));
    for login in ["k6:hunter3", "nobody:hunter2"] {
        let ran = Run::against(stack.base_url(), &args(login)).finish().await;
        assert_eq!(ran.code, 104, "{}", ran.stderr);
        assert!(
            ran.stderr.contains("--out: influxdb=") && ran.stderr.contains("the login was refused"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stderr.contains("hunter"), "{}", ran.stderr);
    }
}

/// A database may refuse a statement with status 200.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_not_made_is_told_with_its_reason() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let address = proxy(&influx.base_url(), async |call, upstream| {
        if call.path.starts_with("/query") {
            let refused = serde_json::json!({ "results": [{ "error": "the disk is full" }] });
            return Reply::json(200, &refused);
        }
        upstream.forward(&call).await
    })
    .await;
    let args = format!("--vus 1 --duration 1s --out influxdb={address}/lt");
    let ran = Run::new(&args).finish().await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    for part in [
        "database not found",
        "CREATE DATABASE was answered with 200 OK: ",
        "the disk is full",
    ] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_dropped_is_made_anew() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let base = influx.base_url();
    let stack = stack().await;
    let args =
        format!("--vus 2 --duration 6s --coupon-wait 100ms --sla none --out influxdb={base}/lt");
    let dropped = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let drop = [("q", "DROP DATABASE lt")];
        let asked = crate::program::client().post(format!("{base}/query"));
        let answer = asked.query(&drop).send().await.expect("InfluxDB answers");
        assert!(answer.status().is_success());
    };
    let (ran, ()) = tokio::join!(Run::against(stack.base_url(), &args).finish(), dropped);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let after = number(&base, "lt", "SELECT sum(\"count\") FROM requests_total").await;
    assert!(after > Some(0.0), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn k6s_variables_and_k6s_schema() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let stack = stack().await;
    let mut run = Run::against(
        stack.base_url(),
        "--vus 3 --iterations-per-vu 2 --coupon-wait 0s --sla none --out influxdb --influx-raw",
    );
    run.command
        .env("K6_INFLUXDB_ADDR", influx.base_url())
        .env("K6_INFLUXDB_DB", "fromk6");
    let ran = run.finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let base = influx.base_url();
    let count = |text: &'static str| {
        let base = base.clone();
        async move { number(&base, "fromk6", text).await }
    };
    let sent = ran.metric("http_reqs")["count"].as_f64();
    assert_eq!(count("SELECT sum(value) FROM http_reqs").await, sent);
    assert_eq!(
        count("SELECT count(value) FROM http_req_duration").await,
        sent
    );
    assert_eq!(
        count("SELECT sum(value) FROM http_req_failed").await,
        Some(0.0)
    );
    assert_eq!(count("SELECT sum(value) FROM iterations").await, Some(6.0));
    assert_eq!(
        count("SELECT count(value) FROM order_time WHERE \"name\" = '5_create_order'").await,
        Some(6.0)
    );
    assert_eq!(count("SELECT max(vu) FROM http_reqs").await, Some(3.0));
    assert_eq!(count("SELECT mean(value) FROM checks").await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_have_every_row() {
    let stack = stack().await;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (json, csv) = (dir.path().join("out.jsonl"), dir.path().join("out.csv"));
    let args = format!(
        "{LOAD} --out json={} --out csv={}",
        json.display(),
        csv.display()
    );
    let ran = Run::against(stack.base_url(), &args).finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_adds_up(&ran);
    let text = std::fs::read_to_string(json).expect("it is there");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let rows: usize = lines
        .iter()
        .map(|line| line["rows"].as_array().expect("rows").len())
        .sum();
    assert_eq!(
        Some(rows as u64),
        ran.summary["outputs"][0]["produced"].as_u64()
    );
    let counted: u64 = lines
        .iter()
        .flat_map(|line| line["rows"].as_array().expect("rows"))
        .filter(|row| row["measurement"] == "requests_total")
        .filter_map(|row| row["fields"]["count"].as_u64())
        .sum();
    assert_eq!(Some(counted), ran.metric("http_reqs")["count"].as_u64());
    let text = std::fs::read_to_string(csv).expect("it is there");
    assert!(text.starts_with("time_ns,measurement,tags,field,value\n"));
    let counted: u64 = text
        .lines()
        .filter(|line| line.contains(",requests_total,") && line.contains(",count,"))
        .filter_map(|line| line.rsplit(',').next()?.parse::<u64>().ok())
        .sum();
    assert_eq!(Some(counted), ran.metric("http_reqs")["count"].as_u64());
}

/// What a 2.x server looks at before it takes a write.
#[derive(serde::Deserialize)]
struct WriteQuery {
    org: String,
    bucket: String,
    precision: String,
}

/// Debian's InfluxDB has no 2.x API: this checks what a 2.x server would and hands the body on.
async fn v2(
    State(influx): State<String>,
    Query(query): Query<WriteQuery>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    if headers
        .get("authorization")
        .is_none_or(|token| token != "Token t0ken")
    {
        return (StatusCode::UNAUTHORIZED, "unauthorized access".to_owned());
    }
    if (query.org.as_str(), query.bucket.as_str()) != ("shop", "lt") {
        return (StatusCode::NOT_FOUND, "bucket not found".to_owned());
    }
    if query.precision != "ns" {
        return (
            StatusCode::BAD_REQUEST,
            "rows are in nanoseconds".to_owned(),
        );
    }
    let client = crate::program::client();
    let url = format!("{influx}/write?db={}&precision=ns", query.bucket);
    let answer = client
        .post(url)
        .body(body)
        .send()
        .await
        .expect("InfluxDB answers");
    let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
    (status, answer.text().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_api_delivers_the_same_rows() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let base = influx.base_url();
    let made = crate::program::client()
        .post(format!("{base}/query"))
        .query(&[("q", "CREATE DATABASE lt")])
        .send()
        .await;
    assert!(made.expect("InfluxDB answers").status().is_success());
    let app = Router::new()
        .route("/api/v2/write", axum::routing::post(v2))
        .with_state(base.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    let stack = stack().await;
    let run = |token: &str, bucket: &str| {
        let args = format!("{LOAD} --out influxdb2=http://{address}?org=shop&bucket={bucket}");
        let mut run = Run::against(stack.base_url(), &args);
        run.command.env("INFLUX_TOKEN", token);
        run
    };
    let ran = run("t0ken", "lt").finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let output = &ran.summary["outputs"][0];
    assert_eq!(output["produced"], output["delivered"], "{output}");
    let sum = number(&base, "lt", "SELECT sum(\"count\") FROM requests_total").await;
    assert_eq!(sum, ran.metric("http_reqs")["count"].as_f64());
    let p95 = number(&base, "lt", "SELECT last(p95) FROM requests_run_total").await;
    assert_eq!(p95, ran.metric("http_req_duration")["p95"].as_f64());
    for (token, bucket, expected) in [
        ("wrong", "lt", "unauthorized"),
        ("t0ken", "nope", "bucket not found"),
    ] {
        let ran = run(token, bucket).finish().await;
        assert_eq!(ran.code, 104, "{}", ran.stderr);
        assert!(
            ran.stderr.contains(expected) && !ran.stderr.contains("t0ken"),
            "{}",
            ran.stderr
        );
    }
}

/// Away for some seconds in the middle: the load doesn't notice, and every row arrives.
#[tokio::test(flavor = "multi_thread")]
async fn an_influxdb_that_goes_away_and_comes_back() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let stack = stack().await;
    let args = format!(
        "--vus 10 --duration 8s --coupon-wait 50ms --sla none --out influxdb={}/lt",
        influx.base_url()
    );
    let mut run = Run::against(stack.base_url(), &args);
    let child = run.command.spawn().expect("the program starts");
    tokio::time::sleep(Duration::from_secs(3)).await;
    influx.kill();
    tokio::time::sleep(Duration::from_secs(3)).await;
    influx.restart().await.expect("it comes back");
    let ran = run.wait(child).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_adds_up(&ran);
    let output = &ran.summary["outputs"][0];
    assert_eq!(
        (&output["lost"], &output["produced"]),
        (&Value::from(0), &output["delivered"]),
        "{output}"
    );
    let sum = number(
        &influx.base_url(),
        "lt",
        "SELECT sum(\"count\") FROM requests_total",
    )
    .await;
    assert_eq!(sum, ran.metric("http_reqs")["count"].as_f64());
}

/// Takes connections and never answers: rows are put by, and a later replay delivers them once.
#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_delivered_is_replayed_without_doubling() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let base = influx.base_url();
    let stack = stack().await;
    let args =
        format!("--vus 5 --duration 4s --coupon-wait 50ms --sla none --out influxdb={base}/lt");
    let mut run = Run::against(stack.base_url(), &args);
    let child = run.command.spawn().expect("the program starts");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let pid = influx.pid().expect("it runs").to_string();
    let signal = async |signal: &str| {
        let sent = tokio::process::Command::new("kill")
            .args([signal, &pid])
            .status()
            .await;
        assert!(sent.expect("kill is there").success());
    };
    signal("-STOP").await;
    let (ran, _reports) = run.wait_keeping_reports(child).await;
    signal("-CONT").await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert_adds_up(&ran);
    let output = &ran.summary["outputs"][0];
    assert!(
        output["spooled"].as_u64() > Some(0) && output["lost"] == 0,
        "{output}"
    );
    let spool = output["spool"].as_str().expect("a file");
    for _ in 0..2 {
        let replayed = Run::bare(&format!("replay {spool} --out influxdb={base}/lt")).await;
        assert_eq!(replayed.code, 0, "{}", replayed.stderr);
        assert!(
            replayed
                .stdout
                .starts_with(&format!("{} rows delivered", output["spooled"])),
            "{}",
            replayed.stdout
        );
    }
    let sum = number(&base, "lt", "SELECT sum(\"count\") FROM requests_total").await;
    assert_eq!(sum, ran.metric("http_reqs")["count"].as_f64());
}

/// Nobody takes the rows, and where they would be put by there is something else.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_lost_leave_no_run_green() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let stack = stack().await;
    let args = format!(
        "--vus 2 --duration 4s --coupon-wait 50ms --sla none --out influxdb={}/lt",
        influx.base_url()
    );
    let mut run = Run::against(stack.base_url(), &args);
    let child = run.command.spawn().expect("the program starts");
    recorded(run.reports(), 1).await;
    let spool = run_directory(run.reports()).join("spool-1.lp");
    std::fs::create_dir(&spool).expect("nothing is put by yet");
    influx.kill();
    let ran = run.wait(child).await;
    assert_adds_up(&ran);
    let output = &ran.summary["outputs"][0];
    let (produced, lost) = (output["produced"].as_u64(), output["lost"].as_u64());
    assert!(lost > Some(0) && output["spooled"] == 0, "{output}");
    assert_eq!(ran.code, 97, "{}\n{}", ran.stdout, ran.stderr);
    let reason = format!(
        "{} of {} rows",
        lost.expect("a count"),
        produced.expect("a count")
    );
    assert!(ran.reasons().contains(&reason), "{}", ran.reasons());
}

/// Whatever stands in a tag or a text, a real server takes the line and gives the text back.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_server_takes_every_line() {
    use harness::output::{Point, encode};
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;

    const POINTS: i64 = 500;
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let base = influx.base_url();
    let client = crate::program::client();
    let made = client
        .post(format!("{base}/query"))
        .query(&[("q", "CREATE DATABASE lt")])
        .send()
        .await;
    assert!(made.expect("InfluxDB answers").status().is_success());
    let mut runner = TestRunner::deterministic();
    let odd = ".{0,12}|[\\\\\"', =\r\n\t]{0,8}";
    let mut lines = String::new();
    let mut texts = Vec::new();
    for number in 0..POINTS {
        let mut draw = || odd.new_tree(&mut runner).expect("a text").current();
        // NUL and its like are refused in a query's answer, not in a line.
        let (tag, text) = (draw(), draw().replace(['\r', '\n'], " "));
        let point = Point::new("odd", number * 1_000_000)
            .tag("tag", tag)
            .tag("n", number.to_string());
        assert!(encode(
            &point.text("text", text.clone()).float("nan", f64::NAN),
            &mut lines
        ));
        // As it is shown: a query's reader must not be acted on either.
        texts.push(harness::shown::visible(&text).into_owned());
    }
    let written = client
        .post(format!("{base}/write?db=lt"))
        .body(lines)
        .send()
        .await
        .expect("InfluxDB answers");
    assert_eq!(
        written.status(),
        204,
        "{}",
        written.text().await.unwrap_or_default()
    );
    let rows = query(&base, "lt", "SELECT \"text\" FROM odd").await;
    let back: Vec<_> = rows[0]["values"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row[1].as_str().unwrap_or(""))
        .collect();
    assert_eq!(back, texts);
}
