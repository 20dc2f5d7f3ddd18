//! Without a lead nobody judges a run; what the workers kept of it makes a report.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::team::{Ended, Site, Team};

const LOAD: &str = "--vus 6 --duration 5m";

/// A team whose lead is killed, when its workers have ended; and the directory of each.
async fn leaderless(team: Team) -> (Vec<Ended>, Vec<PathBuf>) {
    team.lead.says("req/s").await;
    team.lead.signal("KILL").await;
    let mut ended = Vec::new();
    for worker in team.workers {
        ended.push(worker.end().await);
    }
    let directories = (1..).zip(&ended).map(|(index, ended)| {
        let run = ended.run().expect("something is kept");
        run.join(format!("worker-{index}"))
    });
    let directories = directories.collect();
    (ended, directories)
}

async fn merged(site: &Site, directories: &[&Path]) -> Ended {
    let mut words = vec!["merge"];
    words.extend(directories.iter().map(|path| path.to_str().expect("text")));
    site.process("", &words, &[]).end().await
}

fn sum(workers: &Value, key: &str) -> u64 {
    let workers = workers.as_array().expect("workers");
    workers.iter().filter_map(|row| row[key].as_u64()).sum()
}

/// The requests of a worker by the rows that its strips are drawn from.
fn requests_of(series: &str, worker: u32) -> f64 {
    let worker = Value::from(worker.to_string());
    let seconds = series.lines().skip(1);
    let seconds = seconds.map(|line| serde_json::from_str::<Value>(line).expect("a second"));
    let of = |second: Value| {
        let rows = second["gauges"].as_array().expect("gauges").clone();
        let is_own = |row: &&Value| {
            let metric = &row["metric"];
            metric == "worker_requests_per_second" && row["tags"]["worker"] == worker
        };
        let row = rows.iter().find(is_own)?;
        Some(row["value"].as_f64()? * second["length_ms"].as_f64()? / 1_000.0)
    };
    seconds.filter_map(of).sum()
}

#[tokio::test]
async fn what_workers_kept_makes_a_report() {
    let site = Site::start().await;
    let (workers, kept) = leaderless(site.team(3, LOAD)).await;
    for (index, (worker, kept)) in (1..).zip(workers.iter().zip(&kept)) {
        let told = format!("kept the seconds of worker {index} in {}; ", kept.display());
        worker.assert(97, &told);
        worker.assert(97, "'loadtest merge DIR…'");
    }
    let [one, two, three] = [0, 1, 2].map(|at| kept[at].as_path());

    let all = merged(&site, &[two, one, three]).await;
    all.assert(97, "the lead was lost: nothing was heard of it for 5 s");
    all.assert(97, "made from what 3 of 3 workers kept");
    assert_eq!(all.summary["verdict"], "invalid");
    // The totals are the workers' own counts, and not the sums of the seconds that are merged.
    let rows = &all.summary["workers"];
    assert!(sum(rows, "iterations") > 0);
    assert_eq!(sum(rows, "iterations"), all.count("iterations"));
    assert_eq!(sum(rows, "requests"), all.count("http_reqs"));
    assert_eq!(sum(rows, "vus"), 6);
    assert!(!all.told.contains("not the sum"), "{}", all.told);
    let directory = all.run().expect("a report");
    let name = directory.file_name().expect("a name").to_string_lossy();
    let id = all.summary["run"]["id"].as_str().expect("an id");
    assert_eq!(name, format!("{id}-merged"));
    let series = std::fs::read_to_string(directory.join("series.jsonl")).expect("a series");
    let seconds = all.summary["run"]["duration_ms"].as_u64().expect("a time") / 1_000;
    assert!(series.lines().count() as u64 >= seconds, "{series}");
    for (index, requests) in (1..).zip(rows.as_array().expect("workers")) {
        let requests = requests["requests"].as_f64().expect("a number");
        let drawn = requests_of(&series, index);
        let apart = (drawn - requests).abs() / requests;
        assert!(apart < 0.1, "worker {index}: {drawn} and {requests}");
    }
    for (file, says) in [
        ("report.html", "made from what 3 of 3 workers kept"),
        ("report.html", "<span class=\"name\">worker 3</span>"),
        ("report.md", "made from what 3 of 3 workers kept"),
        ("junit.xml", "the lead was lost"),
    ] {
        let text = std::fs::read_to_string(directory.join(file)).expect(file);
        assert!(text.contains(says), "{file}");
        let lack = text.lines().find(|line| line.contains("is not whole"));
        assert_eq!(lack, None, "{file}");
    }

    let two_of_three = merged(&site, &[one, three]).await;
    two_of_three.assert(97, "made from what 2 of 3 workers kept; missing: worker 2");
    let rows = &two_of_three.summary["workers"];
    assert_eq!(rows[1]["lost"], true);
    assert_eq!(sum(rows, "requests"), two_of_three.count("http_reqs"));
    assert!(two_of_three.count("http_reqs") < all.count("http_reqs"));

    let twice = merged(&site, &[one, two, one]).await;
    twice.assert(104, "are both of worker 1; give one of them");
    assert_eq!(twice.run(), None, "nothing is written");
    let nothing = merged(&site, &[directory.as_path()]).await;
    nothing.assert(104, "there is no seconds.bin in it");
    let cut = two.join("seconds.bin");
    let length = cut.metadata().expect("a file").len();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&cut)
        .expect("a file");
    file.set_len(length - 1).expect("it is cut");
    let cut = merged(&site, &[one, two]).await;
    cut.assert(
        104,
        "seconds.bin: is cut: it ends in the middle of a record",
    );
}

#[tokio::test]
async fn workers_that_were_killed_have_kept_what_there_was() {
    let site = Site::start().await;
    let mut team = site.team(2, LOAD);
    team.lead.says("req/s").await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    for process in [&team.workers[0], &team.workers[1], &team.lead] {
        process.signal("KILL").await;
    }
    let ended = [
        team.workers.remove(0).end().await,
        team.workers.remove(0).end().await,
    ];
    let kept = ended
        .each_ref()
        .map(|ended| ended.run().expect("something is kept"));
    // A run's directory stands for those of the workers in it.
    let all = merged(&site, &[kept[0].as_path(), kept[1].as_path()]).await;
    all.assert(
        97,
        "the lead and the workers were killed; made from what 2 of 2 workers kept",
    );
    all.assert(97, "killed before its end: worker 1, 2");
    let rows = &all.summary["workers"];
    assert_eq!(
        (sum(rows, "vus"), sum(rows, "requests")),
        (6, all.count("http_reqs"))
    );
    assert!(all.count("http_reqs") > 0);
}

#[tokio::test]
async fn who_was_judged_keeps_nothing() {
    let site = Site::start().await;
    let load = "--vus 2 --iterations-per-vu 1 --coupon-wait 0s";
    let (lead, workers) = site.team(2, load).end().await;
    lead.assert(0, "PASS");
    for worker in workers {
        worker.assert(0, "exit code 0");
        assert_eq!(worker.run(), None, "{}", worker.told);
    }
}
