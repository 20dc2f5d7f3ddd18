//! The explanation is right: real faults, one at a time, and the report names each.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use harness::report::{Cause, Document, Summary};
use testbed::{Relay, Upstream};

use crate::program::{Ran, Run, idle_after, stack};
use crate::series::{recorded, run_directory, series};

const LOAD: &str = "--vus 4 --duration 6s --coupon-wait 50ms --sla max<700 --no-audit";

fn document(ran: &Ran, directory: &Path) -> Document {
    let summary: Summary = serde_json::from_value(ran.summary.clone()).expect("a summary");
    Document::new(summary, series(directory)).expect("they fit together")
}

/// Runs the load, does harm in its middle, and gives back what the report says of it.
pub(crate) async fn harmed(
    host: &str,
    load: &str,
    harm: impl AsyncFnOnce(u32),
) -> (Document, String) {
    let mut run = Run::against(host, load);
    let child = run.command.spawn().expect("the program starts");
    recorded(run.reports(), 1).await;
    harm(child.id().expect("it runs")).await;
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(ran.code, 99, "{}\n{}", ran.stdout, ran.stderr);
    let directory = run_directory(reports.path());
    let markdown = std::fs::read_to_string(directory.join("report.md")).expect("a report");
    for name in ["report.html", "junit.xml"] {
        assert!(directory.join(name).exists(), "{name}");
    }
    (document(&ran, &directory), markdown)
}

fn names(document: &Document, markdown: &str, cause: Cause) {
    let explanation = document.explanations.first().expect("something failed");
    assert!(markdown.contains(&format!("**{cause}**")), "{markdown}");
    assert_eq!(explanation.cause, Some(cause), "{explanation:#?}");
    let text = explanation.sentences.join("\n");
    for word in [
        "It began",
        "in stage main",
        "persona impulse_buyer",
        "Cause: ",
    ] {
        assert!(text.contains(word), "no '{word}' in {text}");
    }
    assert!(!explanation.slowest.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_held_in_the_database_is_named() {
    let stack = stack().await;
    let url = stack.postgres().url().to_owned();
    let (document, markdown) = harmed(stack.base_url(), LOAD, async |_| {
        let lock = "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE";
        idle_after(&url, lock, Duration::from_millis(1_800)).await;
    })
    .await;
    names(
        &document,
        &markdown,
        Cause::Store("the database".to_owned()),
    );
    let text = document.explanations[0].sentences.join("\n");
    assert!(text.contains("request 5_create_order"), "{text}");
    let slowest = &document.explanations[0].slowest[0];
    assert!(
        slowest.server["db"] + slowest.server["queue"] > 700.0,
        "{slowest:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_pauses_is_named() {
    let stack = stack().await;
    let socket = stack
        .redis()
        .url()
        .trim_start_matches("redis+unix://")
        .to_owned();
    let (document, markdown) = harmed(stack.base_url(), LOAD, async |_| {
        let mut redis = UnixStream::connect(&socket).expect("it runs");
        redis
            .write_all(b"CLIENT PAUSE 1500 ALL\r\n")
            .expect("it listens");
        let mut answer = [0; 5];
        redis.read_exact(&mut answer).expect("it answers");
        assert_eq!(&answer, b"+OK\r\n");
    })
    .await;
    names(&document, &markdown, Cause::Store("Redis".to_owned()));
}

/// As a container does that has used its share of the CPU: stopped for most of the time.
/// Without coupons nobody waits for one, so there is always a request under way to be stopped in.
#[tokio::test(flavor = "multi_thread")]
async fn a_starved_generator_is_named() {
    let stack = stack().await;
    let load = "--vus 8 --duration 6s --coupons 0 --sla p(95)<150 --threshold iteration_duration:max<250 --no-audit";
    let (document, markdown) = harmed(stack.base_url(), load, async |pid| {
        for _ in 0..10 {
            for (signal, time) in [("-STOP", 300), ("-CONT", 60)] {
                let mut kill = tokio::process::Command::new("kill");
                let killed = kill.args([signal, &pid.to_string()]).status().await;
                assert!(killed.expect("kill is there").success());
                tokio::time::sleep(Duration::from_millis(time)).await;
            }
        }
    })
    .await;
    names(&document, &markdown, Cause::Generator);
    // The answers came in time; only nobody was there to go on.
    assert_eq!(document.explanations.len(), 1, "{markdown}");
}

/// A relay that holds every request back: the server's own times stay short.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_handler_is_named() {
    let stack = stack().await;
    let server = stack.base_url().trim_start_matches("http://");
    let relay = Relay::start(Upstream::Address(server.to_owned())).await;
    let relay = relay.expect("a free port");
    relay.delay(Duration::from_millis(260));
    let host = format!("http://{}", relay.address());
    let load = "--vus 4 --duration 5s --coupon-wait 50ms --no-audit";
    let (document, markdown) = harmed(&host, load, async |_| {}).await;
    names(&document, &markdown, Cause::Handler);
}
