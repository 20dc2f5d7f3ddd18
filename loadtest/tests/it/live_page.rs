//! The live page (`--web`) in a browser, while a run goes on.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::StatusCode;
use serde_json::Value;
use tempfile::TempDir;

use crate::devtools::Browser;
use crate::program::{LOADTEST, Run, client, stack};

/// A run with a live page. It ends when dropped.
struct Watched {
    child: Child,
    /// Its address with the token.
    url: String,
    reports: TempDir,
}

impl Watched {
    fn start(host: &str) -> Self {
        let reports = tempfile::tempdir().expect("a directory");
        let mut child = Command::new(LOADTEST)
            .args([
                "--host",
                host,
                "--shared-machine",
                "--vus",
                "2",
                "--duration",
                "5m",
            ])
            .args([
                "--web",
                "127.0.0.1:0",
                "--threshold",
                "iterations: count>1000000",
            ])
            .arg("--report-dir")
            .arg(reports.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut lines = said.lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.strip_prefix("live page: ").map(str::to_owned));
        // Whoever writes to a pipe without a reader would fail.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            url: url.expect("the address of the page"),
            reports,
        }
    }

    /// Its address for people who must not stop it.
    fn without_token(&self) -> &str {
        self.url.split('#').next().expect("an address")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_follows_a_run_keeps_the_place_and_stops_it() {
    let stack = stack().await;
    let mut run = Watched::start(stack.base_url());
    let page = run.without_token().to_owned();
    strangers_are_refused(&page).await;

    let mut browser = Browser::open(&page, (1_000, 700));
    browser.wait("document.querySelector('.verdict').textContent === 'RUNNING'");
    assert_eq!(
        browser.ask("document.querySelector('.live button').hidden"),
        true
    );
    browser.go(&run.url);
    assert_eq!(
        browser.ask("document.querySelector('.live button').hidden"),
        false
    );
    let undecided = "[...document.querySelectorAll('.list tr')].find(row => row.textContent.includes('count>1000000'))\
        .querySelector('.mark-cell').textContent";
    assert_eq!(
        browser.ask(undecided),
        "…",
        "the rest of the run may mend it"
    );
    numbers_change(&mut browser);
    keeps_the_place(&mut browser);

    browser.ask("document.querySelector('.live button').click()");
    browser.wait("document.querySelector('.live output').textContent.startsWith('The run has ended. Its report: ')");
    let verdict = browser.ask("document.querySelector('.verdict').textContent");
    let headline = browser.ask("document.querySelector('.headline').textContent");
    let said = browser.ask("document.querySelector('.live output').textContent");
    assert_eq!(
        browser.ask("document.querySelector('.live button').hidden"),
        true
    );
    let code = run.child.wait().expect("it has been started").code();
    assert_eq!(code, Some(105), "{verdict} {headline}");
    let (_, path) = said
        .as_str()
        .and_then(|said| said.split_once("report: "))
        .expect("a path");
    assert!(
        path.starts_with(&*run.reports.path().to_string_lossy()),
        "{path}"
    );
    let report = std::fs::read_to_string(path).expect("the report is there");
    let last = format!(
        "<span class=\"verdict\">{}</span>",
        verdict.as_str().expect("a text")
    );
    assert!(
        report.contains(&last) && !report.contains("<script"),
        "{verdict}"
    );
    assert_eq!(browser.complaints, [""; 0]);
}

/// By a name that isn't its own nobody reads, and without the token nobody stops.
async fn strangers_are_refused(page: &str) {
    let client = client();
    let foreign = client.get(page).header("host", "evil.example").send();
    assert_eq!(
        foreign.await.expect("an answer").status(),
        StatusCode::FORBIDDEN
    );
    for given in ["", "Bearer ", "Bearer 0123456789abcdef0123456789abcdef"] {
        let stop = client
            .post(format!("{page}stop"))
            .header("authorization", given);
        let answer = stop.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{given}");
    }
    let other = client.get(format!("{page}summary.json")).send().await;
    assert_eq!(other.expect("an answer").status(), StatusCode::NOT_FOUND);
}

fn numbers_change(browser: &mut Browser) {
    let iterations = "[...document.querySelectorAll('.tile')].find(tile => tile.textContent.startsWith('iterations'))\
        .querySelector('b').textContent";
    browser.wait(&format!("Number(({iterations}).replaceAll(',', '')) > 0"));
    let before = browser.ask(iterations);
    browser.wait(&format!(
        "{iterations} !== '{}'",
        before.as_str().expect("a text")
    ));
}

/// The section at the top of the window stays there while the page is taken anew.
fn keeps_the_place(browser: &mut Browser) {
    const TOP: &str = "Math.round([...document.querySelectorAll('main > section')]\
        .find(section => section.querySelector('h2')?.textContent === 'Requests').getBoundingClientRect().top)";
    browser.ask("document.querySelector('details').open = true");
    browser.ask("[...document.querySelectorAll('h2')].find(head => head.textContent === 'Requests').scrollIntoView()");
    let before = browser.ask(TOP);
    assert!(browser.ask("scrollY").as_f64().expect("a number") > 500.0);
    for _ in 0..3 {
        // As if something above had been higher before.
        browser
            .ask("document.querySelector('.tiles').style.paddingTop = '300px'; scrollBy(0, 284)");
        browser.ask("window.old = document.querySelector('main'); 0");
        browser.wait("document.querySelector('main') !== window.old");
        let after = browser.ask(TOP);
        let moved = |value: &Value| value.as_i64().expect("a number");
        assert!(
            (moved(&after) - moved(&before)).abs() <= 2,
            "{before} {after}"
        );
    }
    assert_eq!(browser.ask("document.querySelector('details').open"), true);
}

#[tokio::test]
async fn an_address_in_use_is_said_before_the_load() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound");
    let ran = Run::new(&format!("--vus 1 --duration 1s --quiet --web {address}"))
        .finish()
        .await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    let begins = format!("error: --web: {address} can't be served: ");
    assert!(ran.stderr.starts_with(&begins), "{}", ran.stderr);
    let ran = Run::bare("validate --vus 1 --duration 1s --web 5665").await;
    assert_eq!(ran.code, 104, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("--web: '5665' is not an address"),
        "{}",
        ran.stderr
    );
    // The flag alone doesn't take the next one for its value.
    let ran = Run::bare("validate --web --vus 1 --duration 1s").await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("1 VU"), "{}", ran.stdout);
}
