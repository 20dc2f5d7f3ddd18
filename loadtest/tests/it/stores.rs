//! Trouble in the stores that takes a stack of one's own: a slow disk, a pool of two connections, a
//! Redis that is full.

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use axum::http::Method;
use futures::future::join_all;
use harness::probe::Trouble;
use testbed::{Postgres, Redis, Relay, Sut, Upstream};

use crate::explain::harmed;
use crate::probes::{LOAD, assert_named, redis, told};
use crate::program::{LOADTEST, Run, psql, stack};
use crate::proxy::{Call, proxy};
use crate::series::{run_directory, series};

/// The server by itself, with flags of its own.
fn server(flags: &[&str]) -> Command {
    let mut sut = Command::new(LOADTEST);
    sut.arg(testbed::sut::SUBCOMMAND).args(flags);
    sut
}

/// Lets every sync of a PostgreSQL take longer, as a slow disk would, until it is dropped.
#[cfg(target_os = "linux")]
struct SlowDisk(tokio::process::Child);

#[cfg(target_os = "linux")]
impl SlowDisk {
    /// strace holds up the system call by which the WAL gets to the disk, in all processes that
    /// there are and in those to come. Nothing where it is missing or may not do so.
    async fn of(postgres: &Postgres, delay: Duration) -> Option<Self> {
        let main = postgres.pid().expect("it runs").to_string();
        let children = std::fs::read_to_string(format!("/proc/{main}/task/{main}/children"));
        let children = children.ok()?;
        let inject = format!("inject=fdatasync:delay_enter={}", delay.as_micros());
        let mut strace = tokio::process::Command::new("strace");
        strace.args([
            "-f",
            "-qqq",
            "-o",
            "/dev/null",
            "-e",
            "trace=fdatasync",
            "-e",
        ]);
        strace.arg(inject).kill_on_drop(true);
        for pid in children.split_whitespace().chain([main.as_str()]) {
            strace.args(["-p", pid]);
        }
        let mut strace = strace.spawn().ok()?;
        let ended = tokio::time::timeout(Duration::from_millis(300), strace.wait()).await;
        ended.is_err().then_some(Self(strace))
    }

    async fn end(mut self) {
        // Killed, it would leave what it has stopped as it is.
        crate::program::signal("TERM", &self.0).await;
        self.0.wait().await.expect("it ends");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_slow_to_sync_is_named() {
    let stack = stack().await;
    let Some(disk) = SlowDisk::of(stack.postgres(), Duration::from_micros(1)).await else {
        let why = "skipped: strace is missing, or may not attach to PostgreSQL";
        let _ = writeln!(std::io::stderr(), "{why}");
        return;
    };
    disk.end().await;
    // PostgreSQL's sessions tell their times once a second at most: it takes seconds until those that
    // are told have slow syncs alone.
    let load = "--vus 4 --duration 12s --coupon-wait 50ms --sla max<700 --no-audit";
    let (document, markdown) = told(&stack, load, async || {
        let disk = SlowDisk::of(stack.postgres(), Duration::from_millis(900)).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        disk.expect("it may, as before").end().await;
    })
    .await;
    assert_named(&document, &markdown, Trouble::Disk, &["WAL sync "]);
}

/// A front that adds the products' details to the top list, which the server reads through a pool of
/// two connections; then the way to the database becomes long. What a shopper asks for himself
/// reaches PostgreSQL in batches, which need no connection each and so can't wait for one.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_two_is_named() {
    let (postgres, cache) = tokio::join!(Postgres::start(), Redis::start());
    let (postgres, cache) = (postgres.expect("it starts"), cache.expect("it starts"));
    let socket = postgres.url().split_once("host=").expect("a socket").1;
    let relay = Relay::start(Upstream::Socket(format!("{socket}/.s.PGSQL.5432").into())).await;
    let relay = relay.expect("a free port");
    let url = format!("postgres://postgres@{}/postgres", relay.address());
    let server = server(&["--database-connections", "2"]);
    let sut = Sut::start(server, &url, cache.url())
        .await
        .expect("it starts");
    let front = proxy(sut.base_url(), |call, upstream| async move {
        if call.is(&Method::GET, "/products/top/realtime") {
            let details = (1..=5).map(|id| Call {
                path: format!("/products/{id}"),
                ..call.clone()
            });
            let details: Vec<_> = details.collect();
            join_all(details.iter().map(|call| upstream.forward(call))).await;
        }
        upstream.forward(&call).await
    });
    let load = format!(
        "--vus 8 --duration 9s --coupon-wait 300ms --sla max<700 --no-audit \
         --probe postgres={} --probe server=prometheus={}/metrics?match=database_pool*",
        postgres.url(),
        sut.base_url()
    );
    let (document, markdown) = harmed(&front.await, &load, async |_| {
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        relay.delay(Duration::from_millis(120));
        tokio::time::sleep(Duration::from_millis(2_500)).await;
        relay.delay(Duration::ZERO);
    })
    .await;
    let words = ["database_pool state=waiting 0 → "];
    assert_named(&document, &markdown, Trouble::Pool, &words);
}

/// Another program fills the Redis that the shop uses, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_has_to_evict_is_named() {
    let stack = stack().await;
    let (document, markdown) = told(&stack, LOAD, async || {
        // The shop's own keys are used too often for another policy to evict them surely.
        let policy = ["CONFIG", "SET", "maxmemory-policy", "allkeys-random"];
        redis(&stack, &policy).await;
        redis(&stack, &["CONFIG", "SET", "maxmemory", "8mb"]).await;
        let until = std::time::Instant::now() + Duration::from_millis(2_500);
        let mut n = 0;
        while std::time::Instant::now() < until {
            n += 1;
            let fill = "for i = 1, 500 do redis.call('SET', ARGV[1] .. ':' .. i, string.rep('x', 1000)) end";
            redis(&stack, &["EVAL", fill, "0", &n.to_string()]).await;
        }
    })
    .await;
    assert_named(&document, &markdown, Trouble::Memory, &["evictions 0/s → "]);
}

