//! What counts as a delivery, and what becomes of rows that are none: a real InfluxDB, and a gateway
//! in front of it that answers as real ones do in bad moments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use testbed::Influx;

use crate::influx::query;
use crate::program::{Ran, Run, stack};

const LOAD: &str = "--vus 2 --duration 4s --coupon-wait 50ms --sla none";

async fn make(influx: &Influx, statement: &str) {
    let made = crate::program::client()
        .post(format!("{}/query", influx.base_url()))
        .query(&[("q", statement), ("u", "admin"), ("p", "secret")])
        .send()
        .await
        .expect("InfluxDB answers");
    assert!(made.status().is_success(), "{statement}: {}", made.status());
}

/// A gateway that hands on what is below `/influx`, but for some writes, counted from 1.
#[derive(Clone)]
struct Gateway {
    influx: String,
    writes: Arc<AtomicU32>,
    otherwise: fn(u32, &Bytes) -> Option<Response>,
}

async fn gateway(influx: &Influx, otherwise: fn(u32, &Bytes) -> Option<Response>) -> String {
    let gateway = Gateway {
        influx: influx.base_url(),
        writes: Arc::default(),
        otherwise,
    };
    let app = Router::new().fallback(pass).with_state(gateway);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/influx")
}

async fn pass(State(gateway): State<Gateway>, uri: Uri, body: Bytes) -> Response {
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let Some(path) = path.strip_prefix("/influx") else {
        return (StatusCode::NOT_FOUND, "not behind this gateway").into_response();
    };
    if path.starts_with("/write") {
        let number = gateway.writes.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(answer) = (gateway.otherwise)(number, &body) {
            return answer;
        }
    }
    let url = format!("{}{path}", gateway.influx);
    let answer = crate::program::client().post(url).body(body).send().await;
    let answer = answer.expect("InfluxDB answers");
    let status = StatusCode::from_u16(answer.status().as_u16()).expect("a status");
    (status, answer.text().await.unwrap_or_default()).into_response()
}

async fn run_into(out: &str) -> Ran {
    let stack = stack().await;
    let args = format!("{LOAD} --out influxdb={out}/lt");
    Run::against(stack.base_url(), &args).finish().await
}

#[track_caller]
fn assert_all_delivered(ran: &Ran) {
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let output = &ran.summary["outputs"][0];
    assert_eq!(output["produced"], output["delivered"], "{output}");
}

/// Whatever a gateway says for a while, below a path of its own: each row arrives. It says no twice
/// in a row at most, because pauses grow.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_pass_cost_nothing() {
    static LAST: AtomicU32 = AtomicU32::new(0);
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let gateway = gateway(&influx, |number, body| {
        LAST.store(number, Ordering::Relaxed);
        match number {
            2 => Some(StatusCode::NOT_FOUND.into_response()),
            3 => Some(StatusCode::UNAUTHORIZED.into_response()),
            5 => Some(StatusCode::FORBIDDEN.into_response()),
            6 => Some(StatusCode::BAD_GATEWAY.into_response()),
            8 => Some(Html("<h1>Log in</h1>").into_response()),
            9 => Some(Redirect::permanent("http://127.0.0.1:9/login").into_response()),
            _ => (body.len() > 4_000).then(|| StatusCode::PAYLOAD_TOO_LARGE.into_response()),
        }
    })
    .await;
    let ran = run_into(&gateway).await;
    assert!(LAST.load(Ordering::Relaxed) > 9, "each was said");
    assert_all_delivered(&ran);
    let rows = query(
        &influx.base_url(),
        "lt",
        "SELECT sum(\"count\") FROM requests",
    )
    .await;
    assert_eq!(
        rows[0]["values"][0][1].as_f64(),
        ran.metric("http_reqs")["count"].as_f64()
    );
}

/// It never takes a row after the first: each is in the spool.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_page_is_no_delivery() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    let page = |_: u32, _: &Bytes| Some(Html("<h1>Log in</h1>").into_response());
    let ran = run_into(&gateway(&influx, page).await).await;
    assert_eq!(ran.code, 104, "{}", ran.stdout);
    assert!(
        ran.stderr.contains("answered 200 OK with text/html"),
        "{}",
        ran.stderr
    );
    let later = |number: u32, _: &Bytes| {
        (number > 1).then(|| Redirect::to("http://127.0.0.1:9/login").into_response())
    };
    let ran = run_into(&gateway(&influx, later).await).await;
    let output = &ran.summary["outputs"][0];
    let rows = |key: &str| output[key].as_u64().expect(key);
    assert_eq!(
        (rows("delivered"), rows("lost"), rows("spooled")),
        (1, 0, rows("produced") - 1),
        "{output}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_may_only_write_is_enough() {
    let influx = Influx::start(true).await.expect("InfluxDB starts");
    make(
        &influx,
        "CREATE USER admin WITH PASSWORD 'secret' WITH ALL PRIVILEGES",
    )
    .await;
    make(&influx, "CREATE DATABASE lt").await;
    make(&influx, "CREATE USER writer WITH PASSWORD 'w'").await;
    make(&influx, "GRANT WRITE ON lt TO writer").await;
    let host = influx.base_url().replace("http://", "http://writer:w@");
    assert_all_delivered(&run_into(&host).await);
}

/// A field that the database knows by another type costs its own rows, and is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_partial_write_loses_only_its_bad_rows() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    make(&influx, "CREATE DATABASE lt").await;
    let written = crate::program::client()
        .post(format!("{}/write?db=lt", influx.base_url()))
        .body("vus active=\"text\"")
        .send()
        .await
        .expect("InfluxDB answers");
    assert_eq!(written.status(), 204);
    let ran = run_into(&influx.base_url()).await;
    let output = &ran.summary["outputs"][0];
    let rows = |key: &str| output[key].as_u64().expect(key);
    let seconds = query(
        &influx.base_url(),
        "lt",
        "SELECT \"count\" FROM requests_total",
    )
    .await;
    let seconds = seconds[0]["values"].as_array().expect("rows").len() as u64;
    assert_eq!(
        rows("lost"),
        seconds,
        "a row of `vus` each second: {output}"
    );
    assert_eq!(rows("delivered"), rows("produced") - seconds, "{output}");
    let error = output["error"].as_str().expect("an error");
    assert!(error.contains("active") && error.contains("vus"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_on_after_a_bad_line_and_counts_it() {
    let influx = Influx::start(false).await.expect("InfluxDB starts");
    make(&influx, "CREATE DATABASE lt").await;
    let spool = tempfile::NamedTempFile::new().expect("a file");
    let mut lines: Vec<u8> = Vec::new();
    for number in 1..=100 {
        match number {
            20 => lines.extend(b"no line at all\n"),
            70 => lines.extend(b"m x=\"text\" 70\n"),
            80 => lines.extend(b"m,t=\xff\xfe x= 80\n"),
            _ => lines.extend(format!("m x={number}i {number}\n").bytes()),
        }
    }
    lines.extend(b"m x=101i 10");
    std::fs::write(spool.path(), lines).expect("it is written");
    let args = format!(
        "replay {} --out influxdb={}/lt",
        spool.path().display(),
        influx.base_url()
    );
    let ran = Run::bare(&args).await;
    assert_eq!(ran.code, 97, "{}\n{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.starts_with("97 rows delivered"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("4 bad"), "{}", ran.stderr);
    let count = query(&influx.base_url(), "lt", "SELECT count(x) FROM m").await;
    assert_eq!(count[0]["values"][0][1], 97);
}
