//! Headers of a run: sent with everything, shown nowhere.

use std::path::Path;

use axum::http::Method;
use serde_json::json;

use crate::program::{Ran, Run, stack};
use crate::proxy::{Reply, proxy};

const SECRET: &str = "tok-4711-of-a-test";
const ARGS: &str = "--vus 2 --iterations-per-vu 1 --coupon-wait 50ms --sla none";

/// A server that wants the token with every request, and shows it where it fails: at every order.
async fn guarded(base: &str) -> String {
    proxy(base, |call, upstream| async move {
        let given = call.headers.get("authorization").cloned();
        let expected = format!("Bearer {SECRET}");
        if given.is_none_or(|given| given.as_bytes() != expected.as_bytes()) {
            return Reply::json(401, &json!({"detail": "who are you?"}));
        }
        if call.is(&Method::POST, "/orders") {
            return Reply::json(500, &json!({ "detail": format!("not for {expected}") }));
        }
        upstream.forward(&call).await
    })
    .await
}

/// Everything in a directory and below, as text.
pub(crate) fn texts(directory: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all += &texts(&path);
        } else {
            all += &String::from_utf8_lossy(&std::fs::read(path).expect("it can be read"));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_with_every_request_and_into_no_report() {
    let stack = stack().await;
    let host = guarded(stack.base_url()).await;
    let mut run = Run::against(&host, ARGS);
    run.command
        .args(["--header", "authorization: Bearer $API_TOKEN"])
        .args(["--header", "x-key: hunter2"])
        .env("API_TOKEN", SECRET);
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    let Ran { stdout, stderr, .. } = &ran;
    // The shop was set up and its books were read; every order failed.
    assert_eq!(ran.code, 99, "{stdout}\n{stderr}");
    assert_eq!(ran.actual("orders = acknowledged"), 0);
    let all = format!("{stdout}\n{stderr}\n{}", texts(reports.path()));
    assert!(!all.contains(SECRET) && !all.contains("hunter2"));
    assert!(all.contains("not for Bearer ***"), "{stdout}");
    let summary = ran.summary.to_string();
    assert!(
        summary.contains("authorization: Bearer $API_TOKEN"),
        "{summary}"
    );
    assert!(summary.contains("x-key: ***"), "{summary}");

    let ran = Run::against(&host, ARGS).finish().await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    let said = "nothing was erased: GET /products was answered with 401";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}
