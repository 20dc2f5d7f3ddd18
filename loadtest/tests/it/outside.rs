//! Text from outside, wherever it is shown: nothing in it acts, hides or gives a secret away.

use axum::http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::headers::texts;
use crate::program::{LOADTEST, Run, stack};
use crate::proxy::{Reply, proxy};
use crate::reports::accepted_by_the_schema;

/// Escape sequences, controls, turned and hidden text, commands of CI runners, markup of every
/// report, and a password.
const HOSTILE: &str = "x\u{1b}[31m\u{7}\u{7f}\u{9b}1m\u{202e}\u{2066}\u{200b}\u{feff}\u{2028}\u{fffe}\
    \u{ffff}\r\n::error::boo\n##[error]boo\n</script><script>alert(1)</script>|`]]>\
    [link](http://me:hunter2@evil.example/) @everyone";

/// What no surface may have as it is.
const RAW: [char; 12] = [
    '\u{1b}', '\u{7}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}',
    '\u{2028}', '\u{fffe}', '\u{ffff}', '\r',
];

#[track_caller]
fn assert_harmless(what: &str, text: &str) {
    let raw: Vec<char> = text.chars().filter(|c| RAW.contains(c)).collect();
    assert!(raw.is_empty(), "{what}: {raw:?} in {text}");
    assert!(!text.contains("hunter2"), "{what}: {text}");
}

