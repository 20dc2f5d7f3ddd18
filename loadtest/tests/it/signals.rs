//! SIGINT and SIGTERM in every phase of a run: set-up, ramp, hold, grace, audit.
//!
//! A gate in front of the server holds the call that tells the phase, so a signal comes in that
//! phase and in no other, however slow the machine is.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use testbed::Stack;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::program::{Ran, Run, signal, stack};
use crate::proxy::proxy;
use crate::series::run_directory;

/// A phase, the call by which it is known, and what a run has done by then.
struct Phase {
    name: &'static str,
    args: &'static str,
    /// The gate holds these calls,
    path: &'static str,
    /// but for so many of them that come first;
    passes: u32,
    /// and the program is in the phase when so many wait,
    waits: u32,
    /// or so long afterwards.
    after: Duration,
    /// Iterations that are under way then, or in the audit are complete.
    iterations: u64,
}

const PHASES: [Phase; 5] = [
    Phase {
        name: "set-up",
        args: "--vus 2 --duration 10m",
        path: "/init",
        passes: 0,
        waits: 1,
        after: Duration::ZERO,
        iterations: 0,
    },
    // The second VU would begin after 15 seconds.
    Phase {
        name: "ramp",
        args: "--stage ramp_up=1m:4 --stage hold=10m:4",
        path: "/orders",
        passes: 0,
        waits: 1,
        after: Duration::ZERO,
        iterations: 1,
    },
    Phase {
        name: "hold",
        args: "--vus 3 --duration 10m",
        path: "/orders",
        passes: 0,
        waits: 3,
        after: Duration::ZERO,
        iterations: 3,
    },
    Phase {
        name: "grace",
        args: "--vus 2 --duration 1s --graceful-stop 10m",
        path: "/orders",
        passes: 0,
        waits: 2,
        after: Duration::from_millis(1_100),
        iterations: 2,
    },
    // The ledger is looked for before the set-up, and read before the load.
    Phase {
        name: "audit",
        args: "--vus 2 --iterations-per-vu 1",
        path: "/ledger",
        passes: 2,
        waits: 1,
        after: Duration::ZERO,
        iterations: 2,
    },
];

/// Where calls wait.
#[derive(Clone, Default)]
struct Gate {
    reached: CancellationToken,
    open: CancellationToken,
}

/// The server behind a phase's gate: its address.
async fn gated(base: &str, phase: &Phase, gate: &Gate) -> String {
    let (path, passes, waits) = (phase.path, phase.passes, phase.waits);
    let (calls, gate) = (AtomicU32::new(0), gate.clone());
    proxy(base, move |call, upstream| {
        let is_held = call.path == path && calls.fetch_add(1, Ordering::SeqCst) >= passes;
        if is_held && calls.load(Ordering::SeqCst) >= passes + waits {
            gate.reached.cancel();
        }
        let open = gate.open.clone();
        async move {
            if is_held {
                open.cancelled().await;
            }
            upstream.forward(&call).await
        }
    })
    .await
}

/// Runs into a phase and sends it signals there; the gate opens afterwards, or never.
async fn signalled(stack: &Stack, phase: &Phase, signals: &[&str], opens: bool) -> Ran {
    let gate = Gate::default();
    let host = gated(stack.base_url(), phase, &gate).await;
    let args = format!("{} --coupon-wait 0s --sla none", phase.args);
    let mut run = Run::against(&host, &args);
    let child = run.command.spawn().expect("the program starts");
    let reached = tokio::time::timeout(Duration::from_secs(60), gate.reached.cancelled());
    reached.await.expect("the program comes to the phase");
    tokio::time::sleep(phase.after).await;
    for name in signals {
        signal(name, &child).await;
        // Two at the same moment would be one, and an open gate comes after both.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    if opens {
        gate.open.cancel();
    }
    let ran = run.wait(child).await;
    let told = format!("{} {signals:?}: {}\n{}", phase.name, ran.stdout, ran.stderr);
    assert_eq!(
        (ran.code, &ran.summary["verdict"]),
        (105, &"invalid".into()),
        "{told}"
    );
    assert!(ran.reasons().contains("interrupted by a signal"), "{told}");
    ran
}

/// Complete and cut iterations.
fn iterations(ran: &Ran) -> (Option<u64>, Option<u64>) {
    let run = &ran.summary["run"];
    let of = |key: &str| run[key].as_u64();
    (of("iterations"), of("interrupted_iterations"))
}

