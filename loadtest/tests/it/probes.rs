//! What the stores did is told: real trouble in a real store, one at a time, and the report names
//! it. Without trouble nobody is named.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use harness::probe::Trouble;
use harness::report::{Document, Explanation};
use sqlx::{Connection as _, PgConnection};
use testbed::Stack;
use tokio::net::TcpListener;

use crate::explain::harmed;
use crate::program::{Run, idle_after, psql, stack};
use crate::proxy::{Call, Reply, Upstream, proxy};
use crate::series::{run_directory, series};

pub(crate) const LOAD: &str = "--vus 4 --duration 9s --coupon-wait 50ms --sla max<700 --no-audit";

/// Flags that have both stores of a stack watched, and the machine.
pub(crate) fn watched(stack: &Stack, load: &str) -> String {
    let (postgres, redis) = (stack.postgres().url(), stack.redis().url());
    format!("{load} --probe postgres={postgres} --probe redis={redis} --probe host")
}

/// Does harm to a stack under load; gives what the report says of it.
pub(crate) async fn told(
    stack: &Stack,
    load: &str,
    harm: impl AsyncFnOnce(),
) -> (Document, String) {
    let harm = async |_| {
        // Some seconds to compare with.
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        harm().await;
    };
    harmed(stack.base_url(), &watched(stack, load), harm).await
}

