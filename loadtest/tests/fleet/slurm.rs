//! The batch script in `deploy/slurm` on a real Slurm of three hosts.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::hosts::{Guarded, HUB, Host, Net, in_a_network_of_its_own};
use crate::team::{LOADTEST, Site};

const UP_WITHIN: Duration = Duration::from_secs(30);
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// A lost host is found after 5 s, and `srun` waits for its task for another 20.
const CUT_OFF_WITHIN: Duration = Duration::from_secs(45);
const LOAD: &str = "--allow-reset --shared-machine --vus 4 --coupon-wait 0s";

/// Nothing of the machine's own: names, sockets and state in a folder, no accounts, no cgroups.
const CONF: &str = "\
ClusterName=test
SlurmctldHost=hub
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=FOLDER/munge.sock
CredType=cred/munge
StateSaveLocation=FOLDER/state
SlurmdSpoolDir=FOLDER/spool-%n
SlurmctldPidFile=FOLDER/slurmctld.pid
SlurmdPidFile=FOLDER/slurmd-%n.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/builtin
SelectType=select/linear
MpiDefault=none
SwitchType=switch/none
MailProg=/bin/true
ReturnToService=2
SlurmdTimeout=300
KillWait=5
NodeName=node[1-3] CPUs=1 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=10 State=UP
";

/// A controller, and three hosts with a daemon each.
struct Slurm {
    hosts: Vec<Host>,
    _daemons: [Guarded; 2],
    // The last to be dropped: all write into it.
    folder: TempDir,
}

impl Slurm {
    async fn start(net: &Net) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::create_dir(path("state")).expect("made");
        let conf = CONF.replace("FOLDER", &folder.path().display().to_string());
        fs::write(path("slurm.conf"), conf).expect("written");
        fs::write(path("cgroup.conf"), "CgroupPlugin=cgroup/v1\n").expect("written");
        let key: Vec<u8> = std::iter::repeat_with(rand::random).take(128).collect();
        fs::write(path("munge.key"), key).expect("written");
        fs::set_permissions(path("munge.key"), PermissionsExt::from_mode(0o400)).expect("allowed");
        let mut munged = Command::new("munged");
        munged.args(["--foreground", "--force"]);
        for (flag, name) in [
            ("socket", "munge.sock"),
            ("key-file", "munge.key"),
            ("pid-file", "munged.pid"),
            ("seed-file", "munge.seed"),
            ("log-file", "munged.log"),
        ] {
            munged.arg(format!("--{flag}={}", path(name)));
        }
        let munged = Guarded::start(&munged, &path("munged"));
        let mut controller = Command::new("slurmctld");
        controller.args(["-D", "-i", "-f", &path("slurm.conf")]);
        let controller = Guarded::start(&controller, &path("slurmctld"));
        let hosts = (1..=3).map(|number| {
            fs::create_dir(path(&format!("spool-node{number}"))).expect("made");
            // It looks for cgroups, whatever its configuration says.
            let daemon = format!(
                "mount -t tmpfs none /sys/fs/cgroup && exec slurmd -D -N node{number} -f {}",
                path("slurm.conf")
            );
            let log = path(&format!("slurmd-{number}"));
            net.host(number, &["sh", "-c", &daemon], &log)
        });
        let slurm = Self {
            hosts: hosts.collect(),
            _daemons: [munged, controller],
            folder,
        };
        slurm.until_all_are_idle().await;
        slurm
    }

    async fn until_all_are_idle(&self) {
        let since = Instant::now();
        loop {
            let idle = self.say("sinfo", "--noheader --states=idle --format=%D");
            if idle.trim() == "3" {
                return;
            }
            assert!(since.elapsed() < UP_WITHIN, "{idle}: {}", self.logs());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Submits the batch script as the manual says.
    fn submit(&self, site: &Site, load: &str) -> Job<'_> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/slurm/loadtest.sbatch");
        let host = site.stack.base_url();
        let line = format!("--parsable --nodes=3 {} --host {host}", script.display());
        let number = self.say("sbatch", &format!("{line} {LOAD} {load}"));
        let number = number.trim().to_owned();
        assert!(number.parse::<u32>().is_ok(), "{number}");
        Job {
            slurm: self,
            number,
        }
    }

    fn say(&self, program: &str, args: &str) -> String {
        let ran = Command::new(program)
            .args(args.split_whitespace())
            .env("SLURM_CONF", self.folder.path().join("slurm.conf"))
            .env("LOADTEST", LOADTEST)
            .current_dir(self.folder.path())
            .output();
        let ran = ran.unwrap_or_else(|error| {
            panic!("{program}: {error} (apt-get install slurmctld slurmd slurm-client munge)")
        });
        [ran.stdout, ran.stderr]
            .map(|told| String::from_utf8_lossy(&told).into_owned())
            .concat()
    }

    fn logs(&self) -> String {
        let files = fs::read_dir(self.folder.path()).expect("it is there");
        let files = files.flatten().map(|file| file.path());
        let logs = files.filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("slurm") || name == "munged.log"
        });
        let logs = logs.map(|path| {
            let text = fs::read_to_string(&path).unwrap_or_default();
            format!("\n--- {}\n{text}", path.display())
        });
        logs.collect()
    }
}

