//! The example's program against a server that isn't ours: nginx, with TLS, HTTP/2 and a token.
// Only Debian packages the module that answers late.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{Nginx, Site};
use tokio::process::Command;
use tokio::sync::Mutex;

const BOOKSHELF: &str = env!("CARGO_BIN_EXE_bookshelf");
const TOKEN: &str = "tok-4711-of-a-library";
/// What the site sleeps before it answers.
const DELAY_MS: f64 = 400.0;
const VUS: u64 = 4;
const ITERATIONS: u64 = 12;
/// One test at a time has the machine: delays are measured on it.
static MACHINE: Mutex<()> = Mutex::const_new(());

/// `COPIES` is replaced.
const HTTP: &str = r#"
    log_format took '$server_protocol $request_time';
    server {
        access_log took.log took;
        listen ADDRESS ssl http2;
        ssl_certificate server.pem;
        ssl_certificate_key server.key;
        keepalive_requests 100000;
        default_type application/json;

        location = /books {
            echo_sleep 0.4;
            echo '[{"id":7,"copies":3},{"id":8,"copies":COPIES}]';
        }
        location ~ ^/books/([0-9]+)$ {
            set $id $1;
            echo_sleep 0.4;
            echo '{"id":$id,"copies":3}';
        }
        location = /loans {
            if ($http_authorization != "Bearer tok-4711-of-a-library") {
                return 401 '{"detail":"who are you?"}';
            }
            echo_status 201;
            echo_sleep 0.4;
            echo '{"loan":1}';
        }
    }
"#;

/// A server, and the authority that its certificate is from.
struct Library {
    nginx: Nginx,
    authority: TempDir,
}

impl Library {
    /// With so many copies of its second book.
    async fn with_copies(copies: i64) -> Self {
        let (authority, certificate, key) = certified();
        let http = HTTP.replace("COPIES", &copies.to_string());
        let site = Site {
            http: &http,
            files: &[("server.pem", &certificate), ("server.key", &key)],
        };
        let nginx = Nginx::start(site).await.expect("nginx starts");
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("ca.pem"), authority).expect("it can be written");
        Self {
            nginx,
            authority: dir,
        }
    }

    fn run(&self, token: Option<&str>, args: &str) -> Run {
        let reports = tempfile::tempdir().expect("a temporary directory");
        let mut command = Command::new(BOOKSHELF);
        command
            .args([
                "--host",
                &format!("https://localhost:{}", self.nginx.address().port()),
            ])
            .arg("--ca-file")
            .arg(self.authority.path().join("ca.pem"))
            .arg("--report-dir")
            .arg(reports.path())
            .args(["--shared-machine", "--mix", "r=1,m=1"])
            .args(args.split_whitespace())
            .env_remove("BOOKSHELF_TOKEN")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(token) = token {
            command.env("BOOKSHELF_TOKEN", token);
        }
        Run { command, reports }
    }
}

struct Run {
    command: Command,
    reports: TempDir,
}

/// What a run left behind.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// Every file of its reports.
    files: String,
    summary: Value,
}

impl Run {
    async fn finish(mut self) -> Ran {
        let output = tokio::time::timeout(Duration::from_secs(60), self.command.output());
        let output = output.await.expect("the run ends by itself");
        let Output {
            status,
            stdout,
            stderr,
        } = output.expect("the program starts");
        let (mut files, mut summary) = (String::new(), Value::Null);
        each_file(self.reports.path(), &mut |path, text| {
            files += text;
            if path.ends_with("summary.json") {
                summary = serde_json::from_str(text).expect("the summary is JSON");
            }
        });
        Ran {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            files,
            summary,
        }
    }
}

impl Ran {
    fn metric(&self, name: &str, of: &str) -> &Value {
        &self.summary["metrics"][name][of]
    }

    /// Everything that the run wrote.
    fn everything(&self) -> String {
        format!("{}\n{}\n{}", self.stdout, self.stderr, self.files)
    }
}

fn each_file(directory: &Path, see: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            each_file(&path, see);
        } else {
            let bytes = std::fs::read(&path).expect("it can be read");
            see(&path, &String::from_utf8_lossy(&bytes));
        }
    }
}

/// An authority's certificate, and a server's from it with its key.
fn certified() -> (String, String, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("a key");
    let certificate = authority
        .self_signed(&authority_key)
        .expect("a certificate");
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let server = server.signed_by(&key, &issuer).expect("a certificate");
    (certificate.pem(), server.pem(), key.serialize_pem())
}

/// The load that both protocols are put under.
fn load(proto: &str) -> String {
    format!(
        "--vus {VUS} --iterations-per-vu {ITERATIONS} --sla p(95)<1000 \
         --threshold http_reqs{{proto:{proto}}}:count=={} --threshold http_req_failed:rate==0",
        VUS * ITERATIONS * 2
    )
}

#[track_caller]
fn assert_passed(ran: &Ran, proto: &str) {
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let half = VUS / 2 * ITERATIONS;
    let count = |name: &str| {
        ran.metric(&format!("http_reqs{{name:{name}}}"), "count")
            .clone()
    };
    let counts = ["list_books", "open_book", "borrow_book"].map(count);
    assert_eq!(counts, [json!(2 * half), json!(half), json!(half)]);
    assert_eq!(ran.metric("http_reqs", "count"), &json!(4 * half));
    // One of every user's own each time, and that both answers can be read, or the list of books.
    assert_eq!(ran.metric("checks", "passes"), &json!((2 + 3) * half));
    assert_eq!(ran.metric("checks", "fails"), &json!(0));
    let rule = &ran.summary["invariants"][0];
    assert_eq!(
        rule["name"],
        "books borrowed more often than there are copies"
    );
    assert_eq!((&rule["ok"], &rule["actual"]), (&json!(true), &json!(0)));
    let threshold = &ran.summary["thresholds"][1];
    let expected = format!("http_reqs{{proto:{proto}}}: count=={}", 4 * half);
    assert_eq!(threshold["expression"], expected);
    assert_eq!(threshold["actual"].as_f64(), Some((4 * half) as f64));
    assert!(
        ran.stdout.contains("PASS") && ran.files.contains("borrow_book"),
        "{}",
        ran.stdout
    );
    assert!(!ran.everything().contains(TOKEN));
}

