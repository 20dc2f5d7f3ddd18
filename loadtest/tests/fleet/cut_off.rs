//! A machine that is cut off from the others in the middle of a run.

use std::time::{Duration, Instant};

use crate::hosts::{HUB, Host, Net, in_a_network_of_its_own};
use crate::team::{Ended, Process, Site};

const WITHIN: Duration = Duration::from_secs(15);
const PORT: &str = "6379";

#[test]
fn a_worker_that_is_cut_off_ends_the_run() {
    let name = "cut_off::a_worker_that_is_cut_off_ends_the_run";
    in_a_network_of_its_own(name, async |net| {
        let (site, hosts) = site(&net).await;
        let lead = site.lead(2, "--allow-reset --vus 4 --duration 5m");
        let (near, far) = (site.worker(1, ""), worker(&hosts[1], 2));
        lead.says("req/s").await;
        hosts[1].cut();
        let since = Instant::now();
        let (lead, near, far) = tokio::join!(lead.end(), near.end(), far.end());
        lead.assert(
            97,
            "worker 2 on node2 was lost: nothing was heard of it for 5 s",
        );
        near.assert(97, "the lead ended the run with exit code 97");
        far.assert(97, "the store at --fleet: ");
        assert_eq!(lead.summary["verdict"], "invalid");
        [lead, near, far]
            .iter()
            .for_each(|ended| in_time(since, ended));
    });
}

#[test]
fn a_lead_that_is_cut_off_ends_the_run() {
    let name = "cut_off::a_lead_that_is_cut_off_ends_the_run";
    in_a_network_of_its_own(name, async |net| {
        let (site, hosts) = site(&net).await;
        let fleet = format!("{} --index 0 --workers 2", fleet());
        let load = format!("{} --allow-reset --vus 4 --duration 5m", site.load());
        let lead = Process::start_as(hosts[0].loadtest(), &format!("{fleet} {load}"), &[], &[]);
        let workers = [site.worker(1, ""), worker(&hosts[1], 2)];
        lead.says("req/s").await;
        hosts[0].cut();
        let since = Instant::now();
        let [one, two] = workers;
        let (lead, one, two) = tokio::join!(lead.end(), one.end(), two.end());
        lead.assert(97, "the store at --fleet: ");
        assert_eq!(lead.summary["verdict"], "invalid");
        for worker in [&one, &two] {
            worker.assert(97, "the lead was lost: nothing was heard of it for 5 s");
        }
        [lead, one, two]
            .iter()
            .for_each(|ended| in_time(since, ended));
    });
}

/// A server and a store that two hosts reach.
async fn site(net: &Net) -> (Site, [Host; 2]) {
    let site = Site::start_at(HUB).await;
    let client = redis::Client::open(site.store.url()).expect("a URL");
    let connection = client.get_multiplexed_async_connection().await;
    let mut connection = connection.expect("connected");
    let address = HUB.to_string();
    for (name, value) in [
        ("protected-mode", "no"),
        ("bind", &*address),
        ("port", PORT),
    ] {
        let mut call = redis::cmd("CONFIG");
        call.arg("SET").arg(name).arg(value);
        let done: Result<(), _> = call.query_async(&mut connection).await;
        done.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let hosts = [1, 2].map(|number| net.host(number, &["sleep", "600"], "/dev/null"));
    (site, hosts)
}

fn fleet() -> String {
    format!("--fleet redis://{HUB}:{PORT}/0 --fleet-wait 30s")
}

fn worker(host: &Host, index: u32) -> Process {
    let args = format!("{} --index {index}", fleet());
    Process::start_as(host.loadtest(), &args, &[], &[])
}

#[track_caller]
fn in_time(since: Instant, ended: &Ended) {
    let took = ended.at - since;
    assert!(took < WITHIN, "after {took:?}: {}", ended.told);
}