/// The first explanation names this trouble first, in these words, and says what to do.
#[track_caller]
pub(crate) fn assert_named(document: &Document, markdown: &str, trouble: Trouble, words: &[&str]) {
    let explanation: &Explanation = document.explanations.first().expect("something failed");
    let text = explanation.sentences.join("\n");
    let stores = explanation.stores.as_ref();
    let stores = stores.unwrap_or_else(|| panic!("nothing changed: {text}"));
    assert_eq!(
        stores.suspects[0].trouble,
        Some(trouble),
        "{text}\n{stores:#?}"
    );
    let cause = explanation.first_cause().expect("it is known");
    assert!(cause.starts_with(trouble.words()), "{cause}");
    for word in words
        .iter()
        .chain(&["What now: ", "Known to make requests wait"])
    {
        assert!(text.contains(word), "no '{word}' in {text}");
    }
    assert!(
        markdown.contains(&format!("First cause: {}", trouble.words())),
        "{markdown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_is_named_with_the_statement_that_locks_it() {
    let stack = stack().await;
    let url = stack.postgres().url().to_owned();
    let (document, markdown) = told(&stack, LOAD, async || {
        let lock = "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE";
        idle_after(&url, lock, Duration::from_millis(2_500)).await;
    })
    .await;
    let words = [
        "sessions that wait for a lock",
        "Held up by `LOCK TABLE orders IN ACCESS EXCLUSIVE MODE`, the last statement of pid",
        "idle in transaction",
        "such as `",
    ];
    assert_named(&document, &markdown, Trouble::Lock, &words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_idle_with_a_locked_row_is_named() {
    let stack = stack().await;
    let url = stack.postgres().url().to_owned();
    let (document, markdown) = told(&stack, LOAD, async || {
        let lock = "SELECT stock FROM products WHERE id = 1 FOR UPDATE";
        idle_after(&url, lock, Duration::from_millis(2_500)).await;
    })
    .await;
    let words = [
        "Held up by `SELECT stock FROM products WHERE id = ? FOR UPDATE`, the last statement of",
        "idle in transaction for",
    ];
    assert_named(&document, &markdown, Trouble::Lock, &words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_sleeps_is_named() {
    let stack = stack().await;
    let url = stack.postgres().url().to_owned();
    let (document, markdown) = told(&stack, LOAD, async || {
        let sleeps = "CREATE FUNCTION sleeps() RETURNS trigger LANGUAGE plpgsql AS \
            $$BEGIN PERFORM pg_sleep(0.9); RETURN NULL; END$$; \
            CREATE TRIGGER sleeps AFTER INSERT ON orders FOR EACH STATEMENT EXECUTE FUNCTION sleeps()";
        psql(&url, sleeps).await;
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        psql(&url, "DROP TRIGGER sleeps ON orders").await;
    })
    .await;
    let words = ["sessions that wait for Timeout:PgSleep"];
    assert_named(&document, &markdown, Trouble::Sleep, &words);
}

/// A command to the stack's Redis.
pub(crate) async fn redis(stack: &Stack, words: &[&str]) {
    let socket = stack.redis().url().trim_start_matches("redis+unix://");
    let client = redis::Client::open(format!("redis+unix://{socket}")).expect("an address");
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let connection = client
        .get_multiplexed_async_connection_with_config(&config)
        .await;
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word);
    }
    let answer: redis::RedisResult<redis::Value> =
        command.query_async(&mut connection.expect("it runs")).await;
    answer.expect("it is allowed to");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_script_in_redis_is_named() {
    let stack = stack().await;
    let script = "local t = redis.call('TIME')[1] local n = 0 \
                  while redis.call('TIME')[1] - t < 3 do n = n + 1 end return n";
    let (document, markdown) = told(&stack, LOAD, async || {
        // Time stands still within a script unless its effects are replicated one by one, as here.
        redis(&stack, &["EVAL", script, "0"]).await;
    })
    .await;
    let words = ["slow command EVAL `local t = redis.call"];
    assert_named(&document, &markdown, Trouble::SlowCommand, &words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_sleeps_is_named() {
    let stack = stack().await;
    let (document, markdown) = told(&stack, LOAD, async || {
        redis(&stack, &["DEBUG", "SLEEP", "2.2"]).await;
    })
    .await;
    assert_named(
        &document,
        &markdown,
        Trouble::SlowCommand,
        &["slow command `DEBUG SLEEP` 2,2"],
    );
    let warnings = document.summary.warnings.join("\n");
    let gap = "the probe redis saw nothing in ";
    assert!(warnings.contains(gap), "a gap is told: {warnings}");
}

#[derive(Clone, Default)]
struct Pool {
    is_small: Arc<AtomicBool>,
    waiting: Arc<AtomicUsize>,
}

/// What a Spring Boot application says of its pool.
async fn metrics(State(pool): State<Pool>) -> String {
    let waiting = pool.waiting.load(Ordering::Relaxed);
    let active = waiting.min(2);
    format!(
        "# HELP hikaricp_connections_pending Pending threads\n\
         # TYPE hikaricp_connections_pending gauge\n\
         hikaricp_connections_pending{{pool=\"HikariPool-1\",}} {}.0\n\
         # TYPE hikaricp_connections_active gauge\n\
         hikaricp_connections_active{{pool=\"HikariPool-1\",}} {active}.0\n\
         # TYPE jvm_info gauge\njvm_info{{version=\"21\"}} 1.0\n",
        waiting - active
    )
}

/// Two connections for all: whoever comes later waits for one of them.
async fn through_the_pool(pool: Pool, call: Call, upstream: Upstream) -> Reply {
    static CONNECTIONS: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(2);
    if pool.is_small.load(Ordering::Relaxed) {
        pool.waiting.fetch_add(1, Ordering::Relaxed);
        let connection = CONNECTIONS.acquire().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(connection);
        pool.waiting.fetch_sub(1, Ordering::Relaxed);
    }
    upstream.forward(&call).await
}

/// A server that says nothing of its own time, and has metrics for Prometheus.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_of_another_teams_server_is_named() {
    let manners = crate::theirs::Manners {
        right_price: true,
        ..crate::theirs::Manners::default()
    };
    let (_theirs, host) = crate::theirs::Theirs::start(manners).await;
    let pool = Pool::default();
    let theirs = pool.clone();
    let host = proxy(&host, move |call, upstream| {
        through_the_pool(theirs.clone(), call, upstream)
    })
    .await;
    let actuator = Router::new()
        .route("/actuator/prometheus", get(metrics))
        .with_state(pool.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, actuator).await });
    let load = format!(
        "--profile hhplus --vus 8 --duration 9s --coupon-wait 20ms --sla max<700 --no-audit \
         --probe app=prometheus=http://{address}/actuator/prometheus"
    );
    let (document, markdown) = harmed(&host, &load, async |_| {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        pool.is_small.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        pool.is_small.store(false, Ordering::Relaxed);
    })
    .await;
    let words = ["threads that wait for a connection of the pool pool=HikariPool-1 0 → "];
    assert_named(&document, &markdown, Trouble::Pool, &words);
}

/// A machine that has enough to do with something else.
#[tokio::test(flavor = "multi_thread")]
async fn a_cpu_hog_beside_is_named() {
    let stack = stack().await;
    let load = "--vus 2 --duration 10s --coupon-wait 300ms --sla max<100 --no-audit";
    let cores = crate::program::allowed_cores().len().max(1);
    let (document, _) = told(&stack, load, async || {
        let spin = || {
            let mut command = tokio::process::Command::new("timeout");
            command.args(["2.5", "sh", "-c", "while :; do :; done"]);
            command
                .kill_on_drop(true)
                .spawn()
                .expect("timeout is there")
        };
        let mut hogs: Vec<_> = (0..60 * cores).map(|_| spin()).collect();
        for hog in &mut hogs {
            hog.wait().await.expect("it ends by itself");
        }
    })
    .await;
    let stores = document.explanations.iter().flat_map(|one| &one.stores);
    let suspects: Vec<_> = stores.flat_map(|one| &one.suspects).collect();
    // On a machine that was busy before as well, the hogs change nothing but the run queue.
    let is_hog = |one: &&harness::report::Suspect| {
        one.trouble == Some(Trouble::Cpu) || one.title == "run queue"
    };
    assert!(suspects.iter().any(is_hog), "{suspects:#?}");
}

/// Thresholds that can't hold, and stores that do nothing unusual. The machine is not watched: other
/// tests may keep it busy, and that would be told rightly.
#[tokio::test(flavor = "multi_thread")]
async fn without_trouble_nobody_is_blamed_in_twenty_runs() {
    let calm = async || {
        let stack = stack().await;
        let (postgres, redis) = (stack.postgres().url(), stack.redis().url());
        let host = stack.base_url();
        let load = format!(
            "--vus 2 --duration 4s --coupon-wait 100ms --no-audit --sla p(50)<0.001 \
             --threshold http_req_duration:p(99)<2 --probe postgres={postgres} \
             --probe redis={redis} --probe prometheus={host}/metrics?match=database_pool*,batch_*"
        );
        for _ in 0..10 {
            let (document, markdown) = harmed(host, &load, async |_| {}).await;
            assert!(!document.explanations.is_empty(), "{markdown}");
            for explanation in &document.explanations {
                let stores = explanation.stores.as_ref();
                let known = stores.and_then(harness::report::Stores::first_cause);
                assert_eq!(known, None, "{stores:#?}");
            }
            assert!(!markdown.contains("First cause"), "{markdown}");
        }
    };
    tokio::join!(calm(), calm());
}

/// What is asked for is looked at before anything is sent; what of it is secret is never shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_can_not_be_watched_is_said_before_the_load() {
    let stack = stack().await;
    // (probe, what is said)
    let rows = [
        (
            "cache=redis=redis://127.0.0.1:9",
            "error: --probe: cache=redis=redis://127.0.0.1:9: ",
        ),
        (
            "postgres=postgres://me:hunter2@h/db",
            "set PROBE_PASSWORD_POSTGRES, or LOADTEST_PROBE",
        ),
        (
            "mysql=mysql://h",
            "'mysql=mysql://h' is no probe; write one of postgres=",
        ),
    ];
    for (probe, expected) in rows {
        let args = format!("--vus 1 --iterations 1 --probe {probe}");
        let ran = Run::against(stack.base_url(), &args).finish().await;
        assert_eq!(ran.code, 104, "{}\n{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
}

/// The private stack is watched without asking, and `none` leaves it alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_private_stack_is_watched_without_asking() {
    for (args, expected) in [
        ("", &["host", "postgres", "redis", "server"][..]),
        ("--probe none", &[]),
    ] {
        let args = format!("--vus 2 --duration 3s --coupon-wait 50ms --sla none {args}");
        let mut run = Run::new(&args);
        let child = run.command.spawn().expect("the program starts");
        let (ran, reports) = run.wait_keeping_reports(child).await;
        assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
        let series = series(&run_directory(reports.path()));
        let rows = series.seconds.iter().flat_map(|second| &second.probes);
        let probes: std::collections::BTreeSet<&str> =
            rows.clone().map(|row| row.tag("probe")).collect();
        assert!(probes.iter().eq(expected), "{probes:?}");
        let commits = rows
            .filter(|row| row.metric == "postgres_commits")
            .map(|row| row.value);
        assert_eq!(
            commits.sum::<f64>() > 10.0,
            !expected.is_empty(),
            "somebody ordered"
        );
        let warnings = ran.summary["warnings"].to_string();
        assert!(!warnings.contains("probe"), "{warnings}");
    }
}

/// What is another in the stores is told beside what is another in the latencies.
#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_tells_what_changed_in_the_stores() {
    let stack = stack().await;
    let load = "--vus 2 --duration 8s --coupon-wait 50ms --sla none --no-audit";
    let load = watched(&stack, load);
    let mut reports = Vec::new();
    let mut idle = Vec::new();
    for sessions in [0, 8] {
        for _ in 0..sessions {
            let connection = PgConnection::connect(stack.postgres().url()).await;
            let mut connection = connection.expect("it runs");
            let begun = sqlx::query("BEGIN").execute(&mut connection).await;
            begun.expect("a transaction");
            idle.push(connection);
        }
        let mut run = Run::against(stack.base_url(), &load);
        let child = run.command.spawn().expect("the program starts");
        let (ran, kept) = run.wait_keeping_reports(child).await;
        assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
        reports.push(kept);
    }
    let [base, new] = [0, 1].map(|run: usize| run_directory(reports[run].path()));
    let output = std::process::Command::new(crate::program::LOADTEST)
        .arg("compare")
        .args([base, new])
        .output()
        .expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let row = text
        .lines()
        .find(|line| line.contains("sessions idle in transaction"));
    let row = row.unwrap_or_else(|| panic!("no row: {text}"));
    assert!(
        row.contains("│ postgres │") && row.contains(" 0 │") && row.contains(" 8 │"),
        "{row}"
    );
}

/// The roles of the manual are enough, and less than `pg_monitor` is told.
#[tokio::test(flavor = "multi_thread")]
async fn the_manuals_roles_see_everything() {
    let stack = stack().await;
    let page = include_str!("../../../docs/probes.md");
    let block = |language: &str| {
        let after = page
            .split(&format!("```{language}\n"))
            .nth(1)
            .expect("a block");
        after
            .split("```")
            .next()
            .expect("its end")
            .replace('…', "hunter-2-hunter")
    };
    let url = stack.postgres().url();
    for statement in block("sql").lines() {
        psql(url, statement).await;
    }
    psql(url, "CREATE ROLE blind LOGIN").await;
    let acl = block("text");
    redis(&stack, &acl.split_whitespace().collect::<Vec<_>>()).await;
    let probes = ["probe", "blind"].map(|role| url.replace("postgres@", &format!("{role}@")));
    let cache = format!("{}?user=probe", stack.redis().url());
    let load = format!(
        "--vus 2 --duration 4s --coupon-wait 50ms --sla none --probe postgres={} \
         --probe blind=postgres={} --probe redis={cache}",
        probes[0], probes[1]
    );
    let mut run = Run::against(stack.base_url(), &load);
    run.command.env("PROBE_PASSWORD_REDIS", "hunter-2-hunter");
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let warnings = ran.summary["warnings"].to_string();
    let lack = "the probe blind: statements of others are hidden from its role: GRANT pg_monitor";
    assert!(warnings.contains(lack), "{warnings}");
    assert!(!warnings.contains("slow log"), "{warnings}");
    assert_eq!(warnings.matches("the probe ").count(), 1, "{warnings}");
    let series = series(&run_directory(reports.path()));
    let rows = || series.seconds.iter().flat_map(|second| &second.probes);
    for (probe, metric) in [
        ("postgres", "postgres_commits"),
        ("postgres", "postgres_wal_sync_ms"),
        ("redis", "redis_calls"),
    ] {
        let found = rows().any(|row| row.metric == metric && row.tag("probe") == probe);
        assert!(found, "{probe} has no {metric}");
    }
    let whole = std::fs::read_to_string(run_directory(reports.path()).join("summary.json"));
    let whole = whole.expect("a summary") + &ran.stdout + &ran.stderr;
    assert!(!whole.contains("hunter"), "a password is shown");
}