/// What a CI job's log has as well.
#[track_caller]
fn assert_harmless_log(what: &str, text: &str) {
    assert_harmless(what, text);
    let command = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
    assert_eq!(text.lines().find(command), None, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_servers_text_acts_nowhere() {
    let stack = stack().await;
    let host = proxy(stack.base_url(), |call, upstream| async move {
        match call.path.as_str() {
            // The reader of JSON quotes what it finds as well.
            "/orders" if call.method == Method::POST => Reply {
                status: 500,
                body: HOSTILE.into(),
            },
            "/ledger" => Reply::json(404, &json!({ "detail": HOSTILE })),
            _ => upstream.forward(&call).await,
        }
    })
    .await;
    let args = "--vus 2 --iterations-per-vu 2 --coupon-wait 50ms --sla none \
                --threshold http_req_failed:rate<0.01";
    let mut run = Run::against(&host, args);
    let rows = tempfile::tempdir().expect("a directory");
    for kind in ["csv", "json"] {
        let file = rows.path().join(format!("rows.{kind}"));
        run.command
            .arg("--out")
            .arg(format!("{kind}={}", file.display()));
    }
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(ran.code, 99, "{}\n{}", ran.stdout, ran.stderr);
    assert_harmless_log("stdout", &ran.stdout);
    assert_harmless_log("stderr", &ran.stderr);
    assert_harmless("files", &texts(reports.path()));
    assert_harmless("rows", &texts(rows.path()));
    assert!(ran.stdout.contains("x␛[31m␇␡\u{fffd}1m"), "{}", ran.stdout);
    // The summary keeps every character, but for the password.
    let failures = ran.summary["failures"].as_array().expect("a list");
    let sample = failures[0]["sample"].as_str().expect("a text");
    let kept = HOSTILE.replace("me:hunter2", "***");
    assert!(kept.starts_with(sample) && sample.len() > 100, "{sample:?}");
    let runs = std::fs::read_dir(reports.path()).expect("a directory");
    let mut runs = runs.map(|entry| entry.expect("an entry").path());
    let run = runs.next().expect("the run's");
    let read = |name: &str| std::fs::read_to_string(run.join(name)).expect(name);
    let (page, markdown) = (read("report.html"), read("report.md"));
    assert!(page.contains("␛[31m") && markdown.contains("␛[31m"));
    assert!(!page.contains("<script"), "{page}");
    accepted_by_the_schema(read("junit.xml").as_bytes());
}

/// A server that answers whatever it is asked with these bytes.
async fn answering(bytes: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let bytes = bytes.clone();
            tokio::spawn(async move {
                let mut asked = [0; 4_096];
                while let Ok(1..) = stream.read(&mut asked).await {
                    if stream.write_all(bytes.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_heads_act_nowhere() {
    let line = HOSTILE.replace(['\r', '\n'], " ");
    let json = json!({ "title": HOSTILE, "detail": HOSTILE }).to_string();
    let length = json.len();
    let answers = [
        format!("HTTP/1.1 500 {line}\r\nserver: {line}\r\ncontent-length: 0\r\n\r\n"),
        format!(
            "HTTP/1.1 302 Found\r\nlocation: http://me:hunter2@{line}\r\ncontent-length: 0\r\n\r\n"
        ),
        "HTTP/1.1 302 Found\r\nlocation: http://me:hunter2@evil.example/\u{9b}1m\u{202e}\r\n\
            content-length: 0\r\n\r\n"
            .to_owned(),
        format!(
            "HTTP/1.1 400 Bad\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{json}"
        ),
        format!("{line}\r\n\r\n"),
    ];
    // At once: each is tried again for a while.
    futures::future::join_all(answers.map(assert_refused_harmlessly)).await;
}

async fn assert_refused_harmlessly(answer: String) {
    let host = answering(answer.clone()).await;
    let args = "--vus 1 --iterations-per-vu 1 --coupon-wait 0s --sla none";
    let mut run = Run::against(&host, args);
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_ne!(ran.code, 0, "{answer:?}");
    assert!(ran.stderr.contains("error: "), "{}", ran.stderr);
    assert_harmless_log(&answer, &ran.stdout);
    assert_harmless_log(&answer, &ran.stderr);
    assert_harmless(&answer, &texts(reports.path()));
}

/// Addresses that are refused are not repeated with what is secret in them.
#[tokio::test(flavor = "multi_thread")]
async fn no_password_of_an_address_is_said() {
    // (arguments, what is said)
    let rows: [(&[&str], &str); 8] = [
        (
            &["--host", "http://:hunter2@127.0.0.1:1"],
            "has a user or password in it",
        ),
        (
            &["--host", "http://me:hunter2@127.0.0.1:1"],
            "has a user or password in it",
        ),
        (
            &["--host", "http://a:b@hunter2@127.0.0.1:1"],
            "has a user or password in it",
        ),
        (
            &["--host", "me:hunter2@127.0.0.1:1"],
            "'***@127.0.0.1:1' is not a server's address",
        ),
        (
            &["--host", "http://h?p=hunter2"],
            "is not a server's address",
        ),
        (
            &[
                "--host",
                "http://127.0.0.1:1",
                "--out",
                "influxdb=http://:hunter2@h/db",
            ],
            "has a password and no user",
        ),
        (
            &[
                "--host",
                "http://127.0.0.1:1",
                "--out",
                "influxdb=http://me:hunter2@h/db?x",
            ],
            "has a '?'",
        ),
        (&["http://me:hunter2@127.0.0.1:1"], "http://***@127.0.0.1:1"),
    ];
    for (args, said) in rows {
        let mut run = Run::new("--vus 1 --iterations-per-vu 1");
        run.command.args(args);
        let ran = run.finish().await;
        let told = format!("{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, 104, "{args:?}: {told}");
        assert!(told.contains(said), "{args:?}: {told}");
        assert!(!told.contains("hunter2"), "{args:?}: {told}");
    }
    let replayed = tokio::process::Command::new(LOADTEST)
        .args([
            "replay",
            "/dev/null",
            "--out",
            "influxdb=http://:hunter2@h/db",
        ])
        .output()
        .await
        .expect("the program starts");
    let told = String::from_utf8_lossy(&replayed.stderr);
    assert!(
        !told.contains("hunter2") && told.contains("no user"),
        "{told}"
    );
}
