//! A run's own name and tags, the limit of set-up and audit, and servers that send one elsewhere.

use std::time::{Duration, Instant};

use axum::http::Method;

use crate::program::{Run, stack};
use crate::proxy::proxy;

const QUICK: &str = "--vus 2 --iterations-per-vu 2 --coupon-wait 0s --sla none";

#[tokio::test(flavor = "multi_thread")]
async fn a_runs_name_and_tags_are_in_everything_that_it_leaves() {
    let stack = stack().await;
    let out = tempfile::NamedTempFile::new().expect("a temporary file");
    let args = format!(
        "{QUICK} --name nightly --tag team=checkout --tag build=1.2 --out json={} \
         --threshold http_reqs{{team:checkout,name:5_create_order}}:count==4",
        out.path().display()
    );
    let mut run = Run::against(stack.base_url(), &args);
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let id = ran.summary["run"]["id"].as_str().expect("an id");
    assert!(id.contains("-nightly-"), "{id}");
    assert!(reports.path().join(id).join("report.html").exists());
    assert_eq!(ran.summary["run"]["name"], "nightly");
    let tags = serde_json::json!({ "build": "1.2", "team": "checkout" });
    assert_eq!(ran.summary["run"]["tags"], tags);
    let rows = std::fs::read_to_string(out.path()).expect("rows");
    let mut seen = 0;
    for line in rows.lines() {
        let second: serde_json::Value = serde_json::from_str(line).expect("JSON");
        for row in second["rows"].as_array().expect("rows") {
            assert_eq!(row["tags"]["team"], "checkout", "{row}");
            assert_eq!(row["tags"]["build"], "1.2", "{row}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} rows");
    let again = ran.summary["run"]["command"].as_str().expect("a command");
    assert!(again.contains("--name nightly"), "{again}");
}

#[tokio::test]
async fn names_and_tags_that_can_not_be_are_refused() {
    let rows = [
        ("--name a/b", "--name: 'a/b' is not a name"),
        ("--tag team", "--tag: 'team' is not a tag; write key=value"),
        (
            "--tag stage=x",
            "--tag: 'stage' is a tag that there is already",
        ),
        ("--tag a=1 --tag a=2", "--tag: 'a' is given twice"),
    ];
    for (args, expected) in rows {
        let ran = Run::new(args).finish().await;
        assert_eq!(ran.code, 104, "{args}");
        assert!(ran.stderr.contains(expected), "{args}: {}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_that_hangs_ends_at_its_limit_and_is_named() {
    let stack = stack().await;
    let address = proxy(stack.base_url(), async |call, upstream| {
        if call.is(&Method::POST, "/init") {
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
        upstream.forward(&call).await
    })
    .await;
    let started = Instant::now();
    let ran = Run::against(&address, &format!("{QUICK} --setup-timeout 1s"))
        .finish()
        .await;
    assert!(started.elapsed() < Duration::from_secs(8));
    assert_eq!(ran.code, 97, "{}", ran.stderr);
    let reasons = ran.reasons();
    // Either the request ran into its limit, or all of set-up into the same one.
    assert!(
        reasons.contains("set-up failed: ") && reasons.contains("POST /init"),
        "{reasons}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_goes_on_after_an_answer_that_was_lost() {
    let stack = stack().await;
    let lost = std::sync::atomic::AtomicBool::new(false);
    let lost = std::sync::Arc::new(lost);
    let address = proxy(stack.base_url(), move |call, upstream| {
        let lost = std::sync::Arc::clone(&lost);
        async move {
            use std::sync::atomic::Ordering::SeqCst;
            let is_audit = call.is(&Method::GET, "/ledger");
            if is_audit && !lost.swap(true, SeqCst) {
                // A reply that can't be sent: hyper closes the connection.
                panic!("the connection breaks");
            }
            upstream.forward(&call).await
        }
    })
    .await;
    let ran = Run::against(&address, QUICK).finish().await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_redirects_is_said_before_the_load() {
    let address = redirecting().await;
    let ran = Run::against(&address, QUICK).finish().await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    let note = format!("note: {address} redirects to https://shop.example/elsewhere");
    assert!(ran.stderr.contains(&note), "{}", ran.stderr);
    let reason = "GET /products was answered with 301, which redirects to \
                  https://shop.example/elsewhere";
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
}

/// A server that sends everybody elsewhere.
async fn redirecting() -> String {
    use axum::http::{StatusCode, header};
    let app = axum::Router::new().fallback(async || {
        (
            StatusCode::MOVED_PERMANENTLY,
            [(header::LOCATION, "https://shop.example/elsewhere")],
        )
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}