fn invariants(ran: &Ran) -> usize {
    ran.summary["invariants"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_signal_lets_finish_what_has_begun_and_begins_nothing() {
    let stack = stack().await;
    for phase in &PHASES {
        for name in ["INT", "TERM"] {
            let ran = signalled(&stack, phase, &[name], true).await;
            let told = format!("{} {name}: {}", phase.name, ran.stdout);
            assert_eq!(
                iterations(&ran),
                (Some(phase.iterations), Some(0)),
                "{told}"
            );
            // What was finished adds up; a shop that was not set up has no books.
            assert_eq!(ran.broken(), Vec::<&str>::new(), "{told}");
            assert_eq!(invariants(&ran) > 0, phase.name != "set-up", "{told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_cuts() {
    let stack = stack().await;
    // Set-up ends at the first.
    for (phase, signals) in PHASES[1..]
        .iter()
        .zip([["INT", "TERM"], ["TERM", "INT"]].iter().cycle())
    {
        let ran = signalled(&stack, phase, signals, false).await;
        let told = format!("{} {signals:?}: {}", phase.name, ran.stdout);
        if phase.name == "audit" {
            assert_eq!(iterations(&ran), (Some(2), Some(0)), "{told}");
            assert_eq!(invariants(&ran), 0, "{told}");
            assert!(
                ran.reasons()
                    .contains("could not be audited: cut by a signal"),
                "{told}"
            );
        } else {
            assert_eq!(
                iterations(&ran),
                (Some(0), Some(phase.iterations)),
                "{told}"
            );
            // The orders that were cut are unknown, and the books allow for just these.
            assert_eq!(
                ran.summary["run"]["unknown_outcomes"], phase.iterations,
                "{told}"
            );
            assert!(invariants(&ran) > 0 && ran.broken().is_empty(), "{told}");
        }
    }
}

/// Whoever sends SIGTERM sends SIGKILL ten seconds later. By then everything is written, though no
/// call of the audit is answered either; and a second signal waits for less.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_holds_no_end_up() {
    let stack = stack().await;
    let [set_up, _, hold, _, audit] = &PHASES;
    // (the phase, the signals, how many seconds they may take)
    let rows: [(&Phase, &[&str], u64); 5] = [
        (set_up, &["TERM"], 8),
        (hold, &["TERM"], 10),
        (audit, &["TERM"], 10),
        (hold, &["INT", "INT"], 8),
        (audit, &["TERM", "TERM"], 6),
    ];
    for (phase, signals, seconds) in rows {
        let told = format!("{} {signals:?}", phase.name);
        let gate = Gate::default();
        let host = hanging(stack.base_url(), phase, &gate).await;
        let args = format!("{} --coupon-wait 0s --sla none", phase.args);
        let mut run = Run::against(&host, &args);
        let child = run.command.spawn().expect("the program starts");
        let reached = tokio::time::timeout(Duration::from_secs(60), gate.reached.cancelled());
        reached.await.expect("the program comes to the phase");
        let sent = Instant::now();
        for name in signals {
            signal(name, &child).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let (ran, reports) = run.wait_keeping_reports(child).await;
        let took = sent.elapsed();
        assert!(took < Duration::from_secs(seconds), "{told}: {took:?}");
        assert_eq!(
            (ran.code, &ran.summary["verdict"]),
            (105, &"invalid".into()),
            "{told}"
        );
        let junit = run_directory(reports.path()).join("junit.xml");
        let junit = std::fs::read_to_string(junit).expect("a JUnit report");
        assert!(junit.contains("interrupted by a signal"), "{told}: {junit}");
    }
}

/// The server behind a phase's gate, behind which no call is answered any more once it is reached.
async fn hanging(base: &str, phase: &Phase, gate: &Gate) -> String {
    let inner = gated(base, phase, gate).await;
    let reached = gate.reached.clone();
    proxy(&inner, move |call, upstream| {
        let reached = reached.clone();
        async move {
            if reached.is_cancelled() {
                return std::future::pending().await;
            }
            upstream.forward(&call).await
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_while_the_private_stack_starts() {
    for name in ["INT", "TERM"] {
        let mut run = Run::new("--profile smoke");
        let mut child = run.command.spawn().expect("the program starts");
        let said = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut lines = said.lines();
        let mut next = async || lines.next_line().await.expect("text");
        while !next()
            .await
            .expect("it says what it does")
            .contains("starting a private")
        {}
        signal(name, &child).await;
        let last = async {
            let mut last = None;
            while let Some(line) = next().await {
                last = Some(line);
            }
            last.expect("it says why it ends")
        };
        let last = tokio::time::timeout(Duration::from_secs(60), last);
        let last = last.await.expect("it ends");
        assert!(last.starts_with("report: "), "{last}");
        let (ran, reports) = run.wait_keeping_reports(child).await;
        assert_left(&ran, reports.path(), 105, STOPPED);
    }
}

const STOPPED: &str = "stopped by a signal before the load";

/// A server that says for each connection whether it answers; and that one has asked it something.
async fn answering(answer: Option<&'static str>) -> (String, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let asked = CancellationToken::new();
    let noted = asked.clone();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            // The first look at whether anybody is there sends nothing.
            if !matches!(socket.read(&mut [0; 4_096]).await, Ok(1..)) {
                continue;
            }
            noted.cancel();
            match answer {
                Some(answer) => drop(socket.write_all(answer.as_bytes()).await),
                None => kept.push(socket),
            }
        }
    });
    (format!("http://{address}"), asked)
}

const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Before the load there is nothing to finish. Whoever waits for the summary and the JUnit file, as
/// a CI does, has them all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_before_the_load_leaves_what_was_asked_for() {
    let (fine, _) = answering(Some(FINE)).await;
    for name in ["INT", "TERM"] {
        let (silent, looked_at) = answering(None).await;
        let (influx, written_to) = answering(None).await;
        let out = format!("--out influxdb={influx}/lt");
        for (host, args, reached) in [(&silent, "", looked_at), (&fine, &*out, written_to)] {
            let mut run = Run::against(host, &format!("--vus 1 --duration 10s {args}"));
            let asked_for = run.reports().with_extension("json");
            run.command.arg("--summary-json").arg(&asked_for);
            let child = run.command.spawn().expect("the program starts");
            let reached = tokio::time::timeout(Duration::from_secs(60), reached.cancelled());
            reached.await.expect("it asks");
            signal(name, &child).await;
            let (ran, reports) = run.wait_keeping_reports(child).await;
            assert_left(&ran, reports.path(), 105, STOPPED);
            let text = std::fs::read(&asked_for).expect("the summary that was asked for");
            let summary: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
            assert_eq!(summary, ran.summary);
            std::fs::remove_file(asked_for).expect("it is ours");
        }
    }
}

/// The same of other ends before the load: nobody there, a server that can't be tested, a database
/// that isn't one, a baseline that isn't there, two outputs into one file, a set-up that fails.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_ends_a_run_before_its_load_leaves_what_was_asked_for() {
    const BUSY: &str = "HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    const NOWHERE: &str = "http://127.0.0.1:9";
    let (fine, _) = answering(Some(FINE)).await;
    let (busy, _) = answering(Some(BUSY)).await;
    let (silent, _) = answering(None).await;
    let no_database = format!("--out influxdb={NOWHERE}/lt");
    let no_baseline = "--baseline /nowhere/summary.json";
    let twice = "--out csv=/tmp/twice.csv --out csv=/tmp/twice.csv";
    let rows: [(&str, &str, i32, &str); 6] = [
        (NOWHERE, "", 104, "nothing answers at"),
        (&fine, no_baseline, 104, "--baseline: /nowhere"),
        (
            &fine,
            twice,
            104,
            "--out: /tmp/twice.csv is written by another",
        ),
        (&fine, &no_database, 104, "--out: influxdb="),
        (&busy, "", 104, "GET /products was answered with 500"),
        (&silent, "--setup-timeout 1s", 97, "set-up failed: "),
    ];
    for (host, args, code, reason) in rows {
        let mut run = Run::against(host, &format!("--vus 1 --duration 10s {args}"));
        let child = run.command.spawn().expect("the program starts");
        let (ran, reports) = run.wait_keeping_reports(child).await;
        assert_left(&ran, reports.path(), code, reason);
    }
}

/// It left a summary that says why, and a JUnit file with one error and no failure.
#[track_caller]
fn assert_left(ran: &Ran, reports: &Path, code: i32, reason: &str) {
    let told = format!("{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, code, "{told}");
    let summary = &ran.summary;
    let of = (&summary["verdict"], &summary["exit_code"]);
    assert_eq!(of, (&"invalid".into(), &code.into()), "{told}");
    let reasons = summary["reasons"].as_array().expect("a list");
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(reasons[0].to_string().contains(reason), "{reasons:?}");
    let junit = run_directory(reports).join("junit.xml");
    let junit = std::fs::read_to_string(junit).expect("a JUnit report");
    let count = |tag: &str| junit.matches(tag).count();
    assert_eq!((count("<error"), count("<failure")), (1, 0), "{junit}");
    assert!(junit.contains(reason), "{junit}");
}

/// So does a search.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_a_signal_ends_leaves_its_json() {
    let (silent, looked_at) = answering(None).await;
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut run = Run::new("");
    let program = run.command.as_std().get_program().to_owned();
    run.command = tokio::process::Command::new(program);
    run.command.args(["capacity", "--host", &silent, "--json"]);
    run.command.arg(file.path());
    let child = run.command.kill_on_drop(true).spawn().expect("it starts");
    looked_at.cancelled().await;
    signal("TERM", &child).await;
    assert_eq!(run.wait(child).await.code, 105);
    let text = std::fs::read(file.path()).expect("it is there");
    let found: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(
        (&found["ended"], &found["trials"]),
        (&STOPPED.into(), &serde_json::json!([]))
    );
}
