//! A machine with few ports or few file descriptors: a network of its own that has 50, and a limit
//! that is just too low.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use testbed::Stack;

use crate::program::{LOADTEST, Ran, Run, stack};

/// A network that is gone when this is dropped.
struct Network(Child);

impl Network {
    /// One with 50 ephemeral ports, each of which rests for a minute after its connection. That
    /// takes root; without it, nothing, and why is said.
    fn with_50_ports() -> Option<Self> {
        let script = "ip link set lo up && sysctl -qw net.ipv4.ip_local_port_range='20000 20049' \
                      net.ipv4.tcp_tw_reuse=0 && echo ready && exec sleep 120";
        let mut child = Command::new("unshare")
            .args(["--net", "sh", "-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut said = String::new();
        let stdout = child.stdout.take().expect("piped");
        let _ = BufReader::new(stdout).read_line(&mut said);
        let network = Self(child);
        if said == "ready\n" {
            return Some(network);
        }
        let why = "skipped: no network of its own, which takes root, unshare, ip and sysctl";
        let _ = writeln!(std::io::stderr(), "{why}");
        None
    }

    /// What starts a program in it.
    fn starter(&self) -> String {
        format!("nsenter --net=/proc/{}/ns/net", self.0.id())
    }

    /// The stack, whose server is in it: PostgreSQL and Redis are reached over Unix sockets.
    async fn stack(&self) -> Stack {
        let starter = self.starter();
        let mut words = starter.split(' ');
        let mut sut = Command::new(words.next().expect("a program"));
        sut.args(words).arg(LOADTEST).arg(testbed::sut::SUBCOMMAND);
        Stack::start(sut).await.expect("the stack starts")
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[track_caller]
fn assert_refused(ran: &Ran, said: &str) {
    assert_eq!(ran.code, 104, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_that_the_plan_needs_are_there_or_it_is_said() {
    let Some(network) = Network::with_50_ports() else {
        return;
    };
    let stack = network.stack().await;
    let run = async |args: &str| {
        let args = format!("{args} --coupon-wait 0s --sla none");
        let run = Run::against(stack.base_url(), &args);
        run.started_by(&network.starter()).finish().await
    };
    let ran = run("--vus 100 --duration 2s").await;
    assert_refused(
        &ran,
        "100 VUs need about 100 connections, and this machine has 50 ports",
    );
    assert_refused(&ran, "ip_local_port_range");
    // Few at a time, but none is used for long.
    let ran = run("--vus 10 --duration 3s --connection-age 1ms").await;
    assert_eq!(ran.code, 97, "{}\n{}", ran.stdout, ran.stderr);
    let said = "this machine had no port left for another connection: widen the range";
    assert!(ran.reasons().contains(said), "{}", ran.reasons());
    // The ports of that run rest.
    let ran = run("--vus 10 --duration 1s").await;
    assert_refused(
        &ran,
        "10 VUs need about 10 connections, and this machine has ",
    );
    assert_refused(&ran, "TIME_WAIT");
}

/// A user of persona C has two connections.
#[tokio::test(flavor = "multi_thread")]
async fn file_descriptors_that_the_plan_needs_are_there_or_it_is_said() {
    let stack = stack().await;
    let run = async |limit: u32| {
        let args = "--vus 10 --iterations-per-vu 1 --mix c=1 --coupon-wait 0s --sla none";
        let run = Run::against(stack.base_url(), args);
        let starter = format!("prlimit --nofile={limit}:{limit}");
        run.started_by(&starter).finish().await
    };
    for limit in [64, 83] {
        let said = format!(
            "10 VUs need about 84 file descriptors, and this process may have {limit}: raise the \
             limit (ulimit -n 84)"
        );
        assert_refused(&run(limit).await, &said);
    }
    let ran = run(84).await;
    ran.assert_passed();
    let looks = ran.summary["health"]["series"].as_array().expect("a list");
    let fds = looks
        .iter()
        .map(|look| look["fds"].as_u64().expect("a number"));
    assert!(
        fds.clone().all(|fds| (1..=84).contains(&fds)),
        "{:?}",
        Vec::from_iter(fds)
    );
}

/// Each trial of a search needs more than the one before. What had held by then is written, and the
/// search is not green.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_ends_where_the_machine_has_no_more_and_says_what_had_held() {
    let stack = stack().await;
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let (host, path) = (stack.base_url(), file.path().display());
    let args = format!(
        "prlimit --nofile=90:90 {LOADTEST} capacity --from 10 --to 100 --repeats 1 --hold 2s \
         --coupon-wait 0s --sla p(95)<1m --host {host} --json {path}"
    );
    let mut words = args.split_whitespace();
    let mut command = tokio::process::Command::new(words.next().expect("a program"));
    let ran = command.args(words).output().await.expect("it runs");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&ran.stdout).into_owned(),
        String::from_utf8_lossy(&ran.stderr).into_owned(),
    );
    assert_eq!(ran.status.code(), Some(97), "{stdout}\n{stderr}");
    let said = "40 VUs can't be tried: 40 VUs need about 104 file descriptors, and this process may \
                have 90: raise the limit (ulimit -n 104), or ask for fewer VUs; or give --to";
    assert!(stderr.contains(said), "{stderr}");
    let text = std::fs::read(file.path()).expect("it is there");
    let found: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!(
        (&found["capacity"], &found["at_least"]),
        (&20.into(), &true.into()),
        "{stdout}"
    );
    let ended = found["ended"].as_str().expect("why it ended");
    assert!(ended.starts_with("40 VUs can't be tried"), "{ended}");
    assert!(
        stdout.contains("Ended early: 40 VUs can't be tried"),
        "{stdout}"
    );
}
