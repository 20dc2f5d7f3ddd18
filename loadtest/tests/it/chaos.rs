//! Faults in the middle of a run of all personas, one a case: stores, server, network and the
//! program itself are killed, stopped, cut off and filled up. After each, the books of PostgreSQL
//! are compared by SQL with what a witness between program and server saw acknowledged, and the
//! program's own verdict with that.
//!
//! Three cases are part of every run of the suite. All of them take some 6 minutes:
//!
//! ```sh
//! make chaos
//! ```

mod books;
mod disk;
mod fault;
mod house;
mod witness;

use std::time::Duration;

use self::books::Books;
use self::fault::Fault;
use self::house::House;
use crate::program::{Ran, Run};

/// What one case came to.
struct Outcome {
    acknowledged: u64,
    unanswered: u64,
    code: i32,
}

const SHORT: &str = "--vus 30 --duration 8s";
const LONG: &str = "--vus 100 --duration 9s";
const PLAN: &str = "--mix a=50,b=25,c=10,d=15 --coupons 3000 --coupon-wait 100ms --sla none \
     --think-time 100ms..300ms --http-timeout 3s --graceful-stop 5s --limit unknown=100%";

/// A run with a fault in its middle: its books, and what it said of them.
/// None where this user may not make it.
async fn case(fault: Fault, size: &str) -> Option<Outcome> {
    let house = House::open(fault).await?;
    let args = format!("{size} {PLAN} --out influxdb={}/chaos", house.influx_url());
    let mut run = Run::against(&house.address(), &args);
    let child = run.command.spawn().expect("the program starts");
    let pid = child.id().expect("it runs");
    tokio::time::sleep(Duration::from_secs(3)).await;
    fault.strike(&house, pid).await;
    let ran = run.wait(child).await;
    house.quiet().await;
    let wrong = Books::read(house.postgres_url())
        .await
        .wrong(&house.witness);
    assert!(wrong.is_empty(), "{fault:?}: {wrong:#?}\n{}", ran.stdout);
    let (acknowledged, unanswered) = house.witness.counts();
    assert!(acknowledged > 100, "{fault:?}: {acknowledged} acknowledged");
    assert_said(fault, &ran);
    Some(Outcome {
        acknowledged,
        unanswered,
        code: ran.code,
    })
}

/// The books are right, so the program accuses nobody; what it kept for InfluxDB is somewhere.
fn assert_said(fault: Fault, ran: &Ran) {
    if fault == Fault::ProgramKilled {
        assert_eq!(ran.code, -1, "{}", ran.stderr);
        return;
    }
    let said = || format!("{fault:?}: {} {}\n{}", ran.code, ran.reasons(), ran.stderr);
    assert!([0, 97, 99].contains(&ran.code), "{}", said());
    assert_eq!(ran.broken(), Vec::<&str>::new(), "{}", said());
    let audited = ran.summary["invariants"].as_array().map_or(0, Vec::len);
    assert!(audited > 10, "{}: audited by {audited} rules", said());
    for output in ran.summary["outputs"].as_array().expect("a list") {
        let rows = |key: &str| output[key].as_u64().expect("a number");
        assert_eq!(rows("lost"), 0, "{}", said());
        let kept = rows("delivered") + rows("spooled");
        assert_eq!(rows("produced"), kept, "{}", said());
    }
}

async fn assert_kept(fault: Fault) {
    let outcome = case(fault, SHORT).await;
    assert!(outcome.is_some(), "it needs no disk of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_are_kept_when_postgresql_is_killed() {
    assert_kept(Fault::PostgresKilled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_are_kept_when_redis_comes_back_empty() {
    assert_kept(Fault::RedisKilledEmpty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_are_kept_when_the_server_is_killed() {
    assert_kept(Fault::ServerKilled).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "some 6 minutes: make chaos"]
async fn the_books_are_kept_whatever_fails() {
    let mut all = (0, 0, 0);
    println!(
        "{:<28} {:>14} {:>11} {:>6}",
        "fault", "acknowledged", "unanswered", "exit"
    );
    for fault in Fault::ALL {
        let name = format!("{fault:?}");
        let Some(Outcome {
            acknowledged,
            unanswered,
            code,
        }) = case(fault, LONG).await
        else {
            println!("{name:<28} not tried: this user may not mount a disk");
            continue;
        };
        println!("{name:<28} {acknowledged:>14} {unanswered:>11} {code:>6}");
        all = (all.0 + 1, all.1 + acknowledged, all.2 + unanswered);
    }
    let (cases, acknowledged, unanswered) = all;
    println!(
        "{cases} faults: {acknowledged} operations acknowledged, none lost; {unanswered} open"
    );
}