/// The statements that took most time are told by name, without what was in them.
#[tokio::test(flavor = "multi_thread")]
async fn statements_are_counted_where_the_extension_is_loaded() {
    let (postgres, cache) = tokio::join!(Postgres::start(), Redis::start());
    let (postgres, cache) = (postgres.expect("it starts"), cache.expect("it starts"));
    let preload = "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'";
    psql(postgres.url(), preload).await;
    postgres.restart().await.expect("it starts again");
    psql(postgres.url(), "CREATE EXTENSION pg_stat_statements").await;
    let sut = Sut::start(server(&[]), postgres.url(), cache.url()).await;
    let sut = sut.expect("it starts");
    let load = format!(
        "--vus 2 --duration 4s --coupon-wait 50ms --sla none --no-audit --probe postgres={}",
        postgres.url()
    );
    let mut run = Run::against(sut.base_url(), &load);
    let child = run.command.spawn().expect("the program starts");
    let (ran, reports) = run.wait_keeping_reports(child).await;
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    let series = series(&run_directory(reports.path()));
    let rows = series.seconds.iter().flat_map(|second| &second.probes);
    let of = |metric: &str| {
        let rows = rows.clone().filter(|row| row.metric == metric);
        rows.map(|row| (row.tag("of").to_owned(), row.value))
            .collect::<Vec<_>>()
    };
    let (calls, times) = (of("postgres_statement_calls"), of("postgres_statement_ms"));
    let most = |rows: &[(String, f64)], of: &str| {
        let rows = rows.iter().filter(|(statement, _)| statement.contains(of));
        rows.map(|(_, value)| *value).fold(0.0, f64::max)
    };
    for function in ["place_orders($1", "charge_balances($1", "issue_coupons($1"] {
        let (calls, ms) = (most(&calls, function), most(&times, function));
        // A run of two virtual users makes some dozens a second.
        assert!((1.0..1_000.0).contains(&calls), "{function}: {calls}");
        assert!(ms > 0.0, "{function}: {ms} ms");
    }
    let is_shown =
        |(statement, _): &(String, f64)| !statement.is_empty() && !statement.contains('\'');
    assert!(calls.iter().all(is_shown), "{calls:#?}");
}