/// A job that was submitted.
struct Job<'a> {
    slurm: &'a Slurm,
    number: String,
}

impl Job<'_> {
    /// What its tasks said.
    fn told(&self) -> String {
        let log = format!("slurm-{}.out", self.number);
        fs::read_to_string(self.slurm.folder.path().join(log)).unwrap_or_default()
    }

    async fn says(&self, text: &str) {
        let since = Instant::now();
        while !self.told().contains(text) {
            let waited = since.elapsed();
            assert!(waited < ENDS_WITHIN, "no '{text}': {}", self.trouble());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for its end, and holds what Slurm and its report say to this.
    async fn ends_with(&self, code: i64, verdict: &str, within: Duration) -> Value {
        let since = Instant::now();
        let expected = format!(" ExitCode={code}:0 ");
        let shown = loop {
            let args = format!("--oneliner show job {}", self.number);
            let shown = self.slurm.say("scontrol", &args);
            if has_ended(&shown) {
                break shown;
            }
            assert!(since.elapsed() < within, "{shown}: {}", self.trouble());
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert!(shown.contains(&expected), "{shown}: {}", self.trouble());
        let summary = self.summary();
        assert_eq!(summary["exit_code"], code, "{}", self.trouble());
        assert_eq!(summary["verdict"], verdict, "{}", self.trouble());
        summary
    }

    /// The one summary of the job, beside the report for people.
    fn summary(&self) -> Value {
        let reports = self.slurm.folder.path().join("reports").join(&self.number);
        let runs = fs::read_dir(&reports).unwrap_or_else(|_| panic!("{}", self.trouble()));
        // `latest` leads to one of them.
        let runs: Vec<PathBuf> = runs
            .flatten()
            .filter(|run| run.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|run| run.path())
            .collect();
        assert_eq!(runs.len(), 1, "the report is the lead's: {runs:?}");
        assert!(runs[0].join("report.html").is_file(), "{runs:?}");
        let text = fs::read(runs[0].join("summary.json")).expect("a summary");
        serde_json::from_slice(&text).expect("it is JSON")
    }

    fn trouble(&self) -> String {
        format!("{}\n{}", self.told(), self.slurm.logs())
    }
}

/// Whether the batch script has: Slurm may still wait for a host.
fn has_ended(shown: &str) -> bool {
    let states = ["COMPLETING", "COMPLETED", "FAILED"];
    states
        .iter()
        .any(|state| shown.contains(&format!(" JobState={state} ")))
}

#[test]
fn the_exit_code_of_a_job_is_the_verdict_of_its_run() {
    let name = "slurm::the_exit_code_of_a_job_is_the_verdict_of_its_run";
    in_a_network_of_its_own(name, async |net| {
        let (site, slurm) = tokio::join!(Site::start_at(HUB), Slurm::start(&net));
        passes(&slurm, &site).await;
        crosses_a_threshold(&slurm, &site).await;
        breaks_an_invariant(&slurm, &site).await;
        loses_a_host(&slurm, &site).await;
    });
}

async fn passes(slurm: &Slurm, site: &Site) {
    let job = slurm.submit(site, "--iterations-per-vu 1 --sla none");
    let summary = job.ends_with(0, "pass", ENDS_WITHIN).await;
    let workers = summary["workers"].as_array().expect("workers");
    let hosts: Vec<&Value> = workers.iter().map(|worker| &worker["host"]).collect();
    assert_eq!(hosts, ["node2", "node3"]);
    assert_eq!(summary["metrics"]["iterations"]["count"], 4);
    let ended = "the lead ended the run with exit code 0";
    assert_eq!(job.told().matches(ended).count(), 2, "{}", job.told());
}

async fn crosses_a_threshold(slurm: &Slurm, site: &Site) {
    let job = slurm.submit(site, "--iterations-per-vu 1 --sla p(95)<0.001");
    job.ends_with(99, "fail", ENDS_WITHIN).await;
}

async fn breaks_an_invariant(slurm: &Slurm, site: &Site) {
    let job = slurm.submit(site, "--duration 5s --sla none");
    job.says("req/s").await;
    let sql = "UPDATE users SET balance = balance + 1 WHERE name = 'u3'";
    let psql = tokio::process::Command::new("psql")
        .args([site.stack.postgres().url(), "-qc", sql])
        .status()
        .await;
    assert!(psql.expect("psql is there").success());
    job.ends_with(98, "fail", ENDS_WITHIN).await;
    assert!(job.told().contains("u3"), "{}", job.told());
}

/// By the script's own Redis, which is on the first host.
async fn loses_a_host(slurm: &Slurm, site: &Site) {
    let job = slurm.submit(site, "--duration 5m --sla none");
    job.says("req/s").await;
    slurm.hosts[2].cut();
    let summary = job.ends_with(97, "invalid", CUT_OFF_WITHIN).await;
    let told = job.told();
    assert!(told.contains("worker 2 on node3 was lost"), "{told}");
    let lost: Vec<&Value> = summary["workers"]
        .as_array()
        .expect("workers")
        .iter()
        .map(|worker| &worker["lost"])
        .collect();
    assert_eq!(lost, [false, true]);
}
