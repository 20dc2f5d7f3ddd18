//! What can go wrong with a process or the store: each has its own words and exit code, within 15
//! seconds, and no half of a run is green.

use std::time::{Duration, Instant};

use harness::fleet::{Newcomer, State, Store};
use testbed::Redis;

use crate::team::{Ended, Process, Site};

const WITHIN: Duration = Duration::from_secs(15);
const LOAD: &str = "--vus 6 --duration 5m";

#[track_caller]
fn in_time(since: Instant, ended: &Ended) {
    let took = ended.at - since;
    assert!(took < WITHIN, "after {took:?}: {}", ended.told);
}

#[tokio::test]
async fn a_worker_that_is_killed_or_stands_still_ends_the_run() {
    let site = Site::start().await;
    for signal in ["KILL", "STOP"] {
        let mut team = site.team(3, LOAD);
        team.lead.says("req/s").await;
        let lost = team.workers.remove(1);
        lost.signal(signal).await;
        let since = Instant::now();
        let (lead, others) = team.end().await;
        lead.assert(97, "worker 2 on ");
        lead.assert(97, "was lost: nothing was heard of it for 5 s");
        in_time(since, &lead);
        for other in &others {
            other.assert(97, "the lead ended the run with exit code 97");
            in_time(since, other);
        }
        let rows = &lead.summary["workers"];
        assert_eq!(
            (&rows[0]["lost"], &rows[1]["lost"]),
            (&false.into(), &true.into())
        );
        if signal == "STOP" {
            lost.signal("CONT").await;
            lost.end().await.assert(97, "the run ended early");
        }
    }
}

#[tokio::test]
async fn without_a_lead_workers_stop() {
    let site = Site::start().await;
    for signal in ["KILL", "STOP"] {
        let team = site.team(2, LOAD);
        team.lead.says("req/s").await;
        team.lead.signal(signal).await;
        let since = Instant::now();
        for worker in team.workers {
            let worker = worker.end().await;
            worker.assert(97, "the lead was lost: nothing was heard of it for 5 s");
            in_time(since, &worker);
        }
        if signal == "STOP" {
            team.lead.signal("CONT").await;
            let since = Instant::now();
            let lead = team.lead.end().await;
            lead.assert(97, "was lost: the store has forgotten it");
            assert_eq!(lead.summary["verdict"], "invalid");
            in_time(since, &lead);
        }
    }
}

#[tokio::test]
async fn without_a_store_all_stop() {
    let site = Site::start().await;
    let rows = [
        ("killed", "the store at --fleet: "),
        ("emptied", "the store has forgotten this process"),
        ("full", "OOM"),
    ];
    for (how, says) in rows {
        let team = site.team(2, LOAD);
        team.lead.says("req/s").await;
        match how {
            "killed" => site.store.kill(),
            "emptied" => site.store.restart().await.expect("it starts again"),
            _ => full(site.store.url()).await,
        }
        let since = Instant::now();
        let (lead, workers) = team.end().await;
        for ended in [&lead].into_iter().chain(&workers) {
            ended.assert(97, says);
            in_time(since, ended);
        }
        assert_eq!(lead.summary["verdict"], "invalid");
        site.store.restart().await.expect("it starts again");
    }
}

async fn full(url: &str) {
    let client = redis::Client::open(url).expect("a URL");
    let connection = client.get_multiplexed_async_connection().await;
    let mut call = redis::cmd("CONFIG");
    call.arg("SET").arg("maxmemory").arg("1");
    let done: Result<(), _> = call.query_async(&mut connection.expect("connected")).await;
    done.expect("an answer");
}

#[tokio::test]
async fn who_does_not_belong_is_refused_and_the_run_goes_on() {
    let site = Site::start().await;
    let lead = site.lead(2, "--vus 4 --duration 8s");
    let one = site.worker(1, "");
    lead.says("worker 2 to come").await;
    let doubled = site.worker(1, "").end().await;
    doubled.assert(104, "index 1 is taken by a process on ");
    let other = site.worker(2, "--vus 9").end().await;
    other.assert(104, "another configuration");
    let beyond = site.worker(3, "").end().await;
    beyond.assert(104, "index 3 is beyond the 2 workers");
    // The same flags as the lead's are no other configuration: schedulers start equal processes.
    let host = site.stack.base_url();
    let same = format!("--host {host} --shared-machine --sla none --vus 4 --duration 8s");
    let two = site.worker(2, &same);
    lead.says("req/s").await;
    let late = site.worker(2, "").end().await;
    late.assert(104, "index 2 is taken");
    lead.end().await.assert(0, "PASS");
    one.end().await.assert(0, "");
    two.end().await.assert(0, "");
}

/// One process of another version came first, and is still there.
#[tokio::test]
async fn processes_of_another_version_are_refused() {
    let redis = Redis::start().await.expect("a Redis");
    let other = Newcomer {
        index: 1,
        token: "another".to_owned(),
        version: "0.0.1".to_owned(),
        digest: None,
        weight: 1,
        host: "elsewhere".to_owned(),
        workers: None,
    };
    let mut other = Store::join(redis.url(), "versions", &other)
        .await
        .expect("the first has a place");
    let beat = tokio::spawn(async move {
        while other.beat(&State::default()).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let fleet = format!("--fleet {} --fleet-run versions", redis.url());
    let lead = "--index 0 --workers 2 --host http://127.0.0.1:1 --vus 2 --duration 1s";
    for args in [lead, "--index 2"] {
        let since = Instant::now();
        let refused = Process::start(&format!("{fleet} {args}")).end().await;
        refused.assert(
            104,
            ", and the run is of version 0.0.1; start the same program",
        );
        in_time(since, &refused);
    }
    beat.abort();
}

#[tokio::test]
async fn a_worker_that_comes_late_or_lacks_something_is_told_so() {
    let site = Site::start().await;
    // A variable that only the lead has.
    let lead = site.lead(1, "--vus 1 --duration 1s --header authorization:$HOME");
    let worker = site.worker(1, "");
    lead.end().await.assert(0, "PASS");
    worker.end().await.assert(0, "");
    // Nobody comes.
    let fleet = format!(
        "--fleet {} --index 0 --workers 1 --fleet-wait 1s",
        site.store.url()
    );
    let lead = site
        .alone(&format!("{fleet} --vus 1 --duration 1s"))
        .end()
        .await;
    lead.assert(
        104,
        "waiting for worker 1 to come: gave up after 1s (--fleet-wait)",
    );
    assert_eq!(lead.summary["verdict"], "invalid", "nothing was sent");
    let host = format!(
        "--fleet {} --index 1 --fleet-wait 1s",
        "redis://127.0.0.1:1/0"
    );
    let unreachable = site.alone(&host).end().await;
    unreachable.assert(104, "the store at --fleet: ");
}

/// A scheduler may start the store with the processes.
#[tokio::test]
async fn a_store_that_is_not_there_yet_is_waited_for() {
    let site = Site::start().await;
    site.store.kill();
    let team = site.team(1, "--vus 1 --iterations-per-vu 1 --coupon-wait 0s");
    team.lead.says("waiting for the store at --fleet").await;
    site.store.restart().await.expect("it starts again");
    let (lead, workers) = team.end().await;
    lead.assert(0, "PASS");
    workers[0].assert(0, "exit code 0");
}