/// Median and 95th percentile of each run, in ms.
fn percentiles(ran: &Ran) -> [f64; 2] {
    ["med", "p95"].map(|percentile| {
        let value = ran.metric("http_req_duration", percentile);
        value
            .as_f64()
            .unwrap_or_else(|| panic!("{percentile}: {value}"))
    })
}

/// The same of what nginx itself says that it took, in the lines of its log from `from` on.
fn taken(log: &str, from: usize, proto: &str) -> [f64; 2] {
    let lines = log.lines().skip(from);
    let seconds = lines.filter_map(|line| line.strip_prefix(proto)?.trim().parse::<f64>().ok());
    let mut times: Vec<f64> = seconds.map(|seconds| seconds * 1_000.0).collect();
    times.retain(|ms| *ms >= DELAY_MS / 2.0);
    times.sort_by(f64::total_cmp);
    // And what the program asks before its load.
    assert!(times.len() as u64 >= VUS * ITERATIONS * 2, "{log}");
    [0.5, 0.95].map(|share| times[(times.len() as f64 * share).ceil() as usize - 1])
}

/// Both runs at the same time: whatever the machine does to one it does to the other. What else it
/// does can only make them differ, so one pair of six has to be the same, and within 1 % of what
/// nginx took, which a slow machine makes late as well.
#[tokio::test(flavor = "multi_thread")]
async fn both_protocols_measure_the_same_constant_delay() {
    let _alone = MACHINE.lock().await;
    let library = Library::with_copies(0).await;
    let mut seen = Vec::new();
    let log = library.nginx.dir().join("took.log");
    for _ in 0..6 {
        let before = std::fs::read_to_string(&log).expect("nginx writes it");
        let two = format!("{} --http2", load("HTTP/2.0"));
        let (one, two) = tokio::join!(
            library.run(Some(TOKEN), &load("HTTP/1.1")).finish(),
            library.run(Some(TOKEN), &two).finish(),
        );
        assert_passed(&one, "HTTP/1.1");
        assert_passed(&two, "HTTP/2.0");
        let (one, two) = (percentiles(&one), percentiles(&two));
        let same = |at: usize| (one[at] - two[at]).abs() < 0.01 * DELAY_MS;
        let after = std::fs::read_to_string(&log).expect("nginx writes it");
        let from = before.lines().count();
        let truth = ["HTTP/1.1", "HTTP/2.0"].map(|proto| taken(&after, from, proto));
        let is_right = |seen: [f64; 2], truth: [f64; 2]| {
            let mut pairs = seen.into_iter().zip(truth);
            // nginx reads its clock once a round of events, so it may be a little early.
            pairs.all(|(seen, truth)| {
                (seen - truth).abs() < 0.01 * DELAY_MS && truth >= 0.99 * DELAY_MS
            })
        };
        if same(0) && same(1) && is_right(one, truth[0]) && is_right(two, truth[1]) {
            return;
        }
        seen.push((one, two, truth));
    }
    panic!("median and p95 over HTTP/1.1 and HTTP/2, and what nginx took, in ms: {seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_fails_the_checks_and_a_threshold() {
    let _alone = MACHINE.lock().await;
    let library = Library::with_copies(0).await;
    let wrong = "tok-4712-of-a-thief";
    let ran = library
        .run(Some(wrong), "--vus 2 --iterations-per-vu 1 --sla none")
        .finish()
        .await;
    assert_eq!(ran.code, Some(99), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.metric("checks", "fails"), &json!(1));
    // The reader's own, and its two answers and the member's list can be read.
    assert_eq!(ran.metric("checks", "passes"), &json!(1 + 3));
    let failures = &ran.summary["failures"];
    assert_eq!(failures[0]["name"], "borrow_book");
    assert_eq!(failures[0]["status"], 401);
    let sample = failures[0]["sample"].as_str().expect("a text");
    assert!(sample.contains("who are you?"), "{sample}");
    assert!(!ran.everything().contains(wrong));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_rule_is_told_from_a_crossed_threshold() {
    let _alone = MACHINE.lock().await;
    let library = Library::with_copies(-1).await;
    let ran = library
        .run(Some(TOKEN), "--vus 2 --iterations-per-vu 1 --sla none")
        .finish()
        .await;
    assert_eq!(ran.code, Some(98), "{}\n{}", ran.stdout, ran.stderr);
    let rule = &ran.summary["invariants"][0];
    assert_eq!((&rule["ok"], &rule["actual"]), (&json!(false), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_not_set_is_named_before_anything_is_sent() {
    let _alone = MACHINE.lock().await;
    let library = Library::with_copies(0).await;
    let ran = library
        .run(None, "--vus 2 --iterations-per-vu 1")
        .finish()
        .await;
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.files.as_str()),
        (Some(104), "", "")
    );
    assert_eq!(
        ran.stderr,
        "error: nothing was sent, because\n  bookshelf: the environment variable BOOKSHELF_TOKEN \
         is not set, is empty, or is no text; set it, e.g. export BOOKSHELF_TOKEN=…\n"
    );
}
